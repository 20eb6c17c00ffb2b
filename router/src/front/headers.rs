//! Which headers pass through the router, in each direction.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};

use crate::settings::RequestLimits;

/// Headers about one connection, which end where the connection ends, and those that HTTP code sets anew.
const OF_ONE_CONNECTION: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// What a header's name may hold that carries a credential. The caller's credentials are for this router alone.
const CREDENTIAL_WORDS: [&str; 6] = ["auth", "api-key", "apikey", "cookie", "secret", "token"];

/// Looks for all of them in one pass.
static CREDENTIAL: LazyLock<AhoCorasick> =
    LazyLock::new(|| AhoCorasick::new(CREDENTIAL_WORDS).expect("six words are searched for at once"));

/// Headers that would choose whose account pays.
const ACCOUNT: [&str; 3] = ["anthropic-organization-id", "openai-organization", "openai-project"];

/// Headers with which a client speaks to this router alone.
const TO_THE_ROUTER: &str = "x-router-";

/// What a provider of another dialect understands of a caller's headers.
const OF_ANY_DIALECT: [&str; 4] = ["idempotency-key", "traceparent", "tracestate", "x-client-request-id"];

/// What a provider tells of the limits of our account, which are not the caller's.
const LIMITS: [&str; 2] = ["anthropic-ratelimit-", "x-ratelimit-"];

/// Whether a request's line and its headers are within the limits.
pub(super) fn head_fits<B>(request: &Request<B>, limits: RequestLimits) -> bool {
    // What stands between the parts of a line, and at its end.
    const BETWEEN: usize = 4;
    let headers = request.headers();
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let line = request.method().as_str().len() + target + "HTTP/1.1".len() + BETWEEN;
    let fields = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + BETWEEN);
    headers.len() <= limits.headers && line + fields.sum::<usize>() <= limits.head
}

/// The caller's headers as a provider of another dialect may see them.
pub(super) fn translated_to_provider(headers: &HeaderMap) -> HeaderMap {
    let mut kept = end_to_end(headers, |name| OF_ANY_DIALECT.contains(&name.as_str()));
    kept.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    kept
}

/// Takes out what the provider tells of the limits of our account.
pub(super) fn without_account_limits(headers: &mut HeaderMap) {
    let names: Vec<HeaderName> = headers
        .keys()
        .filter(|name| LIMITS.iter().any(|family| name.as_str().starts_with(family)))
        .cloned()
        .collect();
    for name in names {
        headers.remove(name);
    }
}

/// The caller's headers as the provider may see them.
pub(super) fn forwarded_to_provider(headers: &HeaderMap) -> HeaderMap {
    let mut kept = end_to_end(headers, |name| {
        // Without an accepted encoding the answer is plain, so that its errors can be read.
        *name != header::ACCEPT_ENCODING
            && !name.as_str().starts_with(TO_THE_ROUTER)
            && !ACCOUNT.contains(&name.as_str())
            && !CREDENTIAL.is_match(name.as_str())
    });
    kept.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    kept
}

/// The provider's headers as the caller may see them.
pub(super) fn forwarded_to_client(headers: &HeaderMap) -> HeaderMap {
    end_to_end(headers, |name| {
        *name != header::SET_COOKIE
            && *name != header::WWW_AUTHENTICATE
            && *name != header::PROXY_AUTHENTICATE
            && !ACCOUNT.contains(&name.as_str())
    })
}

fn end_to_end(headers: &HeaderMap, keep: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let nominated: Vec<&str> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let mut kept = HeaderMap::with_capacity(headers.len() + 3);
    for (name, value) in headers {
        let own = OF_ONE_CONNECTION.contains(&name.as_str())
            || nominated.iter().any(|nominated| nominated.eq_ignore_ascii_case(name.as_str()));
        if !own && keep(name) {
            kept.append(name, value.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(headers: &HeaderMap) -> Vec<&str> {
        headers.keys().map(HeaderName::as_str).collect()
    }

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn neither_credentials_nor_connection_headers_reach_the_provider() {
        let kept = forwarded_to_provider(&map(&[
            ("authorization", "Bearer caller"),
            ("x-api-key", "caller"),
            ("api-key", "caller"),
            ("x-goog-api-key", "caller"),
            ("cookie", "a=b"),
            ("proxy-authorization", "x"),
            ("openai-organization", "org-1"),
            ("accept-encoding", "gzip"),
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("host", "router"),
            ("content-length", "5"),
            ("idempotency-key", "abc"),
            ("openai-beta", "v2"),
            ("x-router-no-fallbacks", "true"),
            ("user-agent", "sdk"),
        ]));
        assert_eq!(names(&kept), ["idempotency-key", "openai-beta", "user-agent", "content-type"]);
    }

    #[test]
    fn a_provider_of_another_dialect_sees_only_what_it_understands() {
        let kept = translated_to_provider(&map(&[
            ("authorization", "Bearer caller"),
            ("idempotency-key", "abc"),
            ("openai-beta", "v2"),
            ("content-type", "application/json; charset=utf-8"),
        ]));
        assert_eq!(names(&kept), ["idempotency-key", "content-type"]);
    }

    #[test]
    fn limits_of_our_account_can_be_taken_out() {
        let mut headers = map(&[
            ("x-ratelimit-remaining-tokens", "1"),
            ("anthropic-ratelimit-requests-reset", "2"),
            ("retry-after", "3"),
        ]);
        without_account_limits(&mut headers);
        assert_eq!(names(&headers), ["retry-after"]);
    }

    #[test]
    fn what_belongs_to_our_account_does_not_reach_the_caller() {
        let kept = forwarded_to_client(&map(&[
            ("content-type", "text/event-stream"),
            ("set-cookie", "a=b"),
            ("openai-organization", "org-1"),
            ("transfer-encoding", "chunked"),
            ("x-request-id", "r1"),
        ]));
        assert_eq!(names(&kept), ["content-type", "x-request-id"]);
    }
}
