//! Services that are no models: paths that one of several APIs serves, each API with limits of its own.
//!
//! An exchange (`exchange`) takes a lease of the API that fits best (`choice`, `api`), under limits that are kept by what
//! really arrived (`gauge`), and asks it (`client`). What may be sent again, and to whom, is decided in `repeat`. What was
//! decided is kept (`audit`), counted (`history`), looked ahead from (`crate::growth`) and told (`analytics`).

mod analytics;
mod api;
mod audit;
mod choice;
mod client;
mod comparison;
mod exchange;
mod gauge;
mod history;
mod lease;
mod lookup;
mod policy;
mod repeat;
mod service;

#[cfg(test)]
mod tests;

pub(crate) use analytics::analytics;
pub(crate) use api::{Api, ApiStanding};
pub(crate) use audit::{AuditLog, AuditRow};
pub(crate) use choice::{ApiStrategy, Reason};
pub(crate) use client::{ApiRequest, Came};
pub(crate) use comparison::compared;
pub(crate) use exchange::{ApiExchange, ApiFinished, ApiOutcome, ApiRefusal};
pub(crate) use lookup::{Lookup, Template};
pub(crate) use policy::{CarefulApis, ServicePolicy};
pub(crate) use repeat::{Effect, Trouble, Who};
pub(crate) use service::ApiService;
