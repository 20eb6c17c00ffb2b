//! The loop of an exchange: choose a key, make an attempt, learn from it, go on or answer.

use std::time::{Duration, SystemTime};

use http::Response;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::{Next, Pick, Walk};
use crate::policy::Policies;
use crate::pool::{KeyIndex, Outlook};
use crate::provider::{ErrorReply, Failure, Provider, Reply, Upstream, UpstreamRequest, read_failure};

/// Everything that one exchange needs. Dropping the future of [`Exchange::run`] stops it at once, wherever it is.
pub(crate) struct Exchange<'a, U> {
    pub(crate) provider: &'a Provider,
    pub(crate) upstream: &'a U,
    pub(crate) policies: &'a Policies,
    pub(crate) backoff: &'a Backoff,
    pub(crate) request: &'a UpstreamRequest,
    pub(crate) retries: u32,
}

/// An exchange that is over, but for the body of a success.
#[derive(Debug)]
pub(crate) struct Finished<B> {
    pub(crate) outcome: Outcome<B>,
    /// How often the provider was asked.
    pub(crate) attempts: u32,
}

/// What the client is to be told.
#[derive(Debug)]
pub(crate) enum Outcome<B> {
    /// A success, to be relayed as it arrives.
    Answered(Response<B>),
    /// The provider's own error answer.
    Relayed(ErrorReply),
    /// The router's own answer.
    Refused(Refusal),
}

/// Why the router answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Every key is limited; the first one opens after this time.
    Limited {
        wait: Duration,
    },
    /// The provider asked for less traffic; a request can go through after this time.
    Paced {
        wait: Duration,
    },
    /// No key has money or quota left.
    Exhausted,
    /// The provider accepts none of the keys.
    KeysRejected,
    /// The operator disabled every key.
    KeysDisabled,
    Unreachable,
    TimedOut,
}

impl<U: Upstream> Exchange<'_, U> {
    pub(crate) async fn run(&self) -> Finished<U::Body> {
        let mut walk = Walk::new(self.retries);
        let mut attempts = 0;
        let outcome = self.walk(&mut walk, &mut attempts).await;
        Finished { outcome, attempts }
    }

    async fn walk(&self, walk: &mut Walk, attempts: &mut u32) -> Outcome<U::Body> {
        // Whether the next attempt was paid for with a retry.
        let mut paid = false;
        // The latest answer that was not about a key: the most telling one when the keys run out.
        let mut last_trouble = None;
        loop {
            let key = match self.next_key(walk) {
                Ok(Pick::Fresh(key)) => key,
                Ok(Pick::Repeat(key)) if paid => key,
                Ok(Pick::Repeat(_)) => {
                    let Some(retry) = walk.spend_retry() else {
                        return last_trouble.unwrap_or_else(|| Outcome::Refused(self.refusal()));
                    };
                    tokio::time::sleep(self.backoff.wait(retry)).await;
                    paid = true;
                    // Much may have changed meanwhile, so the choice is made anew.
                    continue;
                }
                Err(refusal) => return last_trouble.unwrap_or(Outcome::Refused(refusal)),
            };
            paid = false;
            walk.tries(key);
            let reply = self.attempt(key, attempts).await;
            let Some(failure) = read_failure(&reply, SystemTime::now()) else { return answer(reply) };
            self.provider.learn(key, failure, self.policies.hints.as_ref(), Instant::now());
            if failure.is_about_the_key() {
                walk.refuses(key);
            }
            match self.policies.retry.after(failure) {
                Next::AnotherKey => {}
                Next::Stop => return stop(reply, failure),
                Next::Again { no_sooner } => {
                    let Some(retry) = walk.spend_retry() else { return stop(reply, failure) };
                    last_trouble = Some(stop(reply, failure));
                    tokio::time::sleep(self.backoff.wait(retry).max(no_sooner)).await;
                    paid = true;
                }
            }
        }
    }

    /// The key of the next attempt, counted against the provider's pace.
    fn next_key(&self, walk: &Walk) -> Result<Pick, Refusal> {
        let now = Instant::now();
        let mut learned = self.provider.learned();
        let Some(pick) = self.policies.choice.choose(&mut learned.pool, walk, now) else {
            return Err(Refusal::from(learned.pool.outlook(now)));
        };
        if !walk.has_begun() {
            learned.pace.admit(now).map_err(|wait| Refusal::Paced { wait })?;
        }
        Ok(pick)
    }

    /// One attempt with one key, made by the layer beneath.
    async fn attempt(&self, key: KeyIndex, attempts: &mut u32) -> Reply<U::Body> {
        let mut sends_left = self.policies.retry.sends_for_each_attempt(self.retries).max(1);
        loop {
            if *attempts > 0 {
                self.provider.learned().pace.follow(Instant::now());
            }
            *attempts += 1;
            sends_left -= 1;
            let reply = self.upstream.send(self.provider.key(key), self.request).await;
            match read_failure(&reply, SystemTime::now()) {
                Some(Failure::Limited { .. } | Failure::Transient { .. }) if sends_left > 0 => {}
                _ => return reply,
            }
        }
    }

    fn refusal(&self) -> Refusal {
        Refusal::from(self.provider.learned().pool.outlook(Instant::now()))
    }
}

impl From<Outlook> for Refusal {
    fn from(outlook: Outlook) -> Self {
        match outlook {
            Outlook::OpenIn(wait) => Self::Limited { wait },
            Outlook::Exhausted => Self::Exhausted,
            Outlook::Invalid => Self::KeysRejected,
            Outlook::Disabled => Self::KeysDisabled,
        }
    }
}

/// The answer when a success has come.
fn answer<B>(reply: Reply<B>) -> Outcome<B> {
    match reply {
        Reply::Success(response) => Outcome::Answered(response),
        Reply::Error(error) => Outcome::Relayed(error),
        Reply::Unreachable => Outcome::Refused(Refusal::Unreachable),
        Reply::TimedOut => Outcome::Refused(Refusal::TimedOut),
    }
}

/// The answer when a failure is the last word. What a provider says about our keys is never relayed.
fn stop<B>(reply: Reply<B>, failure: Failure) -> Outcome<B> {
    match failure {
        Failure::Limited { hint } | Failure::SlowDown { hint } => {
            Outcome::Refused(Refusal::Limited { wait: hint.unwrap_or_default() })
        }
        Failure::Exhausted => Outcome::Refused(Refusal::Exhausted),
        Failure::KeyRejected => Outcome::Refused(Refusal::KeysRejected),
        Failure::Transient { .. } | Failure::Final => answer(reply),
    }
}
