//! The router over HTTP: real sockets on loopback, a simulated provider behind it.
#![expect(clippy::unwrap_used, reason = "a failed step of a test's world is a failed test")]

mod operation;
mod relay;
mod rotation;
mod support;
