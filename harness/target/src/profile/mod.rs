//! Profiles: what a target's file declares, typed and with positions.

mod bound;
mod declaration;
mod file;
mod headers;
mod instances;
mod known_failure;
mod requests;
mod sharing;
mod start;
mod text;
mod unrendered;

pub use bound::Bound;
pub use declaration::{
    Authorization, CredentialHeader, Declaration, Defects, Paths, VersionCommand, profile_schema,
};
pub(crate) use file::Place;
pub use file::Profile;
pub(crate) use headers::Header;
pub use instances::{Instances, PerModel, StoreKind};
pub use known_failure::{Confessed, Date, KnownFailure};
pub use requests::{
    AdminRequest, Auth, CostReading, HeaderReading, LedgerFields, LedgerPages, LedgerReading, MetricsReading,
    MoneyUnit, Operations, Reads, StatusReading,
};
pub use start::{Mode, Observation, ProcessStart, Ready, Start, Stop, StopSignal};
pub use text::{CommandLine, HeaderName, OperationText, RequestText, Templated, UrlPath, ValuePath};
