//! What goes on beside the requests: settings put in force, now and later, and providers looked after.

mod health;
mod in_force;
mod policy;

pub(crate) use health::Health;
pub(crate) use in_force::InForce;
pub(crate) use policy::{CarefulUpkeep, UpkeepPolicy};
