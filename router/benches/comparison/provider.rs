//! The provider behind everything that is compared: it reads a request and writes an answer that is always the same.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;
use tokio::runtime::Builder;
use tokio::time::{Sleep, sleep};

/// The header with which a request asks for a stream, and how long that goes on behind its first events.
pub(crate) const STREAM: &str = "x-stream-millis";

/// Serves to the end of the process, on a thread of its own.
pub(crate) fn start() -> Result<SocketAddr, Box<dyn Error>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build();
        if let Err(error) = runtime.and_then(|runtime| runtime.block_on(serve(&sender))) {
            eprintln!("the provider ended: {error}");
        }
    });
    Ok(receiver.recv()?)
}

async fn serve(ready: &mpsc::Sender<SocketAddr>) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let listener = socket.listen(4_096)?;
    // The other side waits for it, unless it is being ended.
    ready.send(listener.local_addr()?).ok();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Either<Full<Bytes>, Events>>, hyper::Error> {
    let (head, body) = request.into_parts();
    body.collect().await?;
    let millis = head.headers.get(STREAM).and_then(|value| value.to_str().ok()?.parse().ok());
    let (kind, body) = match millis {
        None => ("application/json", Either::Left(Full::new(Bytes::from_static(ANSWER.as_bytes())))),
        Some(millis) => {
            let rest = Box::pin(sleep(Duration::from_millis(millis)));
            ("text/event-stream", Either::Right(Events { begun: false, rest: Some(rest) }))
        }
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in LIMITS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

const ANSWER: &str = r#"{"id":"chatcmpl-9z8y7x6w5v","object":"chat.completion","created":1760000000,"model":"chat","choices":[{"index":0,"message":{"role":"assistant","content":"The answer is that a router should add as little as it can to what a provider takes by itself, since every request pays for it: the time until the first word, the time between words, and the machines on which it runs. Whoever measures that should do so beside something that is known, on the same machine and in the same minute, and should say what was measured, since numbers from different machines tell little about each other.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":212,"completion_tokens":90,"total_tokens":302,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}},"service_tier":"default","system_fingerprint":"fp_0123456789"}"#;

/// What a provider says of its limits in each answer.
const LIMITS: [(&str, &str); 5] = [
    ("x-request-id", "req_0123456789abcdef"),
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-reset-requests", "6ms"),
    ("openai-processing-ms", "12"),
];

/// A role and a word at once, and the end later.
struct Events {
    begun: bool,
    rest: Option<Pin<Box<Sleep>>>,
}

const BEGINNING: &str = concat!(
    r#"data: {"id":"chatcmpl-9z8y7x6w5v","object":"chat.completion.chunk","created":1760000000,"model":"chat","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-9z8y7x6w5v","object":"chat.completion.chunk","created":1760000000,"model":"chat","choices":[{"index":0,"delta":{"content":"word"},"finish_reason":null}]}"#,
    "\n\n"
);
const END: &str = concat!(
    r#"data: {"id":"chatcmpl-9z8y7x6w5v","object":"chat.completion.chunk","created":1760000000,"model":"chat","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "\n\ndata: [DONE]\n\n"
);

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame =
            |text: &'static str| Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(text.as_bytes())))));
        if !std::mem::replace(&mut self.begun, true) {
            return frame(BEGINNING);
        }
        let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
        ready!(rest.as_mut().poll(cx));
        self.rest = None;
        frame(END)
    }
}
