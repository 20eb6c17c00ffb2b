//! What clients meet: connections, paths, request bodies, answers in their own dialect.

mod answer;
mod answered;
mod caller;
mod chat;
mod event_relay;
mod headers;
mod ledger_page;
mod listener;
mod model_name;
mod particulars;
mod passing;
mod policy;
mod rate_headers;
mod relay;
mod relayed_error;
mod request_body;
mod service;
mod whole_answer;

pub use listener::ListenError;

pub(crate) use listener::Listener;
pub(crate) use policy::{BorderPolicy, ClosedBorder, Handed, Handover};
pub(crate) use relay::ResponseBody;
pub(crate) use service::Service;
