//! A target that is one process or several: started, watched, stopped, and never left behind.

mod address;
mod birth;
mod command;
mod error;
mod figures;
mod group;
mod guard;
mod health;
mod instance;
mod life;
mod log;
mod port;
mod preparation;
mod rendered;
mod running;
mod spawner;
mod store;
mod version;

pub use command::missing_program;
pub use error::{Ending, StartError};
pub use guard::{GuardError, guard};
pub use health::is_well;
pub(crate) use health::told;
pub(crate) use instance::{Instance, InstanceError};
pub use log::LogSink;
pub use rendered::{Rendered, render};
pub use running::{RunningTarget, StartOptions, Started};
pub use store::missing_store_program;
pub use version::version;
