//! The phase driver: one thread with an event loop of its own, its connections, its timer and its recorders.
//!
//! Nothing on the way of a request locks, and nothing waits but the loop itself. A request's bytes are copied and its mark
//! written into them; responses are parsed where they were read. Times are absolute: a request that could not be sent in time
//! is sent at once, its lateness recorded, and its response time counted from when it should have been sent.

mod connection;
mod figures;
mod framing;
mod job;
mod timer;
mod worker;

#[cfg(test)]
mod tests;

pub use job::{PhaseError, PhaseJob, PhaseReport, drive};
