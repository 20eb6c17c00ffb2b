//! Chat completions as OpenAI defines them.

mod chat;

pub use chat::{Answer, Chat, ChatEvent, Chunk, Usage};
