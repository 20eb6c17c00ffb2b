//! Event streams of providers: cut into events, and carried to the client event by event.

mod anthropic;
mod beginning;
mod framer;
mod gemini;
mod openai;
mod passage;
mod policy;
mod responses;

pub(crate) use anthropic::{AnthropicPassage, Delta, StartedBlock, StreamEvent};
pub(crate) use beginning::Beginning;
pub(crate) use framer::{Event, Framer, TooLong};
pub(crate) use gemini::{GeminiContent, GeminiFraming, GeminiPart, GeminiPassage, gemini_error};
pub(crate) use openai::OpenaiPassage;
pub(crate) use passage::{Passage, Step};
pub(crate) use policy::{StreamPolicy, WholeStreams};
pub(crate) use responses::ResponsesPassage;
