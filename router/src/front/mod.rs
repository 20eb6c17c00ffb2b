//! What clients meet: connections, paths, request bodies, answers in their own dialect.

mod address;
mod admin;
mod answer;
mod answered;
mod api_refusals;
mod backend;
mod caller;
mod candidates;
mod chat;
mod connection;
mod event_relay;
mod fastest;
mod headers;
mod listener;
mod metrics_page;
mod model_list;
mod model_name;
mod particulars;
mod passing;
mod percent;
mod policy;
mod rate_headers;
mod readiness;
mod refusals;
mod relay;
mod relayed_error;
mod request_body;
mod service;
mod service_call;
mod settlement;
mod signatures;
mod spread;
mod whole_answer;

pub use listener::ListenError;

pub(crate) use backend::Backend;
pub(crate) use listener::Listener;
pub(crate) use policy::{BorderPolicy, ClosedBorder, Handed, Handover};
pub(crate) use relay::ResponseBody;
pub(crate) use service::Service;
