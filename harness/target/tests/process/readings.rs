//! What is read from a running target: its ledger, its counters, and what its processes use.

use record::{Clock, Correlation, ExchangeId, Tokens};
use serde_json::json;
use stormproof_target::ReadingError;
use wiremock::matchers::{header, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::world::{World, operation, topology_of};

const LISTENING: &str = "{ line: 'listening on ', within: 20s }";
const READS: &str = "\
admin: { header: x-admin, value: \"{{ admin_key }}\" }
settles_within: 500ms
reads:
  ledger:
    get: /ledger?limit=2
    rows: \"$.rows[*]\"
    pages: { next: \"$.next\", parameter: after }
    fields: { exchange: \"$['id','prompt']\", tenant: \"$.who\", input: \"$.in\", cost: \"$.cost\", unit: micros }
  metrics: { get: /metrics }
  status: { get: /status, auth: none, fields: { parked: \"$.pools[*].parked\" } }
";

fn listens_at(server: &MockServer) -> String {
    format!("echo listening on {}\nexec sleep 1000\n", server.address())
}

pub(crate) async fn a_ledger_is_read_page_by_page_until_it_has_settled() {
    let server = MockServer::start().await;
    let trial = Correlation::new(7);
    let ledger = || Mock::given(path("/ledger")).and(header("x-admin", "sk-storm-admin-0123456789"));
    let row = |id: &str, input: u64| json!({ "id": id, "who": "acme", "in": input, "cost": 12 });
    let answer = |rows: Vec<serde_json::Value>, next: Option<u64>| {
        ResponseTemplate::new(200).set_body_json(json!({ "rows": rows, "next": next }))
    };
    // The first reading finds one row, every later one three.
    let first = answer(vec![row(&trial.mark(ExchangeId(0)), 5)], None);
    ledger().respond_with(first).up_to_n_times(1).mount(&server).await;
    let rows = vec![row(&trial.mark(ExchangeId(0)), 5), row(&Correlation::new(8).mark(ExchangeId(0)), 99)];
    let whole = answer(rows, Some(2));
    ledger().and(query_param_is_missing("after")).respond_with(whole).mount(&server).await;
    let mut last = row("somebody", 7);
    last["prompt"] = json!(format!("ping {}", trial.mark(ExchangeId(1))));
    let rest = answer(vec![last], None);
    ledger()
        .and(query_param("after", "2"))
        .and(query_param("limit", "2"))
        .respond_with(rest)
        .mount(&server)
        .await;
    let world = World::new();
    let target = world.start(&world.script(&listens_at(&server), LISTENING, READS)).await.unwrap();
    let read = target.read_ledger(trial, Clock::start()).await.unwrap();
    assert!(read.settled);
    let rows: Vec<_> =
        read.into_iter().map(|row| (row.exchange, row.tokens, row.cost_micros, row.tenant)).collect();
    let tokens = |input| Tokens { input, ..Tokens::default() };
    let acme = || "acme".to_owned();
    let expected = [
        (Some(ExchangeId(0)), tokens(5), Some(12), acme()),
        (Some(ExchangeId(1)), tokens(7), Some(12), acme()),
    ];
    assert_eq!(rows, expected);
    target.stop().await;
}

pub(crate) async fn a_ledger_that_never_settles_is_read_until_its_time_is_up() {
    let server = MockServer::start().await;
    let (reads, count) = (std::sync::atomic::AtomicU64::new(0), std::sync::atomic::Ordering::Relaxed);
    let growing = move |_: &wiremock::Request| {
        let input = reads.fetch_add(1, count);
        ResponseTemplate::new(200).set_body_json(json!({ "rows": [{ "in": input }] }))
    };
    Mock::given(path("/ledger")).respond_with(growing).mount(&server).await;
    let world = World::new();
    let reads = READS.replace("500ms", "50ms");
    let target = world.start(&world.script(&listens_at(&server), LISTENING, &reads)).await.unwrap();
    let read = target.read_ledger(Correlation::new(7), Clock::start()).await.unwrap();
    assert!(!read.settled && read.rows.len() == 1 && read.rows[0].tokens.input > 0, "{read:?}");
    target.stop().await;
}

pub(crate) async fn instances_tell_one_ledger_only_where_the_profile_says_so() {
    let server = MockServer::start().await;
    let page = ResponseTemplate::new(200).set_body_json(json!({ "rows": [{ "who": "acme", "in": 5 }] }));
    Mock::given(path("/ledger")).respond_with(page).mount(&server).await;
    let mut world = World::new();
    world.topology = topology_of("upstreams: {}\nrouter: { instances: 2, shared: true }", "");
    for (says, rows) in [("", 2), ("shared: true\n    ", 1)] {
        let reads = READS.replace("rows:", &format!("{says}rows:"));
        let reads = format!("{reads}instances: {{ max: 2, store: folder }}\n");
        let target = world.start(&world.script(&listens_at(&server), LISTENING, &reads)).await.unwrap();
        let read = target.read_ledger(Correlation::new(7), Clock::start()).await.unwrap();
        assert_eq!(read.rows.len(), rows, "{says}");
        target.stop().await;
    }
}

pub(crate) async fn counters_come_from_metrics_and_status_of_each_instance_without_any_secret() {
    let server = MockServer::start().await;
    let page = "# TYPE hits counter\nhits{key=\"sk-storm-first-0123456789\"} 3\nup 1\n";
    Mock::given(path("/metrics"))
        .respond_with(ResponseTemplate::new(200).set_body_string(page))
        .mount(&server)
        .await;
    let status =
        json!({ "pools": [{ "parked": 1 }, { "parked": 2 }], "state": "sk-storm-first-0123456789 is out" });
    Mock::given(path("/status"))
        .respond_with(ResponseTemplate::new(200).set_body_json(status))
        .mount(&server)
        .await;
    let mut world = World::new();
    world.topology = topology_of(
        "upstreams: { openai: { dialect: openai, keys: [first] } }\nrouter: { instances: 2 }",
        "http://127.0.0.1:9/v1",
    );
    let fields = "fields: { parked: \"$.pools[*].parked\", breaker: \"$.state\" }";
    let reads = READS.replace("fields: { parked: \"$.pools[*].parked\" }", fields);
    let reads = format!("{reads}instances: {{ max: 2 }}\n");
    let target = world.start(&world.script(&listens_at(&server), LISTENING, &reads)).await.unwrap();
    let shown = |rows: Vec<record::MetricSeen>| -> Vec<String> {
        let label = |(name, value): &(String, String)| format!("{name}={value}");
        let labels = |row: &record::MetricSeen| row.labels.iter().map(label).collect::<Vec<_>>().join(",");
        let value = |row: &record::MetricSeen| row.text.clone().unwrap_or_else(|| row.value.to_string());
        rows.iter().map(|row| format!("{}{{{}}} {}", row.name, labels(row), value(row))).collect()
    };
    let of = |instance: u8| {
        [
            format!("hits{{key=<key first>,instance={instance}}} 3"),
            format!("up{{instance={instance}}} 1"),
            format!("parked{{instance={instance}}} 3"),
            format!("breaker{{instance={instance}}} <key first> is out"),
        ]
    };
    let read = target.read_metrics(Clock::start()).await.unwrap();
    assert_eq!(shown(read.rows), [of(1), of(2)].concat());
    target.operate(&operation("{ operate: kill, instance: 1 }")).await.unwrap();
    let read = target.read_metrics(Clock::start()).await.unwrap();
    assert_eq!(shown(read.rows), of(2));
    target.stop().await;
}

pub(crate) async fn what_cannot_be_read_is_told_with_the_reason() {
    let server = MockServer::start().await;
    Mock::given(path("/metrics")).respond_with(ResponseTemplate::new(503)).mount(&server).await;
    let page = ResponseTemplate::new(200).set_body_string("<html>sk-storm-admin-0123456789</html>");
    Mock::given(path("/ledger")).respond_with(page).mount(&server).await;
    let world = World::new();
    let target = world.start(&world.script(&listens_at(&server), LISTENING, READS)).await.unwrap();
    let told = target.read_metrics(Clock::start()).await.unwrap_err().to_string();
    assert_eq!(told, "`/metrics` answers with status 503");
    let told = target.read_ledger(Correlation::new(7), Clock::start()).await.unwrap_err().to_string();
    assert!(
        told.starts_with("the answer of `/ledger?limit=2` is not what the profile says: it is no JSON"),
        "{told}"
    );
    target.operate(&operation("operate: kill")).await.unwrap();
    let error = target.read_metrics(Clock::start()).await.unwrap_err();
    assert!(matches!(error, ReadingError::NotRunning), "{error}");
    target.stop().await;
    let target = world.start(&world.script(&listens_at(&server), LISTENING, "")).await.unwrap();
    let error = target.read_ledger(Correlation::new(7), Clock::start()).await.unwrap_err();
    assert_eq!(error.to_string(), "the profile of `script` says under `reads:` nothing of `ledger`");
    target.stop().await;
}

pub(crate) async fn what_a_process_uses_is_seen_with_its_children_while_it_runs() {
    let world = World::new();
    let script = "sleep 1000 &\necho listening on 127.0.0.1:1\nwait\n";
    let target = world.start(&world.script(script, LISTENING, "")).await.unwrap();
    let clock = Clock::start();
    let seen = target.process_figures(clock);
    let [seen] = seen.as_slice() else { panic!("one instance: {seen:?}") };
    assert_eq!(seen.instance, 1);
    // The shell and the program that it started.
    assert!(seen.memory > 100_000 && seen.threads >= 2 && seen.descriptors >= 6, "{seen:?}");
    target.operate(&operation("operate: kill")).await.unwrap();
    assert_eq!(target.process_figures(clock), []);
    target.stop().await;
}
