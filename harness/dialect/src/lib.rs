//! Wire formats of providers, pure: bodies, errors, wait hints and the framing of streams. Nothing here does I/O.
//!
//! Whoever speaks a dialect goes through [`Dialect`]; the types around it belong to none.

mod answer;
mod anthropic;
mod chat;
mod dialect;
mod error_body;
mod error_name;
mod hint;
mod json;
mod limit;
mod openai;
mod reading;
mod refusal;
mod request;
mod sse;
mod stream;
mod text_hash;

pub use answer::{Answer, Finish, Serving, ToolCall, Usage};
pub use chat::Chat;
pub use dialect::Dialect;
pub use error_body::{ErrorBody, Shape};
pub use error_name::ErrorName;
pub use hint::{HeaderHints, Hint, HintForm, WaitHint, go_duration, wait_hint, wait_hint_of};
pub use limit::{Counted, Limit};
pub use reading::{Piece, ReadAnswer, StreamEvent, ToldUsage, ToolPiece};
pub use refusal::{Cause, Refusal, RefusalReply};
pub use request::{ChatRequest, Unfit, count_words};
pub use sse::{EventTooLong, SseEvent, SseFramer};
pub use stream::{Frame, FrameKind, Framing, StreamEvents, StreamShape, UsagePlace};
pub use text_hash::TextHash;
