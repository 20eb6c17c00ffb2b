//! A provider's keys as a pool for each of its models: which are open, which come next, and how fast the provider may be asked.

mod choosing;
mod key_state;
mod keys;
mod members;
mod pace;
mod pools;
mod sessions;
mod standing;
mod uses;

#[cfg(test)]
mod tests;

pub(crate) use choosing::{Choosing, CooldownSettings, Strategy};
pub(crate) use keys::{KeyIndex, Pool};
pub(crate) use pace::Pace;
pub(crate) use pools::Pools;
pub(crate) use sessions::Session;
pub(crate) use standing::{Outlook, Standing};
pub(crate) use uses::{Claim, OpenUse, UseLimit};
