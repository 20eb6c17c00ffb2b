//! What vLLM says in words of its own: its errors and its load. The rest is OpenAI's format.

mod errors;
mod metrics;

pub(crate) use errors::refusal;
pub(crate) use metrics::metrics;
