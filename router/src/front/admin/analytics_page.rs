//! `GET /admin/analytics`: how the APIs of each service are used, and what could be done about it.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::apis::analytics;
use crate::front::answer::json_answer;
use crate::front::relay::ResponseBody;
use crate::front::service::Service;

pub(super) fn answer(service: &Service) -> Response<ResponseBody> {
    let policy = service.policies.apis.as_ref();
    let services: Vec<Value> = service.services.iter().map(|of| analytics(of, policy)).collect();
    json_answer(StatusCode::OK, &json!({ "services": services }))
}
