//! The router over HTTP: real sockets on loopback, a simulated provider behind it.
#![expect(clippy::unwrap_used, reason = "a failed step of a test's world is a failed test")]

mod anthropic;
mod defects;
mod fallback;
mod ledger;
mod metrics;
mod operation;
mod relay;
mod rotation;
mod shared;
mod support;
mod tenants;
