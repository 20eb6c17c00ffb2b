//! Targets: what a profile says of one, how a world becomes its native configuration, and its life from start to stop.
//!
//! `profile` reads what is declared, `topology` is what a run puts behind the target, `template` makes the native
//! configuration of both, and `process` starts it, waits until it is ready and stops it. Nothing here knows one target
//! from another but by its profile.

mod process;
mod profile;
mod secrets;
mod template;
mod topology;

pub use process::{
    Ending, GuardError, LogSink, RunningTarget, StartError, StartOptions, guard, missing_program, version,
};
pub use profile::{
    Authorization, Bound, CommandLine, Confessed, Date, Declaration, Defects, KnownFailure, Mode,
    Observation, Paths, ProcessStart, Profile, Ready, Start, Stop, StopSignal, Templated, UrlPath,
    VersionCommand, profile_schema,
};
pub use template::TemplateError;
pub use topology::{Key, ModelRoute, Topology, UpstreamAddress};
