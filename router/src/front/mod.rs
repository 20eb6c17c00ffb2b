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
mod event_relay;
mod headers;
mod listener;
mod model_name;
mod particulars;
mod passing;
mod percent;
mod policy;
mod rate_headers;
mod refusals;
mod relay;
mod relayed_error;
mod request_body;
mod service;
mod service_call;
mod settlement;
mod spread;
mod whole_answer;

pub use listener::ListenError;

pub(crate) use backend::Backend;
pub(crate) use listener::Listener;
pub(crate) use policy::{BorderPolicy, ClosedBorder, Handed, Handover};
pub(crate) use relay::ResponseBody;
pub(crate) use service::Service;
