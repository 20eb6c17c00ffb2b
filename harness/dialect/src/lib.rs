//! Wire formats of providers, pure: bodies, errors, wait hints and the framing of streams. Nothing here does I/O.

mod dialect;
mod error_body;
mod hint;
pub mod openai;
mod sse;
mod text_hash;

pub use dialect::Dialect;
pub use error_body::{ErrorBody, Shape};
pub use hint::wait_hint;
pub use sse::{EventTooLong, SseEvent, SseFramer};
pub use text_hash::TextHash;
