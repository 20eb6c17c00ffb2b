//! The router over HTTP: real sockets on loopback, a simulated provider behind it.
#![expect(clippy::unwrap_used, reason = "a failed step of a test's world is a failed test")]

mod admin;
mod anthropic;
mod defects;
mod durability;
mod fallback;
mod fastest;
mod growth;
mod health;
mod keyless;
mod ledger;
mod limits;
mod lookups;
mod metrics;
mod model_lists;
mod operation;
mod platforms;
mod pools;
mod redis;
mod relay;
mod reload;
mod repeated_keys;
mod request_limits;
mod rotation;
mod services;
mod sessions;
mod shared;
mod store;
mod support;
mod tenancy;
mod tenants;
mod tls;
mod told;
mod translation;
