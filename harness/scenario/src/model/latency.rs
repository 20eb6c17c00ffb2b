//! How long things take at an upstream: durations that are fixed, drawn from the seed, or replayed.

use std::time::Duration;

use serde_json::json;

use crate::node::Node;
use crate::problem::Problem;
use crate::read::{Read, SchemaBook, choice, part};

part! {
    /// How long an upstream thinks.
    "a latency" => Latency {
        /// From the request's last byte to the reply's first.
        /// For example `head: 20ms` or `head: { lognormal: { p50: 5ms, p99: 40ms } }`.
        head: Distribution = Distribution::Fixed(Duration::ZERO),
        /// From the beginning of a connection until its first request is read, with the handshake of TLS in it.
        /// For example `accept: 50ms`.
        accept: Distribution = Distribution::Fixed(Duration::ZERO),
        /// How much longer `head` is while many requests are open; no longer if missing.
        /// For example `under_load: { at_once: 10, times: 3 }`.
        under_load: Option<UnderLoad>,
    }
}

part! {
    /// How an upstream slows down under load, evenly: from its usual latency with one request open to a multiple of it.
    "a latency under load" => UnderLoad {
        /// With so many requests open at once it is as slow as it gets. For example `at_once: 10`.
        at_once: u32,
        /// So many times as slow. For example `times: 3`.
        times: u32,
    }
}

/// A duration for each request.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Always the same.
    Fixed(Duration),
    /// Any between two, alike.
    Uniform(Uniform),
    /// Around a mean.
    Normal(Normal),
    /// Mostly short, sometimes long, by two percentiles.
    Lognormal(Lognormal),
    /// These in turn, from the first again after the last.
    Trace(Vec<Duration>),
}

choice! {
    /// A distribution by its parameters.
    "a duration or a distribution" => Drawn {
        /// Any between two, alike. For example `uniform: { from: 10ms, to: 30ms }`.
        "uniform" => Uniform(Uniform),
        /// Around a mean; what would be below zero is zero. For example `normal: { mean: 20ms, deviation: 5ms }`.
        "normal" => Normal(Normal),
        /// Mostly short, sometimes long, by two percentiles. For example `lognormal: { p50: 5ms, p99: 40ms }`.
        "lognormal" => Lognormal(Lognormal),
        /// These in turn, from the first again after the last: each key begins with the first.
        /// For example `trace: [10ms, 12ms, 300ms]`.
        "trace" => Trace(Vec<Duration>),
    }
}

part! {
    /// Any duration between two, alike.
    "a uniform distribution" => Uniform {
        /// The shortest. For example `from: 10ms`.
        from: Duration,
        /// The longest. For example `to: 30ms`.
        to: Duration,
    }
}

part! {
    /// A normal distribution by its mean and its standard deviation.
    "a normal distribution" => Normal {
        /// The mean. For example `mean: 20ms`.
        mean: Duration,
        /// The standard deviation. For example `deviation: 5ms`.
        deviation: Duration,
    }
}

part! {
    /// A lognormal distribution by two of its percentiles.
    "a lognormal distribution" => Lognormal {
        /// Half of the durations are below. For example `p50: 5ms`.
        p50: Duration,
        /// All but one in a hundred are below. For example `p99: 40ms`.
        p99: Duration,
    }
}

impl Latency {
    /// No time at all.
    #[must_use]
    pub fn none() -> Self {
        let none = Distribution::Fixed(Duration::ZERO);
        Self { head: none.clone(), accept: none, under_load: None, span: crate::node::Span::default() }
    }

    /// Tells what means nothing.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        if let Some(load) = self.under_load.as_ref().filter(|load| load.at_once < 2 || load.times < 2) {
            let problem = Problem::new(load.span, "a latency that load does not change");
            problems
                .push(problem.help("write numbers of 2 and more: `under_load: { at_once: 10, times: 3 }`"));
        }
    }
}

impl UnderLoad {
    /// A latency with so many requests open.
    #[must_use]
    pub fn stretched(&self, latency: Duration, open: u64) -> Duration {
        let (steps, most) = (u64::from(self.at_once).max(2) - 1, u64::from(self.times).max(1));
        let beyond = open.clamp(1, u64::from(self.at_once).max(2)) - 1;
        // In shares of the usual latency: once, and up to so many times more.
        let shares = u128::from(steps) + u128::from(most - 1) * u128::from(beyond);
        let nanos = latency.as_nanos() * shares / u128::from(steps);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Distribution {
    /// Whether it is no time at all, whatever is drawn.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::Fixed(Duration::ZERO)
    }
}

impl Read for Distribution {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        if node.entries().is_none() {
            return Duration::read(node, problems).map(Self::Fixed);
        }
        let (problem, help) = match Drawn::read(node, problems)? {
            Drawn::Uniform(uniform) if uniform.from > uniform.to => {
                ("a distribution whose `from` is above its `to`", "write the shorter duration under `from`")
            }
            Drawn::Lognormal(lognormal) if lognormal.p50.is_zero() || lognormal.p50 > lognormal.p99 => (
                "a distribution whose `p50` is zero or above its `p99`",
                "write for example `{ p50: 5ms, p99: 40ms }`",
            ),
            Drawn::Trace(durations) if durations.is_empty() => {
                ("a trace without a duration", "write for example `trace: [10ms, 12ms, 300ms]`")
            }
            Drawn::Uniform(uniform) => return Some(Self::Uniform(uniform)),
            Drawn::Normal(normal) => return Some(Self::Normal(normal)),
            Drawn::Lognormal(lognormal) => return Some(Self::Lognormal(lognormal)),
            Drawn::Trace(durations) => return Some(Self::Trace(durations)),
        };
        problems.push(Problem::new(node.span, problem).help(help));
        None
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        json!({ "title": "a duration or a distribution", "anyOf": [Duration::schema(book), Drawn::schema(book)] })
    }

    fn show(&self) -> Option<serde_json::Value> {
        match self {
            Self::Fixed(duration) => duration.show(),
            Self::Uniform(_) | Self::Normal(_) | Self::Lognormal(_) | Self::Trace(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Span;

    #[test]
    fn a_latency_grows_evenly_with_what_is_open_up_to_its_bound() {
        let load = UnderLoad { at_once: 5, times: 3, span: Span::default() };
        let stretched = |open| load.stretched(Duration::from_millis(20), open).as_millis();
        assert_eq!([0, 1, 2, 3, 5, 50].map(stretched), [20, 20, 30, 40, 60, 60]);
    }
}
