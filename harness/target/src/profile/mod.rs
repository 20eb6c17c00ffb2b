//! Profiles: what a target's file declares, typed and with positions.

mod bound;
mod declaration;
mod file;
mod known_failure;
mod start;
mod text;

pub use bound::Bound;
pub use declaration::{Authorization, Declaration, Defects, Paths, VersionCommand, profile_schema};
pub(crate) use file::Place;
pub use file::Profile;
pub use known_failure::{Confessed, Date, KnownFailure};
pub use start::{Mode, Observation, ProcessStart, Ready, Start, Stop, StopSignal};
pub use text::{CommandLine, Templated, UrlPath};
