//! What clients do, in order: steps, phases that are driven by a schedule, pauses.

use std::time::Duration;

use crate::model::Send;
use crate::node::{Node, Span};
use crate::problem::Problem;
use crate::read::{At, Fields, Rate, Read, SchemaBook, choice, part, words, wrong};

/// One entry of the traffic.
#[derive(Clone, Debug, PartialEq)]
pub enum Traffic {
    /// Requests one after the other.
    Step(Step),
    /// Requests by a schedule.
    Phase(Phase),
    /// Nothing for a while.
    Pause(Pause),
}

/// Requests one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its name.
    pub name: At<String>,
    /// What it does.
    pub errand: Errand,
    /// How often.
    pub repeat: u32,
    /// Where it stands.
    pub span: Span,
}

/// Requests by a schedule. It is over when all of them have ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// Its name.
    pub name: At<String>,
    /// What it does.
    pub errand: Errand,
    /// When.
    pub schedule: Schedule,
    /// The phase that it accompanies, from its start to its end; otherwise the next entry waits for this one.
    pub beside: Option<At<String>>,
    /// Where it stands.
    pub span: Span,
}

/// Nothing for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Pause {
    /// How long.
    pub lasts: Duration,
}

/// What a step or phase does.
#[derive(Clone, Debug, PartialEq)]
pub enum Errand {
    /// It sends requests to models.
    Send(Send),
    /// It gets an endpoint of the target.
    Get(Endpoint),
}

words! {
    /// An endpoint that the target's profile gives a path.
    "an endpoint" => Endpoint {
        /// Answers as long as the target lives.
        "liveness" => Liveness,
        /// Answers well when the target can serve.
        "readiness" => Readiness,
        /// The list of models.
        "models" => Models,
    }
}

choice! {
    /// When a phase sends its requests.
    "a schedule" => Schedule {
        /// So many at once.
        "burst" => Burst(u32),
        /// So many clients, each sending its next request when it has its answer.
        "closed" => Closed(Closed),
        /// At a rate, whatever the answers do.
        "open" => Open(Open),
    }
}

part! {
    /// So many clients, each sending its next request when it has its answer.
    "a closed schedule" => Closed {
        /// How many clients.
        clients: u32,
        /// How many requests in all.
        requests: Option<u32>,
        /// For how long.
        lasts: Option<Duration>,
    }
}

part! {
    /// Requests at a rate, whatever the answers do.
    "an open schedule" => Open {
        /// The rate.
        rate: Rate,
        /// How the requests are spread.
        arrivals: Arrivals = Arrivals::Constant,
        /// For how long. A phase beside another may leave it out, and lasts as long as that one.
        lasts: Option<Duration>,
    }
}

words! {
    /// How the requests of an open schedule are spread.
    "a kind of arrivals" => Arrivals {
        /// Evenly.
        "constant" => Constant,
        /// At random, as independent users come.
        "poisson" => Poisson,
    }
}

const KINDS: [&str; 3] = ["step", "phase", "pause"];

impl Traffic {
    /// The name, where there is one.
    #[must_use]
    pub fn name(&self) -> Option<&At<String>> {
        match self {
            Self::Step(step) => Some(&step.name),
            Self::Phase(phase) => Some(&phase.name),
            Self::Pause(_) => None,
        }
    }

    /// What it does, where it does something.
    #[must_use]
    pub fn errand(&self) -> Option<&Errand> {
        match self {
            Self::Step(step) => Some(&step.errand),
            Self::Phase(phase) => Some(&phase.errand),
            Self::Pause(_) => None,
        }
    }
}

impl Read for Traffic {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let entries = node.entries().unwrap_or_default();
        let mut kinds = entries.iter().filter(|entry| KINDS.contains(&entry.key.as_str()));
        match (kinds.next().map(|entry| entry.key.as_str()), kinds.next()) {
            (Some("step"), None) => Step::read(node, problems).map(Self::Step),
            (Some("phase"), None) => Phase::read(node, problems).map(Self::Phase),
            (Some("pause"), None) => {
                let mut fields = Fields::of(node, "a pause", problems)?;
                let lasts = fields.take("pause", problems);
                fields.finish("a pause", problems);
                Some(Self::Pause(Pause { lasts: lasts? }))
            }
            _ => {
                let message = format!("{} where an entry of the traffic is wanted", node.described());
                let help =
                    "an entry begins with exactly one of: `step: NAME`, `phase: NAME`, `pause: DURATION`";
                problems.push(Problem::new(node.span, message).help(help));
                None
            }
        }
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("Traffic", |book| {
            let mut object = book.object("One entry of the traffic: a step, a phase or a pause.");
            object.property(
                "step",
                "A step by its name: requests one after the other.",
                String::schema(book),
                false,
            );
            object.property(
                "phase",
                "A phase by its name: requests by a schedule.",
                String::schema(book),
                false,
            );
            object.property("pause", "Nothing, for so long.", Duration::schema(book), false);
            object.property("send", "The request that is sent.", Send::schema(book), false);
            object.property("get", "The endpoint that is asked.", Endpoint::schema(book), false);
            object.property("repeat", "How often a step does it.", u32::schema(book), false);
            object.property("beside", "The phase that this one accompanies.", String::schema(book), false);
            for (key, doc, schema) in Schedule::properties(book) {
                object.property(key, doc, schema, false);
            }
            object.finish()
        })
    }
}

impl Step {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, "a step", problems)?;
        let name = fields.take("step", problems);
        let errand = take_errand(&mut fields, node, problems);
        let repeat: Option<u32> = fields.take_or("repeat", || 1, problems);
        fields.finish("a step", problems);
        if repeat == Some(0) {
            return wrong(node.get("repeat").unwrap_or(node), "at least one repetition", problems);
        }
        Some(Self { name: name?, errand: errand?, repeat: repeat?, span: node.span })
    }
}

impl Phase {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, "a phase", problems)?;
        let name = fields.take("phase", problems);
        let errand = take_errand(&mut fields, node, problems);
        let beside: Option<Option<At<String>>> = fields.take("beside", problems);
        let schedules: Vec<_> = Schedule::KEYS.iter().filter_map(|key| fields.entry(key)).collect();
        fields.finish("a phase", problems);
        let schedule = match schedules.as_slice() {
            [entry] => Schedule::read_entry(entry, problems),
            _ => {
                let help = format!("write exactly one of: {}", Schedule::KEYS.join(", "));
                problems.push(Problem::new(node.span, "a phase without one schedule").help(help));
                None
            }
        };
        let phase =
            Self { name: name?, errand: errand?, schedule: schedule?, beside: beside?, span: node.span };
        phase.check(problems).then_some(phase)
    }

    /// A schedule must end by itself, or with the phase that it accompanies.
    fn check(&self, problems: &mut Vec<Problem>) -> bool {
        let ends = match &self.schedule {
            Schedule::Burst(count) => *count > 0,
            Schedule::Closed(closed) => {
                closed.clients > 0
                    && (closed.requests.is_some() || closed.lasts.is_some() || self.beside.is_some())
            }
            Schedule::Open(open) => open.lasts.is_some() || self.beside.is_some(),
        };
        if !ends {
            let problem =
                Problem::new(self.span, format!("phase `{}` sends nothing or never ends", self.name.value));
            problems.push(problem.help(
                "say how long it `lasts`, how many `requests` it sends, or `beside` which phase it runs",
            ));
        }
        ends
    }
}

fn take_errand(fields: &mut Fields<'_>, node: &Node, problems: &mut Vec<Problem>) -> Option<Errand> {
    match (fields.entry("send"), fields.entry("get")) {
        (Some(entry), None) => Send::read(&entry.node, problems).map(Errand::Send),
        (None, Some(entry)) => Endpoint::read(&entry.node, problems).map(Errand::Get),
        (first, _) => {
            let message = if first.is_some() { "both `send` and `get`" } else { "nothing to send or get" };
            problems.push(
                Problem::new(node.span, message).help("write either `send: REQUEST` or `get: ENDPOINT`"),
            );
            None
        }
    }
}
