//! Services over several APIs: what is passed on, limits that are kept, who comes next, and what is never sent twice.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use router::Router;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::support::*;

/// One API of a configuration: its name, where it is, and further settings.
type Api<'a> = (&'a str, SocketAddr, &'a str);

/// A service of these APIs in their order, each with a priority of its own if it is a chain.
fn config(apis: &[Api<'_>], is_chain: bool, more: &str) -> ConfigFile {
    ConfigFile::new(&text(apis, is_chain, more))
}

fn text(apis: &[Api<'_>], is_chain: bool, more: &str) -> String {
    let mut text = "admin: { secret: boss }\napis:\n".to_owned();
    for (name, address, more) in apis {
        text += &format!(
            "  {name}: {{ base_url: 'http://{address}', keys: [{{ name: {name}-key, secret: sk-{name}-secret }}]{more} }}\n"
        );
    }
    let pool = |(place, (name, ..)): (usize, &Api<'_>)| {
        format!("{{ api: {name}, priority: {} }}", if is_chain { place } else { 0 })
    };
    let pools: Vec<String> = apis.iter().enumerate().map(pool).collect();
    text + &format!("services:\n  market:\n    path: /market\n    pools: [{}]\n{more}", pools.join(", "))
}

fn request(
    router: &Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Request<Full<Bytes>> {
    let uri = format!("http://{}{path}", router.address());
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::from(body.to_owned())).unwrap()
}

async fn order(router: &Router, headers: &[(&str, &str)]) -> Got {
    send(request(router, "POST", "/market/orders", headers, r#"{"symbol":"TEST","quantity":100}"#)).await
}

fn served_by(got: &Got) -> &str {
    got.headers.get("x-router-provider").map_or("", |name| name.to_str().unwrap())
}

/// An address at which nobody listens.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn ok(name: &'static str) -> Provider {
    Provider::start(move |_| answer(200, &[], &format!("{{\"by\":\"{name}\"}}"))).await
}

/// An API that takes a whole request and breaks the connection, for so many times; then it answers.
struct Losing {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

impl Losing {
    async fn start(times: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&taken);
        let server = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut read = Vec::new();
                let mut part = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut part).await {
                    read.extend_from_slice(&part[..length]);
                    let text = String::from_utf8_lossy(&read).to_lowercase();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
                    if body.len() < length.map_or(0, |length| length.parse().unwrap()) {
                        continue;
                    }
                    let so_far = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(text.clone());
                        seen.len()
                    };
                    if so_far > times {
                        let answer =
                            "HTTP/1.1 201 Created\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                    break;
                }
            }
        });
        Self { address, taken, server }
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }
}

impl Drop for Losing {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[tokio::test]
async fn a_request_and_its_answer_pass_as_they_are() {
    let api =
        Provider::start(|_| answer(418, &[("x-api-own", "1")], "short and stout sk-fyers-secret")).await;
    let router = start_router(&config(&[("fyers", api.address, "")], true, ""), None).await;
    let headers = [("authorization", "Bearer callers-own"), ("x-mine", "7")];
    let got = send(request(&router, "PATCH", "/market/tea?cups=2&milk=%20", &headers, "with sugar")).await;
    assert_eq!((got.status, served_by(&got)), (418, "fyers"));
    assert_eq!(
        (got.headers["x-api-own"].as_bytes(), got.headers["content-type"].as_bytes()),
        (&b"1"[..], &b"application/json"[..])
    );
    assert_eq!(got.headers["x-router-attempts"], "1");
    assert!(got.headers["x-request-id"].to_str().unwrap().starts_with("req-"));
    assert!(got.body.starts_with(b"short and stout"));
    let seen = &api.attempts()[0];
    assert_eq!(
        (seen.path.as_str(), &seen.body[..], seen.key()),
        ("/market/tea", &b"with sugar"[..], "sk-fyers-secret")
    );
    assert_eq!(seen.headers["x-mine"], "7");
    assert!(!seen.headers.contains_key("content-type"));
    assert_eq!(get(&router, "/marketing").await.status, 404);
    assert_eq!(get(&router, "/market/%2e%2e/admin").await.status, 404);
    assert_eq!(api.attempts().len(), 1);
}

#[tokio::test]
async fn a_key_is_sent_in_the_header_that_the_settings_name() {
    let api = ok("a").await;
    let more = ", credential: { header: X-Broker-Token, prefix: 'token ' }";
    let router = start_router(&config(&[("fyers", api.address, more)], true, ""), None).await;
    assert_eq!(get(&router, "/market").await.status, 200);
    let seen = &api.attempts()[0].headers;
    assert_eq!(seen["x-broker-token"], "token sk-fyers-secret");
    assert!(!seen.contains_key("authorization"));
}

/// An API that notes when it was asked.
async fn clocked(latency: &'static str) -> (Provider, Arc<Mutex<Vec<Instant>>>) {
    let times = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&times);
    let api = Provider::start(move |_| {
        noted.lock().unwrap().push(Instant::now());
        answer(200, &[], latency)
    })
    .await;
    (api, times)
}

/// The most that any window of a second holds.
fn fullest(times: &Mutex<Vec<Instant>>) -> usize {
    let mut times = times.lock().unwrap().clone();
    times.sort();
    let within = |from: &Instant| {
        times.iter().filter(|at| *at >= from && at.duration_since(*from) < Duration::from_secs(1)).count()
    };
    times.iter().map(within).max().unwrap_or_default()
}

#[tokio::test]
async fn a_hundred_at_once_are_served_without_an_error_and_no_limit_is_passed_but_by_the_defect() {
    for (defect, keeps) in [(None, true), (Some("ignores-service-limits"), false)] {
        let names = [("fyers", 10), ("upstox", 50), ("flattrade", 20)];
        let mut apis = Vec::new();
        for (name, limit) in names {
            let (api, times) = clocked("{}").await;
            apis.push((name, api, times, limit));
        }
        let limits: Vec<String> =
            apis.iter().map(|(.., limit)| format!(", limits: [{{ requests: {limit}, per: 1s }}]")).collect();
        let listed: Vec<Api<'_>> = apis
            .iter()
            .zip(&limits)
            .map(|((name, api, ..), limits)| (*name, api.address, limits.as_str()))
            .collect();
        let router = start_router(&config(&listed, false, ""), defect).await;
        let mut clients = JoinSet::new();
        for _ in 0..100 {
            clients.spawn(send(request(&router, "GET", "/market/quotes", &[], "")));
        }
        let statuses: Vec<u16> = clients.join_all().await.iter().map(|got| got.status).collect();
        assert_eq!(statuses, [200; 100]);
        let kept = apis.iter().all(|(.., times, limit)| fullest(times) <= *limit);
        assert_eq!(kept, keeps, "{:?}", apis.iter().map(|(.., times, _)| fullest(times)).collect::<Vec<_>>());
        assert_eq!(apis.iter().map(|(_, api, ..)| api.attempts().len()).sum::<usize>(), 100);
    }
}

#[tokio::test]
async fn what_does_not_fit_into_the_line_is_refused_at_once() {
    let api = ok("a").await;
    let more = ", limits: [{ requests: 2, per: 1500ms }]";
    let line = "    queue: { max: 3, wait: 5s }\n";
    let router = start_router(&config(&[("fyers", api.address, more)], true, line), None).await;
    let mut clients = JoinSet::new();
    for _ in 0..20 {
        clients.spawn(send(request(&router, "GET", "/market", &[], "")));
    }
    let all = clients.join_all().await;
    let refused: Vec<&Got> = all.iter().filter(|got| got.status != 200).collect();
    assert_eq!((refused.len(), api.attempts().len()), (15, 5));
    for got in refused {
        assert_eq!((got.status, got.error_code().as_str()), (429, "queue_full"));
        let wait: u64 = got.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=2).contains(&wait), "{wait}");
    }
}

#[tokio::test]
async fn at_four_fifths_of_a_limit_the_next_go_elsewhere_but_by_the_defect() {
    for (defect, moved) in [(None, 5), (Some("shifts-too-late"), 3)] {
        let (fyers, upstox) = (ok("fyers").await, ok("upstox").await);
        let limit = ", limits: [{ requests: 10, per: 30s }]";
        let apis = [("fyers", fyers.address, limit), ("upstox", upstox.address, limit)];
        let router = start_router(&config(&apis, true, "    prediction: false\n"), defect).await;
        for _ in 0..8 {
            assert_eq!(served_by(&get(&router, "/market").await), "fyers");
        }
        for _ in 0..5 {
            assert_eq!(get(&router, "/market").await.status, 200);
        }
        assert_eq!(upstox.attempts().len(), moved);
    }
}

#[tokio::test]
async fn what_an_api_says_of_its_use_moves_the_same_threshold() {
    let fyers = Provider::start(|_| {
        answer(
            200,
            &[("x-ratelimit-limit", "10"), ("x-ratelimit-remaining", "2"), ("x-ratelimit-reset", "30")],
            "",
        )
    })
    .await;
    let upstox = ok("upstox").await;
    let limit = ", limits: [{ requests: 10, per: 30s }]";
    let apis = [("fyers", fyers.address, limit), ("upstox", upstox.address, limit)];
    let router = start_router(&config(&apis, true, ""), None).await;
    let by: Vec<String> = [get(&router, "/market").await, get(&router, "/market").await]
        .iter()
        .map(|got| served_by(got).to_owned())
        .collect();
    assert_eq!(by, ["fyers", "upstox"]);
}

#[tokio::test]
async fn a_refused_connection_or_a_429_moves_an_order_on_and_it_is_made_once() {
    let full = Provider::start(|_| limited(20)).await;
    let (third, fourth) = (ok("third").await, ok("fourth").await);
    let apis = [
        ("first", nobody().await, ""),
        ("second", full.address, ""),
        ("third", third.address, ""),
        ("fourth", fourth.address, ""),
    ];
    let router = start_router(&config(&apis, true, ""), None).await;
    let got = order(&router, &[]).await;
    assert_eq!((got.status, served_by(&got)), (200, "third"));
    assert_eq!(got.headers["x-router-attempts"], "3");
    assert_eq!((full.attempts().len(), third.attempts().len(), fourth.attempts().len()), (1, 1, 0));
}

#[tokio::test]
async fn an_order_whose_reply_was_lost_is_sent_to_nobody_else_but_by_the_defect() {
    for (defect, others) in [(None, 0), (Some("sends-orders-twice"), 1)] {
        let (losing, other) = (Losing::start(9).await, ok("other").await);
        let apis = [("fyers", losing.address, ""), ("upstox", other.address, "")];
        let router = start_router(&config(&apis, true, ""), defect).await;
        let got = order(&router, &[]).await;
        assert_eq!((losing.taken().len(), other.attempts().len()), (1, others), "{defect:?}");
        if defect.is_none() {
            assert_eq!(
                (got.status, got.error_code().as_str(), served_by(&got)),
                (502, "outcome_unknown", "fyers")
            );
            assert_eq!(got.headers["x-should-retry"], "false");
        }
    }
}

#[tokio::test]
async fn with_an_idempotency_key_the_same_api_is_asked_again_with_the_same_words() {
    let (losing, other) = (Losing::start(1).await, ok("other").await);
    let apis = [("fyers", losing.address, ""), ("upstox", other.address, "")];
    let fast = "    backoff: { base: 1ms, max: 1ms }\n";
    let router = start_router(&config(&apis, true, fast), None).await;
    let got = order(&router, &[("idempotency-key", "order-7")]).await;
    assert_eq!((got.status, served_by(&got)), (201, "fyers"));
    let taken = losing.taken();
    assert_eq!((taken.len(), other.attempts().len()), (2, 0));
    assert_eq!(taken[0], taken[1]);
    assert!(taken[0].contains("idempotency-key: order-7"));
    // Where it stays lost, nobody else is asked either.
    let losing = Losing::start(9).await;
    let apis = [("fyers", losing.address, ""), ("upstox", other.address, "")];
    let router = start_router(&config(&apis, true, fast), None).await;
    let got = order(&router, &[("idempotency-key", "order-8")]).await;
    assert_eq!(
        (got.error_code().as_str(), losing.taken().len(), other.attempts().len()),
        ("outcome_unknown", 3, 0)
    );
}

#[tokio::test]
async fn what_only_reads_goes_on_to_another_api() {
    let failing = Provider::start(|_| answer(503, &[], "{}")).await;
    let (losing, other) = (Losing::start(9).await, ok("other").await);
    let apis = [("a", losing.address, ""), ("b", failing.address, ""), ("c", other.address, "")];
    let router = start_router(&config(&apis, true, ""), None).await;
    let got = get(&router, "/market/quotes").await;
    assert_eq!((got.status, served_by(&got)), (200, "c"));
    // An order that one of them answered with an error is not made elsewhere: the error is the answer.
    let apis = [("b", failing.address, ""), ("c", other.address, "")];
    let router = start_router(&config(&apis, true, ""), None).await;
    assert_eq!(order(&router, &[]).await.status, 503);
    assert_eq!(other.attempts().len(), 1);
}

#[tokio::test]
async fn an_api_that_is_switched_off_is_never_asked_but_by_the_defect() {
    for (defect, asked) in [(None, 0), (Some("uses-disabled-apis"), 1)] {
        let off = ok("off").await;
        let apis = [("fyers", nobody().await, ""), ("upstox", off.address, ", enabled: false")];
        let quick = "    retries: 0\n";
        let router = start_router(&config(&apis, true, quick), defect).await;
        let got = order(&router, &[]).await;
        assert_eq!((got.status == 200, off.attempts().len()), (defect.is_some(), asked), "{defect:?}");
        if defect.is_none() {
            assert_eq!((got.status, got.error_code().as_str()), (502, "api_unreachable"));
        }
    }
}

#[tokio::test]
async fn traffic_leaves_an_api_in_trouble_and_comes_back_but_with_the_defect() {
    for defect in [None, Some("ignores-health")] {
        let is_ill = Arc::new(AtomicBool::new(true));
        let (ill, checks) = (Arc::clone(&is_ill), Arc::new(AtomicUsize::new(0)));
        let checked = Arc::clone(&checks);
        let fyers = Provider::start(move |attempt| {
            let is_check = attempt.path == "/alive";
            checked.fetch_add(usize::from(is_check), Ordering::SeqCst);
            answer(if is_check && ill.load(Ordering::SeqCst) { 503 } else { 200 }, &[], "{}")
        })
        .await;
        let upstox = ok("upstox").await;
        let apis = [("fyers", fyers.address, ", health: /alive"), ("upstox", upstox.address, "")];
        let config = config(&apis, true, "health: { every: 20ms }\n");
        let router = start_router(&config, defect).await;
        let until_checked = async |more: usize| {
            let from = checks.load(Ordering::SeqCst);
            while checks.load(Ordering::SeqCst) < from + more {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        until_checked(2).await;
        let expected = if defect.is_none() { "upstox" } else { "fyers" };
        assert_eq!(served_by(&order(&router, &[]).await), expected, "{defect:?}");
        is_ill.store(false, Ordering::SeqCst);
        until_checked(2).await;
        assert_eq!(served_by(&order(&router, &[]).await), "fyers");
        assert_eq!(
            upstox.attempts().iter().filter(|attempt| attempt.path != "/").count(),
            usize::from(defect.is_none())
        );
    }
}

#[tokio::test]
async fn rules_say_which_api_serves_what() {
    let (fyers, upstox) = (ok("fyers").await, ok("upstox").await);
    let apis = [("fyers", fyers.address, ""), ("upstox", upstox.address, "")];
    let rules = "    rules: [{ method: GET, path: /market/quotes, pools: [upstox] }, { method: POST, pools: [fyers] }]\n";
    let router = start_router(&config(&apis, false, rules), None).await;
    for _ in 0..4 {
        assert_eq!(served_by(&get(&router, "/market/quotes/TEST").await), "upstox");
        assert_eq!(served_by(&order(&router, &[]).await), "fyers");
    }
    assert_eq!((fyers.attempts().len(), upstox.attempts().len()), (4, 4));
}

async fn page(router: &Router, path: &str) -> Value {
    let got = operate(router, "GET", path, "boss").await;
    assert_eq!(got.status, 200, "{got:?}");
    got.json()
}

#[tokio::test]
async fn analytics_and_the_audit_log_say_what_the_apis_saw() {
    for defect in [None, Some("constant-analytics")] {
        let (fyers, upstox) = (ok("fyers").await, ok("upstox").await);
        let limit = ", limits: [{ requests: 20, per: 30s }]";
        let apis = [("fyers", fyers.address, limit), ("upstox", upstox.address, limit)];
        let rules = "    rules: [{ method: POST, pools: [fyers] }]\n";
        let router = start_router(&config(&apis, false, rules), defect).await;
        for _ in 0..6 {
            get(&router, "/market/quotes?private=1").await;
        }
        let even = page(&router, "/admin/analytics").await["services"][0].clone();
        assert_eq!(
            (even["load_balance_efficiency"].as_f64(), even["suggestions"].as_array().unwrap().len()),
            (Some(1.0), 0)
        );
        let mut ids = Vec::new();
        for _ in 0..14 {
            ids.push(order(&router, &[]).await.headers["x-request-id"].to_str().unwrap().to_owned());
        }
        let told = page(&router, "/admin/analytics").await["services"][0].clone();
        let is_true = told["load_balance_efficiency"].as_f64().unwrap() < 0.5;
        assert_eq!(is_true, defect.is_none(), "{told}");
        let rows = page(&router, "/admin/audit?limit=1000").await["rows"].as_array().unwrap().clone();
        let seen = [fyers.attempts().len(), upstox.attempts().len()];
        assert_eq!(seen, [17, 3]);
        let of = |name: &str| rows.iter().filter(|row| row["api"] == name).count();
        assert_eq!([of("fyers"), of("upstox")], seen);
        assert_eq!(rows[0]["operation"], "GET /market/quotes");
        assert_eq!(
            (rows[19]["operation"].as_str(), rows[19]["reason"].as_str()),
            (Some("POST /market/orders"), Some("turn"))
        );
        assert_eq!(rows[19]["request_id"], ids[13].as_str());
        let at = |row: &Value| row["at"].as_str().unwrap().to_owned();
        assert!(rows.windows(2).all(|pair| at(&pair[0]) <= at(&pair[1])) && at(&rows[0]).ends_with('Z'));
        if defect.is_some() {
            continue;
        }
        let api = &told["apis"][0];
        assert_eq!((&api["api"], api["requests"]["last_minute"].as_u64()), (&"fyers".into(), Some(17)));
        assert_eq!(
            (api["limits"][0]["used"].as_u64(), api["limits"][0]["requests"].as_u64()),
            (Some(17), Some(20))
        );
        assert_eq!((api["usage"].as_f64(), api["limited"].as_u64()), (Some(0.85), Some(0)));
        let suggestions = told["suggestions"].as_array().unwrap();
        let number =
            |kind: &str| suggestions.iter().find(|one| one["kind"] == kind).map(|one| one["number"].clone());
        assert_eq!((number("near_its_limit"), number("too_much")), (Some(0.85.into()), Some(17.into())));
        assert!(suggestions.iter().all(|one| one["api"] == "fyers"), "{suggestions:?}");
    }
}

#[tokio::test]
async fn prices_of_all_apis_are_compared() {
    for (other, agrees) in [("25860.00", true), ("25870.00", false)] {
        let fyers = Provider::start(|_| answer(200, &[], r#"{"data":{"last_price":25840.50}}"#)).await;
        let upstox =
            Provider::start(move |_| answer(200, &[], &format!("{{\"data\":{{\"last_price\":{other}}}}}")))
                .await;
        let gone = Provider::start(|_| answer(404, &[], "{}")).await;
        let apis =
            [("fyers", fyers.address, ""), ("upstox", upstox.address, ""), ("flattrade", gone.address, "")];
        let router = start_router(&config(&apis, true, ""), None).await;
        let headers = [("x-router-compare", "data.last_price")];
        let got = send(request(&router, "GET", "/market/quotes", &headers, "")).await;
        let told = got.json();
        assert_eq!((got.status, told["agree"].as_bool()), (200, Some(agrees)));
        assert_eq!(told["values"][1]["value"], other);
        assert_eq!(
            (&told["values"][2]["status"], &told["values"][2]["problem"]),
            (&404.into(), &"it refused".into())
        );
        assert_eq!([&fyers, &upstox, &gone].map(|api| api.attempts().len()), [1, 1, 1]);
        assert_eq!(got.headers["x-router-attempts"], "3");
    }
}

#[tokio::test]
async fn one_symbol_is_read_from_three_apis_and_every_pair_of_prices_is_looked_at() {
    // Each pair of neighbours agrees; the first and the last do in one case only.
    for (prices, agrees) in [(["1000.0", "1000.6", "1001.0"], true), (["1000.0", "1000.9", "1001.8"], false)]
    {
        let quotes = |price: &'static str| {
            Provider::start(move |_| answer(200, &[], &format!("{{\"NIFTY\":{{\"last_price\":{price}}}}}")))
        };
        let (fyers, upstox, flattrade) =
            (quotes(prices[0]).await, quotes(prices[1]).await, quotes(prices[2]).await);
        let apis = [
            ("fyers", fyers.address, ""),
            ("upstox", upstox.address, ""),
            ("flattrade", flattrade.address, ""),
        ];
        let router = start_router(&config(&apis, true, ""), None).await;
        let headers = [("x-router-compare", "NIFTY.last_price")];
        let told = send(request(&router, "GET", "/market/quotes", &headers, "")).await.json();
        assert_eq!(told["agree"].as_bool(), Some(agrees), "{told}");
        let read: Vec<&str> =
            told["values"].as_array().unwrap().iter().filter_map(|value| value["value"].as_str()).collect();
        assert_eq!(read, prices);
        assert_eq!([&fyers, &upstox, &flattrade].map(|api| api.attempts().len()), [1, 1, 1]);
    }
}

#[tokio::test]
async fn a_reload_forgets_no_use_of_a_limit() {
    let (fyers, upstox) = (ok("fyers").await, ok("upstox").await);
    let limit = ", limits: [{ requests: 2, per: 30s }]";
    let apis = [("fyers", fyers.address, limit), ("upstox", upstox.address, limit)];
    let line = "    queue: { max: 1, wait: 10ms }\n";
    let config = config(&apis, true, line);
    let router = start_router(&config, None).await;
    for _ in 0..4 {
        assert_eq!(get(&router, "/market").await.status, 200);
    }
    assert_eq!(reload_with(&router, &config, &text(&apis, false, line)).await.status, 200);
    assert_eq!(get(&router, "/market").await.status, 429);
    assert_eq!((fyers.attempts().len(), upstox.attempts().len()), (2, 2));
}

#[tokio::test]
async fn growth_is_predicted_by_itself_only_with_the_defect() {
    for (defect, growths) in [(None, "0"), (Some("always-predicts"), "1")] {
        let api = ok("a").await;
        let limit = ", limits: [{ requests: 100, per: 30s }]";
        let router = start_router(&config(&[("fyers", api.address, limit)], true, ""), defect).await;
        get(&router, "/market").await;
        // Growth is looked at once in each second.
        tokio::time::sleep(Duration::from_millis(1_050)).await;
        assert_eq!(get(&router, "/market").await.status, 200);
        let metrics = String::from_utf8(get(&router, "/metrics").await.body.to_vec()).unwrap();
        let line = format!("router_api_growths_predicted_total{{api=\"fyers\"}} {growths}");
        assert!(metrics.contains(&line), "{metrics}");
    }
}
