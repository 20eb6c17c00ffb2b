//! One exchange with a provider: its attempts, from the first key to the answer.

mod backoff;
mod choice;
mod queue;
mod retry;
mod run;
mod walk;

#[cfg(test)]
mod tests;

pub(crate) use backoff::{Backoff, BackoffSettings};
pub(crate) use choice::{KeyChoice, OpenKeysInTurn, Pick};
pub(crate) use queue::{Queue, QueueSettings};
pub(crate) use retry::{Next, RetryPolicy, RetryWhatMayHelp};
pub(crate) use run::{Exchange, ExchangeSettings, Finished, Outcome, Refusal, Turn, Used};
pub(crate) use walk::Walk;
