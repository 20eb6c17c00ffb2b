//! Chat completions as OpenAI defines them.

mod chat;
mod chat_request;
mod completion;
mod limit_headers;
mod refusal;

pub use chat::{Answer, Chat, ChatEvent, Chunk, Usage};
pub use chat_request::{ChatRequest, Unfit, count_words};
pub use completion::{Completion, DONE_EVENT, StreamWriter, model_list, pieces};
pub use limit_headers::{RequestLimit, go_duration};
pub use refusal::Refusal;
