//! Paths beside the chat, hostile clients, starting and stopping.

use std::io::{BufRead, BufReader, Read};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn health_and_models_ask_no_provider() {
    let provider = Provider::start(|_| success()).await;
    let config = ConfigFile::with_keys(provider.address, 1, ", model: gpt-4o-mini");
    let router = start_router(&config, None).await;
    for path in ["/health/liveness", "/health/readiness"] {
        assert_eq!(get(&router, path).await.status, 200, "{path}");
    }
    let models = get(&router, "/v1/models").await.json();
    assert_eq!(models["data"][0]["id"], "chat");
    assert_eq!(models["data"][0]["owned_by"], "openai");
    assert_eq!(models["data"].as_array().unwrap().len(), 1);
    assert_eq!(provider.keys().len(), 0);
}

#[tokio::test]
async fn a_request_that_cannot_work_is_refused_in_the_callers_dialect() {
    let provider = Provider::start(|_| success()).await;
    let config = ConfigFile::with_keys(provider.address, 1, "");
    let router = start_router(&config, None).await;
    let unknown_path = get(&router, "/v2/nothing").await;
    let unknown_model = send(post(&router, r#"{"model":"nope"}"#)).await;
    let bad_json = send(post(&router, "{")).await;
    let too_large = send(post(&router, vec![b' '; 32 * 1024 * 1024 + 1])).await;
    let cases = [
        (unknown_path, 404, "unknown_path"),
        (unknown_model, 404, "model_not_found"),
        (bad_json, 400, "invalid_json"),
        (too_large, 413, "request_too_large"),
    ];
    for (got, status, code) in cases {
        assert_eq!((got.status, got.error_code().as_str()), (status, code));
        assert_eq!(got.headers["content-type"], "application/json");
        let error = &got.json()["error"];
        assert!(
            !error["message"].as_str().unwrap().is_empty() && !error["type"].as_str().unwrap().is_empty()
        );
    }
    assert_eq!(provider.keys().len(), 0);
}

#[tokio::test]
async fn an_endless_head_is_refused_and_the_router_stays_alive() {
    let provider = Provider::start(|_| success()).await;
    let config = ConfigFile::with_keys(provider.address, 1, "");
    let router = start_router(&config, None).await;
    let mut stream = TcpStream::connect(router.address()).await.unwrap();
    stream.write_all(b"GET /health/liveness HTTP/1.1\r\nx: ").await.unwrap();
    let filler = [b'a'; 8192];
    let refused = timeout(SOON, async {
        // Writing fails once the router has closed the connection.
        while stream.write_all(&filler).await.is_ok() {}
    });
    refused.await.expect("the router stops reading");
    assert_eq!(get(&router, "/health/liveness").await.status, 200);
}

#[tokio::test]
async fn stopping_lets_an_open_exchange_finish_and_accepts_no_other() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (arrived, mut arrival) = tokio::sync::mpsc::unbounded_channel();
    let provider = Provider::start(move |_| {
        arrived.send(()).unwrap();
        // Held on the provider's own thread below until the test lets go.
        tokio::task::block_in_place(|| released.recv_timeout(SOON).unwrap());
        success()
    });
    // The blocking reply needs a thread of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let provider = runtime.spawn(provider).await.unwrap();
    let config = ConfigFile::with_keys(provider.address, 1, "");
    let router = start_router(&config, None).await;
    let address = router.address();
    let asked = tokio::spawn(send(post(&router, ASK)));
    timeout(SOON, arrival.recv()).await.unwrap().unwrap();
    let stopped = tokio::spawn(router.stop());
    let refused = timeout(SOON, async { while TcpStream::connect(address).await.is_ok() {} }).await;
    refused.expect("new connections are refused");
    assert!(!stopped.is_finished(), "the open exchange is waited for");
    release.send(()).unwrap();
    assert_eq!(timeout(SOON, asked).await.unwrap().unwrap().status, 200);
    timeout(SOON, stopped).await.unwrap().unwrap().unwrap();
    drop(provider);
    runtime.shutdown_background();
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_the_stop() {
    let provider = Provider::start(|_| success()).await;
    let config = ConfigFile::with_keys(provider.address, 1, "");
    let router = start_router(&config, None).await;
    let mut idle = TcpStream::connect(router.address()).await.unwrap();
    idle.write_all(b"GET /health/liveness HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut buffer = [0; 1024];
    assert!(timeout(SOON, idle.read(&mut buffer)).await.unwrap().unwrap() > 0);
    let begin = Instant::now();
    router.stop().await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[test]
fn as_a_process_it_says_where_it_listens_and_ends_in_order_when_asked() {
    for signal in ["-TERM", "-INT"] {
        let config = ConfigFile::with_keys("127.0.0.1:9".parse().unwrap(), 1, ", retries: 0");
        let mut process = Process::start(&config, "trace");
        let (address, mut output) = process.listening();
        assert_eq!(post_raw(&address), "HTTP/1.1 502 Bad Gateway");
        let pid = process.0.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        assert_eq!(process.0.wait().unwrap().code(), Some(0), "{signal}");
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "one line on the standard output");
        let mut log = String::new();
        process.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(log.contains("attempt failed"), "{log}");
        assert!(!log.contains("sk-1"), "no key in the log: {log}");
    }
}

#[test]
fn as_a_process_it_reads_its_file_again_at_a_hang_up_and_keeps_the_old_one_when_that_is_wrong() {
    let config = ConfigFile::new("models: {}\n");
    let mut process = Process::start(&config, "info");
    let mut log = BufReader::new(process.0.stderr.take().unwrap());
    let (address, _output) = process.listening();
    assert_eq!(post_raw(&address), "HTTP/1.1 404 Not Found");
    let pid = process.0.id().to_string();
    let keyless = "providers: { p: { dialect: openai, base_url: 'http://127.0.0.1:9', keys: [] } }\nmodels: { chat: { provider: p } }\n";
    for (text, logged, status) in [
        (keyless, "are in force", "HTTP/1.1 503 Service Unavailable"),
        ("models: [", "stay as they were", "HTTP/1.1 503 Service Unavailable"),
    ] {
        std::fs::write(&config.0, text).unwrap();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
        let mut lines = String::new();
        while !lines.contains(logged) {
            assert!(log.read_line(&mut lines).unwrap() > 0, "{lines}");
        }
        assert_eq!(lines.contains("no key: `keys` is empty"), text == keyless, "{lines}");
        assert_eq!(post_raw(&address), status);
    }
}

#[test]
fn as_a_process_it_refuses_a_wrong_configuration_and_says_where() {
    let config = ConfigFile::new("providers: {}\nmodels:\n  chat: { provider: p }\n");
    let complaint = Process::start(&config, "warn").complaint();
    assert!(complaint.contains(":3:21: model `chat` names the unknown provider `p`"), "{complaint}");
}

#[test]
fn as_a_process_it_refuses_a_log_level_that_it_cannot_read() {
    let config = ConfigFile::with_keys("127.0.0.1:9".parse().unwrap(), 1, "");
    let complaint = Process::start(&config, "router=loud").complaint();
    assert!(complaint.contains("`ROUTER_LOG` cannot be read: write a level"), "{complaint}");
}

/// The status line of the answer to one request.
fn post_raw(address: &str) -> String {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-1\r\ncontent-length: {}\r\n\r\n{ASK}",
        ASK.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[tokio::test]
async fn a_host_that_does_not_take_connections_is_given_up_when_the_settings_say() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Nobody accepts, so the system takes a few connections and then no more.
    let mut taken = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        taken.push(stream.unwrap());
        assert!(taken.len() < 100, "the system takes no more than it was told to");
    }
    let config = ConfigFile::with_keys(address, 1, ", retries: 0, timeouts: { connect: 150ms }");
    let router = start_router(&config, None).await;
    let begin = Instant::now();
    assert_eq!(ask(&router).await.error_code(), "provider_unreachable");
    assert!(begin.elapsed() >= Duration::from_millis(150) && begin.elapsed() < Duration::from_secs(2));
}
