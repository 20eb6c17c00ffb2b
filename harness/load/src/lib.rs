//! Clients in front of the target: functional steps, one request after the other, and phases, many by a schedule.
//!
//! Both send the same requests (`request`), behave alike (`sending`, `sdk`) and read responses alike (`response`, `reading`); `steps` waits for each answer on the
//! harness's runtime, `drive` owns a thread, its connections and its timer, and shares nothing with anybody while it runs.

mod allowance;
mod answered;
mod draw;
mod drive;
mod framing;
mod reading;
mod request;
mod response;
mod said;
mod samples;
mod schedule;
mod sdk;
mod sending;
mod steps;
mod stop;
mod surroundings;

pub use allowance::{Allowance, Cap};
pub use drive::{EndedEarly, Order, PhaseError, PhaseJob, PhaseReport, drive};
pub use request::{Method, Request};
pub use schedule::{Arrivals, BadSchedule, Deed, Schedule};
pub use sdk::Sdk;
pub use sending::{Leaving, Pace, Sending};
pub use steps::{Client, ClientError, Got};
pub use stop::{StopSignal, Stopping};
pub use surroundings::{Recorded, Surroundings};
