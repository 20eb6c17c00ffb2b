//! `POST /v1/chat/completions`: from the caller's bytes to an exchange, and from its outcome to an answer.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;

use super::answer::ApiError;
use super::headers::{forwarded_to_client, forwarded_to_provider};
use super::model_name::{RequestedModel, with_model_name};
use super::relay::{Relay, ResponseBody};
use super::request_body::read_whole;
use super::service::Service;
use crate::exchange::{Exchange, Finished, Outcome};
use crate::provider::UpstreamRequest;

const ATTEMPTS: HeaderName = HeaderName::from_static("x-router-attempts");
const PROVIDER: HeaderName = HeaderName::from_static("x-router-provider");

pub(super) async fn answer(service: &Service, request: Request<Incoming>) -> Response<ResponseBody> {
    try_answer(service, request).await.unwrap_or_else(ApiError::into_response)
}

/// Everything waits inside of this one future, which is dropped when the client goes: nothing is left running.
async fn try_answer(
    service: &Service,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, ApiError> {
    let (head, body) = request.into_parts();
    let body = read_whole(body, &service.buffered).await?;
    let requested = RequestedModel::find(body.bytes())?;
    let Some(model) = service.models.get(requested.name()) else {
        return Err(ApiError::unknown_model(requested.name()));
    };
    let backend = &service.backends[model.provider];
    let request = UpstreamRequest {
        path: "/chat/completions",
        headers: forwarded_to_provider(&head.headers),
        body: upstream_body(body.bytes(), &requested, &model.upstream_name),
        timeout: model.timeout,
    };
    let exchange = Exchange {
        provider: &backend.provider,
        upstream: &backend.upstream,
        policies: &service.policies,
        backoff: &service.backoff,
        request: &request,
        retries: model.retries,
    };
    let Finished { outcome, attempts } = exchange.run().await;
    let mut response = match outcome {
        Outcome::Answered(response) => relayed(response, model.timeout),
        Outcome::Relayed(error) => ApiError::relayed_response(&error),
        Outcome::Refused(refusal) => ApiError::refused(refusal).into_response(),
    };
    mark(response.headers_mut(), backend.provider.name(), attempts);
    Ok(response)
}

/// The caller's own bytes, unless the provider knows the model by another name.
fn upstream_body(body: &Bytes, requested: &RequestedModel, upstream_name: &str) -> Bytes {
    if requested.name() == upstream_name {
        body.clone()
    } else {
        with_model_name(body, requested, upstream_name)
    }
}

fn relayed(response: Response<Incoming>, silence: std::time::Duration) -> Response<ResponseBody> {
    let (mut head, body) = response.into_parts();
    let relay = Relay::new(body, &head.headers, silence);
    head.headers = forwarded_to_client(&head.headers);
    head.version = http::Version::HTTP_11;
    Response::from_parts(head, ResponseBody::relayed(relay))
}

fn mark(headers: &mut HeaderMap, provider: &str, attempts: u32) {
    headers.insert(ATTEMPTS, HeaderValue::from(attempts));
    if let Ok(provider) = HeaderValue::from_str(provider) {
        headers.insert(PROVIDER, provider);
    }
}
