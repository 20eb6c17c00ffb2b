//! A target that is a process: started, watched, stopped, and never left behind.

mod address;
mod command;
mod error;
mod group;
mod guard;
mod health;
mod log;
mod port;
mod preparation;
mod running;
mod spawner;
mod version;

pub use command::missing_program;
pub use error::{Ending, StartError};
pub use guard::{GuardError, guard};
pub use log::LogSink;
pub use running::{RunningTarget, StartOptions};
pub use version::version;
