//! What vLLM says in words of its own: its errors. The rest is OpenAI's format.

mod errors;

pub(crate) use errors::refusal;
