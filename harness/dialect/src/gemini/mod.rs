//! `generateContent` as Google defines it.

mod answer_body;
mod errors;
mod event_writer;
mod reading;
mod request;

pub(crate) use answer_body::{answer_body, finish_word, model_list};
pub(crate) use errors::refusal;
pub(crate) use event_writer::{EventWriter, event_usage};
pub(crate) use reading::{read_answer, read_event};
pub(crate) use request::{read_request, request_body};
