//! A world for one test: a provider on loopback whose answers the test gives, and the router in front of it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use router::{Environment, Router, ServeOptions, start};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

/// Nothing here takes longer unless it hangs.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// What the provider saw of one attempt.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Attempt {
    /// The key that came, without its scheme.
    pub(crate) fn key(&self) -> &str {
        match self.headers.get("authorization") {
            Some(value) => value.to_str().unwrap().strip_prefix("Bearer ").unwrap(),
            None => {
                let header = self.headers.get("x-api-key").or(self.headers.get("x-goog-api-key"));
                header.unwrap().to_str().unwrap()
            }
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// An answer of the provider: whole, or frame by frame as the test sends it.
pub(crate) enum AnswerBody {
    Whole(Full<Bytes>),
    Frames(mpsc::Receiver<Result<Bytes, std::io::Error>>),
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Self::Frames(frames) => {
                frames.poll_recv(cx).map(|frame| frame.map(|frame| frame.map(Frame::data)))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Frames(_) => SizeHint::default(),
        }
    }
}

pub(crate) type Answer = Response<AnswerBody>;

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut builder = Response::builder().status(status).header("content-type", "application/json");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(AnswerBody::Whole(Full::from(body.to_owned()))).unwrap()
}

pub(crate) fn limited(seconds: u32) -> Answer {
    let body =
        r#"{"error":{"message":"slow","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}"#;
    answer(429, &[("retry-after", &seconds.to_string())], body)
}

pub(crate) fn success() -> Answer {
    answer(200, &[], r#"{"object":"chat.completion","choices":[{"message":{"content":null}}]}"#)
}

/// A whole event stream at once.
pub(crate) fn stream(text: &str) -> Answer {
    let body = AnswerBody::Whole(Full::from(text.to_owned()));
    Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
}

/// A stream whose frames the test sends.
pub(crate) fn frames() -> (Frames, Answer) {
    let (sender, frames) = mpsc::channel(1);
    let answer = Response::builder().header("content-type", "text/event-stream");
    (sender, answer.body(AnswerBody::Frames(frames)).unwrap())
}

pub(crate) type Frames = mpsc::Sender<Result<Bytes, std::io::Error>>;

/// A simulated provider; dropping it closes every connection.
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    attempts: Arc<Mutex<Vec<Attempt>>>,
    server: JoinHandle<()>,
}

impl Provider {
    /// `reply` is asked once for each attempt, in order of arrival.
    pub(crate) async fn start(reply: impl FnMut(&Attempt) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let attempts = Arc::new(Mutex::new(Vec::new()));
        let reply = Arc::new(Mutex::new(reply));
        let seen = Arc::clone(&attempts);
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (reply, seen) = (Arc::clone(&reply), Arc::clone(&seen));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (reply, seen) = (Arc::clone(&reply), Arc::clone(&seen));
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await?.to_bytes();
                        let path = head.uri.path().to_owned();
                        let query = head.uri.query().unwrap_or_default().to_owned();
                        let attempt = Attempt { path, query, headers: head.headers, body };
                        let answer = (*reply.lock().unwrap())(&attempt);
                        seen.lock().unwrap().push(attempt);
                        Ok::<_, hyper::Error>(answer)
                    }
                });
                connections.spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { address, attempts, server }
    }

    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().unwrap().clone()
    }

    /// The keys seen so far, in order.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.attempts.lock().unwrap().iter().map(|attempt| attempt.key().to_owned()).collect()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// An environment of the test's own.
#[derive(Default)]
pub(crate) struct Variables(pub(crate) BTreeMap<String, String>);

impl Environment for Variables {
    fn value(&self, name: &str) -> Option<OsString> {
        self.0.get(name).map(OsString::from)
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// A configuration file that is gone when the test is over. What routers keep beside it goes with a later run of the tests,
/// since a router may well outlive the value that it was started with.
pub(crate) struct ConfigFile(pub(crate) PathBuf);

impl ConfigFile {
    pub(crate) fn new(text: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("router-{}.yaml", COUNT.fetch_add(1, Ordering::Relaxed));
        let path = own_folder().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    /// The ledger that a router keeps beside it.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.0.with_extension("ledger.db")
    }

    /// One provider with `keys` keys, and the model `chat` with further settings.
    pub(crate) fn with_keys(provider: SocketAddr, keys: usize, model: &str) -> Self {
        let keys: Vec<String> =
            (1..=keys).map(|number| format!("{{ name: k{number}, secret: sk-{number} }}")).collect();
        Self::new(&format!(
            "providers:\n  openai:\n    dialect: openai\n    base_url: http://{provider}/v1\n    keys: [{}]\n\
             models:\n  chat: {{ provider: openai{model} }}\n",
            keys.join(", ")
        ))
    }
}

impl Drop for ConfigFile {
    fn drop(&mut self) {
        // A file that is left behind is only untidy.
        std::fs::remove_file(&self.0).ok();
    }
}

/// The folder of this process. Those of processes that have ended are removed.
fn own_folder() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let all = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("routers");
        let own = all.join(std::process::id().to_string());
        for entry in std::fs::read_dir(&all).into_iter().flatten().flatten() {
            if entry.path() == own || !Path::new("/proc").join(entry.file_name()).exists() {
                std::fs::remove_dir_all(entry.path()).ok();
            }
        }
        std::fs::create_dir_all(&own).unwrap();
        own
    });
    &FOLDER
}

pub(crate) async fn start_router(config: &ConfigFile, defect: Option<&str>) -> Router {
    let options = ServeOptions { config: config.0.clone(), listen: None, defect: defect.map(str::to_owned) };
    start(&options, Variables::default()).await.unwrap()
}

pub(crate) fn client() -> Client<hyper_util::client::legacy::connect::HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

/// What the client got, read whole.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn error_code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

pub(crate) fn post(router: &Router, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let uri = format!("http://{}/v1/chat/completions", router.address());
    Request::post(uri).header("content-type", "application/json").body(Full::new(body.into())).unwrap()
}

pub(crate) async fn send(request: Request<Full<Bytes>>) -> Got {
    tokio::time::timeout(SOON, async {
        let response = client().request(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Got { status: head.status.as_u16(), headers: head.headers, body }
    })
    .await
    .unwrap()
}

pub(crate) const ASK: &str = r#"{"model":"chat","messages":[]}"#;

pub(crate) async fn ask(router: &Router) -> Got {
    send(post(router, ASK)).await
}

/// A request to a path with a bearer key.
pub(crate) fn post_as(router: &Router, path: &str, key: &str, body: &str) -> Request<Full<Bytes>> {
    let uri = format!("http://{}{path}", router.address());
    let request = Request::post(uri).header("authorization", format!("Bearer {key}"));
    request.body(Full::from(body.to_owned())).unwrap()
}

/// The ledger's rows, by the admin's key.
pub(crate) async fn ledger(router: &Router, query: &str) -> Value {
    let uri = format!("http://{}/admin/ledger{query}", router.address());
    let request = Request::get(uri).header("authorization", "Bearer boss");
    let got = send(request.body(Full::default()).unwrap()).await;
    assert_eq!(got.status, 200, "{got:?}");
    got.json()
}

/// The ledger's rows as soon as there are so many.
pub(crate) async fn rows(router: &Router, count: usize) -> Vec<Value> {
    tokio::time::timeout(SOON, async {
        loop {
            let page = ledger(router, "").await;
            let rows = page["rows"].as_array().unwrap();
            assert!(rows.len() <= count, "{rows:?}");
            if rows.len() == count {
                return rows.clone();
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap()
}

/// A request with a bearer key to one of the operator's paths.
pub(crate) async fn operate(router: &Router, method: &str, path: &str, key: &str) -> Got {
    let uri = format!("http://{}{path}", router.address());
    let request = Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {key}"));
    send(request.body(Full::default()).unwrap()).await
}

/// The router reads its file again, which now holds this.
pub(crate) async fn reload_with(router: &Router, config: &ConfigFile, text: &str) -> Got {
    std::fs::write(&config.0, text).unwrap();
    operate(router, "POST", "/admin/reload", "boss").await
}

pub(crate) async fn get(router: &Router, path: &str) -> Got {
    let uri = format!("http://{}{path}", router.address());
    send(Request::get(uri).body(Full::default()).unwrap()).await
}

/// The router as a process, killed when the test is over.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn start(config: &ConfigFile, log: &str) -> Self {
        Self::of(tied(ROUTER).arg(&config.0), log)
    }

    /// The same by a command that becomes the router.
    pub(crate) fn of(command: &mut Command, log: &str) -> Self {
        let command = command.env_clear().env("ROUTER_LOG", log);
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Where it listens, as soon as it does, and what else it prints.
    pub(crate) fn listening(&mut self) -> (String, BufReader<ChildStdout>) {
        let mut output = BufReader::new(self.0.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on http://").expect(&line).trim_end().to_owned();
        (address, output)
    }

    /// What it complains of before it ends by itself.
    pub(crate) fn complaint(mut self) -> String {
        let mut complaint = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        assert_eq!(self.0.wait().unwrap().code(), Some(2), "{complaint}");
        complaint
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone when the test went well.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A command that becomes this program, which ends with the thread that started it: a test run that is killed leaves nothing
/// behind. `setpriv` belongs to the package that `prlimit` is in.
pub(crate) fn tied(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]);
    command
}

/// The program around the router.
pub(crate) const ROUTER: &str = env!("CARGO_BIN_EXE_router-under-test");
