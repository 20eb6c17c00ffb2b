//! A request to a service: passed on to one of its APIs as it is, and the API's answer back as it comes.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;

use super::answer::{ApiError, json_answer};
use super::caller::caller;
use super::chat::{ATTEMPTS, PROVIDER, take_slot};
use super::headers::{forwarded_to_client, forwarded_to_provider};
use super::rate_headers::admit;
use super::relay::{Relay, ResponseBody};
use super::request_body::read_whole;
use super::service::Service;
use crate::apis::{ApiExchange, ApiFinished, ApiOutcome, ApiRequest, ApiService, Effect, compared};
use crate::provider::{Dialect, ErrorReply};
use crate::tenants::Slot;

/// With it a read is put to all APIs, and the number that it names is compared.
const COMPARE: &str = "x-router-compare";

/// Beside an answer that is not the reply to the request, which was lost, but what was found of it.
const LOOKED_UP: HeaderName = HeaderName::from_static("x-router-looked-up");

/// Answers a request whose path belongs to a service.
pub(super) async fn answer(
    service: &Service,
    of: &ApiService,
    request: Request<Incoming>,
    id: &str,
) -> Response<ResponseBody> {
    let _open = service.requests.open();
    let mut slot = None;
    let answered = try_answer(service, of, request, id, &mut slot).await;
    let mut response = answered.unwrap_or_else(|error| error.into_response(Dialect::Openai));
    of.answered().count(Some(response.status()));
    response.headers_mut().entry(ATTEMPTS).or_insert(HeaderValue::from(0));
    if let Some(slot) = slot {
        response.body_mut().hold(slot);
    }
    response
}

/// Everything waits inside of this one future, which is dropped when the client goes: nothing is left running.
async fn try_answer(
    service: &Service,
    of: &ApiService,
    request: Request<Incoming>,
    id: &str,
    slot: &mut Option<Slot>,
) -> Result<Response<ResponseBody>, ApiError> {
    let (head, body) = request.into_parts();
    let tenant = caller(service, &head.headers, None)?;
    *slot = take_slot(service, tenant).await?;
    let path = head.uri.path();
    if matches!(head.method, Method::CONNECT | Method::TRACE) {
        return Err(ApiError::wrong_method(&head.method, path));
    }
    // An API may read such a path as one that lies elsewhere.
    if leads_elsewhere(path) {
        return Err(ApiError::unknown_path(path));
    }
    let Some(path) = head.uri.path_and_query().cloned() else { return Err(ApiError::unknown_path(path)) };
    let body = read_whole(body, &service.buffered, service.limits).await?;
    let limits = match admit(service, tenant).await {
        Ok(limits) => limits,
        Err(refused) => return Ok(refused.into_response(Dialect::Openai)),
    };
    let request = ApiRequest {
        effect: Effect::of(&head.method, &head.headers),
        headers: passed_on(&head.headers),
        method: head.method,
        path,
        body: body.bytes().clone(),
        timeout: of.settings().timeout,
    };
    let field = head.headers.get(COMPARE).and_then(|field| field.to_str().ok());
    let mut response = match field {
        Some(field) if request.method == Method::GET => {
            let policy = service.policies.apis.as_ref();
            let compared = compared(of, policy, &service.audit, &request, (field, id)).await;
            let mut response = json_answer(StatusCode::OK, &compared.told);
            response.headers_mut().insert(ATTEMPTS, HeaderValue::from(compared.attempts));
            response
        }
        _ => exchange(service, of, &request, id).await,
    };
    limits.put_on(response.headers_mut());
    Ok(response)
}

async fn exchange(
    service: &Service,
    of: &ApiService,
    request: &ApiRequest,
    id: &str,
) -> Response<ResponseBody> {
    let exchange = ApiExchange {
        service: of,
        policies: &service.policies,
        backoff: &service.backoff,
        audit: &service.audit,
        request,
        id,
    };
    let ApiFinished { outcome, attempts, api, was_looked_up } = exchange.run().await;
    let mut response = match outcome {
        ApiOutcome::Answered(response) => relayed(service, of, response),
        ApiOutcome::Relayed(mut error) => {
            service.known_keys.take_out_of_error(&mut error);
            whole(error)
        }
        ApiOutcome::Refused(refusal) => ApiError::refused_by_apis(refusal).into_response(Dialect::Openai),
    };
    let headers = response.headers_mut();
    headers.insert(ATTEMPTS, HeaderValue::from(attempts));
    if was_looked_up {
        headers.insert(LOOKED_UP, HeaderValue::from_static("true"));
    }
    if let Some(name) = api.and_then(|api| HeaderValue::from_str(api.name()).ok()) {
        headers.insert(PROVIDER, name);
    }
    response
}

/// An answer as it comes, but for what belongs to the connection and to our account.
fn relayed(service: &Service, of: &ApiService, response: Response<Incoming>) -> Response<ResponseBody> {
    let (mut head, body) = response.into_parts();
    head.headers = forwarded_to_client(&head.headers);
    head.version = Version::HTTP_11;
    let mut response =
        Response::from_parts(head, ResponseBody::passed(Relay::of_any(body, of.settings().timeout)));
    service.known_keys.take_out_of_headers(response.headers_mut());
    response
}

/// An error that was read, as it came.
fn whole(error: ErrorReply) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(error.body));
    *response.status_mut() = error.status;
    *response.headers_mut() = forwarded_to_client(&error.headers);
    response
}

/// The caller's headers as an API may see them. What has no body needs no kind.
fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut passed = forwarded_to_provider(headers);
    if !headers.contains_key(header::CONTENT_TYPE) {
        passed.remove(header::CONTENT_TYPE);
    }
    passed.remove(HeaderName::from_static("x-request-id"));
    passed
}

/// Whether some part of a path, read once or twice, means the folder above or this one.
fn leads_elsewhere(path: &str) -> bool {
    let plain = path.to_ascii_lowercase().replace("%25", "%").replace("%2e", ".").replace("%2f", "/");
    plain.contains('\\') || plain.contains("%5c") || plain.split('/').any(|part| matches!(part, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leads_elsewhere_is_known_in_every_disguise() {
        for path in [
            "/a/../b",
            "/a/%2e%2E/b",
            "/a/.%2e",
            "/a/%252e%252e/b",
            "/a%2f..%2fb",
            "/a/./b",
            "/a\\b",
            "/a/%5cb",
        ] {
            assert!(leads_elsewhere(path), "{path}");
        }
        for path in ["/a", "/a/b.c", "/a/...", "/a/..b", "/a/%20", "/a//b"] {
            assert!(!leads_elsewhere(path), "{path}");
        }
    }
}
