//! One connection: its requests are answered one after the other, and who does not get to the end of one is not waited for.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::answer::ApiError;
use super::relay::ResponseBody;
use super::service::{Service, dialect_of};
use crate::upkeep::InForce;

/// What is read beyond the limits, so that who exceeds them is told so in its own dialect. Beyond it the HTTP code refuses
/// by itself, with no body.
const SPARE_HEADERS: usize = 28;
const SPARE_BYTES: usize = 16 * 1024;
/// How long a client may take to take in that it was too slow.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves a connection to its end. Once `stop` turns true, it is that of the exchange under way.
pub(super) async fn serve_connection(
    stream: TcpStream,
    in_force: Arc<InForce>,
    mut stop: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off the delay of small packets");
    }
    let limits = in_force.service().limits;
    let stopping = stop.clone();
    let answer = service_fn(move |request| {
        let stopping = *stopping.borrow();
        let (service, in_force) = (in_force.service(), Arc::clone(&in_force));
        // Boxed, so that a connection holds the room for it no longer than until the answer begins.
        Box::pin(
            async move { Result::<_, Infallible>::Ok(answered(service, request, stopping, in_force).await) },
        )
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_within)
        .max_headers(limits.headers + SPARE_HEADERS)
        .max_buf_size(limits.head + SPARE_BYTES)
        .serve_connection(TokioIo::new(stream), answer);
    let before_the_stop = tokio::select! {
        ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => Some(ended),
        () = asked_to(&mut stop) => None,
    };
    let ended = match before_the_stop {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    if let Err(error) = ended {
        tracing::debug!(%error, "connection broken off");
        // Of an idle connection nothing has come, and nobody waits for an answer.
        if error.is_timeout() && !parts.read_buf.is_empty() {
            refuse_slow_head(&mut stream, &parts.read_buf).await;
        }
    }
    // It may be closed already.
    drop(stream.shutdown().await);
}

/// The answer to one request, for which nothing is done any more once its client has left.
async fn answered(
    service: Arc<Service>,
    request: Request<Incoming>,
    stopping: bool,
    in_force: Arc<InForce>,
) -> Response<ResponseBody> {
    if !service.policies().border.goes_on_alone() {
        return service.answer(request, stopping, &in_force).await;
    }
    let alone = tokio::spawn(async move { service.answer(request, stopping, &in_force).await });
    alone.await.expect("an answer is made without a panic")
}

/// Returns when a stop is asked for, or when nobody is left to ask for one.
pub(super) async fn asked_to(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// Answers a head that never came to its end, in the dialect of the path that it begins with.
async fn refuse_slow_head(stream: &mut TcpStream, begun: &[u8]) {
    let line = begun.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let path = line.split(|byte| *byte == b' ').nth(1).and_then(|path| std::str::from_utf8(path).ok());
    let path = path.unwrap_or_default().split('?').next().unwrap_or_default();
    let (head, body) = ApiError::head_too_slow().into_response(dialect_of(path)).into_parts();
    let Ok(body) = body.collect().await else { return };
    let body = body.to_bytes();
    let mut answer =
        format!("HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: {}\r\n", head.status, body.len());
    for (name, value) in &head.headers {
        answer.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
    }
    let answer = [answer.as_bytes(), b"\r\n", &body].concat();
    // A client that does not take it in is left as it is.
    drop(timeout(FAREWELL, stream.write_all(&answer)).await);
}
