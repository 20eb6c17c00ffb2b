//! Questions about what a provider is sent, and what crosses the border.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};

use super::{Row, told};
use crate::policy::Policies;
use crate::provider::{Platform, ProviderKey};
use crate::secret::Secret;
use crate::settings::RequestLimits;

pub(super) const ROWS: &[Row] = &[
    ("sends-all-keys-in-one-header", |p| second_key(p, ["r-1", "r-2"]), "Bearer b", "Bearer a b"),
    ("gives-fallbacks-the-first-key", |p| second_key(p, ["r-1", "r-1"]), "Bearer b", "Bearer a"),
    (
        "sends-a-made-up-key",
        |p| told(sent(p, &[], "{}").headers().contains_key("authorization")),
        "false",
        "true",
    ),
    ("drops-fields-it-does-not-know", |p| body(&sent(p, &[], ODD)), ODD, r#"{"model":"m"}"#),
    ("writes-retries-anew", second_body, ODD, r#"{"model":"m"}"#),
    ("lets-callers-choose-the-host", asked_host, "good", "evil"),
    ("copies-fields-into-headers", |p| told(has_user(p)), "false", "true"),
    ("ignores-should-retry", |p| told(is_told_to_stop(p)), "true", "false"),
    ("decodes-each-piece-by-itself", |p| told(p.wire.rewriter().is_some()), "false", "true"),
    ("shares-few-connections", |p| told(p.wire.shared_line().is_some()), "false", "true"),
    ("leaks-broken-connections", |p| told(p.wire.lets_go()), "true", "false"),
    ("mixes-up-answers", |p| told(p.border.handover().is_some()), "false", "true"),
    ("passes-the-callers-key-on", |p| told(passed_on(p).len()), "0", "1"),
    ("shows-provider-keys", |p| told(shown(p).len()), "0", "1"),
    ("gives-one-id-to-all", |p| told(p.border.request_id(1) == p.border.request_id(2)), "false", "true"),
    ("counts-the-last-model-only", |p| told(p.border.told_attempts(1, 3)), "3", "1"),
    ("keeps-parameters-of-others", parameters_of_the_second, "{}", r#"{"user":"ann"}"#),
    ("takes-any-size", |p| told(p.border.limits(SMALL()).body), "9", "33554432"),
    ("goes-on-without-the-client", |p| told(p.border.goes_on_alone()), "false", "true"),
    (
        "relays-all-headers",
        |p| told(p.border.shown_of_provider(&headers(&[("set-cookie", "a")])).len()),
        "0",
        "1",
    ),
    ("names-the-first-provider", |p| p.border.told_provider("first", "second").to_owned(), "second", "first"),
    ("refuses-metadata", |p| told(p.border.refused_field(&METADATA)), "None", "Some(\"metadata\")"),
    ("answers-without-asking", |p| told(p.border.own_answer().is_some()), "false", "true"),
];

const ODD: &str = r#"{"model":"m","odd":1}"#;
const METADATA: Bytes = Bytes::from_static(br#"{"metadata":{}}"#);
const SMALL: fn() -> RequestLimits = || RequestLimits { body: 9, ..RequestLimits::default() };

fn headers(named: &[(&'static str, &'static str)]) -> HeaderMap {
    let named = named
        .iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)));
    named.collect()
}

/// A request as it is sent.
fn sent(policies: &Policies, with: &[(&'static str, &'static str)], body: &'static str) -> Request<Bytes> {
    let mut request = Request::post("http://good/v1/chat/completions").body(Bytes::from(body)).unwrap();
    *request.headers_mut() = headers(with);
    policies.wire.sending(&mut request);
    request
}

fn body(request: &Request<Bytes>) -> String {
    String::from_utf8_lossy(request.body()).into_owned()
}

/// The credential of the second of two attempts, each with a key of its own and of one of these requests.
fn second_key(policies: &Policies, ids: [&'static str; 2]) -> String {
    sent(policies, &[("authorization", "Bearer a"), ("x-request-id", ids[0])], "{}");
    let second = sent(policies, &[("authorization", "Bearer b"), ("x-request-id", ids[1])], "{}");
    second.headers()["authorization"].to_str().unwrap().to_owned()
}

fn second_body(policies: &Policies) -> String {
    sent(policies, &[("x-request-id", "r-1")], ODD);
    body(&sent(policies, &[("x-request-id", "r-1")], ODD))
}

fn asked_host(policies: &Policies) -> String {
    sent(policies, &[("x-base-url", "http://evil/v1")], "{}").uri().host().unwrap().to_owned()
}

fn has_user(policies: &Policies) -> bool {
    sent(policies, &[], r#"{"user":"ann"}"#).headers().contains_key("x-end-user")
}

fn is_told_to_stop(policies: &Policies) -> bool {
    let mut came = headers(&[("x-should-retry", "false")]);
    policies.wire.came(&mut came);
    came.contains_key("x-should-retry")
}

fn passed_on(policies: &Policies) -> HeaderMap {
    let mut passed = HeaderMap::new();
    policies.border.to_provider(&headers(&[("authorization", "Bearer caller")]), &mut passed);
    passed
}

fn shown(policies: &Policies) -> HeaderMap {
    let secret = Secret::trimmed("sk-1").unwrap();
    let key = ProviderKey::new("first".to_owned(), secret, false, 1, Platform::Openai);
    let mut shown = HeaderMap::new();
    policies.border.to_client(&key, &mut shown);
    shown
}

fn parameters_of_the_second(policies: &Policies) -> String {
    policies.border.arriving(&Bytes::from_static(br#"{"user":"ann"}"#));
    String::from_utf8_lossy(&policies.border.arriving(&Bytes::from_static(b"{}"))).into_owned()
}
