//! The limits of an upstream: what they count, for whom, and how they refuse.

use std::time::Duration;

use crate::model::{Condition, Reply};
use crate::problem::Problem;
use crate::read::{At, Rate, part, words};

part! {
    /// A limit of an upstream. Each request must fit all plans that count it.
    "a plan" => Plan {
        /// Its name; `where: { script: NAME }` selects what it refused. For example `name: minute`.
        name: At<String>,
        /// What it counts. For example `counts: tokens`.
        counts: Counted = Counted::Requests,
        /// Whether all keys share it; otherwise each key has its own. For example `shared: true`.
        shared: bool = false,
        /// Whether each model has its own; otherwise all models share it. For example `per_model: true`.
        per_model: bool = false,
        /// The keys that it counts, by label; all if missing. For example `keys: [first]`.
        keys: Vec<At<String>>,
        /// The models that it counts, by the provider's name; all if missing. For example `models: [gpt-example]`.
        models: Vec<At<String>>,
        /// At most so many in any window of this length. For example `log: { max: 20, per: 1s }`.
        log: Option<Window>,
        /// At most so many in each window of this length; the windows follow one another from the first request on.
        /// For example `window: { max: 60, per: 1m }`.
        window: Option<Window>,
        /// A bucket that holds so many and is refilled evenly. For example `bucket: { capacity: 10, refill: 20/s }`.
        bucket: Option<Bucket>,
        /// At most so many open at once. For example `at_once: 5`.
        at_once: Option<u32>,
        /// Whether what was refused counts all the same. For example `counts_refused: true`.
        counts_refused: bool = false,
        /// Whether tokens are taken before the answer is made, as the request's `max_tokens` says, and settled after
        /// it; otherwise they are counted when the answer is over.
        /// For example `reserves: true`.
        reserves: bool = false,
        /// Whether a request that comes before the wait which it was asked for begins that wait again.
        /// For example `punishes: true`.
        punishes: bool = false,
        /// What it replies beyond the limit. For example `reply: { error: slow_down }`.
        reply: Reply = Reply::of(crate::model::ErrorName::RateLimit),
    }
}

words! {
    /// What a plan counts.
    "what a plan counts" => Counted {
        /// Requests.
        "requests" => Requests,
        /// Tokens of the request.
        "input_tokens" => InputTokens,
        /// Tokens of the answer.
        "output_tokens" => OutputTokens,
        /// Tokens of both.
        "tokens" => Tokens,
        /// The weights of requests, as `weights` of the upstream says.
        "weight" => Weight,
    }
}

part! {
    /// At most so many in a window.
    "a window" => Window {
        /// How many. For example `max: 20`.
        max: u32,
        /// How long the window is. For example `per: 1s`.
        per: Duration,
        /// Whether windows that follow one another begin at whole multiples of their length in UTC, so that `per: 24h`
        /// begins anew at midnight. For example `aligned: true`.
        aligned: bool = false,
    }
}

part! {
    /// What requests weigh for plans that count weights.
    "a weight" => Weight {
        /// Which requests; all if missing. For example `when: { path: /book }`.
        when: Option<Condition>,
        /// How much each of them weighs. For example `weight: 5`.
        weight: u32,
    }
}

part! {
    /// When a key that goes on against its limits is shut out.
    "bans" => Bans {
        /// So many refusals of the key by plans. For example `after: 5`.
        after: u32,
        /// Within this time. For example `within: 1s`.
        within: Duration,
        /// It is shut out for so long. For example `lasts: 2s`.
        lasts: Duration,
        /// What it is told as long as it is. For example `status: 429`.
        status: u16 = 418,
    }
}

part! {
    /// A token bucket.
    "a bucket" => Bucket {
        /// How many it holds. It is full at the start. For example `capacity: 10`.
        capacity: u32,
        /// How fast it is refilled. For example `refill: 20/s`.
        refill: Rate,
    }
}

/// The limit of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit<'a> {
    /// A sliding log.
    Log(&'a Window),
    /// Fixed windows.
    Fixed(&'a Window),
    /// A token bucket.
    Bucket(&'a Bucket),
    /// So many open at once.
    AtOnce(u32),
}

impl Bans {
    /// The name by which evidence shows what a key is told that is shut out.
    pub const NAME: &str = "banned";

    /// Tells what shuts nobody out.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        if self.after == 0 || self.within.is_zero() || self.lasts.is_zero() {
            problems.push(
                Problem::new(self.span, "bans that shut nobody out, or everybody")
                    .help("write numbers above 0: `bans: { after: 5, within: 1s, lasts: 2s }`"),
            );
        }
        if self.after > MOST_REFUSALS {
            problems.push(
                Problem::new(self.span, "more refusals than are remembered")
                    .help(format!("write `after:` up to {MOST_REFUSALS}")),
            );
        }
        if !(400..=599).contains(&self.status) {
            problems.push(
                Problem::new(self.span, format!("{} is no status of a refusal", self.status))
                    .help("write a status from 400 to 599"),
            );
        }
    }
}

/// So many refusals of a key are remembered.
const MOST_REFUSALS: u32 = 10_000;

impl Plan {
    /// The limit. Checked when the scenario is read: a plan has exactly one.
    #[must_use]
    pub fn limit(&self) -> Option<Limit<'_>> {
        let limits = [
            self.log.as_ref().map(Limit::Log),
            self.window.as_ref().map(Limit::Fixed),
            self.bucket.as_ref().map(Limit::Bucket),
            self.at_once.map(Limit::AtOnce),
        ];
        let mut limits = limits.into_iter().flatten();
        match (limits.next(), limits.next()) {
            (Some(limit), None) => Some(limit),
            _ => None,
        }
    }

    /// Tells a plan without exactly one limit, and settings that mean nothing together.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        if self.limit().is_none() {
            problems.push(
                Problem::new(self.span, "a plan without one limit")
                    .help("write exactly one of: `log`, `window`, `bucket`, `at_once`"),
            );
        }
        let lets_nothing_through = match self.limit() {
            Some(Limit::Log(window) | Limit::Fixed(window)) => window.max == 0 || window.per.is_zero(),
            Some(Limit::Bucket(bucket)) => bucket.capacity == 0,
            Some(Limit::AtOnce(most)) => most == 0,
            None => false,
        };
        if lets_nothing_through {
            problems.push(
                Problem::new(self.span, "a plan that lets nothing through").help(
                    "write numbers above 0; an upstream that always refuses is written under `script:`",
                ),
            );
        }
        if self.at_once.is_some() && self.counts != Counted::Requests {
            problems.push(
                Problem::new(self.span, "`at_once` counts requests")
                    .help("leave `counts` out, or write `counts: requests`"),
            );
        }
        if self.log.as_ref().is_some_and(|window| window.aligned) {
            problems.push(
                Problem::new(self.span, "`aligned` on a log, whose windows begin anywhere")
                    .help("write `window: { max: ..., per: 24h, aligned: true }`"),
            );
        }
        if self.reserves && matches!(self.counts, Counted::Requests | Counted::Weight) {
            problems.push(
                Problem::new(self.span, "`reserves` on a plan that counts no tokens")
                    .help("write `counts: tokens`"),
            );
        }
    }
}
