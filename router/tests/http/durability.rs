//! What the ledger keeps when the router is killed, when the disk is full, and when it is started again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::*;
use crate::tenants::completion;

const STREAM: &str = r#"{"model":"chat","stream":true,"messages":[]}"#;
/// As much as `completion()` reports.
const EVENTS: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"pong\"}}]}\n\n\
                      data: {\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":10,\"total_tokens\":110}}\n\n\
                      data: [DONE]\n\n";
const COST: u64 = 450;

/// One model, a tenant without a budget, and one with this.
fn config(provider: &Provider, budget: &str, more: &str) -> ConfigFile {
    ConfigFile::new(&format!(
        "providers:\n  openai:\n    dialect: openai\n    base_url: http://{}/v1\n    keys: [{{ name: k1, secret: sk-1 }}]\n\
         models:\n  chat: {{ provider: openai, model: gpt }}\n\
         prices:\n  gpt: {{ input: 3000000, output: 15000000 }}\n\
         admin: {{ secret: boss }}\n\
         tenants:\n  rich: {{ keys: [rich-1] }}\n  capped: {{ keys: [capped-1], {budget} }}\n{more}",
        provider.address
    ))
}

async fn provider() -> Provider {
    Provider::start(|a| if a.json()["stream"] == true { stream(EVENTS) } else { completion() }).await
}

/// The answer's id, if all of it came.
async fn asked(address: &str, key: &str, body: &str) -> Result<(u16, String), Gone> {
    let request = Request::post(format!("http://{address}/v1/chat/completions"));
    let request = request.header("authorization", format!("Bearer {key}"));
    let request = request.body(Full::from(body.to_owned())).unwrap();
    let answered = timeout(SOON, client().request(request)).await.expect("an answer or a broken connection");
    let (head, answer) = answered.map_err(|_| Gone)?.into_parts();
    timeout(SOON, answer.collect()).await.expect("the end of the answer").map_err(|_| Gone)?;
    Ok((head.status.as_u16(), head.headers["x-request-id"].to_str().unwrap().to_owned()))
}

/// The router is gone.
#[derive(Debug)]
struct Gone;

async fn told(address: &str, path: &str) -> Value {
    let request = Request::get(format!("http://{address}{path}")).header("authorization", "Bearer boss");
    let got = send(request.body(Full::default()).unwrap()).await;
    assert_eq!(got.status, 200, "{got:?}");
    got.json()
}

/// All rows, page by page.
async fn all_rows(address: &str) -> Vec<Value> {
    let (mut rows, mut after) = (Vec::new(), 0);
    loop {
        let page = told(address, &format!("/admin/ledger?limit=100&after={after}")).await;
        rows.extend_from_slice(page["rows"].as_array().unwrap());
        match page["next"].as_u64() {
            Some(next) => after = next,
            None => return rows,
        }
    }
}

fn times_booked(rows: &[Value]) -> BTreeMap<String, u32> {
    let mut times = BTreeMap::new();
    for row in rows {
        *times.entry(row["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    times
}

/// Traffic until the router is gone, and the ids of the answers that came whole.
async fn traffic(address: &str, until: usize, then: impl FnOnce()) -> BTreeSet<String> {
    let whole = Arc::new(Mutex::new(BTreeSet::new()));
    let mut clients = JoinSet::new();
    for number in 0..8 {
        let (address, whole) = (address.to_owned(), Arc::clone(&whole));
        let body = if number % 2 == 0 { ASK } else { STREAM };
        clients.spawn(async move {
            while let Ok((status, id)) = asked(&address, "rich-1", body).await {
                assert_eq!(status, 200);
                whole.lock().unwrap().insert(id);
            }
        });
    }
    let begin = Instant::now();
    while whole.lock().unwrap().len() < until {
        assert!(begin.elapsed() < SOON * 3);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    then();
    timeout(SOON, clients.join_all()).await.unwrap();
    let whole = whole.lock().unwrap();
    whole.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_has_whole_is_in_the_ledger_once_however_often_the_router_is_killed() {
    let provider = provider().await;
    let config = config(&provider, "budget: 1 USD", "");
    let mut whole = BTreeSet::new();
    for round in 1..=10 {
        let mut process = Process::start(&config, "warn");
        let (address, _output) = process.listening();
        let mut log = process.0.stderr.take().unwrap();
        let got = traffic(&address, 50, || process.0.kill().unwrap()).await;
        process.0.wait().unwrap();
        let mut complaints = String::new();
        log.read_to_string(&mut complaints).unwrap();
        // A disk that keeps answers waiting for too long is told of in the log, and then nothing is promised.
        let is_behind = complaints.contains("the ledger is behind");
        whole.extend(got.into_iter().filter(|_| !is_behind));

        let mut process = Process::start(&config, "warn");
        let (address, _output) = process.listening();
        let rows = all_rows(&address).await;
        let times = times_booked(&rows);
        let missing: Vec<_> = whole.iter().filter(|id| !times.contains_key(*id)).collect();
        assert!(missing.is_empty(), "round {round}: {missing:?} of {} are missing", whole.len());
        assert!(times.values().all(|times| *times == 1), "{times:?}");
        assert!(rows.len() <= provider.keys().len(), "nothing is booked that nobody asked for");
        assert!(rows.iter().all(|row| row["cost"] == COST && row["kind"] == "exchange"));
    }
    assert!(whole.len() >= 250, "the disk was too slow for half of the rounds, so little was proven");
}

#[tokio::test]
async fn the_last_of_an_answer_waits_for_its_row_but_not_for_long_and_not_again() {
    for body in [ASK, STREAM] {
        let provider = provider().await;
        let config = config(&provider, "budget: 1 USD", "");
        let router = start_router(&config, None).await;
        let other = rusqlite::Connection::open(config.ledger()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let took = async || {
            let begin = Instant::now();
            let got = send(post_as(&router, "/v1/chat/completions", "rich-1", body)).await;
            assert_eq!(got.status, 200);
            begin.elapsed()
        };
        assert!(took().await >= Duration::from_millis(250));
        assert_eq!(
            get(&router, "/health/readiness").await.json(),
            json!({ "status": "degraded", "ledger": "behind" })
        );
        let (second, third) = (took().await, took().await);
        assert!(second.min(third) < Duration::from_millis(250), "{second:?} {third:?}");
        other.execute_batch("COMMIT").unwrap();
        assert_eq!(rows(&router, 3).await.len(), 3);
    }
}

#[tokio::test]
async fn a_budget_carries_on_when_the_router_is_killed() {
    let provider = provider().await;
    // Enough for ten.
    let config = config(&provider, "budget: 0.0045 USD", "");
    let mut served = Vec::new();
    for _ in 0..3 {
        let mut process = Process::start(&config, "warn");
        let (address, _output) = process.listening();
        let mut count = 0;
        while count < 4 && asked(&address, "capped-1", ASK).await.unwrap().0 == 200 {
            count += 1;
        }
        served.push(count);
        process.0.kill().unwrap();
        process.0.wait().unwrap();
    }
    assert_eq!(served, [4, 4, 2]);
}

#[tokio::test]
async fn a_budget_for_a_time_is_fresh_when_it_would_have_been_without_the_restart() {
    let provider = provider().await;
    let config = config(&provider, "budget: 0.00045 USD, budget_per: 2s", "");
    let begin = Instant::now();
    let router = start_router(&config, None).await;
    let ask = async |router: &router::Router| {
        send(post_as(router, "/v1/chat/completions", "capped-1", ASK)).await.status
    };
    assert_eq!(ask(&router).await, 200);
    router.stop().await.unwrap();
    let router = start_router(&config, None).await;
    let refused = ask(&router).await;
    assert!(refused == 402 || begin.elapsed() >= Duration::from_secs(2), "{refused}");
    while ask(&router).await != 200 {
        assert!(begin.elapsed() < Duration::from_secs(4), "its time was counted from the restart");
    }
    assert!(begin.elapsed() >= Duration::from_secs(2), "it was fresh too early");
}

#[tokio::test]
async fn a_full_disk_stops_nobody_and_loses_nothing() {
    let provider = provider().await;
    let config = config(&provider, "budget: 1 USD", "");
    // A full disk: the system refuses whatever would be written to its files, and does not kill it for that.
    let script = "trap '' XFSZ; exec \"$0\" \"$1\"";
    let mut process = Process::of(tied("/bin/sh").args(["-c", script, ROUTER]).arg(&config.0), "warn");
    let (address, _output) = process.listening();
    let pid = process.0.id().to_string();
    let room = |bytes: &str| {
        let limit = format!("--fsize={bytes}:unlimited");
        assert!(Command::new("prlimit").args([&limit, "--pid", &pid]).status().unwrap().success());
    };
    let mut ids = BTreeSet::new();
    for _ in 0..20 {
        ids.insert(asked(&address, "rich-1", ASK).await.unwrap().1);
    }
    let readiness = async || told(&address, "/health/readiness").await;
    let says = async |expected: Value| {
        let begin = Instant::now();
        while readiness().await != expected {
            assert!(begin.elapsed() < SOON, "{expected}: {}", readiness().await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    says(json!({ "status": "ready" })).await;
    room("0");
    ids.insert(asked(&address, "rich-1", ASK).await.unwrap().1);
    says(json!({ "status": "degraded", "ledger": "failing" })).await;
    for _ in 0..20 {
        ids.insert(asked(&address, "rich-1", STREAM).await.unwrap().1);
    }
    let metric = async |name: &str| {
        let got =
            send(Request::get(format!("http://{address}/metrics")).body(Full::default()).unwrap()).await;
        let text = String::from_utf8_lossy(&got.body).into_owned();
        let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).map(str::to_owned);
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).expect(name)
    };
    assert_eq!(metric("router_ledger_up").await, 0);
    assert!(metric("router_ledger_rows_waiting").await >= 20);
    assert!(metric("router_ledger_write_failures_total").await >= 1);
    let status = told(&address, "/admin/status").await["ledger"].clone();
    assert!(status["problem"].is_string() && status["rows_waiting"].as_u64().unwrap() >= 20, "{status}");
    room("unlimited");
    says(json!({ "status": "ready" })).await;
    let times = times_booked(&all_rows(&address).await);
    assert_eq!(times.keys().collect::<BTreeSet<_>>(), ids.iter().collect());
    assert!(times.values().all(|times| *times == 1));
    assert_eq!((metric("router_ledger_up").await, metric("router_ledger_rows_lost_total").await), (1, 0));
}

#[tokio::test]
async fn a_ledger_that_cannot_be_used_is_refused_at_the_start_with_its_place_in_the_file() {
    let provider = provider().await;
    let named = config(&provider, "budget: 1 USD", "ledger:\n  path: /not/there/ledger.db\n");
    let complaint = Process::start(&named, "warn").complaint();
    assert!(complaint.contains(":15:9: the ledger `/not/there/ledger.db` cannot be"), "{complaint}");
    assert!(complaint.contains("15 |   path: /not/there/ledger.db"), "{complaint}");

    let config = config(&provider, "budget: 1 USD", "");
    std::fs::write(config.ledger(), "somebody's notes, and no database at all").unwrap();
    let complaint = Process::start(&config, "warn").complaint();
    assert!(complaint.contains("is damaged"), "{complaint}");
    assert!(complaint.contains(&config.ledger().display().to_string()), "{complaint}");

    std::fs::remove_file(config.ledger()).unwrap();
    let mut first = Process::start(&config, "warn");
    let _listening = first.listening();
    let complaint = Process::start(&config, "warn").complaint();
    assert!(complaint.contains("another router writes to the ledger"), "{complaint}");
}

#[tokio::test]
async fn a_reload_keeps_the_ledger_and_refuses_another_one() {
    let provider = provider().await;
    let config = config(&provider, "budget: 1 USD", "");
    let router = start_router(&config, None).await;
    let text = std::fs::read_to_string(&config.0).unwrap();
    assert_eq!(send(post_as(&router, "/v1/chat/completions", "rich-1", ASK)).await.status, 200);
    let elsewhere = reload_with(&router, &config, &format!("{text}ledger: {{ path: ':memory:' }}\n")).await;
    let problem = elsewhere.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(elsewhere.status == 422 && problem.contains(":14:17: the ledger is `"), "{problem}");
    assert_eq!(reload_with(&router, &config, &text).await.status, 200);
    assert_eq!(send(post_as(&router, "/v1/chat/completions", "rich-1", ASK)).await.status, 200);
    assert_eq!(rows(&router, 2).await.len(), 2);
}

#[tokio::test]
async fn a_tenant_that_was_taken_out_and_put_back_has_spent_what_it_had_spent() {
    let provider = provider().await;
    let config = config(&provider, "budget: 0.00045 USD", "");
    let router = start_router(&config, None).await;
    let text = std::fs::read_to_string(&config.0).unwrap();
    let without: String =
        text.lines().filter(|line| !line.contains("capped")).flat_map(|line| [line, "\n"]).collect();
    let ask = async || send(post_as(&router, "/v1/chat/completions", "capped-1", ASK)).await.status;
    assert_eq!((ask().await, ask().await), (200, 402));
    assert_eq!(reload_with(&router, &config, &without).await.status, 200);
    assert_eq!(ask().await, 401);
    assert_eq!(reload_with(&router, &config, &text).await.status, 200);
    assert_eq!(ask().await, 402);
}

#[tokio::test]
async fn the_first_settings_that_keep_books_open_the_ledger() {
    let provider = provider().await;
    let config = ConfigFile::with_keys(provider.address, 1, "");
    let router = start_router(&config, None).await;
    assert!(!config.ledger().exists());
    let text = std::fs::read_to_string(&config.0).unwrap();
    std::fs::write(&config.0, text + "admin: { secret: boss }\n").unwrap();
    router.reload().await.unwrap();
    assert_eq!(ask(&router).await.status, 200);
    assert_eq!(rows(&router, 1).await.len(), 1);
    assert!(config.ledger().exists());
}

#[tokio::test]
async fn rows_are_listed_by_provider_by_request_and_by_time() {
    let provider = provider().await;
    let router =
        start_router(&config(&provider, "budget: 1 USD", "ledger: { path: ':memory:' }\n"), None).await;
    let ask = async || send(post_as(&router, "/v1/chat/completions", "rich-1", ASK)).await;
    let first = ask().await.headers["x-request-id"].to_str().unwrap().to_owned();
    ask().await;
    let count = async |query: &str| ledger(&router, query).await["rows"].as_array().unwrap().len();
    assert_eq!(count("?provider=openai").await, 2);
    assert_eq!(count("?provider=other").await, 0);
    assert_eq!(count(&format!("?request_id={first}")).await, 1);
    assert_eq!(count("?since=2020-01-01T00:00:00Z").await, 2);
    assert_eq!(count("?until=2020-01-01T00:00:00Z").await, 0);
    assert_eq!(
        operate(&router, "GET", "/admin/ledger?since=monday", "boss").await.error_code(),
        "invalid_query"
    );
}
