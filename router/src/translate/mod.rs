//! Between an OpenAI client and an Anthropic provider: the request, the whole answer and the stream, by meaning.

mod answer;
mod chunk;
mod finish;
mod messages;
mod request;
mod stream;
mod tools;

#[cfg(test)]
mod tests;

pub(crate) use answer::translated_answer;
pub(crate) use request::{DEFAULT_MAX_TOKENS, Untranslatable, translated_request};
pub(crate) use stream::{ChunkPassage, openai_error};
