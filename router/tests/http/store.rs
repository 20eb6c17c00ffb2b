//! Several routers that share through a Redis, and what becomes of them without it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use router::{Router, ServeOptions};
use serde_json::json;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::redis::{Redis, free_port};
use crate::support::*;
use crate::tenants::{completion, config};

const CHAT: &str = "/v1/chat/completions";
const ASK_STREAM: &str = r#"{"model":"chat","stream":true,"max_tokens":1000,"messages":[]}"#;
const CHUNK: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\n\n";

/// The settings of one of several routers. `acme` has further settings.
fn sharing(provider: &Provider, redis: &str, acme: &str) -> ConfigFile {
    let text = std::fs::read_to_string(&config(provider, acme).0).unwrap();
    ConfigFile::new(&format!("{text}shared: {{ redis: \"{redis}\" }}\n"))
}

/// Two of them, and their files.
async fn two(provider: &Provider, redis: &str, acme: &str) -> ([Router; 2], [ConfigFile; 2]) {
    let files = [sharing(provider, redis, acme), sharing(provider, redis, acme)];
    ([start_router(&files[0], None).await, start_router(&files[1], None).await], files)
}

/// A provider whose first answer is a stream that has begun and does not end, and the others are whole.
async fn streaming_first() -> (Provider, Frames) {
    let (sender, answer) = frames();
    sender.send(Ok(CHUNK.into())).await.unwrap();
    let mut held = Some(answer);
    (Provider::start(move |_| held.take().unwrap_or_else(completion)).await, sender)
}

async fn ask_as(router: &Router, key: &str) -> Got {
    send(post_as(router, CHAT, key, ASK)).await
}

async fn readiness(router: &Router) -> serde_json::Value {
    let got = get(router, "/health/readiness").await;
    assert_eq!(got.status, 200, "requests are still welcome");
    got.json()
}

/// Waits until readiness says this, and tells how long it took.
async fn says(router: &Router, expected: serde_json::Value) -> Duration {
    let begin = Instant::now();
    while readiness(router).await != expected {
        assert!(begin.elapsed() < SOON, "{expected}: {}", readiness(router).await);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    begin.elapsed()
}

#[tokio::test]
async fn a_key_that_one_router_has_closed_is_closed_for_the_others() {
    let Some(redis) = Redis::start() else { return };
    let provider = Provider::start(|a| if a.key() == "sk-1" { limited(20) } else { completion() }).await;
    let ([first, second], _files) = two(&provider, &redis.url(), "").await;
    assert_eq!(ask_as(&first, "acme-1").await.status, 200);
    let is_limited = |text: &[u8]| String::from_utf8_lossy(text).contains("standing=\"limited\"} 1");
    let begin = Instant::now();
    while !is_limited(&get(&second, "/metrics").await.body) {
        assert!(begin.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for _ in 0..4 {
        assert_eq!(ask_as(&second, "acme-1").await.status, 200);
    }
    assert_eq!(provider.keys().iter().filter(|key| *key == "sk-1").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenants_minute_is_one_for_all_routers_but_with_the_defect() {
    for (defect, let_in) in [(None, 6), (Some("counts-limits-alone"), 12)] {
        let Some(redis) = Redis::start() else { return };
        let provider = Provider::start(|_| completion()).await;
        let file = || sharing(&provider, &redis.url(), ", requests_per_minute: 6");
        let files = [file(), file()];
        let routers =
            [start_router(&files[0], defect).await, start_router(&files[1], defect).await].map(Arc::new);
        let mut clients = JoinSet::new();
        for client in 0..40 {
            let router = Arc::clone(&routers[client % 2]);
            clients.spawn(async move { ask_as(&router, "acme-1").await });
        }
        let answers = clients.join_all().await;
        let served: Vec<_> = answers.iter().filter(|got| got.status == 200).collect();
        assert_eq!(served.len(), let_in, "{defect:?}");
        assert!(answers.iter().all(|got| [200, 429].contains(&got.status)));
        if defect.is_none() {
            let remaining =
                |got: &&Got| got.headers["x-ratelimit-remaining-requests"].to_str().unwrap().to_owned();
            let mut told: Vec<String> = served.iter().map(remaining).collect();
            told.sort();
            assert_eq!(told, ["0", "1", "2", "3", "4", "5"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keys_limit_is_one_for_all_routers_but_with_the_defect() {
    for (defect, each) in [(None, 5), (Some("counts-limits-alone"), 10)] {
        let Some(redis) = Redis::start() else { return };
        let provider = Provider::start(|_| completion()).await;
        let file = || {
            let text = std::fs::read_to_string(&sharing(&provider, &redis.url(), "").0).unwrap();
            let limited = "chat: { provider: openai, model: gpt, limits: [{ requests: 5, per: 60s }]";
            ConfigFile::new(&text.replace("chat: { provider: openai, model: gpt", limited))
        };
        let files = [file(), file()];
        let routers =
            [start_router(&files[0], defect).await, start_router(&files[1], defect).await].map(Arc::new);
        let mut clients = JoinSet::new();
        for client in 0..40 {
            let router = Arc::clone(&routers[client % 2]);
            clients.spawn(async move { ask_as(&router, "acme-1").await.status });
        }
        let statuses = clients.join_all().await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 2 * each, "{statuses:?}");
        for key in ["sk-1", "sk-2"] {
            assert_eq!(provider.keys().iter().filter(|used| *used == key).count(), each, "{key}, {defect:?}");
        }
    }
}

#[tokio::test]
async fn the_places_of_open_requests_are_those_of_all_routers_and_come_back() {
    let Some(redis) = Redis::start() else { return };
    let (provider, sender) = streaming_first().await;
    let ([first, second], _files) = two(&provider, &redis.url(), ", at_once: 1").await;
    let open =
        timeout(SOON, client().request(post_as(&first, CHAT, "acme-1", ASK_STREAM))).await.unwrap().unwrap();
    assert_eq!(open.status(), 200);
    let refused = ask_as(&second, "acme-1").await;
    assert_eq!((refused.status, refused.error_code().as_str()), (429, "too_many_open_requests"));
    drop((open, sender));
    let begin = Instant::now();
    while ask_as(&second, "acme-1").await.status != 200 {
        assert!(begin.elapsed() < SOON);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_at_two_routers_overdraw_a_budget_by_no_more_than_at_one() {
    let Some(redis) = Redis::start() else { return };
    let provider = Provider::start(|_| completion()).await;
    // Two requests use up all but the last of it.
    let (routers, _files) = two(&provider, &redis.url(), ", budget: 0.0013 USD").await;
    for router in &routers {
        assert_eq!(ask_as(router, "acme-1").await.status, 200);
    }
    let routers = routers.map(Arc::new);
    let gate = Arc::new(Barrier::new(100));
    let mut clients = JoinSet::new();
    for client in 0..100 {
        let (router, gate) = (Arc::clone(&routers[client % 2]), Arc::clone(&gate));
        clients.spawn(async move {
            gate.wait().await;
            ask_as(&router, "acme-1").await.status
        });
    }
    let mut statuses = clients.join_all().await;
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1], statuses[99]), (200, 402, 402), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_refused_at_two_routers_while_money_is_left() {
    let Some(redis) = Redis::start() else { return };
    let provider = Provider::start(|_| completion()).await;
    // 40 of 450 millionths each.
    let (routers, _files) = two(&provider, &redis.url(), ", budget: 0.018 USD").await;
    let routers = routers.map(Arc::new);
    let mut clients = JoinSet::new();
    for client in 0..60 {
        let router = Arc::clone(&routers[client % 2]);
        clients.spawn(async move { ask_as(&router, "acme-1").await.status });
    }
    let statuses = clients.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 40, "{statuses:?}");
}

#[tokio::test]
async fn a_shared_budget_is_fresh_for_all_at_once() {
    let Some(redis) = Redis::start() else { return };
    let provider = Provider::start(|_| completion()).await;
    let (routers, _files) = two(&provider, &redis.url(), ", budget: 0.0009 USD, budget_per: 2s").await;
    let [first, second] = &routers;
    let fresh = async |router: &Router, status: u16| {
        let begin = Instant::now();
        while ask_as(router, "acme-1").await.status != status {
            assert!(begin.elapsed() < SOON);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Instant::now()
    };
    // The window in which it is first used may end at any moment.
    fresh(first, 402).await;
    let mut begins = Vec::new();
    for (router, other) in [(first, second), (second, first)] {
        begins.push(fresh(router, 200).await);
        assert_eq!(ask_as(other, "acme-1").await.status, 200, "there is room for two");
        assert_eq!((ask_as(other, "acme-1").await.status, ask_as(router, "acme-1").await.status), (402, 402));
        assert!(begins[begins.len() - 1].elapsed() < Duration::from_secs(2), "too slow to tell");
    }
    let apart = begins[1] - begins[0];
    assert!((1_800..=2_200).contains(&apart.as_millis()), "{apart:?}");
}

#[tokio::test]
async fn without_the_store_routers_go_on_and_say_so_and_nothing_is_lost_when_it_is_back() {
    let Some(mut redis) = Redis::start() else { return };
    let provider = Provider::start(|_| completion()).await;
    // Four requests, and no fifth.
    let ([first, second], _files) =
        two(&provider, &redis.url(), ", budget: 0.0018 USD, requests_per_minute: 50, at_once: 50").await;
    let degraded = || json!({ "status": "degraded", "shared": "unreachable" });
    assert_eq!(readiness(&first).await, json!({ "status": "ready" }));
    assert_eq!(ask_as(&first, "acme-1").await.status, 200);
    assert_eq!(ask_as(&second, "acme-1").await.status, 200);
    let port = redis.port;
    redis.kill();
    for router in [&first, &second] {
        let took = says(router, degraded()).await;
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    assert_eq!(ask_as(&second, "acme-1").await.status, 200);
    let text = get(&second, "/metrics").await.body;
    assert!(String::from_utf8_lossy(&text).contains("\nrouter_shared_up 0\n"));
    // It has forgotten everything.
    let redis = Redis::at(port, &[]);
    for router in [&first, &second] {
        says(router, json!({ "status": "ready" })).await;
    }
    assert_eq!(ask_as(&first, "acme-1").await.status, 200);
    for router in [&first, &second] {
        assert_eq!(ask_as(router, "acme-1").await.status, 402);
    }
    drop(redis);
}

#[tokio::test]
async fn a_store_that_is_slow_does_not_hold_up_one_request_after_the_other() {
    let Some(redis) = Redis::start() else { return };
    let provider = Provider::start(|_| completion()).await;
    let ([first, _second], _files) = two(&provider, &redis.url(), ", requests_per_minute: 50").await;
    assert_eq!(ask_as(&first, "acme-1").await.status, 200);
    redis.pause(true);
    let mut slowest = Vec::new();
    for _ in 0..20 {
        let begin = Instant::now();
        assert_eq!(ask_as(&first, "acme-1").await.status, 200);
        slowest.push(begin.elapsed());
    }
    slowest.sort_unstable();
    // Each that waited took 50 ms. One has to, and some may be late by themselves on a busy machine.
    assert!(slowest[14] < Duration::from_millis(50), "{slowest:?}");
    redis.pause(false);
    says(&first, json!({ "status": "ready" })).await;
    let got = ask_as(&first, "acme-1").await;
    assert_eq!(got.headers["x-ratelimit-remaining-requests"], "28", "those of the pause count");
}

#[tokio::test]
async fn what_was_spent_survives_the_routers() {
    let Some(redis) = Redis::start() else { return };
    let provider = Provider::start(|_| completion()).await;
    let ([first, second], files) = two(&provider, &redis.url(), ", budget: 0.0018 USD").await;
    for router in [&first, &first, &second] {
        assert_eq!(ask_as(router, "acme-1").await.status, 200);
    }
    first.stop().await.unwrap();
    second.stop().await.unwrap();
    // One with its ledger, and one that is new.
    let again = start_router(&files[0], None).await;
    let new = start_router(&sharing(&provider, &redis.url(), ", budget: 0.0018 USD"), None).await;
    assert_eq!(ask_as(&new, "acme-1").await.status, 200);
    for router in [&again, &new] {
        assert_eq!(ask_as(router, "acme-1").await.status, 402);
    }
}

#[tokio::test]
async fn what_a_killed_router_had_set_aside_is_free_again() {
    let Some(redis) = Redis::start() else { return };
    let (provider, _sender) = streaming_first().await;
    let file = || sharing(&provider, &redis.url(), ", budget: 0.0009 USD, at_once: 1");
    let (one, other) = (file(), file());
    let mut process = Process::start(&one, "warn");
    let (address, _output) = process.listening();
    let request =
        http::Request::post(format!("http://{address}{CHAT}")).header("authorization", "Bearer acme-1");
    let request = request.body(http_body_util::Full::from(ASK_STREAM)).unwrap();
    let open = timeout(SOON, client().request(request)).await.unwrap().unwrap();
    assert_eq!(open.status(), 200);
    let second = start_router(&other, None).await;
    assert_eq!(ask_as(&second, "acme-1").await.status, 429, "the one place is taken");
    drop(process);
    let begin = Instant::now();
    while ask_as(&second, "acme-1").await.status != 200 {
        assert!(begin.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(begin.elapsed() > Duration::from_secs(1), "before, it might be alive");
}

#[tokio::test]
async fn a_password_is_used_and_never_told() {
    let Some(_) = Redis::start() else { return };
    let (password, wrong) = ("tops3cret", "wr0ngs3cret");
    let redis = Redis::at(free_port(), &["--requirepass", password]);
    let provider = Provider::start(|_| completion()).await;
    let url = |password: &str| format!("redis://:{password}@127.0.0.1:{}/1", redis.port);
    let router = start_router(&sharing(&provider, &url(password), ""), None).await;
    assert_eq!(readiness(&router).await, json!({ "status": "ready" }));
    let shown = operate(&router, "GET", "/admin/config", "boss").await;
    assert_eq!(shown.json()["shared"]["redis"], format!("redis://127.0.0.1:{}/1", redis.port));
    let file = sharing(&provider, &url(wrong), "");
    let mut process = Process::start(&file, "warn");
    let (address, _output) = process.listening();
    let told = client().get(format!("http://{address}/health/readiness").parse().unwrap()).await.unwrap();
    assert_eq!(told.status(), 200);
    let mut log = String::new();
    let mut errors = process.0.stderr.take().unwrap();
    drop(process);
    std::io::Read::read_to_string(&mut errors, &mut log).unwrap();
    assert_eq!(log.matches("does not answer").count(), 1, "{log}");
    for secret in [password, wrong] {
        assert!(!log.contains(secret) && !String::from_utf8_lossy(&shown.body).contains(secret), "{log}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_settings_is_told_at_its_place_without_the_password() {
    for (shared, expected) in [
        ("{ redis: \"http://joe:tops3cret@host\" }", "not the address of a Redis"),
        ("{ redis: rediss://joe:tops3cret@host }", "TLS to a Redis is not built in"),
        ("{ redis: \"redis://joe:top,s3cret tops3cret@host/x\" }", "not the address of a Redis"),
        ("{ folder: /tmp, redis: \"redis://joe:tops3cret@host\" }", "say one of"),
        ("{}", "say one of"),
        ("{ env: STORE }", "the variable `STORE` is not set or blank"),
        ("{ env: WRONG }", "the variable `WRONG`: not the address of a Redis"),
        ("{ redis: [\"redis://joe:tops3cret@host\"] }", ""),
    ] {
        let config = ConfigFile::new(&format!("providers: {{}}\nmodels: {{}}\nshared: {shared}\n"));
        let options = ServeOptions { config: config.0.clone(), listen: None, defect: None };
        let variables = Variables([("WRONG".to_owned(), "tops3cret".to_owned())].into());
        let error = router::start(&options, variables).await.unwrap_err().to_string();
        assert!(error.contains(":3:") && error.contains(expected), "{shared}: {error}");
        assert!(!error.contains("s3cret") && error.contains('^'), "{shared}: {error}");
    }
}
