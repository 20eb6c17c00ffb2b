//! Wire formats of providers, pure: bodies, errors, wait hints and the framing of streams. Nothing here does I/O.
//!
//! Whoever speaks a dialect goes through [`Dialect`]; the types around it belong to none. What a provider says and understands
//! stands in `provider.rs`, what a client does in `client.rs`, and which path asks for what in `asked.rs`.

mod about;
mod answer;
mod anthropic;
mod asked;
mod azure;
mod chat;
mod client;
mod credential;
mod dialect;
mod embeddings;
mod error_body;
mod error_name;
mod framer;
mod gemini;
mod hint;
mod json;
mod limit;
mod ollama;
mod openai;
mod provider;
mod reading;
mod refusal;
mod request;
mod responses;
mod stream;
mod surface;
mod text_hash;
mod tool_calls;
mod vllm;

pub use about::{About, Load, Told};
pub use answer::{Answer, Finish, Serving, ToolCall, Usage};
pub use asked::Asked;
pub use chat::{Chat, Said};
pub use dialect::Dialect;
pub use embeddings::Inputs;
pub use error_body::{ErrorBody, Shape};
pub use error_name::ErrorName;
pub use framer::{EventTooLong, Framer, RawEvent, StreamFormat};
pub use hint::{
    HeaderHints, Hint, HintForm, WaitHint, go_duration, is_wait_hint, rfc3339, wait_hint, wait_hint_of,
};
pub use limit::{Counted, Limit};
pub use reading::{Piece, ReadAnswer, StreamEvent, ToldUsage, ToolPiece};
pub use refusal::{Cause, Refusal, RefusalReply};
pub use request::{ChatRequest, Unfit, count_words};
pub use stream::{Frame, FrameKind, Framing, LineEnd, StreamEvents, StreamShape, UsagePlace};
pub use surface::Surface;
pub use text_hash::TextHash;
pub use tool_calls::ToolCalls;
