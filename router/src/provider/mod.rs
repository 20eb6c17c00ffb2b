//! What lies behind the router: providers, their keys, what they are asked and how their answers are read.

mod body;
mod client;
mod dialect;
mod failure;
mod held;
mod hint;
mod key;
mod remaining;
mod state;
mod surface;
mod upstream;
mod used;

pub(crate) use body::{ProviderBody, is_event_stream};
pub(crate) use client::{HttpUpstream, PooledClient, pooled_client};
pub(crate) use dialect::{ANTHROPIC_VERSION, ANTHROPIC_VERSION_VALUE, Dialect, X_API_KEY, X_GOOG_API_KEY};
pub(crate) use failure::{Failure, Unfit, error_body, read_error, read_failure, read_unfit};
pub(crate) use held::{Busy, Probe, Ticket};
pub(crate) use hint::{HintPolicy, HonourHints, Limit};
pub(crate) use key::ProviderKey;
pub(crate) use remaining::{told_use, used_up_for};
pub(crate) use state::{KeyStanding, Provider};
pub(crate) use surface::Surface;
pub(crate) use upstream::{Attempted, ErrorReply, Patience, Reply, Upstream, UpstreamRequest};
