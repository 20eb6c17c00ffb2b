//! The worlds of the project's own scenarios, and those of `fixtures/worlds/`, can all be had and do what they are for.

use std::path::Path;
use std::time::Duration;

use record::{Clock, Correlation, NameTable, fact_channel};
use scenario::{Limit, Source, Suite, SuiteTexts, World};
use serde_json::{Value, json};
use stormproof_upstream::{DEFAULT_SAMPLES, Surroundings, TrafficSignal, Upstreams};

use crate::stage::{Caller, Reply, request};

#[tokio::test]
async fn every_world_of_the_project_s_own_scenarios_can_be_had() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let suite = Suite::read(&[folder], &[]).unwrap();
    let mut started = 0;
    for file in &suite.scenarios {
        for case in &file.cases {
            let upstreams = start(&case.scenario.world).await;
            assert_eq!(upstreams.cast().len(), case.scenario.world.upstreams.0.len());
            upstreams.stop().await;
            started += 1;
        }
    }
    assert!(started >= suite.scenarios.len());
}

async fn start(world: &World) -> Upstreams {
    let (facts, _received) = fact_channel();
    let surroundings = Surroundings {
        clock: Clock::start(),
        correlation: Correlation::new(1),
        names: NameTable::new(facts.clone()),
        facts,
        seed: 1,
        traffic: TrafficSignal::new([]),
        samples: DEFAULT_SAMPLES,
        canaries: Vec::new(),
        defect: None,
    };
    Upstreams::start(world, surroundings).await.unwrap()
}

/// A world of `fixtures/worlds/`, as a scenario takes it.
fn fixture(name: &str) -> World {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let source = |name: String| Source { text: std::fs::read_to_string(root.join(&name)).unwrap(), name };
    let files = std::fs::read_dir(root.join("fixtures/worlds")).unwrap().flatten();
    let names = files.map(|file| format!("fixtures/worlds/{}", file.file_name().to_string_lossy()));
    let text = format!(
        "title: takes a world\nworld: {{ use: fixtures/worlds/{name}.yaml }}\n\
         requests: {{ look: {{ method: GET, path: /health }} }}\n\
         traffic: [{{ step: look, send: look }}]\n\
         witness: [{{ exchanges: {{ count: {{ at_least: 1 }} }} }}]\n\
         expect: [{{ rule: ROT-001, say: it is there, exchanges: {{ every: {{ status: 200 }} }} }}]\n"
    );
    let texts = SuiteTexts {
        scenarios: vec![Source { name: "takes-a-world.yaml".to_owned(), text }],
        chapters: vec![source("scenarios/rotation/rules.yaml".to_owned())],
        imports: names.map(source).collect(),
    };
    let suite = Suite::of(texts).unwrap_or_else(|error| panic!("{name} has {} mistakes", error.count()));
    suite.scenarios[0].cases[0].scenario.world.clone()
}

/// Asks one of the services of a world.
async fn ask(upstreams: &Upstreams, service: &str, line: &str, body: &Value) -> Reply {
    let (_, address) = upstreams.addresses().find(|(name, _)| *name == service).unwrap();
    let secret = upstreams.keys(service).first().map_or("none", |key| key.secret());
    let mut caller = Caller::at(address).await;
    caller.send(&request(line, secret, &if body.is_null() { String::new() } else { body.to_string() })).await;
    caller.reply().await
}

async fn status(upstreams: &Upstreams, service: &str, line: &str, body: &Value) -> u16 {
    ask(upstreams, service, line, body).await.status
}

#[tokio::test]
async fn every_world_of_the_fixtures_is_healthy() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/worlds");
    let mut asked = 0;
    for file in std::fs::read_dir(folder).unwrap().flatten() {
        let upstreams = start(&fixture(file.path().file_stem().unwrap().to_str().unwrap())).await;
        let services: Vec<String> = upstreams.addresses().map(|(name, _)| name.to_owned()).collect();
        for service in services {
            let health = ask(&upstreams, &service, "GET /health", &Value::Null).await;
            assert_eq!((health.status, health.json()["version"].as_str()), (200, Some("1.0.0")), "{service}");
            asked += 1;
        }
        upstreams.stop().await;
    }
    assert!(asked >= 10);
}

#[tokio::test]
async fn the_registry_keeps_a_task_with_its_events_and_artifacts() {
    let upstreams = start(&fixture("registry")).await;
    let task = json!({ "title": "write a test" });
    assert_eq!(status(&upstreams, "registry", "POST /tasks", &task).await, 201);
    for (state, expected) in [("running", 200), ("done", 200), ("running", 409)] {
        let step = json!({ "state": state });
        assert_eq!(status(&upstreams, "registry", "PATCH /tasks/tasks-1", &step).await, expected);
    }
    let history = ask(&upstreams, "registry", "GET /tasks/tasks-1/history", &Value::Null).await.json();
    let states: Vec<&Value> =
        history["items"].as_array().unwrap().iter().map(|step| &step["state"]).collect();
    assert_eq!(states, ["queued", "running", "done"]);
    let artifact = json!({ "name": "log", "size": 12, "sha256": "00", "store": "artifacts-1" });
    for (log, payload) in [("events", json!({ "kind": "tests passed" })), ("artifacts", artifact)] {
        assert_eq!(
            status(&upstreams, "registry", &format!("POST /tasks/tasks-1/{log}"), &payload).await,
            201
        );
        let read =
            ask(&upstreams, "registry", &format!("GET /tasks/tasks-1/{log}"), &Value::Null).await.json();
        assert_eq!(read["items"][0]["entry"], payload);
    }
    assert_eq!(status(&upstreams, "registry", "GET /tasks/tasks-2", &Value::Null).await, 404);
    assert_eq!(status(&upstreams, "registry", "POST /tasks", &json!({ "title": 1 })).await, 400);
}

#[tokio::test]
async fn the_pools_lend_what_they_have_and_no_more() {
    for (world, count) in [("repo-pool", 4), ("repo-pool-of-one", 1)] {
        let upstreams = start(&fixture(world)).await;
        for _ in 0..count {
            assert_eq!(status(&upstreams, "pool", "POST /slots", &Value::Null).await, 201);
        }
        assert_eq!(status(&upstreams, "pool", "POST /slots", &Value::Null).await, 503, "{world}");
        assert_eq!(status(&upstreams, "pool", "DELETE /slots/slot-1", &Value::Null).await, 200);
        assert_eq!(ask(&upstreams, "pool", "GET /slots", &Value::Null).await.json()["free"], 1);
    }
}

#[tokio::test]
async fn the_store_keeps_what_it_is_given() {
    let upstreams = start(&fixture("artifact-store")).await;
    let made = ask(&upstreams, "store", "POST /artifacts?name=log", &json!("passed")).await;
    assert_eq!((made.status, &made.json()["name"]), (201, &json!("log")));
    assert_eq!(ask(&upstreams, "store", "GET /artifacts/artifacts-1", &Value::Null).await.json(), "passed");
}

#[tokio::test]
async fn the_trading_interfaces_keep_orders_and_tell_their_limits() {
    let world = fixture("trading");
    let upstreams = start(&world).await;
    for (service, second, minute, latency) in
        [("fyers", 10, 600, 50), ("upstox", 50, 3_000, 100), ("flattrade", 20, 1_200, 80)]
    {
        let settings = world.upstreams.get(service).unwrap();
        let limits: Vec<(u32, Duration, bool)> = settings
            .plans
            .iter()
            .filter_map(|plan| match plan.limit()? {
                Limit::Log(window) | Limit::Fixed(window) => Some((window.max, window.per, window.aligned)),
                Limit::Bucket(_) | Limit::AtOnce(_) => None,
            })
            .collect();
        assert_eq!(limits[0], (second, Duration::from_secs(1), false));
        assert_eq!(limits[1], (minute, Duration::from_secs(60), false));
        assert_eq!((limits[2].1, limits[2].2), (Duration::from_secs(24 * 3_600), true));
        let order = json!({ "client_order_id": "o-1", "symbol": "TEST", "quantity": 100 });
        let begin = std::time::Instant::now();
        let made = ask(&upstreams, service, "POST /orders", &order).await;
        assert!(begin.elapsed() >= Duration::from_millis(latency));
        assert_eq!((made.status, made.header("x-ratelimit-limit")), (201, Some(second.to_string().as_str())));
        assert_eq!(made.header("x-ratelimit-remaining"), Some((second - 1).to_string().as_str()));
        assert_eq!(status(&upstreams, service, "POST /orders", &order).await, 409, "one order of that name");
        let kept = ask(&upstreams, service, "GET /orders/o-1", &Value::Null).await.json();
        assert_eq!(
            (&kept["symbol"], &kept["quantity"], &kept["status"]),
            (&json!("TEST"), &json!(100), &json!("OPEN"))
        );
        // The quickest of a few, since a machine may be late for any one of them.
        let mut quickest = Duration::MAX;
        for _ in 0..4 {
            let begin = std::time::Instant::now();
            assert_eq!(status(&upstreams, service, "GET /health", &Value::Null).await, 200);
            quickest = quickest.min(begin.elapsed());
        }
        assert!((latency..latency + 15).contains(&(quickest.as_millis() as u64)), "{service}: {quickest:?}");
        let quote = ask(&upstreams, service, "GET /quotes/NIFTY", &Value::Null).await.json();
        assert!((25_800.0..25_900.0).contains(&quote["last_price"].as_f64().unwrap()));
        assert_eq!(status(&upstreams, service, "GET /quotes/NOBODY", &Value::Null).await, 404);
    }
}
