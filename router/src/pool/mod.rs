//! A provider's keys as a pool for each of its models: which are open, which come next, and how fast the provider may be asked.

mod choosing;
mod growing;
mod key_state;
mod keys;
mod latency;
mod members;
mod order;
mod pace;
mod pools;
mod ready;
mod sessions;
mod spared;
mod standing;
mod uses;

#[cfg(test)]
mod tests;

pub(crate) use choosing::{Choosing, CooldownSettings, Strategy};
pub(crate) use keys::{KeyIndex, Pool};
pub(crate) use latency::{Latency, ONE_LOOK_IN};
pub(crate) use pace::Pace;
pub(crate) use pools::Pools;
pub(crate) use sessions::Session;
pub(crate) use standing::{Outlook, Standing};
pub(crate) use uses::{Claim, OpenUse, UseLimit};
