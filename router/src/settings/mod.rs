//! What the router is told: the configuration file as written, keys from the environment, and both resolved.

mod api_file;
mod apis;
mod discovery;
mod duration;
mod file;
mod keys;
mod ledger;
mod models;
mod money;
mod read;
mod requests;
mod resolve;
mod share;
mod shared;
mod shown;
mod source_policy;
mod targets;
mod tenants;

#[cfg(test)]
mod tests;

pub use discovery::{Environment, ProcessEnvironment};
pub use resolve::SettingsError;

pub(crate) use apis::{ApiPool, ApiSettings, RoutingRule, ServiceSettings, lies_below};
pub(crate) use models::ModelSettings;
pub(crate) use requests::RequestLimits;
pub(crate) use resolve::{Address, ProviderSettings, Settings};
pub(crate) use shown::shown;
pub(crate) use source_policy::{EveryKeyOnce, SourcePolicy};
pub(crate) use targets::Target;
pub(crate) use tenants::TenantSettings;
