//! What Azure says in words of its own: its errors and its headers. The rest is OpenAI's format.

mod errors;
mod limits;
mod models;

pub(crate) use errors::refusal;
pub(crate) use limits::limit_headers;
pub(crate) use models::model_list;
