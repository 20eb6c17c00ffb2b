//! `GET /admin/keys`: which keys there are, the callers' and the providers', none of them in plain text.

use http::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::front::answer::json_answer;
use crate::front::relay::ResponseBody;
use crate::front::service::Service;
use crate::tenants::Tenants;

pub(super) fn answer(service: &Service, tenants: &Tenants) -> Response<ResponseBody> {
    let callers: Vec<Value> = tenants
        .all()
        .iter()
        .flat_map(|tenant| tenant.fingerprints().iter().map(move |fingerprint| (tenant, fingerprint)))
        .map(|(tenant, fingerprint)| {
            json!({ "tenant": tenant.name(), "fingerprint": fingerprint, "expired": tenant.is_expired() })
        })
        .collect();
    let now = Instant::now();
    let providers: Vec<Value> = service
        .providers()
        .flat_map(|provider| provider.standings(now).into_iter().map(move |standing| (provider, standing)))
        .map(|(provider, standing)| {
            json!({
                "pool": provider.name(),
                "label": standing.key.name(),
                "fingerprint": standing.key.fingerprint(),
                "state": standing.standing.word(),
            })
        })
        .collect();
    json_answer(StatusCode::OK, &json!({ "callers": callers, "providers": providers }))
}
