//! Who asks: the tenant of the key that came, or nobody in particular where everybody is served.

use std::borrow::Cow;

use http::{HeaderMap, Uri, header};

use super::address::query;
use super::answer::ApiError;
use super::percent::decoded_in_query;
use super::service::Service;
use crate::provider::{X_API_KEY, X_GOOG_API_KEY};
use crate::secret::{KeyDigest, Secret};
use crate::tenants::TenantIndex;

/// The tenant of a request. Nothing is said of a key that is not known, not even that it is close.
///
/// `uri` is that of a surface on which a key may stand in the address.
pub(super) fn caller(
    service: &Service,
    headers: &HeaderMap,
    uri: Option<&Uri>,
) -> Result<Option<TenantIndex>, ApiError> {
    let Some(tenants) = service.books.as_ref().map(|books| books.tenants()).filter(|all| !all.is_empty())
    else {
        return Ok(None);
    };
    let addressed = || decoded_in_query(query(uri?, "key")?).filter(|key| !key.is_empty());
    let key = presented_key(headers).map(Cow::Borrowed).or_else(|| addressed().map(Cow::Owned));
    let key = key.ok_or_else(ApiError::no_key)?;
    let tenant = tenants.of_key(&key).ok_or_else(|| stranger(service, &key))?;
    if !service.policies.tenancy.lets_in(tenants.get(tenant).is_expired()) {
        return Err(ApiError::expired_key());
    }
    Ok(Some(tenant))
}

/// What whoever comes with a key that is not known is told: nothing of the key.
fn stranger(service: &Service, key: &str) -> ApiError {
    let mut error = ApiError::unknown_key();
    if let Some(more) = service.policies.tenancy.told_of_stranger(key) {
        error.message.push_str(&more);
    }
    error
}

/// Whether the operator asks, whose key comes as a bearer alone.
pub(super) fn is_operator(admin_key: &Secret, headers: &HeaderMap) -> bool {
    let admin_key = KeyDigest::of(admin_key.reveal());
    bearer(headers).is_some_and(|key| KeyDigest::of(key).is_same(&admin_key))
}

/// The key that came. A request with two keys is judged by the bearer alone.
pub(super) fn presented_key(headers: &HeaderMap) -> Option<&str> {
    if headers.contains_key(header::AUTHORIZATION) {
        return bearer(headers);
    }
    let key = headers.get(X_API_KEY).or_else(|| headers.get(X_GOOG_API_KEY))?;
    key.to_str().ok().map(str::trim).filter(|key| !key.is_empty())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn a_key_comes_in_one_of_three_headers() {
        type Case = (&'static [(&'static str, &'static str)], Option<&'static str>);
        let cases: [Case; 10] = [
            (&[("x-goog-api-key", "k1")], Some("k1")),
            (&[("authorization", "Bearer k1")], Some("k1")),
            (&[("authorization", "bearer  k1 ")], Some("k1")),
            (&[("x-api-key", "k1")], Some("k1")),
            (&[("authorization", "Bearer k1"), ("x-api-key", "k2")], Some("k1")),
            (&[("authorization", "Basic k1"), ("x-api-key", "k2")], None),
            (&[("authorization", "Bearer ")], None),
            (&[("authorization", "k1")], None),
            (&[("x-api-key", " ")], None),
            (&[], None),
        ];
        for (pairs, expected) in cases {
            assert_eq!(presented_key(&headers(pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn only_the_admins_own_key_opens_the_admin_routes() {
        let admin = Secret::trimmed("boss").unwrap();
        let opens = |pairs| is_operator(&admin, &headers(pairs));
        assert!(opens(&[("authorization", "Bearer boss")]));
        assert!(!opens(&[("authorization", "Bearer bos")]));
        assert!(!opens(&[("x-api-key", "boss")]));
        assert!(!opens(&[]));
    }
}
