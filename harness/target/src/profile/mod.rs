//! Profiles: what a target's file declares, typed and with positions.

mod bound;
mod declaration;
mod file;
mod headers;
mod instances;
mod known_failure;
mod ledger;
mod operations;
mod reads;
mod sharing;
mod start;
mod text;
mod unrendered;
mod without_fallbacks;

pub use bound::Bound;
pub use declaration::{
    Authorization, CredentialHeader, Declaration, Defects, KeysBy, Paths, VersionCommand, profile_schema,
};
pub(crate) use file::Place;
pub use file::Profile;
pub(crate) use headers::Header;
pub use instances::{Instances, PerModel, StoreKind};
pub use known_failure::{Comes, Confessed, Date, KnownFailure};
pub use ledger::{LedgerFields, LedgerPages, LedgerReading, LedgerState};
pub use operations::{AdminRequest, Operations, Reload, ReloadSignal, SignalWord};
pub use reads::{
    AttemptsReading, Auth, CostReading, Counts, HeaderReading, MetricsReading, MoneyUnit, Reads,
    StatusReading,
};
pub use sharing::Demands;
pub use start::{Mode, Observation, ProcessStart, Ready, RunningAt, Start, Stop, StopSignal};
pub use text::{CommandLine, HeaderName, OperationText, RequestText, Templated, UrlPath, ValuePath};
pub use without_fallbacks::{BodyFields, FallbacksOff, WithoutFallbacks};
