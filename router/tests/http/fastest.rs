//! The strategy `lowest_latency`: keys of one provider, and several providers of one model.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::support::*;

/// A provider that takes its time by the key with which it is asked.
struct Uneven {
    address: std::net::SocketAddr,
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
    server: JoinHandle<()>,
}

impl Uneven {
    async fn start(takes: &'static [(&'static str, u64)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let counted = Arc::clone(&asked);
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let counted = Arc::clone(&counted);
                let service = service_fn(move |request: Request<Incoming>| {
                    let counted = Arc::clone(&counted);
                    async move {
                        let key = request.headers()["authorization"].to_str().unwrap().replace("Bearer ", "");
                        request.into_body().collect().await?;
                        let (_, millis) = takes.iter().find(|(known, _)| *known == key).unwrap();
                        *counted.lock().unwrap().entry(key).or_default() += 1;
                        tokio::time::sleep(Duration::from_millis(*millis)).await;
                        let text =
                            r#"{"object":"chat.completion","choices":[{"message":{"content":"pong"}}]}"#;
                        Ok::<_, hyper::Error>(Response::new(Full::<Bytes>::from(text)))
                    }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                connections.spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, asked, server }
    }

    fn asked(&self, key: &str) -> usize {
        self.asked.lock().unwrap().get(key).copied().unwrap_or_default()
    }
}

impl Drop for Uneven {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[tokio::test]
async fn the_key_that_answers_fastest_is_preferred() {
    let provider = Uneven::start(&[("slow", 150), ("fast", 1), ("slower", 300)]).await;
    let keys = "[{ name: a, secret: slow }, { name: b, secret: fast }, { name: c, secret: slower }]";
    let config = ConfigFile::new(&format!(
        "providers:\n  one: {{ dialect: openai, base_url: 'http://{}/v1', keys: {keys} }}\nmodels:\n  \
         chat: {{ provider: one, strategy: lowest_latency }}\n",
        provider.address
    ));
    let router = start_router(&config, None).await;
    for _ in 0..60 {
        assert_eq!(ask(&router).await.status, 200);
    }
    assert!(provider.asked("fast") >= 45, "{:?}", provider.asked.lock().unwrap());
}

#[tokio::test]
async fn the_provider_that_answers_fastest_is_asked_first_and_one_that_is_away_last() {
    let (slow, fast) = (Uneven::start(&[("k", 150)]).await, Uneven::start(&[("k", 1)]).await);
    let provider = |name: &str, address: String| {
        format!(
            "  {name}: {{ dialect: openai, base_url: 'http://{address}/v1', keys: [{{ name: k, secret: k }}] }}\n"
        )
    };
    let gone = { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() };
    let config = ConfigFile::new(&format!(
        "providers:\n{}{}{}models:\n  chat: {{ strategy: lowest_latency, retries: 0, pools: [{{ provider: gone }}, {{ provider: slow \
         }}, {{ provider: fast }}] }}\n",
        provider("gone", gone.to_string()),
        provider("slow", slow.address.to_string()),
        provider("fast", fast.address.to_string()),
    ));
    let router = start_router(&config, None).await;
    for _ in 0..60 {
        assert_eq!(ask(&router).await.status, 200);
    }
    assert!(fast.asked("k") >= 45, "{} of 60", fast.asked("k"));
    assert_eq!(fast.asked("k") + slow.asked("k"), 60, "each was answered once");
}
