//! Health checks: how many at once, with whose key, and on nobody's account.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::*;

/// A provider of many names that answers a check only when the test lets it, and counts those that wait.
struct Held {
    address: std::net::SocketAddr,
    waiting: Arc<AtomicUsize>,
    let_go: Arc<Semaphore>,
    _server: JoinSet<()>,
}

impl Held {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (waiting, let_go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let mut server = JoinSet::new();
        let (seen, gate) = (Arc::clone(&waiting), Arc::clone(&let_go));
        server.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (seen, gate) = (Arc::clone(&seen), Arc::clone(&gate));
                let service = service_fn(move |_| {
                    let (seen, gate) = (Arc::clone(&seen), Arc::clone(&gate));
                    async move {
                        seen.fetch_add(1, Ordering::SeqCst);
                        gate.acquire().await.unwrap().forget();
                        Ok::<_, hyper::Error>(http::Response::new(Full::<bytes::Bytes>::from("{}")))
                    }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                connections.spawn(async move {
                    drop(connection.serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        Self { address, waiting, let_go, _server: server }
    }

    async fn has_seen(&self, count: usize) {
        let seen = async {
            while self.waiting.load(Ordering::SeqCst) < count {
                tokio::task::yield_now().await;
            }
        };
        timeout(SOON, seen).await.expect("so many checks come");
    }
}

fn many_providers(held: &Held) -> ConfigFile {
    let one = |number: usize| {
        format!(
            "  p{number}: {{ dialect: openai, base_url: 'http://{}/v1', keys: [{{ name: k, secret: sk-{number} }}] }}\n",
            held.address
        )
    };
    let providers: String = (0..10).map(one).collect();
    ConfigFile::new(&format!("providers:\n{providers}models: {{}}\nhealth: {{ every: 60s }}\n"))
}

#[tokio::test]
async fn a_few_providers_are_checked_at_once_but_with_the_defect() {
    let held = Held::start().await;
    let _router = start_router(&many_providers(&held), None).await;
    for done in 0..=4 {
        // Each pair waits alone: the next check comes only when one has been let go.
        held.has_seen(2 + done).await;
        assert_eq!(held.waiting.load(Ordering::SeqCst), 2 + done);
        held.let_go.add_permits(1);
    }
    let held = Held::start().await;
    let _router = start_router(&many_providers(&held), Some("checks-everything-at-once")).await;
    held.has_seen(10).await;
}

#[tokio::test]
async fn checks_go_on_and_are_no_use_of_any_tenant() {
    let provider = Provider::start(|_| answer(200, &[], r#"{"data":[],"choices":[{}]}"#)).await;
    let down = Provider::start(|_| answer(500, &[], "")).await;
    let text = format!(
        "providers:\n  up: {{ dialect: openai, base_url: 'http://{}/v1', keys: [{{ name: a, secret: sk-1 }}, {{ name: b, secret: sk-2 }}] }}\n  \
         down: {{ dialect: anthropic, base_url: 'http://{}', keys: [{{ name: c, secret: sk-3 }}] }}\n\
         models:\n  chat: {{ provider: up }}\nadmin: {{ secret: boss }}\nhealth: {{ every: 20ms }}\n\
         tenants: {{ acme: {{ keys: [acme-1] }} }}\n",
        provider.address, down.address
    );
    let config = ConfigFile::new(&text);
    let router = start_router(&config, None).await;
    let checked = async {
        while provider.attempts().len() < 3 || down.attempts().len() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, checked).await.unwrap();
    assert!(provider.attempts().iter().all(|check| check.path == "/v1/models" && check.key() == "sk-1"));
    assert!(
        down.attempts()
            .iter()
            .all(|check| check.path == "/v1/models" && check.headers.contains_key("anthropic-version"))
    );
    let status = operate(&router, "GET", "/admin/status", "boss").await.json();
    let up = |pool: &serde_json::Value| pool["health"]["up"].as_bool();
    assert_eq!((up(&status["pools"][0]), up(&status["pools"][1])), (Some(false), Some(true)));
    assert!(ledger(&router, "").await["rows"].as_array().unwrap().is_empty());
    let metrics = get(&router, "/metrics").await.body;
    assert!(
        String::from_utf8_lossy(&metrics)
            .contains("router_attempts_total{provider=\"up\",key=\"a\",status=\"2xx\"} 0")
    );
    let chats = |keys: Vec<Attempt>| {
        keys.into_iter()
            .filter(|a| a.path.ends_with("completions"))
            .map(|a| a.key().to_owned())
            .collect::<Vec<_>>()
    };
    for _ in 0..2 {
        send(post_as(&router, "/v1/chat/completions", "acme-1", ASK)).await;
    }
    assert_eq!(chats(provider.attempts()), ["sk-1", "sk-2"], "the rotation began where it would have");
    // Without the setting they end.
    let silent = text.replace("health: { every: 20ms }\n", "");
    assert_eq!(reload_with(&router, &config, &silent).await.status, 200);
    let before = provider.attempts().len();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(provider.attempts().len() <= before + 1, "one check may have been under way");
}
