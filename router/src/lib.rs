//! The reference router: a target like any other, which rotates API keys and relays requests to LLM providers.
//!
//! Settings are read (`settings`) and put in force, at the start and whenever the operator asks for it (`upkeep`). A
//! request comes in (`front`), an exchange decides which keys are tried (`exchange`, `pool`) and a provider is asked
//! (`provider`). Where client and provider speak differently the answer is
//! put into other words (`stream`, `translate`), and where tenants are to pay it is counted and booked (`usage`,
//! `tenants`, `accounts`). Decisions are values behind small traits, gathered in `policy`; nothing of the harness is
//! known here.

mod accounts;
mod apis;
mod defects;
mod edit;
mod exchange;
mod front;
mod growth;
mod known_keys;
mod metrics;
mod nearest;
mod policy;
mod pool;
mod provider;
mod rewrite;
mod secret;
mod selection;
mod serve;
mod settings;
mod shared;
mod splitmix;
mod stream;
mod tenants;
mod translate;
mod upkeep;
mod usage;

pub use defects::{Defect, UnknownDefect, defects};
pub use front::ListenError;
#[doc(hidden)]
pub use selection::{Selected, Selection};
pub use serve::{Router, ServeError, ServeOptions, serve, start};
pub use settings::{Environment, ProcessEnvironment, SettingsError};
