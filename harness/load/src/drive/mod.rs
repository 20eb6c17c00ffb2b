//! The phase driver: threads with an event loop of their own, their connections, their timers and their recorders; mostly one.
//!
//! Nothing on the way of a request locks, and nothing waits but the loop itself. A request's bytes are made once and only its
//! mark is written anew; responses are parsed as they are read. Times are absolute: a request that could not be sent in time
//! is sent at once, its lateness recorded, and its response time counted from when it should have been sent.

mod connection;
mod deadlines;
mod due;
mod figures;
mod job;
mod pool;
mod rests;
mod rows;
#[cfg(test)]
mod tempers;
#[cfg(test)]
mod tests;
mod timer;
mod worker;

pub use job::{EndedEarly, Order, PhaseError, PhaseJob, PhaseReport, drive};
