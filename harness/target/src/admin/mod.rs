//! Requests to a target on the operator's behalf, and what is done to it.

mod client;
mod operate;

pub(crate) use client::{Admin, AskError, Asked};
pub use operate::OperateError;
