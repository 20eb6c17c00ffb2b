//! A line of `evidence.ndjson`: everything that is seen once or seldom. What is seen by the million stands in rows.

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::correlation::ExchangeId;
use crate::names::NameId;

/// One line of `evidence.ndjson`, tagged from outside: `{"phase": {...}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// The first line: what this is the evidence of.
    Trial(TrialHeader),
    /// Who takes part.
    Cast(Cast),
    /// A name and the number that rows use for it.
    Name {
        /// The number.
        id: NameId,
        /// The name.
        text: String,
    },
    /// A step or phase began.
    Began {
        /// Which one.
        traffic: NameId,
        /// When.
        at: Moment,
    },
    /// A step or phase is over: no exchange of it is open any more.
    Ended {
        /// Which one.
        traffic: NameId,
        /// When.
        at: Moment,
    },
    /// What the driver measured over a phase.
    Figures(PhaseFigures),
    /// The head and body of one message.
    Sample(Sample),
    /// The harness itself ran late.
    Lag(Lag),
    /// Something happened to the target.
    Target {
        /// What.
        event: TargetEvent,
        /// When.
        at: Moment,
    },
    /// A line of the target's log.
    Log {
        /// When it was read.
        at: Moment,
        /// The line, without its end and without any key.
        line: String,
    },
    /// The last line.
    End(End),
}

/// What a trial's evidence is evidence of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialHeader {
    /// The version of the evidence's format: [`crate::EVIDENCE_FORMAT`].
    pub format: u32,
    /// The trial's name.
    pub name: String,
    /// The scenario's file as it was named on the command line.
    pub file: String,
    /// The case, where the scenario has several.
    pub case: Option<String>,
    /// The SHA-256 of the scenario's text, in hexadecimal digits.
    pub scenario_sha256: String,
    /// The seed of every draw.
    pub seed: u64,
    /// The target's name.
    pub target: String,
    /// The trial's number in its correlation marks.
    pub mark: u64,
}

/// Who takes part in a trial: the names that rows refer to, in the order of the scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cast {
    /// Steps and phases.
    pub traffic: Vec<CastTraffic>,
    /// Upstreams with their keys.
    pub upstreams: Vec<CastUpstream>,
}

/// A step or phase of the traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CastTraffic {
    /// Its name.
    pub name: String,
    /// Whether it is a phase, driven by a schedule.
    pub phase: bool,
}

/// An upstream of the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CastUpstream {
    /// Its name.
    pub name: String,
    /// Its dialect.
    pub dialect: String,
    /// The labels of its keys with their fingerprints; the keys themselves stand nowhere.
    pub keys: Vec<(String, String)>,
}

/// What the driver measured over a phase. Histograms are in microseconds, serialised as V2 and written in base64.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseFigures {
    /// The phase.
    pub traffic: NameId,
    /// How many requests the schedule asked for.
    pub planned: u64,
    /// How many were sent.
    pub sent: u64,
    /// How many ended without a whole response.
    pub failed: u64,
    /// From the intended start to the end.
    pub response: String,
    /// From the actual send to the end.
    pub service: String,
    /// How much later than intended the driver sent.
    pub lateness: String,
}

/// The head and body of one message, cut at a cap, with every known key replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Who saw it.
    pub side: Side,
    /// The exchange that it belongs to.
    pub exchange: ExchangeId,
    /// When it was complete.
    pub at: Moment,
    /// The request line or status line.
    pub line: String,
    /// The header fields.
    pub head: Vec<(String, String)>,
    /// The body, as text.
    pub body: String,
    /// Whether the body was longer than the cap.
    pub cut: bool,
}

/// Who saw a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The client sent it to the target.
    ClientSent,
    /// The client got it from the target.
    ClientGot,
    /// An upstream got it from the target.
    UpstreamGot,
    /// An upstream replied it to the target.
    UpstreamSent,
}

/// A moment at which the harness noticed that it had been kept from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// When it should have run.
    pub due: Moment,
    /// How much later it did.
    pub late_us: u32,
}

/// What can happen to a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetEvent {
    /// Its process was started.
    Started,
    /// It was seen to be ready.
    Ready,
    /// It went away by itself, with what is known of the reason.
    Died(String),
    /// It was stopped.
    Stopped,
}

/// How a trial's evidence ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub at: Moment,
    /// Why the traffic did not run to its end, if it did not.
    pub cut_short: Option<String>,
    /// How many exchange rows were written.
    pub exchanges: u64,
    /// How many attempt rows were written.
    pub attempts: u64,
}
