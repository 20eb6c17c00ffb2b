//! Who asks: the tenant of the key that came, or nobody in particular where everybody is served.

use http::{HeaderMap, header};

use super::answer::ApiError;
use crate::provider::X_API_KEY;
use crate::secret::{KeyDigest, Secret};
use crate::tenants::{TenantIndex, Tenants};

/// The tenant of a request. Nothing is said of a key that is not known, not even that it is close.
pub(super) fn caller(tenants: &Tenants, headers: &HeaderMap) -> Result<Option<TenantIndex>, ApiError> {
    if tenants.is_empty() {
        return Ok(None);
    }
    let key = presented_key(headers).ok_or_else(ApiError::no_key)?;
    tenants.of_key(key).map(Some).ok_or_else(ApiError::unknown_key)
}

/// Refuses everybody but the admin.
pub(super) fn require_admin(admin_key: &Secret, headers: &HeaderMap) -> Result<(), ApiError> {
    let key = bearer(headers).ok_or_else(ApiError::no_key)?;
    let is_admin = KeyDigest::of(key).is_same(&KeyDigest::of(admin_key.reveal()));
    if is_admin { Ok(()) } else { Err(ApiError::unknown_key()) }
}

/// The key that came. A request with two keys is judged by the bearer alone.
fn presented_key(headers: &HeaderMap) -> Option<&str> {
    if headers.contains_key(header::AUTHORIZATION) {
        return bearer(headers);
    }
    headers.get(X_API_KEY)?.to_str().ok().map(str::trim).filter(|key| !key.is_empty())
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
    fn a_key_comes_in_one_of_two_headers() {
        type Case = (&'static [(&'static str, &'static str)], Option<&'static str>);
        let cases: [Case; 9] = [
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
        let status = |pairs| require_admin(&admin, &headers(pairs)).map_err(|error| error.status().as_u16());
        assert_eq!(status(&[("authorization", "Bearer boss")]), Ok(()));
        assert_eq!(status(&[("authorization", "Bearer bos")]), Err(401));
        assert_eq!(status(&[("x-api-key", "boss")]), Err(401));
        assert_eq!(status(&[]), Err(401));
    }
}
