//! What clients meet: connections, paths, request bodies, answers in their own dialect.

mod answer;
mod chat;
mod headers;
mod listener;
mod model_name;
mod relay;
mod request_body;
mod service;

pub use listener::ListenError;

pub(crate) use listener::Listener;
pub(crate) use service::Service;
