//! The table of paths, and what is shared by all requests.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::json;

use super::answer::{ApiError, json_answer};
use super::chat;
use super::relay::ResponseBody;
use super::request_body::BufferedBytes;
use crate::exchange::Backoff;
use crate::policy::Policies;
use crate::provider::{HttpUpstream, Provider};
use crate::settings::{ModelSettings, Settings};

/// The router behind its connections.
pub(crate) struct Service {
    pub(super) models: BTreeMap<String, ModelSettings>,
    pub(super) backends: Vec<Backend>,
    pub(super) policies: Policies,
    pub(super) backoff: Backoff,
    pub(super) buffered: BufferedBytes,
}

/// A provider with the way to reach it.
pub(super) struct Backend {
    pub(super) provider: Provider,
    pub(super) upstream: HttpUpstream,
}

impl Service {
    pub(crate) fn new(settings: Settings, policies: Policies) -> Self {
        let backends = settings
            .providers
            .iter()
            .map(|provider| Backend {
                provider: Provider::new(provider),
                upstream: HttpUpstream::new(provider.base_url.clone()),
            })
            .collect();
        Self {
            models: settings.models,
            backends,
            policies,
            backoff: Backoff::from_system(),
            buffered: BufferedBytes::default(),
        }
    }

    /// Answers one request. `stopping` says that no new work should be sent here.
    pub(super) async fn answer(&self, request: Request<Incoming>, stopping: bool) -> Response<ResponseBody> {
        let path = request.uri().path();
        let Some(allowed) = method_of(path) else {
            return ApiError::unknown_path(path).into_response();
        };
        if request.method() != allowed {
            let mut response = ApiError::wrong_method(request.method(), path).into_response();
            if let Ok(value) = HeaderValue::from_str(allowed.as_str()) {
                response.headers_mut().insert(header::ALLOW, value);
            }
            return response;
        }
        match path {
            CHAT => chat::answer(self, request).await,
            MODELS => self.list_models(),
            READINESS if stopping => status(StatusCode::SERVICE_UNAVAILABLE, "stopping"),
            READINESS => status(StatusCode::OK, "ready"),
            _ => status(StatusCode::OK, "alive"),
        }
    }

    fn list_models(&self) -> Response<ResponseBody> {
        let models: Vec<_> = self
            .models
            .iter()
            .map(|(name, model)| {
                let owner = self.backends[model.provider].provider.name();
                json!({ "id": name, "object": "model", "created": 0, "owned_by": owner })
            })
            .collect();
        json_answer(StatusCode::OK, &json!({ "object": "list", "data": models }))
    }
}

const CHAT: &str = "/v1/chat/completions";
const MODELS: &str = "/v1/models";
/// Answered from memory alone: a provider in trouble must not get the router restarted.
const LIVENESS: &str = "/health/liveness";
const READINESS: &str = "/health/readiness";

fn method_of(path: &str) -> Option<Method> {
    match path {
        CHAT => Some(Method::POST),
        MODELS | LIVENESS | READINESS => Some(Method::GET),
        _ => None,
    }
}

fn status(code: StatusCode, word: &'static str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(Bytes::from(format!("{{\"status\":\"{word}\"}}"))));
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
