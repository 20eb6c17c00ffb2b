//! The choice of an API over time, which is virtual here: nothing is sent.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tokio::time::{Instant, advance};

use super::choice::{Chosen, Path};
use super::{Api, ApiRefusal, ApiService, ApiStrategy, CarefulApis, Reason};
use crate::exchange::{BackoffSettings, QueueSettings};
use crate::pool::{CooldownSettings, UseLimit};
use crate::provider::ProviderKey;
use crate::settings::{Address, ApiPool, ApiSettings, ServiceSettings};

const SECOND: Duration = Duration::from_secs(1);

fn api(name: &str, limits: &[(u64, Duration)]) -> Arc<Api> {
    let limit =
        |(requests, per): &(u64, Duration)| UseLimit { requests: Some(*requests), tokens: None, per: *per };
    Api::new(&ApiSettings {
        name: name.to_owned(),
        address: Address { base: Uri::from_static("http://127.0.0.1:1"), trust: None },
        keys: vec![ProviderKey::keyless()],
        is_enabled: true,
        limits: limits.iter().map(limit).collect(),
        lookups: Vec::new(),
        health_path: "/".to_owned(),
    })
}

/// A service of APIs that are asked in their order, or all alike.
fn service(apis: &[Arc<Api>], is_chain: bool, predicts: bool) -> ApiService {
    let pool = |place: usize| ApiPool {
        api: place,
        weight: 1,
        priority: if is_chain { u32::try_from(place).unwrap() } else { 0 },
    };
    let set = ServiceSettings {
        name: "market".to_owned(),
        path: "/market".to_owned(),
        pools: (0..apis.len()).map(pool).collect(),
        strategy: ApiStrategy::MostHeadroom,
        headroom: 800_000,
        queue: QueueSettings { max: 100, wait: SECOND },
        retries: 0,
        backoff: BackoffSettings::default(),
        cooldown: CooldownSettings::default(),
        timeout: SECOND,
        rules: Vec::new(),
        predicts,
    };
    ApiService::new(set, apis, None)
}

fn choose(service: &ApiService) -> Result<Chosen, ApiRefusal> {
    let all: Vec<usize> = (0..service.apis().len()).collect();
    service.choose(&all, &Path::default(), &CarefulApis, Some(1))
}

/// Asks once, is answered at once, and gives the name and the reason.
fn ask(service: &ApiService) -> (String, Reason) {
    let chosen = choose(service).unwrap();
    (chosen.lease.api.name().to_owned(), chosen.reason)
}

fn named<'a>(all: &'a [(String, Reason)], name: &'a str) -> usize {
    all.iter().filter(|(asked, _)| asked == name).count()
}

#[tokio::test(start_paused = true)]
async fn at_four_fifths_of_its_limit_an_api_is_left_for_others_and_at_all_of_it_for_good() {
    let apis = [api("fyers", &[(10, SECOND)]), api("upstox", &[(5, SECOND)])];
    let service = service(&apis, true, true);
    let first: Vec<_> = (0..8).map(|_| ask(&service)).collect();
    assert!(first.iter().all(|asked| *asked == ("fyers".to_owned(), Reason::Turn)), "{first:?}");
    let shifted: Vec<_> = (0..4).map(|_| ask(&service)).collect();
    assert!(shifted.iter().all(|asked| *asked == ("upstox".to_owned(), Reason::Headroom)), "{shifted:?}");
    // Both have reached their headroom: all of what is left is used, and not more.
    let rest: Vec<_> = (0..3).map(|_| ask(&service)).collect();
    assert_eq!((named(&rest, "fyers"), named(&rest, "upstox")), (2, 1));
    assert_eq!(choose(&service).unwrap_err(), ApiRefusal::Full { wait: SECOND });
    advance(SECOND).await;
    assert_eq!(ask(&service).0, "fyers");
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_a_minute_binds_where_that_of_a_second_does_not() {
    let apis = [api("fyers", &[(10, SECOND), (30, 60 * SECOND)])];
    let service = service(&apis, true, true);
    let mut asked = Vec::new();
    for second in 0..130 {
        while choose(&service).is_ok() {
            asked.push(second);
        }
        advance(SECOND).await;
    }
    let most = (0..130).map(|from| asked.iter().filter(|at| (from..from + 60).contains(*at)).count()).max();
    assert_eq!(most, Some(30));
    assert_eq!(asked.len(), 90);
}

#[tokio::test(start_paused = true)]
async fn shares_follow_what_is_free_under_steady_load() {
    let apis =
        [api("fyers", &[(10, SECOND)]), api("upstox", &[(50, SECOND)]), api("flattrade", &[(20, SECOND)])];
    let service = service(&apis, false, true);
    let mut all = Vec::new();
    for _ in 0..20 {
        for _ in 0..40 {
            all.push(ask(&service));
            advance(Duration::from_millis(25)).await;
        }
    }
    for (name, part) in [("fyers", 100_usize), ("upstox", 500), ("flattrade", 200)] {
        let got = named(&all, name);
        assert!(got.abs_diff(part) * 100 <= part * 15, "{name}: {got} of 800, not about {part}");
    }
}

/// In each second one request more than in the one before: how many of each second went to the first API.
async fn ramp(predicts: bool) -> (Vec<usize>, u64) {
    let apis = [api("fyers", &[(10, SECOND)]), api("upstox", &[(50, SECOND)])];
    let service = service(&apis, true, predicts);
    let mut seconds = Vec::new();
    let start = Instant::now();
    for rate in 1..=10_u32 {
        let asked: Vec<_> = (0..rate).map(|_| ask(&service)).collect();
        seconds.push(named(&asked, "fyers"));
        advance((start + rate * SECOND).saturating_duration_since(Instant::now())).await;
    }
    (seconds, apis[0].predictions())
}

#[tokio::test(start_paused = true)]
async fn use_that_grows_moves_on_before_the_threshold_and_only_where_it_is_predicted() {
    let (with, predictions) = ramp(true).await;
    assert_eq!(with[..7], [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(with[7..], [0, 0, 0]);
    assert_eq!(predictions, 1);
    let (without, _) = ramp(false).await;
    assert_eq!(without, [1, 2, 3, 4, 5, 6, 7, 8, 8, 8]);
}

#[tokio::test(start_paused = true)]
async fn steady_use_predicts_nothing() {
    for rate in [1, 5, 7] {
        let apis = [api("fyers", &[(10, SECOND)]), api("upstox", &[(50, SECOND)])];
        let service = service(&apis, true, true);
        for _ in 0..30 {
            let asked: Vec<_> = (0..rate).map(|_| ask(&service)).collect();
            assert_eq!(named(&asked, "fyers"), rate);
            advance(SECOND).await;
        }
        assert_eq!(apis[0].predictions(), 0);
    }
}
