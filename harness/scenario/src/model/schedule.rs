//! When a phase sends its requests.

use std::time::Duration;

use serde_json::json;

use crate::model::{FileText, Send};
use crate::node::Node;
use crate::problem::Problem;
use crate::read::{At, Fields, ObjectSchema, Property, Rate, Read, SchemaBook, choice, part, words, wrong};

choice! {
    /// When a phase sends its requests.
    "a schedule" => Schedule {
        /// So many at once. For example `burst: 50`.
        "burst" => Burst(u32),
        /// So many clients, each sending its next request when it has its answer.
        /// For example `closed: { clients: 8, requests: 400 }`.
        "closed" => Closed(Closed),
        /// At a rate, whatever the answers do. For example `open: { rate: 20/s, lasts: 3s }`.
        "open" => Open(Open),
        /// At the times that a file tells: a list of durations since the phase's start.
        /// For example `replay: traces/monday.yaml`.
        "replay" => Replay(FileText),
        /// So many users, each going through the same errands again and again.
        /// For example `flow: { users: 5, rounds: 3, does: [{ send: ask }, { pause: 200ms }] }`.
        "flow" => Flow(Flow),
    }
}

part! {
    /// So many clients, each sending its next request when it has its answer.
    "a closed schedule" => Closed {
        /// How many clients. For example `clients: 8`.
        clients: u32,
        /// How many requests in all. For example `requests: 400`.
        requests: Option<u32>,
        /// For how long. For example `lasts: 2s`.
        lasts: Option<Duration>,
        /// How long a client pauses between an answer and its next request. For example `pause: 20ms`.
        pause: Option<Duration>,
    }
}

part! {
    /// Requests at a rate, whatever the answers do.
    "an open schedule" => Open {
        /// The rate, or how it grows. For example `rate: 20/s` or `rate: { from: 10/s, to: 200/s }`.
        rate: Option<Course>,
        /// Rates one after the other. For example `steps: [{ rate: 20/s, lasts: 1s }, { rate: 200/s, lasts: 1s }]`.
        steps: Vec<RateStep>,
        /// How the requests are spread. For example `arrivals: poisson`.
        arrivals: Arrivals = Arrivals::Constant,
        /// For how long; as long as the phase that it is beside if missing. For example `lasts: 3s`.
        lasts: Option<Duration>,
    }
}

/// A rate, or a rate that changes evenly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Course {
    /// Always the same.
    Even(Rate),
    /// From one to another.
    Ramp(Rate, Rate),
}

part! {
    /// A rate for a time.
    "a step of the rate" => RateStep {
        /// The rate. For example `rate: 200/s`.
        rate: Rate,
        /// For how long. For example `lasts: 1s`.
        lasts: Duration,
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

part! {
    /// Users who go through the same errands.
    "a flow" => Flow {
        /// How many users. For example `users: 5`.
        users: u32,
        /// What each does, in order. For example `does: [{ send: ask }, { pause: 200ms }]`.
        does: Vec<Deeds>,
        /// How often each goes through it. For example `rounds: 3`.
        rounds: Option<u32>,
        /// For how long they do. For example `lasts: 2s`.
        lasts: Option<Duration>,
    }
}

/// One thing that a user of a flow does.
#[derive(Clone, Debug, PartialEq)]
pub enum Deeds {
    /// Sends a request and waits for the answer.
    Send(Send),
    /// Thinks for a while.
    Pause(Duration),
}

/// More connections than this no single machine opens in a sensible time.
const MOST_AT_ONCE: u32 = 20_000;

impl Schedule {
    /// Whether it ends by itself; told if it makes no sense at all.
    pub(crate) fn check(&self, name: &At<String>, beside: bool, problems: &mut Vec<Problem>) -> bool {
        let at_once = match self {
            Self::Burst(count) => *count,
            Self::Closed(closed) => closed.clients,
            Self::Flow(flow) => flow.users,
            Self::Open(_) | Self::Replay(_) => 0,
        };
        if at_once > MOST_AT_ONCE {
            let message = format!("phase `{}` has {at_once} requests open at once", name.value);
            let help = format!("no more than {MOST_AT_ONCE} can be, because each needs a connection");
            problems.push(Problem::new(name.span, message).help(help));
            return false;
        }
        if !self.sends() {
            let problem = Problem::new(name.span, format!("phase `{}` sends nothing", name.value));
            problems.push(problem.help("write numbers above 0, and under `does:` something to `send:`"));
            return false;
        }
        let ends = match self {
            Self::Burst(_) => true,
            Self::Closed(closed) => closed.requests.is_some() || closed.lasts.is_some() || beside,
            Self::Open(open) => {
                if open.rate.is_some() != open.steps.is_empty() {
                    problems.push(
                        Problem::new(open.span, "an open schedule without one course")
                            .help("write either `rate: 20/s` or `steps: [{ rate: 20/s, lasts: 1s }]`"),
                    );
                    return false;
                }
                if !open.steps.is_empty() && open.lasts.is_some() {
                    problems.push(
                        Problem::new(open.span, "`lasts` beside `steps`, which say how long they last")
                            .help("leave `lasts` out, or write `rate:` instead of `steps:`"),
                    );
                    return false;
                }
                let steps_last = open.steps.iter().any(|step| !step.lasts.is_zero());
                open.lasts.is_some_and(|lasts| !lasts.is_zero())
                    || steps_last
                    || (beside && open.lasts.is_none())
            }
            Self::Replay(_) => true,
            Self::Flow(flow) => flow.rounds.is_some() || flow.lasts.is_some() || beside,
        };
        if !ends {
            let problem = Problem::new(name.span, format!("phase `{}` never ends, or at once", name.value));
            problems.push(problem.help(
                "say how long it `lasts`, how many `requests` it sends, or `beside` which phase it runs",
            ));
        }
        ends
    }

    /// Whether there is anybody who sends, and something to send.
    fn sends(&self) -> bool {
        match self {
            Self::Burst(count) => *count > 0,
            Self::Closed(closed) => closed.clients > 0 && closed.requests != Some(0),
            Self::Flow(flow) => {
                let sends = flow.does.iter().any(|deed| matches!(deed, Deeds::Send(_)));
                flow.users > 0 && flow.rounds != Some(0) && sends
            }
            Self::Open(_) | Self::Replay(_) => true,
        }
    }
}

impl Read for Course {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        if node.entries().is_none() {
            return Rate::read(node, problems).map(Self::Even);
        }
        let mut fields = Fields::of(node, "a ramp", problems)?;
        let from: Option<Rate> = fields.take("from", problems);
        let to: Option<Rate> = fields.take("to", problems);
        fields.finish("a ramp", problems);
        Some(Self::Ramp(from?, to?))
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        let ramp = book.define("Ramp", |book| {
            let mut object = ObjectSchema::new("a ramp", "A rate that changes evenly.");
            let from = "The rate at the start. For example `from: 10/s`.";
            object.put(Property::of::<Rate>(book, "from", from).required(true));
            let to = "The rate at the end. For example `to: 200/s`.";
            object.put(Property::of::<Rate>(book, "to", to).required(true));
            object.finish()
        });
        json!({ "title": "a rate or a ramp", "anyOf": [Rate::schema(book), ramp] })
    }
}

impl Read for Deeds {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        match node.entries() {
            Some([entry]) if entry.key == "send" => Send::read(&entry.node, problems).map(Self::Send),
            Some([entry]) if entry.key == "pause" => Duration::read(&entry.node, problems).map(Self::Pause),
            _ => wrong(node, "`{ send: REQUEST }` or `{ pause: DURATION }`", problems),
        }
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("Deeds", |book| {
            let send = "Sends a request and waits for the answer. For example `send: ask`.";
            let pause = "Thinks for a while. For example `pause: 200ms`.";
            let keys = vec![
                Property::of::<Send>(book, "send", send),
                Property::of::<Duration>(book, "pause", pause),
            ];
            SchemaBook::one_of("what a user does", "One thing that a user of a flow does.", keys)
        })
    }
}
