//! One exchange with a provider: its attempts, from the first key to the answer.

mod backoff;
mod choice;
mod retry;
mod run;
mod walk;

#[cfg(test)]
mod tests;

pub(crate) use backoff::Backoff;
pub(crate) use choice::{KeyChoice, OpenKeysInTurn, Pick};
pub(crate) use retry::{Next, RetryPolicy, RetryWhatMayHelp};
pub(crate) use run::{Exchange, Finished, Outcome, Refusal};
pub(crate) use walk::Walk;
