//! The reference router: a target like any other, which rotates API keys and relays requests to LLM providers.
//!
//! Settings are read once (`settings`), a request comes in (`front`), an exchange decides which keys are tried
//! (`exchange`, `pool`) and a provider is asked (`provider`). Decisions are values behind small traits, gathered
//! in `policy`; nothing of the harness is known here.

mod defects;
mod exchange;
mod front;
mod policy;
mod pool;
mod provider;
mod secret;
mod serve;
mod settings;

pub use defects::{Defect, UnknownDefect, defects};
pub use front::ListenError;
pub use serve::{Router, ServeError, ServeOptions, serve, start};
pub use settings::{Environment, ProcessEnvironment, SettingsError};
