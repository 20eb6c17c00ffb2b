//! What the router is told: the configuration file as written, keys from the environment, and both resolved.

mod discovery;
mod duration;
mod file;
mod nearest;
mod read;
mod resolve;

pub use discovery::{Environment, ProcessEnvironment};
pub use resolve::SettingsError;

pub(crate) use resolve::{ModelSettings, ProviderSettings, Settings};
