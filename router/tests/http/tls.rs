//! Providers and APIs that are asked over TLS: which certificates are believed, and what becomes of the others.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::CertifiedKey;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::support::*;

/// A server behind TLS, with a certificate that is made on the spot for some names.
struct Secure {
    address: std::net::SocketAddr,
    /// The certificate as a file of authorities, which it vouches for itself.
    ca: PathBuf,
    requests: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

const STREAM: &str =
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"pong\"}}]}\n\ndata: [DONE]\n\n";

impl Secure {
    async fn start(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![cert.der().clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ca = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("ca-{}.pem", address.port()));
        std::fs::write(&ca, pem(cert.der())).unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, counted) = (acceptor.clone(), Arc::clone(&counted));
                connections.spawn(async move {
                    // Whoever does not trust the certificate goes away, which is an error here, too.
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request: Request<Incoming>| {
                        counted.fetch_add(1, Ordering::SeqCst);
                        respond(request)
                    });
                    let server = hyper::server::conn::http1::Builder::new();
                    drop(server.serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        Self { address, ca, requests, server }
    }

    fn asked(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.server.abort();
        std::fs::remove_file(&self.ca).ok();
    }
}

fn pem(certificate: &[u8]) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(certificate))
}

async fn respond(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let is_stream = memchr::memmem::find(&body, b"\"stream\":true").is_some();
    let (kind, text) = match is_stream {
        true => ("text/event-stream", STREAM),
        false => {
            ("application/json", r#"{"object":"chat.completion","choices":[{"message":{"content":"pong"}}]}"#)
        }
    };
    Ok(Response::builder().header("content-type", kind).body(Full::from(text)).unwrap())
}

fn chat(address: std::net::SocketAddr, more: &str) -> ConfigFile {
    ConfigFile::new(&format!(
        "providers:\n  one: {{ dialect: openai, base_url: 'https://{address}/v1', keys: [{{ name: k, secret: s }}]{more} }}\n\
         models:\n  chat: {{ provider: one, retries: 0, timeouts: {{ connect: 2s }} }}\nadmin: {{ secret: boss }}\n"
    ))
}

#[tokio::test]
async fn a_provider_whose_authority_is_named_is_asked_over_tls_plain_and_streamed() {
    let provider = Secure::start(&["127.0.0.1"]).await;
    let config = chat(provider.address, &format!(", ca: '{}'", provider.ca.display()));
    let router = start_router(&config, None).await;
    for _ in 0..3 {
        let got = ask(&router).await;
        assert_eq!((got.status, &got.json()["choices"][0]["message"]["content"]), (200, &"pong".into()));
    }
    let got = send(post(&router, r#"{"model":"chat","stream":true,"messages":[]}"#)).await;
    assert_eq!((got.status, got.body.as_ref()), (200, STREAM.as_bytes()));
    assert_eq!(provider.asked(), 4);
}

#[tokio::test]
async fn an_api_whose_authority_is_named_is_asked_over_tls() {
    let api = Secure::start(&["127.0.0.1"]).await;
    let config = ConfigFile::new(&format!(
        "apis:\n  one: {{ base_url: 'https://{}', ca: '{}' }}\nservices:\n  all: {{ path: /all, pools: [{{ api: one }}] }}\n",
        api.address,
        api.ca.display()
    ));
    let router = start_router(&config, None).await;
    assert_eq!(get(&router, "/all/x").await.json()["object"], "chat.completion");
}

#[tokio::test]
async fn a_certificate_that_is_not_vouched_for_is_a_failed_attempt_and_the_next_provider_is_asked() {
    let stranger = Secure::start(&["127.0.0.1"]).await;
    let elsewhere = Secure::start(&["elsewhere.test"]).await;
    let good = Secure::start(&["127.0.0.1"]).await;
    for (bad, ca) in [
        // Another authority is named, and its own for another name.
        (&stranger, &good.ca),
        (&elsewhere, &elsewhere.ca),
    ] {
        let config = chat(bad.address, &format!(", ca: '{}'", ca.display()));
        let router = start_router(&config, None).await;
        let got = ask(&router).await;
        assert_eq!((got.status, got.error_code().as_str()), (502, "provider_unreachable"));
        assert_eq!(bad.asked(), 0, "nothing is sent to whom nobody vouches for");
        let text = std::fs::read_to_string(&config.0).unwrap();
        let with_fallback = text
            .replace("models:\n", &format!("  two: {{ dialect: openai, base_url: 'https://{}/v1', keys: [{{ name: k, secret: s }}], ca: '{}' }}\nmodels:\n  spare: {{ provider: two }}\n", good.address, good.ca.display()))
            .replace("retries: 0", "retries: 0, fallbacks: [spare]");
        assert_eq!(reload_with(&router, &config, &with_fallback).await.status, 200);
        let got = ask(&router).await;
        assert_eq!((got.status, got.headers["x-router-provider"].to_str().unwrap()), (200, "two"));
    }
}

#[tokio::test]
async fn a_file_of_authorities_that_changes_is_in_force_after_a_reload() {
    let provider = Secure::start(&["127.0.0.1"]).await;
    let other = Secure::start(&["127.0.0.1"]).await;
    let file =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("changing-{}.pem", provider.address.port()));
    std::fs::copy(&other.ca, &file).unwrap();
    let config = chat(provider.address, &format!(", ca: '{}'", file.display()));
    let router = start_router(&config, None).await;
    assert_eq!(ask(&router).await.status, 502);
    std::fs::copy(&provider.ca, &file).unwrap();
    let text = std::fs::read_to_string(&config.0).unwrap();
    assert_eq!(reload_with(&router, &config, &text).await.status, 200);
    assert_eq!(ask(&router).await.status, 200);
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn who_never_answers_in_tls_is_given_up_as_if_there_were_no_connection() {
    // It accepts, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let trusted = Secure::start(&["127.0.0.1"]).await;
    let config = chat(silent.local_addr().unwrap(), &format!(", ca: '{}'", trusted.ca.display()));
    let text = std::fs::read_to_string(&config.0).unwrap().replace("connect: 2s", "connect: 200ms");
    std::fs::write(&config.0, text).unwrap();
    let router = start_router(&config, None).await;
    let begin = Instant::now();
    assert_eq!(ask(&router).await.error_code(), "provider_unreachable");
    assert!(begin.elapsed() >= Duration::from_millis(200), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_a_failed_attempt() {
    let plain = Provider::start(|_| success()).await;
    let trusted = Secure::start(&["127.0.0.1"]).await;
    let config = chat(plain.address, &format!(", ca: '{}'", trusted.ca.display()));
    let router = start_router(&config, None).await;
    assert_eq!(ask(&router).await.error_code(), "provider_unreachable");
    assert_eq!(plain.attempts().len(), 0);
}

/// The router as a process of its own, whose system trusts one file.
struct Process {
    child: Child,
    address: String,
}

impl Process {
    fn start(config: &ConfigFile, trusts: &PathBuf) -> Self {
        let mut child = tied(ROUTER)
            .arg(&config.0)
            .env_clear()
            .env("SSL_CERT_FILE", trusts)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on http://").unwrap_or_default().trim_end().to_owned();
        Self { child, address }
    }

    fn ask(&self) -> String {
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json";
        write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{ASK}", ASK.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    /// Ends it, and gives what it has told.
    fn log(mut self) -> String {
        self.child.kill().unwrap();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone when the test went well.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_file_the_systems_authorities_are_believed_and_a_stranger_is_told_of_in_the_log() {
    let provider = Secure::start(&["127.0.0.1"]).await;
    let stranger = Secure::start(&["127.0.0.1"]).await;
    let config = chat(provider.address, "");
    let process = Process::start(&config, &provider.ca);
    assert_eq!(process.ask(), "HTTP/1.1 200 OK");
    let log = process.log();
    assert_eq!(log, "", "nothing to warn of");
    let process = Process::start(&config, &stranger.ca);
    for _ in 0..2 {
        assert_eq!(process.ask(), "HTTP/1.1 502 Bad Gateway");
    }
    let log = process.log();
    assert!(log.contains("WARN") && log.contains("its certificate cannot be trusted ("), "{log}");
    assert!(log.contains("if an authority of your own has signed it, name that with `ca`"), "{log}");
    assert!(log.contains(&format!("https://{}/v1", provider.address)), "{log}");
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn a_system_without_authorities_is_told_at_the_address_that_needs_them() {
    let nothing = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("no-authorities.pem");
    std::fs::write(&nothing, "").unwrap();
    let process = Process::start(&chat("127.0.0.1:9".parse().unwrap(), ""), &nothing);
    assert_eq!(process.address, "");
    let log = process.log();
    assert!(log.contains(":2:") && log.contains("this system has no certificates of authorities"), "{log}");
}
