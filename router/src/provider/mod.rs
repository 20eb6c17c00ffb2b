//! What lies behind the router: providers, their keys, what they are asked and how their answers are read.

mod client;
mod failure;
mod hint;
mod key;
mod state;
mod upstream;

pub(crate) use client::HttpUpstream;
pub(crate) use failure::{Failure, read_failure};
pub(crate) use hint::{HintPolicy, HonourHints, Limit};
pub(crate) use key::ProviderKey;
pub(crate) use state::Provider;
pub(crate) use upstream::{ErrorReply, Reply, Upstream, UpstreamRequest};
