//! The world behind the target: upstreams with keys, plans, latency, script and timeline; the router settings asked of the
//! target; tenants and prices.

use std::collections::HashMap;
use std::time::Duration;

use dialect::Dialect;
use serde_json::json;

use crate::model::{
    Bans, BrokenStream, Condition, ConnectionFate, Deed, Latency, Plan, Prices, Reply, Resource,
    RouterSettings, ServiceDefect, ServiceUrl, Tenant, Weight, one_deed,
};
use crate::node::{Node, Span, Value};
use crate::problem::Problem;
use crate::read::{
    At, Named, Read, SchemaBook, Share, one_or_several, one_or_several_schema, part, words, wrong,
};

part! {
    /// What stands behind the target, and how the target is asked to use it.
    "the world" => World {
        /// The simulated providers and services, by name.
        /// For example `upstreams: { openai: { dialect: openai, keys: 3 } }`.
        upstreams: Named<Upstream>,
        /// The settings asked of the target. For example `router: { models: { chat: { pool: openai } } }`.
        router: RouterSettings = RouterSettings::nothing(),
        /// Those on whose behalf clients ask, by name. For example `tenants: { acme: { budget: 10 USD }, globex: {} }`.
        tenants: Named<Tenant>,
        /// What tokens cost, by the provider's name of the model: a table, or the path of a file that holds one.
        /// For example `prices: { version: "1", models: { gpt-example: { input: 3 USD per 1M, output: 15 USD per 1M } }
        /// }`.
        prices: Option<Prices>,
    }
}

part! {
    /// A simulated provider, or a service that is no model.
    "an upstream" => Upstream {
        /// The wire format that it speaks; `http` or `rest` for a service that is no model. For example `dialect: openai`.
        dialect: Protocol,
        /// Where the target is told to reach it. For example `address: unknown_host`.
        address: Address = Address::Plain,
        /// Its keys: how many, a list of labels, or a map from labels to settings; none at all if missing.
        /// For example `keys: 4`, `keys: [first, second]` or `keys: { first: {}, second: { padding: blanks } }`.
        keys: Keys = Keys(Vec::new()),
        /// Its limits. Each request must fit all of them.
        /// For example `plans: [{ name: minute, log: { max: 20, per: 1s } }]`.
        plans: Vec<Plan>,
        /// What requests weigh, for plans that count weights; the first entry that matches decides, and 1 if none does.
        /// For example `weights: [{ when: { path: /book }, weight: 5 }]`.
        weights: Vec<Weight>,
        /// When a key that goes on against its limits is shut out.
        /// For example `bans: { after: 5, within: 1s, lasts: 2s }`.
        bans: Option<Bans>,
        /// How long it thinks; not at all if missing. For example `latency: { head: 20ms }`.
        latency: Latency = Latency::none(),
        /// When it closes a connection between two requests, without having said so; never if missing.
        /// For example `keep_alive: { requests: 10 }`.
        keep_alive: Option<KeepAlive>,
        /// Which headers tell of its limits; those of the dialect if missing.
        /// For example `signals: { limits: refusals }`.
        signals: Signals = Signals { limits: LimitSignal::Usual, plan: None, span: Span::default() },
        /// Its normal answer; a fixed sentence if missing.
        /// For example `reply: { text: a scripted answer, usage: { input: 12, output: 3 } }`.
        reply: Reply = Reply::normal(),
        /// What it replies to certain requests instead. The first entry that matches decides.
        /// For example `script: [{ name: limited, first: 1, reply: { error: rate_limit } }]`.
        script: Vec<ScriptEntry>,
        /// What it replies at certain times instead. The script goes first.
        /// For example `timeline: [{ during: storm, reply: { error: overloaded } }]`.
        timeline: Vec<TimelineEntry>,
        /// What a service with `dialect: rest` keeps, by name.
        /// For example `resources: { tasks: { path: /tasks, items: { fields: { title: text } } } }`.
        resources: Named<Resource>,
        /// What a service with `dialect: rest` does wrong. For example `defects: [forgets-steps]`.
        defects: Vec<ServiceDefect>,
        /// The environment variable that says where the real service is, which takes this one's place for `at:` in the stages that
        /// ask for something outside: `integration`, `llm`, `e2e`, `gpu` and `compose`. For example `url_from: SERVICE_URL`.
        url_from: Option<At<String>>,
        /// Where the real service is if that variable is not set. For example `url: http://localhost:8080`.
        url: Option<ServiceUrl>,
    }
}

/// The wire format of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A provider of models.
    Llm(Dialect),
    /// A service that is no model: plain HTTP.
    Http,
    /// A service that keeps state.
    Rest,
}

/// The keys of an upstream. The secrets themselves are made for each run.
#[derive(Clone, Debug, PartialEq)]
pub struct Keys(pub Vec<Key>);

/// A key of an upstream.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its label.
    pub label: At<String>,
    /// What is special about it.
    pub settings: KeySettings,
}

part! {
    /// What is special about a key.
    "the settings of a key" => KeySettings {
        /// What becomes of it over time. Before the first entry it is good.
        /// For example `states: [{ at: 1s, is: limited, lasts: 2s }]`.
        states: Vec<KeyStateEntry>,
        /// The key whose secret it repeats: the target is given the same one twice. For example `same_as: first`.
        same_as: Option<At<String>>,
        /// What surrounds its secret where the target is given it. For example `padding: newline`.
        padding: Padding = Padding::None,
        /// Its weight, for a target that spreads by weight. For example `weight: 3`.
        weight: Option<u32>,
        /// The variable of the target's environment that holds it, for a target that finds its keys there; it stands in the
        /// configuration if missing. For example `variable: OPENAI_API_KEY_2`.
        variable: Option<At<String>>,
    }
}

words! {
    /// Where a target is told to reach an upstream.
    "an address" => Address {
        /// Where it listens, by plain HTTP.
        "plain" => Plain,
        /// Where it listens, by TLS with a certificate that nobody vouches for.
        "bad_certificate" => BadCertificate,
        /// A host that no name server knows: no attempt can arrive.
        "unknown_host" => UnknownHost,
    }
}

part! {
    /// From when on a key is in a state.
    "a state over time" => KeyStateEntry {
        /// From this time on, counted from the start of the traffic. For example `at: 1s`.
        at: Duration = Duration::ZERO,
        /// The state. For example `is: revoked`.
        is: KeyState,
        /// For so long, then it is good again; until the next entry if missing. For example `lasts: 2s`.
        lasts: Option<Duration>,
        /// The wait that its refusals ask for; what is left of the state, where that is known, if missing.
        /// For example `retry_after: 2s`.
        retry_after: Option<Duration>,
    }
}

words! {
    /// The state of a key.
    "a key's state" => KeyState {
        /// It works.
        "good" => Good,
        /// It is rate-limited: 429.
        "limited" => Limited,
        /// It is out of money: 429 or 400.
        "exhausted" => Exhausted,
        /// It has to be paid: 402.
        "unpaid" => Unpaid,
        /// It was revoked: 401.
        "revoked" => Revoked,
        /// It may not do this: 403.
        "forbidden" => Forbidden,
    }
}

words! {
    /// What surrounds a secret in the configuration that a target is given.
    "a padding" => Padding {
        /// Nothing.
        "none" => None,
        /// Blanks before and behind it.
        "blanks" => Blanks,
        /// A line feed behind it.
        "newline" => Newline,
        /// It is blank altogether: there is no secret.
        "empty" => Empty,
    }
}

part! {
    /// When an upstream closes a connection on which nothing is open.
    "a keep-alive" => KeepAlive {
        /// When it has been idle for so long. For example `idle: 500ms`.
        idle: Option<Duration>,
        /// After so many requests. For example `requests: 10`.
        requests: Option<u32>,
        /// How it closes it. For example `ends: reset`.
        ends: ConnectionEnd = ConnectionEnd::Close,
    }
}

words! {
    /// How a connection is closed between two requests.
    "how a connection ends" => ConnectionEnd {
        /// It is closed.
        "close" => Close,
        /// It is reset.
        "reset" => Reset,
    }
}

part! {
    /// Which headers tell of an upstream's limits.
    "the signals" => Signals {
        /// When the dialect's limit headers are sent. For example `limits: refusals`.
        limits: LimitSignal = LimitSignal::Usual,
        /// The plan that they tell of; the first that counts the request if missing. For example `plan: minute`.
        plan: Option<At<String>>,
    }
}

words! {
    /// When limit headers are sent.
    "when limit headers are sent" => LimitSignal {
        /// As the provider does: on good answers as on refusals.
        "usual" => Usual,
        /// Only on refusals.
        "refusals" => Refusals,
        /// Never.
        "never" => Never,
    }
}

part! {
    /// What is done with certain requests instead of the normal answer.
    "a script entry" => ScriptEntry {
        /// Its name; `where: { script: NAME }` selects what it answered. For example `name: limited`.
        name: At<String>,
        /// Which requests; all if missing. For example `when: { key: first }`.
        when: Option<Condition>,
        /// Only the first so many of them. For example `first: 2`.
        first: Option<u32>,
        /// Only each so-manieth of them: the third, the sixth and so on for 3. For example `every: 3`.
        every: Option<u32>,
        /// Only the first of them. For example `once: true`.
        once: bool = false,
        /// Only so many of them, drawn from the seed. For example `chance: 10%`.
        chance: Option<Share>,
        /// What `first`, `every` and `once` count by itself; all requests together if missing.
        /// For example `per: key` or `per: [key, model]`.
        per: Axes = Axes(Vec::new()),
        /// What it replies. For example `reply: { error: rate_limit, retry_after: 2s }`.
        reply: Option<Reply>,
        /// How its answer goes wrong. For example `stream: { after_contents: 5, then: close }`.
        stream: Option<BrokenStream>,
        /// What becomes of the connection instead. For example `connection: reset`.
        connection: Option<At<ConnectionFate>>,
        /// Whether a service with `dialect: rest` does what it is asked all the same, so that only its own reply is lost.
        /// For example `takes_effect: true`.
        takes_effect: bool = false,
        /// Replies that are given in turn, from the first again after the last.
        /// For example `loop: [{ error: server_error }, { text: better now }]`.
        in_turn as "loop": Vec<Reply>,
    }
}

part! {
    /// What is done with requests at certain times instead of the normal answer.
    "a timeline entry" => TimelineEntry {
        /// Its name, and `where: { script: NAME }` selects what it answered; that of the phase if missing.
        /// For example `name: outage`.
        name: Option<At<String>>,
        /// While this phase runs. For example `during: storm`.
        during: Option<At<String>>,
        /// From this time on, counted from the start of the traffic. For example `at: 1s`.
        at: Option<Duration>,
        /// For so long; to the end if missing. For example `lasts: 2s`.
        lasts: Option<Duration>,
        /// Again and again, from one beginning to the next. For example `every: 2s`.
        every: Option<Duration>,
        /// From none of the requests to all of them in so long, evenly. For example `fades_in: 1s`.
        fades_in: Option<Duration>,
        /// From all of the requests to none of them in so long, at its end. For example `fades_out: 1s`.
        fades_out: Option<Duration>,
        /// Only so many of them, drawn from the seed. For example `chance: 10%`.
        chance: Option<Share>,
        /// Which requests; all if missing. For example `when: { model: gpt-example }`.
        when: Option<Condition>,
        /// What it replies. For example `reply: { error: overloaded }`.
        reply: Option<Reply>,
        /// How its answer goes wrong. For example `stream: { after_share: 50%, then: reset }`.
        stream: Option<BrokenStream>,
        /// What becomes of the connection instead. For example `connection: refuse`.
        connection: Option<At<ConnectionFate>>,
    }
}

/// What is counted by itself, each combination of these.
#[derive(Clone, Debug, PartialEq)]
pub struct Axes(pub Vec<Axis>);

words! {
    /// What requests are counted by.
    "what is counted by itself" => Axis {
        /// Each key.
        "key" => Key,
        /// Each model.
        "model" => Model,
    }
}

/// More keys than this belong to no scenario that could end in time.
pub(crate) const MOST_KEYS: usize = 10_000;

impl KeySettings {
    /// Whether nothing is special about the key.
    #[must_use]
    pub fn is_ordinary(&self) -> bool {
        *self == Self::ordinary(self.span)
    }

    fn ordinary(span: Span) -> Self {
        Self { states: Vec::new(), same_as: None, padding: Padding::None, weight: None, variable: None, span }
    }
}

impl Keys {
    /// The labels, in order.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.label.value.as_str())
    }
}

impl Read for Keys {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let ordinary = |label: At<String>| {
            let settings = KeySettings::ordinary(label.span);
            Key { label, settings }
        };
        match &node.value {
            Value::Int(count) => {
                let Some(count) = usize::try_from(*count).ok().filter(|count| *count <= MOST_KEYS) else {
                    return wrong(node, &format!("a number of keys from 0 to {MOST_KEYS}"), problems);
                };
                let label = |n| At { value: format!("key-{n}"), span: node.span };
                Some(Self((1..=count).map(|n| ordinary(label(n))).collect()))
            }
            Value::List(_) => {
                let labels: Vec<At<String>> = Vec::read(node, problems)?;
                let mut known = HashMap::new();
                for label in &labels {
                    if let Some(first) = known.insert(label.value.as_str(), label.span) {
                        let problem = Problem::new(label.span, format!("a second key `{}`", label.value));
                        let problem = problem.also(first, "the first one");
                        problems.push(problem.help("names tell them apart: rename one of them"));
                        return None;
                    }
                }
                Some(Self(labels.into_iter().map(ordinary).collect()))
            }
            Value::Map(_) => {
                let keys = Named::<KeySettings>::read(node, problems)?;
                Some(Self(keys.0.into_iter().map(|(label, settings)| Key { label, settings }).collect()))
            }
            _ => wrong(
                node,
                "a number of keys, a list of their labels or a map from labels to settings",
                problems,
            ),
        }
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        let settings = KeySettings::schema(book);
        json!({ "title": "a number, a list of labels, or settings by label", "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": MOST_KEYS },
            { "type": "array", "items": { "type": "string" }, "uniqueItems": true },
            { "type": "object", "additionalProperties": settings },
        ] })
    }
}

impl Read for Axes {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        one_or_several(node, problems).map(Self)
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        one_or_several_schema::<Axis>("a word, or several together", book)
    }
}

impl KeepAlive {
    /// Tells one that ends nothing.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        let nothing = self.idle.is_none() && self.requests.is_none();
        if nothing || self.requests == Some(0) || self.idle.is_some_and(|idle| idle.is_zero()) {
            problems.push(
                Problem::new(self.span, "a keep-alive that says nothing")
                    .help("write `idle: 500ms`, `requests: 10`, or both"),
            );
        }
    }
}

impl Protocol {
    /// Its name in scenarios and evidence.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Llm(dialect) => dialect.name(),
            Self::Http => "http",
            Self::Rest => "rest",
        }
    }

    /// Whether it is that of a service that is no model.
    #[must_use]
    pub fn is_service(self) -> bool {
        matches!(self, Self::Http | Self::Rest)
    }
}

impl Read for Protocol {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let name = String::read(node, problems)?;
        if let Some(service) = [Self::Http, Self::Rest].into_iter().find(|service| service.name() == name) {
            return Some(service);
        }
        Dialect::from_name(&name).map(Self::Llm).or_else(|| {
            let problem = Problem::new(node.span, format!("unknown dialect `{name}`"));
            let known = Dialect::ALL.iter().map(|dialect| dialect.name()).chain(["http", "rest"]);
            problems.push(problem.nearest(&name, known));
            None
        })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        let about = "The wire format of an upstream.";
        let provider =
            |dialect: &'static Dialect| (dialect.name(), "A provider of models that speaks this dialect.");
        let services =
            [("http", "A service that is no model: plain HTTP."), ("rest", "A service that keeps state.")];
        let words = Dialect::ALL.iter().map(provider).chain(services);
        book.define("Protocol", |_| SchemaBook::words("a dialect, `http` or `rest`", about, words))
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

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        let about = "The wire format that a client speaks.";
        let words = Self::ALL.iter().map(|dialect| (dialect.name(), "As clients of this provider speak."));
        book.define("Dialect", |_| SchemaBook::words("a dialect", about, words))
    }
}

impl ScriptEntry {
    /// What it does. Checked when the scenario is read: an entry does exactly one thing.
    #[must_use]
    pub fn deed(&self) -> Option<Deed<'_>> {
        one_deed(self.reply.as_ref(), self.stream.as_ref(), self.connection.as_ref(), &self.in_turn)
    }

    /// Tells what contradicts itself.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        match self.deed() {
            Some(deed) => deed.check(problems),
            None => problems.push(
                Problem::new(self.span, "a script entry that does not do one thing")
                    .help("write exactly one of: `reply`, `stream`, `connection`, `loop`"),
            ),
        }
        let limits = [self.first.is_some(), self.every.is_some(), self.once, self.chance.is_some()];
        if limits.iter().filter(|there| **there).count() > 1 {
            problems.push(
                Problem::new(self.span, "more than one of `first`, `every`, `once` and `chance`")
                    .help("write at most one: `once: true` means `first: 1`"),
            );
        }
        if self.chance.is_some_and(|chance| chance.millionths > 1_000_000) {
            problems.push(
                Problem::new(self.span, "a chance of more than all of them").help("write a share up to 100%"),
            );
        }
        let counts = self.first.is_some() || self.every.is_some() || self.once;
        if !self.per.0.is_empty() && !counts {
            problems.push(
                Problem::new(self.span, "`per` where nothing is counted")
                    .help("write `first: 2`, `every: 3` or `once: true` beside it"),
            );
        }
        if self.first == Some(0) || self.every == Some(0) {
            problems.push(
                Problem::new(self.span, "a script entry for no request at all")
                    .help("write a number above 0, or leave the entry out"),
            );
        }
    }
}

impl TimelineEntry {
    /// What it does. Checked when the scenario is read: an entry does exactly one thing.
    #[must_use]
    pub fn deed(&self) -> Option<Deed<'_>> {
        one_deed(self.reply.as_ref(), self.stream.as_ref(), self.connection.as_ref(), &[])
    }

    /// The name by which evidence shows it: its own, or that of the phase which it holds.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.name.as_ref().or(self.during.as_ref()).map(|name| name.value.as_str())
    }

    /// Tells what contradicts itself.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        match self.deed() {
            Some(deed) => deed.check(problems),
            None => problems.push(
                Problem::new(self.span, "a timeline entry that does not do one thing")
                    .help("write exactly one of: `reply`, `stream`, `connection`"),
            ),
        }
        self.check_course(problems);
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

impl TimelineEntry {
    /// Tells a course over time that cannot be.
    fn check_course(&self, problems: &mut Vec<Problem>) {
        let fades = self.fades_in.is_some() || self.fades_out.is_some();
        let within = |part: Option<Duration>, whole: Option<Duration>| match (part, whole) {
            (Some(part), Some(whole)) => part <= whole,
            _ => true,
        };
        let both = self.fades_in.unwrap_or_default() + self.fades_out.unwrap_or_default();
        let (problem, help) = if self.during.is_some() && (fades || self.every.is_some()) {
            ("`fades_in`, `fades_out` or `every` beside `during`", "write `at:` instead of `during:`")
        } else if (self.every.is_some() || self.fades_out.is_some()) && self.lasts.is_none() {
            ("`every` or `fades_out` without an end", "write `lasts:` beside it")
        } else if self.every.is_some_and(|every| every.is_zero()) || !within(self.lasts, self.every) {
            ("an entry that begins again before it is over", "write an `every:` that is longer than `lasts:`")
        } else if fades && !within(Some(both), self.lasts) {
            ("an entry that is over before it has faded", "write a `lasts:` that is longer than the fading")
        } else if self.chance.is_some_and(|chance| chance.millionths > 1_000_000) {
            ("a chance of more than all of them", "write a share up to 100%")
        } else if (fades || self.chance.is_some())
            && self.connection.as_ref().is_some_and(|fate| fate.value == ConnectionFate::Refuse)
        {
            (
                "`connection: refuse` for some of the requests",
                "write `connection: reset`, which a single request can meet",
            )
        } else {
            return;
        };
        problems.push(Problem::new(self.span, problem).help(help));
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
            names.extend(upstream.bans.iter().map(|_| Bans::NAME));
            names.extend(
                upstream.keys.0.iter().flat_map(|key| &key.settings.states).map(|state| state.is.word()),
            );
        }
        names
    }
}
