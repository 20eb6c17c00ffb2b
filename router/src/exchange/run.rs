//! The loop of an exchange: choose a key, make an attempt, learn from it, go on or answer.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{Response, StatusCode};
use tokio::time::Instant;

use super::backoff::{Backoff, BackoffSettings};
use super::{Next, Pick, Queue, Walk};
use crate::policy::Policies;
use crate::pool::{Choosing, Claim, CooldownSettings, KeyIndex, Outlook, Pool, Session, Strategy};
use crate::provider::{
    Attempted, Busy, ErrorReply, Failure, HeldKey, Learned, Probe, Provider, Reply, Ticket, Unfit, Upstream,
    UpstreamRequest, read_error, read_failure, read_unfit, used_up_for,
};
use crate::shared::Link;
use crate::usage::UsageReport;

/// Everything that one exchange needs. Dropping the future of [`Exchange::run`] stops it at once, wherever it is.
pub(crate) struct Exchange<'a, U> {
    pub(crate) provider: &'a Arc<Provider>,
    /// The provider's name of the model.
    pub(crate) model: &'a str,
    pub(crate) upstream: &'a U,
    pub(crate) policies: &'a Policies,
    pub(crate) backoff: &'a Backoff,
    pub(crate) request: &'a UpstreamRequest,
    pub(crate) set: ExchangeSettings,
    /// What it would use of a key. Absent: keys have no limits but the provider's.
    pub(crate) claim: Option<Claim<'a>>,
    /// The session that it belongs to, if those stay at their keys.
    pub(crate) session: Option<Session>,
    /// Where it waits when no key is free. Absent: it is refused.
    pub(crate) queue: Option<&'a Queue>,
    /// Where routers count the uses of keys together. Absent: each counts its own.
    pub(crate) link: Option<&'a Arc<Link>>,
}

/// So many keys that others have used up are passed over for one attempt.
const MOST_PASSED_OVER: u32 = 1_000;

/// What the settings say of the exchanges of a model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExchangeSettings {
    pub(crate) retries: u32,
    pub(crate) strategy: Strategy,
    pub(crate) backoff: BackoffSettings,
    pub(crate) cooldown: CooldownSettings,
}

/// An exchange that is over, but for the body of a success.
#[derive(Debug)]
pub(crate) struct Finished<B> {
    pub(crate) outcome: Outcome<B>,
    /// How often the provider was asked.
    pub(crate) attempts: u32,
    /// The key of the last attempt, if there was one.
    pub(crate) key: Option<HeldKey>,
    /// The use that a success makes of its key, if that has limits.
    pub(crate) ticket: Option<Box<Ticket>>,
    /// That a key is busy with a success until its last byte, where that is counted.
    pub(crate) busy: Option<Busy>,
    /// What failed attempts have used, where the provider says so.
    pub(crate) used: Vec<Used>,
}

/// The tokens of one failed attempt.
#[derive(Debug)]
pub(crate) struct Used {
    pub(crate) key: HeldKey,
    /// Counted from 1.
    pub(crate) attempt: u32,
    pub(crate) tokens: UsageReport,
}

impl<B> Finished<B> {
    /// Takes out what the attempt has used whose failure is the answer.
    pub(crate) fn take_used_by_the_last(&mut self) -> Option<UsageReport> {
        let attempts = self.attempts;
        self.used.pop_if(|used| used.attempt == attempts).map(|used| used.tokens)
    }

    pub(crate) fn is_answered(&self) -> bool {
        matches!(self.outcome, Outcome::Answered(_))
    }

    /// What the provider found fault with, if another model may not.
    pub(crate) fn unfit(&self) -> Option<Unfit> {
        match &self.outcome {
            Outcome::Relayed(error) => read_unfit(error),
            Outcome::Answered(_) | Outcome::Refused(_) => None,
        }
    }

    /// Whether another provider may fare better: it failed, and not because the request is wrong.
    pub(crate) fn may_fall_back(&self) -> bool {
        match &self.outcome {
            Outcome::Answered(_) => false,
            Outcome::Refused(_) => true,
            Outcome::Relayed(error) => read_error(error, SystemTime::now()) != Failure::Final,
        }
    }
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
    /// As many wait for a key as may; the first one opens after this time.
    QueueFull {
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
    /// The settings have no key.
    NoKey,
    Unreachable,
    TimedOut,
    /// What the provider gave is no answer.
    Unreadable,
}

impl<'a, U: Upstream> Exchange<'a, U> {
    pub(crate) async fn run(&self) -> Finished<U::Body> {
        let mut walk = Walk::new(self.policies.retry.retries(self.set.retries));
        let mut sent = Sent {
            attempts: 0,
            key: None,
            first_byte: None,
            ticket: None,
            busy: None,
            used: Vec::new(),
            unblamed: Vec::new(),
        };
        let outcome = self.walk(&mut walk, &mut sent).await;
        let Sent { attempts, key, ticket, busy, used, unblamed, .. } = sent;
        if let Some(key) = &key {
            unblamed.into_iter().for_each(|status| key.attempts().count(status));
        }
        Finished { outcome, attempts, key, ticket, busy, used }
    }

    async fn walk(&self, walk: &mut Walk, sent: &mut Sent) -> Outcome<U::Body> {
        // Whether the next attempt was paid for with a retry.
        let mut paid = false;
        // The latest answer that was not about a key: the most telling one when the keys run out.
        let mut last_trouble = None;
        loop {
            let (key, probe) = match self.next_shared_turn(walk, paid).await {
                Ok(Turn::Begun { key, probe, ticket, busy }) => {
                    (sent.ticket, sent.busy) = (ticket, busy);
                    (key, probe)
                }
                Ok(Turn::CostsRetry) => {
                    let Some(retry) = walk.spend_retry() else {
                        return last_trouble.unwrap_or_else(|| Outcome::Refused(self.refusal()));
                    };
                    self.wait(retry, Duration::ZERO).await;
                    paid = true;
                    // Much may have changed meanwhile, so the choice is made anew.
                    continue;
                }
                Err(refusal) => return last_trouble.unwrap_or(Outcome::Refused(refusal)),
            };
            paid = false;
            let index = key.index();
            walk.tries(index);
            let begin = Instant::now();
            let reply = self.attempt(key, sent).await;
            let failure = read_failure(&reply, SystemTime::now());
            self.measure(index, sent.first_byte.take().unwrap_or_else(|| begin.elapsed()), failure);
            let Some(failure) = failure else {
                self.provider.prove(index, self.model, self.used_up_for(&reply));
                return answer(reply);
            };
            let hints = self.policies.hints.as_ref();
            self.provider.learn(index, self.model, failure, hints, &self.set.cooldown);
            drop((probe, sent.busy.take()));
            if let Some(ticket) = sent.ticket.take() {
                ticket.settle(0);
            }
            if failure.is_about_the_key() {
                walk.refuses(index);
            }
            match self.policies.retry.after(failure) {
                Next::AnotherKey => match self.policies.retry.before_another_key(failure) {
                    Duration::ZERO => {}
                    wait => tokio::time::sleep(wait).await,
                },
                Next::Stop => return stop(reply, failure),
                Next::Again { no_sooner } => {
                    let Some(retry) = walk.spend_retry() else { return stop(reply, failure) };
                    last_trouble = Some(stop(reply, failure));
                    self.wait(retry, no_sooner).await;
                    paid = true;
                }
            }
        }
    }

    /// Takes in how fast a key answered, where that matters. What speaks of a limit or of the request says nothing about it.
    fn measure(&self, key: KeyIndex, took: Duration, failure: Option<Failure>) {
        let has_failed = match failure {
            None => false,
            Some(Failure::Transient { .. }) => true,
            Some(_) => return,
        };
        if self.policies.choice.strategy(self.set.strategy) == Strategy::LowestLatency {
            let mut learned = self.provider.learned();
            learned.pools.of(self.model).measure(key, took, has_failed, Instant::now());
        }
    }

    async fn wait(&self, retry: u32, no_sooner: Duration) {
        let spread = self.backoff.wait(retry, &self.set.backoff);
        let wait = self.policies.retry.wait(spread, &self.set.backoff);
        tokio::time::sleep(wait.max(no_sooner)).await;
    }

    /// The key of the next attempt. Where routers share, one that others have used up is passed over.
    async fn next_shared_turn(&self, walk: &Walk, paid: bool) -> Result<Turn<'a>, Refusal> {
        let limits = self.claim.map(|claim| claim.limits).filter(|limits| !limits.is_empty());
        let Some((link, limits)) = self.link.zip(limits) else { return self.next_turn(walk, paid).await };
        // Each turn closes a key, so there are no more than keys; but others may open meanwhile.
        for _ in 0..MOST_PASSED_OVER {
            match self.next_turn(walk, paid).await? {
                Turn::Begun { key, probe, ticket: Some(ticket), busy } => {
                    match ticket.count_together(link, &key.fingerprint(), limits).await {
                        Ok(ticket) => return Ok(Turn::Begun { key, probe, ticket: Some(ticket), busy }),
                        Err((ticket, wait)) => ticket.take_back(wait),
                    }
                }
                turn => return Ok(turn),
            }
        }
        Err(self.refusal())
    }

    /// The key of the next attempt, waited for if there is a line. Whoever has begun does not wait: it had its turn.
    async fn next_turn(&self, walk: &Walk, paid: bool) -> Result<Turn<'a>, Refusal> {
        let Some(queue) = self.queue.filter(|_| !walk.has_begun()) else { return self.next_key(walk, paid) };
        // Nobody passes by those who wait.
        if queue.is_empty() {
            match self.next_key(walk, paid) {
                Err(refusal) if refusal.opens_in().is_some() => {}
                known => return known,
            }
        }
        let full = || Refusal::QueueFull { wait: self.refusal().opens_in().unwrap_or_default() };
        let place = queue.join(self.policies.retry.as_ref()).ok_or_else(full)?;
        let Some(_first) = place.first().await else { return Err(self.refusal()) };
        loop {
            let refusal = match self.next_key(walk, paid) {
                Err(refusal) => refusal,
                turn => return turn,
            };
            match refusal.opens_in() {
                Some(wait) if place.look_again(wait).await => {}
                _ => return Err(refusal),
            }
        }
    }

    /// The key of the next attempt, counted against the provider's pace and as a probe in one step.
    pub(crate) fn next_key(&self, walk: &Walk, paid: bool) -> Result<Turn<'a>, Refusal> {
        let now = Instant::now();
        let choice = &self.policies.choice;
        let headroom = |claim: Claim<'_>| claim.headroom.filter(|_| choice.heeds_headroom());
        let claim = self.claim.filter(|_| choice.heeds_limits());
        let claim = claim.map(|claim| Claim {
            headroom: headroom(claim),
            predicts: claim.predicts.map(|_| choice.prediction()),
            ..claim
        });
        let choosing = Choosing {
            strategy: self.policies.choice.strategy(self.set.strategy),
            probes: self.policies.hints.probes(self.set.cooldown.probes),
            claim,
            session: self.session.filter(|_| self.policies.choice.heeds_sessions()),
        };
        let mut learned = self.provider.learned();
        let Learned { pools, pace, .. } = &mut *learned;
        let pool = pools.of(self.model);
        let Some(pick) = self.policies.choice.choose(pool, walk, choosing, now) else {
            return Err(self.told(self.outlook(pool, now)));
        };
        let key = match pick {
            Pick::Fresh(key) => key,
            Pick::Repeat(key) if paid => key,
            Pick::Repeat(_) => return Ok(Turn::CostsRetry),
        };
        if !walk.has_begun() {
            pace.admit(now).map_err(|wait| Refusal::Paced { wait })?;
        }
        let (is_probe, open_use) = pool.begin(key, claim, now);
        let ticket = open_use
            .zip(claim)
            .map(|(open, claim)| Box::new(Ticket::new(self.provider, self.model, claim.model, open)));
        let probe = is_probe.then(|| Probe::new(self.provider, self.model, key));
        let busy = choosing.strategy.counts_open().then(|| {
            learned.pools.busy(key);
            Busy::new(self.provider, key)
        });
        Ok(Turn::Begun { key: learned.hold(key), probe, ticket, busy })
    }

    /// One attempt with one key, made by the layer beneath.
    async fn attempt(&self, key: HeldKey, sent: &mut Sent) -> Reply<U::Body> {
        let mut sends_left = self.policies.retry.sends_for_each_attempt(self.set.retries).max(1);
        loop {
            if sent.attempts > 0 {
                self.provider.learned().pace.follow(Instant::now());
            }
            sent.attempts += 1;
            sends_left -= 1;
            let Attempted { reply, used, first_byte } = self.upstream.send(&key, self.request).await;
            sent.first_byte = first_byte;
            if let Some(tokens) = used {
                sent.used.push(Used { key: key.clone(), attempt: sent.attempts, tokens });
            }
            if self.policies.upkeep.blames_who_failed() {
                key.attempts().count(reply.status());
            } else {
                sent.unblamed.push(reply.status());
            }
            match read_failure(&reply, SystemTime::now()) {
                Some(Failure::Limited { .. } | Failure::Transient { .. }) if sends_left > 0 => {}
                _ => {
                    sent.key = Some(key);
                    return reply;
                }
            }
        }
    }

    /// For how long other keys are to be preferred, by what an answer says of what is left.
    fn used_up_for(&self, reply: &Reply<U::Body>) -> Option<Duration> {
        let headroom = self.claim?.headroom?;
        match reply {
            Reply::Success(response) => used_up_for(response.headers(), headroom, SystemTime::now()),
            _ => None,
        }
    }

    fn refusal(&self) -> Refusal {
        self.told(self.outlook(self.provider.learned().pools.of(self.model), Instant::now()))
    }

    fn outlook(&self, pool: &mut Pool, now: Instant) -> Outlook {
        let hopeful = pool.outlook(now);
        if self.policies.retry.is_hopeful() { hopeful } else { pool.bleakest().unwrap_or(hopeful) }
    }

    fn told(&self, outlook: Outlook) -> Refusal {
        match Refusal::from(outlook) {
            Refusal::Limited { wait } => Refusal::Limited { wait: self.policies.retry.told_wait(wait) },
            other => other,
        }
    }
}

/// What was sent so far.
struct Sent {
    attempts: u32,
    /// The key of the latest attempt.
    key: Option<HeldKey>,
    /// After how long the first byte of the latest answer came.
    first_byte: Option<Duration>,
    /// Its use of the latest key.
    ticket: Option<Box<Ticket>>,
    busy: Option<Busy>,
    used: Vec<Used>,
    /// How attempts ended that are counted when it is over.
    unblamed: Vec<Option<StatusCode>>,
}

/// Whose turn it is.
pub(crate) enum Turn<'a> {
    /// The attempt has begun, as far as the pool knows.
    Begun { key: HeldKey, probe: Option<Probe<'a>>, ticket: Option<Box<Ticket>>, busy: Option<Busy> },
    /// A key could be tried again, for a retry.
    CostsRetry,
}

impl Turn<'_> {
    /// The place of the key whose turn it is.
    pub(crate) fn key(&self) -> Option<KeyIndex> {
        match self {
            Self::Begun { key, .. } => Some(key.index()),
            Self::CostsRetry => None,
        }
    }
}

impl From<Outlook> for Refusal {
    fn from(outlook: Outlook) -> Self {
        match outlook {
            Outlook::OpenIn(wait) => Self::Limited { wait },
            Outlook::Exhausted => Self::Exhausted,
            Outlook::Invalid => Self::KeysRejected,
            Outlook::Disabled => Self::KeysDisabled,
            Outlook::NoKey => Self::NoKey,
        }
    }
}

impl Refusal {
    /// The time after which it may be otherwise, if waiting helps.
    fn opens_in(self) -> Option<Duration> {
        match self {
            Self::Limited { wait } | Self::Paced { wait } => Some(wait),
            _ => None,
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
        Reply::Unreadable => Outcome::Refused(Refusal::Unreadable),
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
