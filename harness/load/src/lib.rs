//! Clients in front of the target: functional steps, one request after the other, and phases, many by a schedule.
//!
//! Both send the same requests (`request`) and read responses alike (`reading`); `steps` waits for each answer on the
//! harness's runtime, `drive` owns a thread, its connections and its timer, and shares nothing with anybody while it runs.

mod drive;
mod reading;
mod request;
mod schedule;
mod steps;
mod stop;
mod surroundings;

pub use drive::{PhaseError, PhaseJob, PhaseReport, drive};
pub use request::{Method, Request};
pub use schedule::{Arrivals, Schedule};
pub use steps::{Client, ClientError, Got};
pub use stop::{StopSignal, Stopping};
pub use surroundings::Surroundings;
