//! A tenant's own rate: counted before anything is sent, and told to the client in place of the provider's.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Response};

use super::answer::ApiError;
use super::headers::without_account_limits;
use super::relay::ResponseBody;
use super::service::Service;
use crate::provider::Dialect;
use crate::tenants::{RateStanding, TenantIndex};

/// What a client is told about limits.
pub(super) enum RateHeaders {
    /// What the provider says.
    Relayed,
    /// Nothing of the provider's, which speaks of our account, and the tenant's own limit if there is one.
    OfTenant(Option<RateStanding>),
}

/// A tenant that has sent too much.
pub(super) struct RateRefusal {
    standing: RateStanding,
    wait: Duration,
}

/// Counts a request of a tenant.
pub(super) async fn admit(
    service: &Service,
    tenant: Option<TenantIndex>,
) -> Result<RateHeaders, RateRefusal> {
    let (Some(books), Some(tenant)) = (&service.books, tenant) else { return Ok(RateHeaders::Relayed) };
    let Some(rate) = books.tenants().get(tenant).rate() else { return Ok(RateHeaders::OfTenant(None)) };
    match rate.admit(service.policies.tenancy.counts_together()).await {
        Ok(standing) => Ok(RateHeaders::OfTenant(Some(standing))),
        Err((standing, wait)) => Err(RateRefusal { standing, wait }),
    }
}

impl RateRefusal {
    pub(super) fn into_response(self, surface: Dialect) -> Response<ResponseBody> {
        let mut response = ApiError::over_rate(self.wait).into_response(surface);
        RateHeaders::OfTenant(Some(self.standing)).put_on(response.headers_mut());
        response
    }
}

impl RateHeaders {
    pub(super) fn put_on(&self, headers: &mut HeaderMap) {
        let Self::OfTenant(standing) = self else { return };
        without_account_limits(headers);
        let Some(RateStanding { limit, remaining, reset }) = standing else { return };
        headers.insert("x-ratelimit-limit-requests", HeaderValue::from(*limit));
        headers.insert("x-ratelimit-remaining-requests", HeaderValue::from(*remaining));
        if let Ok(reset) = HeaderValue::from_str(&format!("{}ms", reset.as_millis())) {
            headers.insert("x-ratelimit-reset-requests", reset);
        }
    }
}
