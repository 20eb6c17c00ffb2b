//! The control API's server: small requests from this machine, each on a connection of its own.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::upstreams::routes::{Answer, answer};
use crate::upstreams::serving::Serving;

/// A longer body is none that this API asks for; it asks for none at all.
const LONGEST_BODY: usize = 16 * 1024;
/// A longer head is no request of a person.
const LONGEST_HEAD: usize = 16 * 1024;
/// So many requests are served at once; more wait.
const AT_ONCE: usize = 32;
/// A request that is not over by then is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long accepting pauses after the machine refused it.
const AFTER_REFUSAL: Duration = Duration::from_millis(20);

/// Serves the control API until the task ends.
pub(crate) async fn serve(listener: TcpListener, serving: Arc<Serving>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            sleep(AFTER_REFUSAL).await;
            continue;
        };
        let serving = Arc::clone(&serving);
        tokio::spawn(async move {
            // Whoever is too slow has not answered anybody else.
            drop(timeout(PATIENCE, converse(stream, &serving)).await);
            drop(place);
        });
    }
}

async fn converse(stream: TcpStream, serving: &Serving) {
    let service =
        service_fn(|request| async { Ok::<_, Infallible>(written(&reply(serving, request).await)) });
    let mut server = http1::Builder::new();
    server.keep_alive(false).max_buf_size(LONGEST_HEAD);
    // A caller that has gone away wants no more.
    drop(server.serve_connection(TokioIo::new(stream), service).await);
}

async fn reply(serving: &Serving, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    if let Some(refused) = stranger(&head.uri, &head.headers) {
        return refused;
    }
    if Limited::new(body, LONGEST_BODY).collect().await.is_err() {
        return Answer::refused(StatusCode::PAYLOAD_TOO_LARGE, "nothing here takes such a body", None);
    }
    answer(serving, &head.method, head.uri.path(), head.uri.query().unwrap_or_default())
}

/// Refuses what a page in a browser sends in its user's name: by a name that leads here, or from another site.
fn stranger(uri: &Uri, headers: &HeaderMap) -> Option<Answer> {
    let refused = |error: &str| Some(Answer::refused(StatusCode::FORBIDDEN, error, None));
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(HOST).unwrap_or_default();
    if !host.parse().is_ok_and(|host| is_loopback(&host))
        || uri.authority().is_some_and(|host| !is_loopback(host))
    {
        return refused("the host that was asked for is not loopback");
    }
    let is_near = |origin: Uri| origin.authority().is_some_and(is_loopback);
    match text(ORIGIN) {
        Some(origin) if !origin.parse().is_ok_and(is_near) => {
            refused("the page that asks is not from loopback")
        }
        _ => None,
    }
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn written(answer: &Answer) -> Response<Full<Bytes>> {
    let mut body = serde_json::to_string_pretty(&answer.body).unwrap_or_default();
    body.push('\n');
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(allow) = answer.allow {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(host: Option<&'static str>, origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        host.map(|host| headers.insert(HOST, HeaderValue::from_static(host)));
        origin.map(|origin| headers.insert(ORIGIN, HeaderValue::from_static(origin)));
        stranger(&Uri::from_static("/"), &headers).is_some()
    }

    #[test]
    fn only_who_asks_for_loopback_is_answered() {
        for host in
            ["127.0.0.1:9000", "127.0.0.1", "localhost:9000", "LOCALHOST", "[::1]:9000", "127.8.0.1:1"]
        {
            assert!(!refused(Some(host), None), "{host}");
        }
        for host in ["evil.example:9000", "127.0.0.1.evil.example", "localhost.evil", "10.0.0.1", "", "a b"] {
            assert!(refused(Some(host), None), "{host}");
        }
        assert!(refused(None, None));
    }

    #[test]
    fn a_page_from_elsewhere_is_not_answered() {
        for (origin, expected) in [
            ("http://localhost:3000", false),
            ("http://127.0.0.1:9000", false),
            ("https://evil.example", true),
            ("null", true),
            ("", true),
        ] {
            assert_eq!(refused(Some("127.0.0.1:9000"), Some(origin)), expected, "{origin}");
        }
    }

    #[test]
    fn an_address_in_the_request_s_line_counts_too() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("127.0.0.1"));
        assert!(stranger(&Uri::from_static("http://evil.example/"), &headers).is_some());
        assert!(stranger(&Uri::from_static("http://127.0.0.1:9000/"), &headers).is_none());
    }
}
