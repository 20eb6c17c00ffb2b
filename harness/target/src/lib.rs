//! Targets: what a profile says of one, how a world becomes its native configuration, and its life from start to stop.
//!
//! `profile` reads what is declared, `topology` is what a run puts behind the target, `view` is what templates see of it,
//! `lane` keeps scenarios apart that share an instance, `template` and `rendering` make the native configuration, `process` starts the target, waits until it is ready and stops
//! it, `admin` does things to it, and `reading` reads its ledger and its counters. Nothing here knows one target from another
//! but by its profile.

mod admin;
mod lane;
mod money;
mod process;
mod profile;
mod reading;
mod rendering;
mod secrets;
mod template;
mod topology;
mod view;

pub use admin::OperateError;
pub use lane::Lane;
pub use process::{
    Ending, GuardError, LogSink, Rendered, RunningTarget, StartError, StartOptions, Started, guard, is_well,
    missing_program, missing_store_program, render, version,
};
pub use profile::{
    AdminRequest, AttemptsReading, Auth, Authorization, BodyFields, Bound, Comes, CommandLine, Confessed,
    CostReading, Counts, CredentialHeader, Date, Declaration, Defects, Demands, FallbacksOff, HeaderName,
    HeaderReading, Instances, KeysBy, KnownFailure, LedgerFields, LedgerPages, LedgerReading, LedgerState,
    MetricsReading, Mode, MoneyUnit, Observation, OperationText, Operations, Paths, PerModel, ProcessStart,
    Profile, Reads, Ready, Reload, ReloadSignal, RequestText, RunningAt, SignalWord, Start, StatusReading,
    Stop, StopSignal, StoreKind, Templated, UrlPath, ValuePath, VersionCommand, WithoutFallbacks,
    profile_schema,
};
pub use reading::{Reading, ReadingError};
pub use template::TemplateError;
pub use topology::{Key, Topology, UpstreamAddress};
