//! Exchanges against a scripted provider, in virtual time.

mod crowds;
mod fastest;
mod lines;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use tokio::time::Instant;

use super::*;
use crate::policy::Policies;
use crate::pool::{Claim, CooldownSettings, Strategy};
use crate::provider::{
    Attempted, ErrorReply, Patience, Platform, Provider, ProviderKey, Reply, Upstream, UpstreamRequest,
};
use crate::secret::Secret;

/// What the provider answers to an attempt with a key, and what it saw.
struct Scripted<F> {
    answer: F,
    seen: Mutex<Vec<(Instant, String)>>,
    latency: Duration,
}

impl<F: Fn(&str, Instant) -> Reply<()> + Send + Sync> Upstream for Scripted<F> {
    type Body = ();

    async fn send(&self, key: &ProviderKey, _request: &UpstreamRequest) -> Attempted<()> {
        let now = Instant::now();
        self.seen.lock().unwrap().push((now, key.name().to_owned()));
        let reply = (self.answer)(key.name(), now);
        tokio::time::sleep(self.latency).await;
        reply.into()
    }
}

fn ok() -> Reply<()> {
    Reply::Success(Response::new(()))
}

fn error(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Reply<()> {
    Reply::Error(ErrorReply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect(),
        body: Bytes::from_static(body.as_bytes()),
    })
}

fn limited() -> Reply<()> {
    error(429, &[("retry-after", "5")], "")
}

struct World<F> {
    provider: Arc<Provider>,
    upstream: Scripted<F>,
    policies: Policies,
    backoff: Backoff,
    set: ExchangeSettings,
    claim: Option<Claim<'static>>,
    queue: Option<Queue>,
}

impl<F: Fn(&str, Instant) -> Reply<()> + Send + Sync> World<F> {
    fn new(keys: usize, retries: u32, answer: F) -> Self {
        let keys: Vec<ProviderKey> = (0..keys)
            .map(|index| {
                let name = char::from(b'a' + u8::try_from(index).unwrap()).to_string();
                let secret = Secret::trimmed(&format!("sk-{index}")).unwrap();
                ProviderKey::new(name, secret, false, 1, Platform::Openai)
            })
            .collect();
        let upstream = Scripted { answer, seen: Mutex::default(), latency: Duration::from_millis(1) };
        let provider = Arc::new(Provider::new("openai", &keys));
        let set = ExchangeSettings {
            retries,
            strategy: Strategy::default(),
            backoff: BackoffSettings::default(),
            cooldown: CooldownSettings::default(),
        };
        Self {
            provider,
            upstream,
            policies: Policies::sound(),
            backoff: Backoff::with_seed(1),
            set,
            claim: None,
            queue: None,
        }
    }

    async fn ask(&self) -> Finished<()> {
        let request = request();
        let exchange = Exchange {
            provider: &self.provider,
            model: "gpt",
            upstream: &self.upstream,
            policies: &self.policies,
            backoff: &self.backoff,
            request: &request,
            set: self.set,
            claim: self.claim,
            session: None,
            queue: self.queue.as_ref(),
            link: None,
        };
        exchange.run().await
    }

    /// The keys tried since the last call, in order.
    fn tried(&self) -> String {
        self.upstream.seen.lock().unwrap().drain(..).map(|(_, key)| key).collect()
    }
}

fn request() -> UpstreamRequest {
    const SECONDS: Duration = Duration::from_secs(10);
    UpstreamRequest {
        surface: crate::provider::Surface::Chat,
        path: "/chat/completions".into(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        patience: Patience { connect: None, head: SECONDS, first_content: SECONDS, idle: SECONDS },
    }
}

fn told(finished: &Finished<()>) -> String {
    match &finished.outcome {
        Outcome::Answered(_) => "success".to_owned(),
        Outcome::Relayed(error) => error.status.as_u16().to_string(),
        Outcome::Refused(refusal) => format!("{refusal:?}").split([' ', '{']).next().unwrap().to_owned(),
    }
}

/// Answers scripted in order, whatever the key.
fn in_order(replies: Vec<Reply<()>>) -> impl Fn(&str, Instant) -> Reply<()> + Send + Sync {
    let replies = Mutex::new(VecDeque::from(replies));
    move |_, _| replies.lock().unwrap().pop_front().expect("no more attempts than scripted answers")
}

/// Keys, retries, answers in order, keys tried, what the client is told.
type Case = (usize, u32, Vec<Reply<()>>, &'static str, &'static str);

#[tokio::test(start_paused = true)]
async fn one_exchange_is_decided_as_the_table_says() {
    let e = |status| error(status, &[], "");
    let quota = || error(429, &[], r#"{"error":{"code":"insufficient_quota"}}"#);
    let later = || error(503, &[("retry-after", "600")], "");
    let table: Vec<Case> = vec![
        (3, 2, vec![limited(), limited(), ok()], "abc", "success"),
        (3, 0, vec![limited(), e(401), ok()], "abc", "success"),
        (3, 0, vec![e(402), e(403), ok()], "abc", "success"),
        (4, 3, vec![limited(), limited(), limited(), limited()], "abcd", "Limited"),
        (1, 2, vec![limited()], "a", "Limited"),
        (2, 2, vec![e(401), e(401)], "ab", "KeysRejected"),
        (2, 2, vec![quota(), e(401)], "ab", "Exhausted"),
        (2, 2, vec![limited(), e(401)], "ab", "Limited"),
        (1, 0, vec![e(500)], "a", "500"),
        (1, 2, vec![e(500), e(502), e(500)], "aaa", "500"),
        (3, 2, vec![e(500), e(500), e(500)], "abc", "500"),
        (2, 3, vec![e(500), e(500), e(500), ok()], "abab", "success"),
        (2, 2, vec![e(500), limited(), ok()], "aba", "success"),
        (2, 1, vec![e(500), limited()], "ab", "500"),
        (2, 2, vec![limited(), e(500), e(500), e(500)], "abbb", "500"),
        (2, 2, vec![e(408), e(409), ok()], "aba", "success"),
        (2, 2, vec![e(400)], "a", "400"),
        (2, 2, vec![e(404)], "a", "404"),
        (2, 2, vec![e(413)], "a", "413"),
        (2, 2, vec![e(422)], "a", "422"),
        (2, 2, vec![later()], "a", "503"),
        (1, 1, vec![Reply::Unreachable, Reply::Unreachable], "aa", "Unreachable"),
        (1, 1, vec![Reply::TimedOut, Reply::TimedOut], "aa", "TimedOut"),
    ];
    for (keys, retries, replies, tried, expected) in table {
        let case = format!("{keys} keys, {retries} retries, {replies:?}");
        let world = World::new(keys, retries, in_order(replies));
        let finished = world.ask().await;
        assert_eq!((world.tried().as_str(), told(&finished).as_str()), (tried, expected), "{case}");
        assert_eq!(finished.attempts as usize, tried.len(), "{case}");
        let last = finished.key.map(|key| key.name().to_owned());
        assert_eq!(last, tried.chars().last().map(String::from), "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_never_exceed_keys_and_retries_in_any_mix() {
    let kinds: [fn() -> Reply<()>; 5] = [
        limited,
        || error(500, &[], ""),
        || error(401, &[], ""),
        || Reply::TimedOut,
        // A wait so short that the key is open again within the exchange.
        || error(429, &[("retry-after-ms", "1")], ""),
    ];
    for mix in 0..5_usize.pow(5) {
        let (keys, retries) = (1 + mix % 4, u32::try_from(mix % 3).unwrap());
        let step = Mutex::new(mix);
        let world = World::new(keys, retries, move |_, _| {
            let mut step = step.lock().unwrap();
            let kind = *step % 5;
            *step = *step / 5 + 7 * (mix % 11);
            kinds[kind]()
        });
        let finished = world.ask().await;
        assert!(finished.attempts as usize <= keys + retries as usize, "mix {mix}: {}", world.tried());
    }
}

#[tokio::test(start_paused = true)]
async fn a_limited_key_is_left_alone_by_later_requests_until_its_hint_is_over() {
    let begin = Instant::now();
    let world =
        World::new(
            3,
            2,
            move |key, now| {
                if key != "c" && now - begin < Duration::from_secs(5) { limited() } else { ok() }
            },
        );
    world.ask().await;
    assert_eq!(world.tried(), "abc");
    for _ in 0..6 {
        assert_eq!(told(&world.ask().await), "success");
    }
    assert_eq!(world.tried(), "cccccc");
    tokio::time::sleep_until(begin + Duration::from_millis(5_010)).await;
    for _ in 0..3 {
        world.ask().await;
    }
    let mut tried: Vec<char> = world.tried().chars().collect();
    tried.sort_unstable();
    assert_eq!(tried, ['a', 'b', 'c']);
}

#[tokio::test(start_paused = true)]
async fn moving_to_a_fresh_key_waits_for_nothing() {
    let world = World::new(3, 0, |key, _| if key == "c" { ok() } else { limited() });
    let begin = Instant::now();
    world.ask().await;
    assert_eq!(begin.elapsed(), Duration::from_millis(3), "three attempts of one millisecond each");
}

#[tokio::test(start_paused = true)]
async fn with_every_key_limited_nothing_is_sent_and_the_first_opening_is_told() {
    let world =
        World::new(2, 2, |key, _| error(429, &[("retry-after", if key == "a" { "20" } else { "10" })], ""));
    world.ask().await;
    assert_eq!(world.tried(), "ab");
    tokio::time::sleep(Duration::from_secs(4)).await;
    let finished = world.ask().await;
    assert_eq!((world.tried().as_str(), finished.attempts), ("", 0));
    let Outcome::Refused(Refusal::Limited { wait }) = finished.outcome else { panic!("{finished:?}") };
    assert!(wait > Duration::from_secs(5) && wait <= Duration::from_secs(6), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn retries_wait_and_a_hint_is_their_lower_bound() {
    let world = World::new(1, 1, |_, _| error(503, &[("retry-after", "1")], ""));
    let begin = Instant::now();
    world.ask().await;
    assert_eq!(begin.elapsed(), Duration::from_millis(1_002));
    let mut waits = Vec::new();
    for _ in 0..20 {
        let world = World { backoff: Backoff::from_system(), ..World::new(1, 1, |_, _| error(500, &[], "")) };
        let begin = Instant::now();
        world.ask().await;
        waits.push(begin.elapsed());
    }
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 10 && waits.iter().all(|wait| *wait <= Duration::from_millis(210)), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_client_left_makes_room_for_the_next() {
    let begin = Instant::now();
    let mut world =
        World::new(1, 0, move |_, now| if now - begin < Duration::from_secs(1) { limited() } else { ok() });
    world.ask().await;
    world.upstream.latency = Duration::from_secs(1);
    tokio::time::sleep(Duration::from_secs(6)).await;
    tokio::time::timeout(Duration::from_millis(1), world.ask()).await.unwrap_err();
    assert_eq!(told(&world.ask().await), "success");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_fails_again_and_again_is_left_alone_when_the_settings_say_so() {
    let mut world = World::new(2, 0, |key, _| if key == "a" { error(500, &[], "") } else { ok() });
    world.set.cooldown.failures = Some(2);
    world.set.cooldown.lasts = Some(Duration::from_secs(30));
    for _ in 0..10 {
        world.ask().await;
    }
    assert_eq!(world.tried().matches('a').count(), 2);
}
