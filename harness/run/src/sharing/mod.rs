//! Instances of a target that several scenarios share, each in a lane of its own, since the target is slow to start.

mod fitness;
mod instance;
mod seats;

pub(crate) use instance::Seat;
pub use seats::{FixedPorts, SharedInstances};
