//! `GET /health/liveness` and `/health/readiness`: whether the process is to go on, whether requests should be sent here, and
//! what is amiss although they should.

use std::time::Duration;

use http::{Response, StatusCode};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::answer::json_answer;
use super::relay::ResponseBody;
use super::service::Service;

pub(super) fn answer(service: &Service, stopping: bool) -> Response<ResponseBody> {
    if stopping {
        return unready("stopping");
    }
    if !service.is_ready() {
        return unready("no model and no service with a key is configured");
    }
    let troubles = troubles(service);
    let word = if troubles.is_empty() { "ready" } else { "degraded" };
    let mut told = Map::from_iter([("status".to_owned(), json!(word))]);
    told.extend(troubles.into_iter().map(|(what, how)| (what.to_owned(), Value::from(how))));
    json_answer(StatusCode::OK, &Value::Object(told))
}

/// What the router goes on without, in a word each. Anybody may read it, so it says no more.
fn troubles(service: &Service) -> Vec<(&'static str, &'static str)> {
    let ledger = service.books.as_ref().map(|books| books.ledger().standing());
    let ledger = ledger.filter(|standing| !standing.is_well()).map(|standing| ("ledger", standing.word()));
    let shared = service.link.as_ref().filter(|link| !link.is_up()).map(|_| ("shared", "unreachable"));
    ledger.into_iter().chain(shared).collect()
}

/// Answered from memory alone: a provider in trouble must not get the router restarted.
pub(super) async fn liveness(service: &Service) -> Response<ResponseBody> {
    if is_alive(service).await {
        json_answer(StatusCode::OK, &json!({ "status": "alive" }))
    } else {
        unready("no provider answers")
    }
}

/// Whether the process is to go on, whatever becomes of its providers.
async fn is_alive(service: &Service) -> bool {
    if !service.policies.upkeep.lives_by_providers() {
        return true;
    }
    for backend in &service.backends {
        let Some(key) = backend.provider().first_open_key(Instant::now()) else { continue };
        let status = backend.upstream().ask_for_models(&key, Duration::from_secs(2)).await;
        if status.is_some_and(|status| status.is_success()) {
            return true;
        }
    }
    false
}

fn unready(why: &str) -> Response<ResponseBody> {
    json_answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": why }))
}
