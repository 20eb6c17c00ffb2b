//! A provider's keys as a pool: which are open, which come next, and how fast the provider may be asked.

mod keys;
mod pace;

pub(crate) use keys::{KeyIndex, Outlook, Pool, Standing};
pub(crate) use pace::Pace;
