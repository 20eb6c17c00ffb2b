//! One exchange with a service: a lease, an attempt, and what follows from it, until there is something to tell the client.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::audit::AuditLog;
use super::choice::{Chosen, Path};
use super::{Api, ApiRequest, ApiService, Came, Effect, Reason, Trouble, Who};
use crate::exchange::Backoff;
use crate::policy::Policies;
use crate::provider::{ErrorReply, Failure, told_use};

/// Everything that one exchange needs. Dropping the future of [`ApiExchange::run`] stops it at once, wherever it is.
pub(crate) struct ApiExchange<'a> {
    pub(crate) service: &'a ApiService,
    pub(crate) policies: &'a Policies,
    pub(crate) backoff: &'a Backoff,
    pub(crate) audit: &'a AuditLog,
    pub(crate) request: &'a ApiRequest,
    /// Tells the client's request from all others.
    pub(crate) id: &'a str,
}

/// An exchange that is over, but for the body of its answer.
#[derive(Debug)]
pub(crate) struct ApiFinished {
    pub(crate) outcome: ApiOutcome,
    /// How often an API was asked.
    pub(crate) attempts: u32,
    /// The one that was asked last.
    pub(crate) api: Option<Arc<Api>>,
    /// Whether the answer is not the API's reply to the request, which was lost, but what it has made of it.
    pub(crate) was_looked_up: bool,
}

/// What the client is to be told.
#[derive(Debug)]
pub(crate) enum ApiOutcome {
    /// An API's answer, to be relayed as it arrives.
    Answered(Response<Incoming>),
    /// An API's error, or an answer that was to be read before it is passed on.
    Relayed(ErrorReply),
    /// The router's own answer.
    Refused(ApiRefusal),
}

/// Why the router answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ApiRefusal {
    /// Every API is used to its limit; one has room after this time.
    Full { wait: Duration },
    /// As many wait as may.
    QueueFull { wait: Duration },
    /// No API accepts its keys.
    KeysRejected,
    /// The operator disabled every key.
    KeysDisabled,
    /// No API may be asked.
    NobodyLeft,
    /// No connection was made.
    Unreachable,
    /// There was no answer in time to something that only reads.
    TimedOut,
    /// It was sent, and nobody knows what became of it.
    OutcomeUnknown,
}

/// More attempts of one exchange are never of use.
const MOST_ATTEMPTS: u32 = 50;
/// What is not found after so many looks was not made, or will be made when nobody waits any more.
const MOST_LOOKS: u32 = 3;
/// A wait of nothing is not to become a hot loop.
const SHORTEST_WAIT: Duration = Duration::from_millis(5);

impl ApiExchange<'_> {
    pub(crate) async fn run(&self) -> ApiFinished {
        let mut path = Path::default();
        let mut latest = None;
        let mut outcome = self.walk(&mut path, &mut latest).await;
        let is_unknown = matches!(outcome, ApiOutcome::Refused(ApiRefusal::OutcomeUnknown));
        let mut was_looked_up = false;
        if is_unknown
            && self.policies.apis.looks_up()
            && let Some(found) = self.look_up(&mut path, &mut latest).await
        {
            (outcome, was_looked_up) = (ApiOutcome::Relayed(found), true);
        }
        ApiFinished { outcome, attempts: path.attempts, api: latest, was_looked_up }
    }

    async fn walk(&self, path: &mut Path, latest: &mut Option<Arc<Api>>) -> ApiOutcome {
        let allowed = self.service.allowed(&self.request.method, self.request.path.path());
        let patience = Instant::now() + self.service.set.queue.wait;
        let mut retries = 0..self.service.set.retries;
        let mut trouble: Option<ApiOutcome> = None;
        loop {
            let chosen = match self.next(&allowed, path, patience).await {
                Ok(chosen) => chosen,
                Err(refusal) => {
                    // Where some have failed in passing, all are worth another try.
                    let retry = if path.failed.is_empty() { None } else { retries.next() };
                    let Some(retry) = retry else {
                        return trouble.unwrap_or(ApiOutcome::Refused(refusal));
                    };
                    self.wait(retry).await;
                    path.failed.clear();
                    continue;
                }
            };
            path.attempts += 1;
            *latest = Some(Arc::clone(&chosen.lease.api));
            self.audit.decided(self.service.name(), self.request, &chosen, self.id);
            let (place, key) = (chosen.place, chosen.lease.key.index());
            let met = match self.attempt(chosen).await {
                Ok(answered) => return answered,
                Err(met) => met,
            };
            if met.trouble == Trouble::Lost {
                path.lost.get_or_insert((place, key));
            }
            let who = match (path.bound_to, self.policies.apis.who_next(self.request.effect, met.trouble)) {
                // What one may have done already is not asked of another.
                (Some(_), Who::Anyone) => Who::TheSame,
                (_, who) => who,
            };
            // Nothing that follows makes it known what became of an attempt that was lost.
            if !matches!(trouble, Some(ApiOutcome::Refused(ApiRefusal::OutcomeUnknown))) {
                trouble = Some(met.outcome);
            }
            let stop =
                |trouble: Option<ApiOutcome>| trouble.unwrap_or(ApiOutcome::Refused(ApiRefusal::NobodyLeft));
            if path.attempts >= MOST_ATTEMPTS {
                return stop(trouble);
            }
            match who {
                Who::Nobody => return stop(trouble),
                Who::Anyone if met.trouble == Trouble::Refused => path.refused.push((place, key)),
                Who::Anyone => path.failed.push(place),
                Who::TheSame => {
                    let Some(retry) = retries.next() else { return stop(trouble) };
                    path.bound_to = Some((place, key));
                    self.wait(retry).await;
                }
            }
        }
    }

    /// Asks the API whose reply was lost what became of the request. Nothing if it cannot be asked, or knows of nothing: then
    /// that may only not be there yet.
    async fn look_up(&self, path: &mut Path, latest: &mut Option<Arc<Api>>) -> Option<ErrorReply> {
        let (place, key) = path.lost?;
        let api = Arc::clone(&self.service.apis[place]);
        let question = api.lookup(self.request)?.question(self.request)?;
        path.bound_to = Some((place, key));
        let patience = Instant::now() + self.service.set.queue.wait;
        for look in 0..MOST_LOOKS {
            if look > 0 {
                self.wait(look).await;
            }
            let mut chosen = self.room_for_a_look(path, patience).await?;
            path.attempts += 1;
            *latest = Some(Arc::clone(&api));
            let names = (api.name(), chosen.lease.key.name());
            self.audit.keep(self.service.name(), &question, names, Reason::Lookup, self.id);
            let came = api.send(&chosen.lease, &question).await.read(question.timeout).await;
            chosen.lease.key.attempts().count(came.status());
            if matches!(came, Came::NeverSent) {
                chosen.lease.never_sent();
            }
            chosen.lease.answered(None);
            match came {
                Came::Read(reply) if reply.status.is_success() => return Some(reply),
                // It says that it is not there, or does not know now.
                Came::Read(reply) if reply.status != StatusCode::NOT_FOUND => return None,
                Came::KeyRejected => return None,
                _ => {}
            }
        }
        None
    }

    /// The right to ask the same API with the same key once more, as soon as its limits allow it.
    async fn room_for_a_look(&self, path: &Path, patience: Instant) -> Option<Chosen> {
        loop {
            let policies = self.policies;
            let probes = policies.hints.probes(self.service.set.cooldown.probes);
            match self.service.choose(&[], path, policies.apis.as_ref(), probes) {
                Ok(chosen) => return Some(chosen),
                Err(ApiRefusal::Full { wait }) if Instant::now() + wait < patience => {
                    tokio::time::sleep(wait.max(SHORTEST_WAIT)).await;
                }
                Err(_) => return None,
            }
        }
    }

    async fn wait(&self, retry: u32) {
        let set = &self.service.set.backoff;
        let wait = self.policies.retry.wait(self.backoff.wait(retry, set), set);
        tokio::time::sleep(wait).await;
    }

    /// The next API, waited for in line until patience is at its end.
    async fn next(&self, allowed: &[usize], path: &Path, patience: Instant) -> Result<Chosen, ApiRefusal> {
        let policies = self.policies;
        let probes = policies.hints.probes(self.service.set.cooldown.probes);
        let choose = || self.service.choose(allowed, path, policies.apis.as_ref(), probes);
        let queue = &self.service.queue;
        // Nobody passes by those who wait, but for one that has had its turn.
        if queue.is_empty() || path.attempts > 0 {
            match choose() {
                Err(ApiRefusal::Full { .. }) => {}
                known => return known,
            }
        }
        let full = || match choose() {
            Err(ApiRefusal::Full { wait }) => wait,
            _ => Duration::ZERO,
        };
        if path.bound_to.is_some() || Instant::now() >= patience {
            return Err(ApiRefusal::Full { wait: full() });
        }
        let Some(place) = queue.join(policies.retry.as_ref()) else {
            return Err(ApiRefusal::QueueFull { wait: full() });
        };
        let Some(_first) = place.first().await else { return Err(ApiRefusal::Full { wait: full() }) };
        loop {
            match choose() {
                Err(ApiRefusal::Full { wait }) => {
                    if Instant::now() >= patience || !place.look_again(wait).await {
                        return Err(ApiRefusal::Full { wait });
                    }
                }
                known => return known,
            }
        }
    }

    /// One attempt: the answer, or what was met instead.
    async fn attempt(&self, chosen: Chosen) -> Result<ApiOutcome, Met> {
        let Chosen { mut lease, .. } = chosen;
        let api = Arc::clone(&lease.api);
        let mut came = api.send(&lease, self.request).await;
        // Where it can be found what became of a request, a reply that breaks in its middle is a lost one.
        if api.lookup(self.request).is_some() && self.policies.apis.looks_up() {
            came = came.read(self.request.timeout).await;
        }
        lease.key.attempts().count(came.status());
        let told = |headers: &HeaderMap| told_use(headers, SystemTime::now());
        let refused = ApiOutcome::Refused;
        let unknown = |otherwise: ApiRefusal| match self.request.effect {
            Effect::None => otherwise,
            Effect::Once | Effect::EachTime => ApiRefusal::OutcomeUnknown,
        };
        let transient = Failure::Transient { hint: None };
        let (failure, trouble, outcome) = match came {
            Came::Answer(response) => {
                lease.answered(told(response.headers()));
                api.prove(lease.key.index());
                return Ok(ApiOutcome::Answered(response));
            }
            Came::Read(reply) => {
                lease.answered(told(&reply.headers));
                api.prove(lease.key.index());
                return Ok(ApiOutcome::Relayed(reply));
            }
            Came::Limited { hint, reply } => {
                lease.answered(told(&reply.headers));
                let full = ApiRefusal::Full { wait: hint.unwrap_or_default() };
                (Failure::Limited { hint }, Trouble::Refused, refused(full))
            }
            Came::KeyRejected => (Failure::KeyRejected, Trouble::Refused, refused(ApiRefusal::KeysRejected)),
            Came::Failed { reply } => {
                lease.answered(told(&reply.headers));
                (transient, Trouble::Failed, ApiOutcome::Relayed(reply))
            }
            Came::NeverSent => {
                lease.never_sent();
                (transient, Trouble::NeverSent, refused(ApiRefusal::Unreachable))
            }
            Came::Lost => (transient, Trouble::Lost, refused(unknown(ApiRefusal::Unreachable))),
            Came::TimedOut => (transient, Trouble::Lost, refused(unknown(ApiRefusal::TimedOut))),
        };
        lease.answered(None);
        api.learn(lease.key.index(), failure, self.policies.hints.as_ref(), &self.service.set.cooldown);
        Err(Met { trouble, outcome })
    }
}

/// What an attempt met that has no answer for the client.
struct Met {
    trouble: Trouble,
    /// What the client is told if nothing better comes.
    outcome: ApiOutcome,
}
