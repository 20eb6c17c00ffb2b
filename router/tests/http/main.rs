//! The router over HTTP: real sockets on loopback, a simulated provider behind it.
#![expect(clippy::unwrap_used, reason = "a failed step of a test's world is a failed test")]

mod admin;
mod anthropic;
mod defects;
mod fallback;
mod health;
mod keyless;
mod ledger;
mod limits;
mod metrics;
mod operation;
mod pools;
mod relay;
mod reload;
mod repeated_keys;
mod rotation;
mod services;
mod sessions;
mod shared;
mod support;
mod tenancy;
mod tenants;
mod told;
mod translation;
