//! Embeddings as OpenAI defines them: a vector for each text, never streamed.

mod answer_body;
mod inputs;
mod reading;
mod request;

pub(crate) use answer_body::answer_body;
pub use inputs::Inputs;
pub(crate) use reading::read_answer;
pub(crate) use request::{read_request, request_body};
