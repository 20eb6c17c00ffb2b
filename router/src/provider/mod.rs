//! What lies behind the router: providers, their keys, what they are asked and how their answers are read.

mod body;
mod client;
mod coming;
mod connections;
mod dialect;
mod endpoint;
mod failure;
mod held;
mod hint;
mod key;
mod platform;
mod remaining;
mod shared_use;
mod state;
mod surface;
mod trust;
mod upstream;
mod used;
mod wire;

pub(crate) use body::{ProviderBody, is_event_stream};
pub(crate) use client::HttpUpstream;
pub(crate) use connections::PooledClient;
pub(crate) use dialect::{ANTHROPIC_VERSION, ANTHROPIC_VERSION_VALUE, Dialect, X_API_KEY, X_GOOG_API_KEY};
pub(crate) use endpoint::{AZURE_VERSION, Endpoint, shown_address};
pub(crate) use failure::{Failure, Unfit, error_body, read_error, read_failure, read_unfit};
pub(crate) use held::{Busy, Probe, Ticket};
pub(crate) use hint::{HintPolicy, HonourHints, Limit};
pub(crate) use key::ProviderKey;
pub(crate) use platform::Platform;
pub(crate) use remaining::{told_use, used_up_for};
pub(crate) use state::{KeyStanding, Learned, Provider};
pub(crate) use surface::Surface;
pub(crate) use trust::{Trust, tls_trouble};
pub(crate) use upstream::{Attempted, ErrorReply, Patience, Reply, Upstream, UpstreamRequest};
pub(crate) use wire::{AsItIs, WirePolicy};
