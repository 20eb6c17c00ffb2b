//! A provider's keys as a pool: which are open, which come next, and how fast the provider may be asked.

mod choosing;
mod keys;
mod pace;

#[cfg(test)]
mod tests;

pub(crate) use choosing::{Choosing, CooldownSettings, Strategy};
pub(crate) use keys::{KeyIndex, Outlook, Pool, Standing};
pub(crate) use pace::Pace;
