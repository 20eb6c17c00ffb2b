//! Usage: what providers report of the tokens of an answer, and what is counted when they do not.

mod anthropic;
mod gemini;
mod openai;
mod report;
mod responses;
mod tally;

pub(crate) use anthropic::AnthropicUsage;
pub(crate) use gemini::GeminiUsage;
pub(crate) use openai::OpenaiUsage;
pub(crate) use report::{LatestReport, UsagePolicy, UsageReport};
pub(crate) use responses::ResponsesUsage;
pub(crate) use tally::Tally;
