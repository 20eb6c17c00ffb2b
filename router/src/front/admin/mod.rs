//! What is for the operator alone: the ledger, the keys, what is in force and how it stands, how APIs are used and why, and
//! two things to do.

mod analytics_page;
mod audit_page;
mod keys_page;
mod ledger_page;
mod status_page;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use super::answer::{ApiError, json_answer};
use super::caller::{is_operator, presented_key};
use super::percent::decoded;
use super::relay::ResponseBody;
use super::service::Service;
use crate::upkeep::InForce;

const LEDGER: &str = "/admin/ledger";
const KEYS: &str = "/admin/keys";
const ANALYTICS: &str = "/admin/analytics";
const AUDIT: &str = "/admin/audit";
const CONFIG: &str = "/admin/config";
const STATUS: &str = "/admin/status";
const RELOAD: &str = "/admin/reload";

/// The method that one of the operator's paths takes.
pub(super) fn method_of(path: &str) -> Option<Method> {
    match path {
        LEDGER | KEYS | CONFIG | STATUS | ANALYTICS | AUDIT => Some(Method::GET),
        RELOAD => Some(Method::POST),
        _ => switched_key(path).map(|_| Method::POST),
    }
}

/// Answers a request to a path that [`method_of`] knows.
pub(super) async fn answer(
    service: &Service,
    in_force: &InForce,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, ApiError> {
    let path = request.uri().path();
    let (Some(admin_key), Some(books)) = (&service.admin_key, &service.books) else {
        return Err(ApiError::unknown_path(path));
    };
    let presented = presented_key(request.headers()).ok_or_else(ApiError::no_key)?;
    let is_operator = is_operator(admin_key, request.headers());
    let is_tenant = books.tenants().of_key(presented).is_some();
    if !service.policies.upkeep.opens_to(is_operator, is_tenant) {
        return Err(ApiError::unknown_key());
    }
    match path {
        LEDGER => ledger_page::answer(books.ledger(), request.uri()).await,
        KEYS => Ok(keys_page::answer(service, books.tenants())),
        CONFIG => Ok(json_answer(StatusCode::OK, &service.shown)),
        STATUS => Ok(status_page::answer(service, books.ledger())),
        ANALYTICS => Ok(analytics_page::answer(service)),
        AUDIT => audit_page::answer(service, request.uri()),
        RELOAD => reload(in_force).await,
        _ => switch(service, path),
    }
}

async fn reload(in_force: &InForce) -> Result<Response<ResponseBody>, ApiError> {
    match in_force.reload().await {
        Ok(()) => Ok(json_answer(StatusCode::OK, &json!({ "status": "in force" }))),
        Err(error) => Err(ApiError::bad_settings(&error)),
    }
}

/// A key that is to be taken out or put back, as a path names it.
struct Switch<'a> {
    provider: &'a str,
    key: &'a str,
    on: bool,
}

/// The key in `/admin/keys/PROVIDER/KEY/disable` or `/enable`, still in percent code.
fn switched_key(path: &str) -> Option<Switch<'_>> {
    let mut parts = path.strip_prefix(KEYS)?.strip_prefix('/')?.split('/');
    let (provider, key, word) = (parts.next()?, parts.next()?, parts.next()?);
    let on = match word {
        "enable" => true,
        "disable" => false,
        _ => return None,
    };
    parts.next().is_none().then_some(Switch { provider, key, on })
}

fn switch(service: &Service, path: &str) -> Result<Response<ResponseBody>, ApiError> {
    let unknown = || ApiError::unknown_path(path);
    let Switch { provider, key, on } = switched_key(path).ok_or_else(unknown)?;
    let (provider, key) = decoded(provider).zip(decoded(key)).ok_or_else(unknown)?;
    let found = service.providers().find(|known| known.name() == provider);
    if !found.is_some_and(|found| found.switch(&key, on)) {
        return Err(ApiError::unknown_provider_key(&provider, &key));
    }
    tracing::info!(provider, key, on, "the operator switched a key");
    Ok(json_answer(StatusCode::OK, &json!({ "pool": provider, "label": key, "enabled": on })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_takes_one_method_and_others_do_not_exist() {
        let cases = [
            ("/admin/ledger", Some(Method::GET)),
            ("/admin/keys", Some(Method::GET)),
            ("/admin/reload", Some(Method::POST)),
            ("/admin/keys/openai/k1/disable", Some(Method::POST)),
            ("/admin/keys/a%2Fb/k%201/enable", Some(Method::POST)),
            ("/admin/keys/openai/k1/drop", None),
            ("/admin/keys/openai/k1", None),
            ("/admin/keys/openai/k1/disable/more", None),
            ("/admin/keysopenai/k1/disable", None),
            ("/admin", None),
        ];
        for (path, expected) in cases {
            assert_eq!(method_of(path), expected, "{path}");
        }
    }
}
