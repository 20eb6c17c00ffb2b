//! The world behind the target: upstreams with keys, plans, latency, script and timeline; and the router settings asked of
//! the target.

use std::time::Duration;

use dialect::Dialect;
use serde_json::json;

use crate::model::Condition;
use crate::node::{Node, Value};
use crate::problem::Problem;
use crate::read::{At, Named, Rate, Read, SchemaBook, choice, part, words, wrong};

part! {
    /// What stands behind the target, and how the target is asked to use it.
    "the world" => World {
        /// The simulated providers, by name.
        upstreams: Named<Upstream>,
        /// The settings asked of the target.
        router: RouterSettings = RouterSettings { models: Named::default(), span: crate::node::Span::default() },
    }
}

part! {
    /// A simulated provider.
    "an upstream" => Upstream {
        /// The wire format that it speaks.
        dialect: Dialect,
        /// Its keys: how many, a list of labels, or none at all.
        keys: Keys = Keys(Vec::new()),
        /// Its limits. Each request must fit all of them.
        plans: Vec<Plan>,
        /// How long it thinks.
        latency: Latency = Latency { head: Distribution::Fixed(Duration::ZERO), span: crate::node::Span::default() },
        /// Its normal answer.
        reply: Answer = Answer::normal(),
        /// What it replies to certain requests instead. The first entry that matches decides.
        script: Vec<ScriptEntry>,
        /// What it replies at certain times instead. The script goes first.
        timeline: Vec<TimelineEntry>,
    }
}

/// The labels of an upstream's keys. The keys themselves are made for each run.
#[derive(Clone, Debug, PartialEq)]
pub struct Keys(pub Vec<At<String>>);

part! {
    /// A limit of an upstream.
    "a plan" => Plan {
        /// Its name; `where: { script: NAME }` selects what it refused.
        name: At<String>,
        /// What it counts.
        counts: Counted = Counted::Requests,
        /// Whether all keys share it; otherwise each key has its own.
        shared: bool = false,
        /// At most so many in any window of this length.
        log: Option<Log>,
        /// A bucket that holds so many and is refilled evenly.
        bucket: Option<Bucket>,
        /// What it replies beyond the limit.
        reply: Reply = Reply::of(ErrorName::RateLimit),
    }
}

/// The limit of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit<'a> {
    /// A sliding log.
    Log(&'a Log),
    /// A token bucket.
    Bucket(&'a Bucket),
}

words! {
    /// What a plan counts.
    "what a plan counts" => Counted {
        /// Requests.
        "requests" => Requests,
    }
}

part! {
    /// A sliding log: at most so many in any window.
    "a log" => Log {
        /// How many.
        max: u32,
        /// In any window of this length.
        per: Duration,
    }
}

part! {
    /// A token bucket.
    "a bucket" => Bucket {
        /// How many it holds. It is full at the start.
        capacity: u32,
        /// How fast it is refilled.
        refill: Rate,
    }
}

part! {
    /// How long an upstream thinks.
    "a latency" => Latency {
        /// From the request's last byte to the reply's first.
        head: Distribution,
    }
}

/// A duration that is drawn, from the seed, for each request.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Always the same.
    Fixed(Duration),
    /// Any between two, alike.
    Uniform(Uniform),
    /// Mostly short, sometimes long, by two percentiles.
    Lognormal(Lognormal),
}

choice! {
    /// A distribution by its parameters.
    "a duration or a distribution" => Drawn {
        /// Any between two, alike.
        "uniform" => Uniform(Uniform),
        /// Mostly short, sometimes long, by two percentiles.
        "lognormal" => Lognormal(Lognormal),
    }
}

part! {
    /// Any duration between two, alike.
    "a uniform distribution" => Uniform {
        /// The shortest.
        from: Duration,
        /// The longest.
        to: Duration,
    }
}

part! {
    /// A lognormal distribution by two of its percentiles.
    "a lognormal distribution" => Lognormal {
        /// Half of the durations are below.
        p50: Duration,
        /// All but one in a hundred are below.
        p99: Duration,
    }
}

part! {
    /// A normal answer.
    "an answer" => Answer {
        /// Its text. The default answers with a fixed sentence.
        text: Option<String>,
        /// The usage that it reports. The default counts words.
        usage: Option<Usage>,
        /// The shape of its stream, where one is asked for.
        stream: StreamShape = StreamShape::immediate(),
    }
}

part! {
    /// Tokens that an answer reports.
    "a usage" => Usage {
        /// Input tokens.
        input: u32,
        /// Output tokens.
        output: u32,
    }
}

part! {
    /// How a stream is paced.
    "a stream's shape" => StreamShape {
        /// From the head to the first event.
        first_event: Duration = Duration::ZERO,
        /// From one event to the next.
        gap: Duration = Duration::ZERO,
    }
}

part! {
    /// A scripted reply to certain requests.
    "a script entry" => ScriptEntry {
        /// Its name; `where: { script: NAME }` selects what it answered.
        name: At<String>,
        /// Which requests; all if missing.
        when: Option<Condition>,
        /// What it replies.
        reply: Reply,
    }
}

part! {
    /// A scripted reply at certain times.
    "a timeline entry" => TimelineEntry {
        /// Its name; `where: { script: NAME }` selects what it answered.
        name: Option<At<String>>,
        /// While this phase runs.
        during: Option<At<String>>,
        /// From this time on, counted from the start of the traffic.
        at: Option<Duration>,
        /// For so long; without it, to the end.
        lasts: Option<Duration>,
        /// What it replies.
        reply: Reply,
    }
}

part! {
    /// A reply other than the normal answer.
    "a reply" => Reply {
        /// The error.
        error: ErrorName,
        /// The wait that it asks for, in a `Retry-After` header of whole seconds, rounded up, and to the millisecond in
        /// `retry-after-ms`.
        retry_after: Option<Duration>,
    }
}

words! {
    /// An error, by the language's name. Each dialect has its own status, body and headers for it.
    "an error's name" => ErrorName {
        /// The key's rate limit is reached: 429.
        "rate_limit" => RateLimit,
        /// The traffic grew too fast, though the limit is not reached: 429.
        "slow_down" => SlowDown,
        /// The key is out of money: 429 where a wait does not help.
        "insufficient_quota" => InsufficientQuota,
        /// The key is not valid: 401.
        "invalid_key" => InvalidKey,
        /// The request is wrong: 400.
        "bad_request" => BadRequest,
        /// The model does not exist: 404.
        "model_not_found" => ModelNotFound,
        /// The provider failed: 500.
        "server_error" => ServerError,
        /// The provider is overloaded: 503.
        "overloaded" => Overloaded,
    }
}

part! {
    /// The settings asked of the target. What is left unset is the target's own choice.
    "the router settings" => RouterSettings {
        /// The models that clients may ask for, by their public names.
        models: Named<ModelSettings>,
    }
}

part! {
    /// A model that clients may ask for.
    "a model" => ModelSettings {
        /// The upstream whose keys serve it.
        pool: At<String>,
        /// The provider's name for it; the public name if missing.
        model: Option<String>,
        /// How often an exchange may be tried again at one provider.
        retries: Option<u32>,
        /// How long the target may wait for a provider.
        timeout: Option<Duration>,
    }
}

impl Plan {
    /// The limit. Checked when the scenario is read: a plan has exactly one.
    #[must_use]
    pub fn limit(&self) -> Option<Limit<'_>> {
        match (&self.log, &self.bucket) {
            (Some(log), None) => Some(Limit::Log(log)),
            (None, Some(bucket)) => Some(Limit::Bucket(bucket)),
            _ => None,
        }
    }
}

impl Answer {
    /// The answer of an upstream that says nothing about it.
    #[must_use]
    pub fn normal() -> Self {
        Self { text: None, usage: None, stream: StreamShape::immediate(), span: crate::node::Span::default() }
    }
}

impl StreamShape {
    /// Every event at once.
    #[must_use]
    pub fn immediate() -> Self {
        Self { first_event: Duration::ZERO, gap: Duration::ZERO, span: crate::node::Span::default() }
    }
}

impl Reply {
    /// An error that asks for no wait.
    #[must_use]
    pub fn of(error: ErrorName) -> Self {
        Self { error, retry_after: None, span: crate::node::Span::default() }
    }
}

/// More keys than this belong to no scenario that could end in time.
const MOST_KEYS: i64 = 10_000;

impl Read for Keys {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        match &node.value {
            Value::Int(count @ 0..=MOST_KEYS) => {
                Some(Self((1..=*count).map(|n| At { value: format!("key-{n}"), span: node.span }).collect()))
            }
            Value::List(_) => {
                let labels: Vec<At<String>> = Vec::read(node, problems)?;
                for (index, label) in labels.iter().enumerate() {
                    if let Some(first) = labels[..index].iter().find(|other| other.value == label.value) {
                        let problem = Problem::new(label.span, format!("a second key `{}`", label.value));
                        problems.push(problem.also(first.span, "the first one"));
                        return None;
                    }
                }
                Some(Self(labels))
            }
            _ => wrong(node, "a number of keys or a list of their labels", problems),
        }
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        SchemaBook::or_substituted(&json!({ "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": MOST_KEYS },
            { "type": "array", "items": { "type": "string" }, "uniqueItems": true },
        ] }))
    }
}

impl Read for Distribution {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        if node.entries().is_none() {
            return Duration::read(node, problems).map(Self::Fixed);
        }
        match Drawn::read(node, problems)? {
            Drawn::Uniform(uniform) if uniform.from > uniform.to => {
                wrong(node, "`from` not above `to`", problems)
            }
            Drawn::Uniform(uniform) => Some(Self::Uniform(uniform)),
            Drawn::Lognormal(lognormal) if lognormal.p50.is_zero() || lognormal.p50 > lognormal.p99 => {
                wrong(node, "a `p50` above zero and not above `p99`", problems)
            }
            Drawn::Lognormal(lognormal) => Some(Self::Lognormal(lognormal)),
        }
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        json!({ "anyOf": [Duration::schema(book), Drawn::schema(book)] })
    }
}

impl Read for Dialect {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let name = String::read(node, problems)?;
        Self::from_name(&name).or_else(|| {
            let problem = Problem::new(node.span, format!("unknown dialect `{name}`"));
            problems.push(problem.nearest(&name, Self::ALL.iter().map(|dialect| dialect.name())));
            None
        })
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        let names: Vec<&str> = Self::ALL.iter().map(|dialect| dialect.name()).collect();
        json!({ "enum": names })
    }
}

impl TimelineEntry {
    /// Tells what contradicts itself.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        let problem = match (&self.during, self.at, self.lasts) {
            (Some(_), None, None) | (None, Some(_), _) => return,
            (Some(_), ..) => "`during` beside `at` or `lasts`",
            (None, None, _) => "a timeline entry without a time",
        };
        problems.push(
            Problem::new(self.span, problem)
                .help("write either `during: PHASE`, or `at:` with or without `lasts:`"),
        );
    }
}

impl Plan {
    /// Tells a plan without exactly one limit.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        if self.limit().is_none() {
            problems.push(
                Problem::new(self.span, "a plan without one limit")
                    .help("write exactly one of: `log`, `bucket`"),
            );
        }
    }
}

impl World {
    /// Every name that `where: { script: NAME }` can select, with nothing told twice.
    pub(crate) fn script_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (_, upstream) in &self.upstreams.0 {
            names.extend(upstream.script.iter().map(|entry| entry.name.value.as_str()));
            names.extend(upstream.timeline.iter().filter_map(TimelineEntry::label));
            names.extend(upstream.plans.iter().map(|plan| plan.name.value.as_str()));
        }
        names
    }
}

impl TimelineEntry {
    /// The name by which evidence shows it: its own, or that of the phase which it holds.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.name.as_ref().or(self.during.as_ref()).map(|name| name.value.as_str())
    }
}
