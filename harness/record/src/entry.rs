//! A line of `evidence.ndjson`: everything that is seen once or seldom. What is seen by the million stands in rows.

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::correlation::ExchangeId;
use crate::measured::{PhaseFigures, PhasePart};
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
    /// What the driver measured over a part of a phase.
    Part(PhasePart),
    /// Two exchanges that are to be compared.
    Pair(Pair),
    /// The head and body of one message.
    Sample(Sample),
    /// An answer that an upstream can give, told once; the rows of attempts refer to it by its name.
    Answer(AnswerSeen),
    /// An event of a stream, as the client saw it.
    Event(EventSeen),
    /// A stream had more events than are kept: those before are told, and those behind are not.
    EventsCut {
        /// The exchange.
        exchange: ExchangeId,
        /// When the first one came that was not kept.
        at: Moment,
    },
    /// The text that a client was given, put together.
    Text(TextSeen),
    /// What a client was told at the end of an answer.
    Said(Said),
    /// A secret or mark was found where it does not belong.
    Carried(Carried),
    /// A request that no entry of its upstream's script took.
    Unmatched(Unmatched),
    /// A row of the target's ledger.
    Ledger(LedgerRow),
    /// A counter of the target.
    Metric(MetricSeen),
    /// What the target's process used at a moment.
    Process(ProcessSeen),
    /// A program was run.
    Ran(Ran),
    /// A file that a program left in its folder.
    File(FileSeen),
    /// Something was done to the target.
    Operated(Operated),
    /// Something that the scenario asks for could not be done, so that no verdict may follow from the trial.
    Mistake(String),
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
    /// When the trial's clock began, in milliseconds since the epoch; 0 in evidence from before this was told.
    #[serde(default)]
    pub began_ms: u64,
    /// Which try of the trial this is, from 1.
    #[serde(rename = "try", default = "first_try")]
    pub number: u32,
    /// When it was started, as an RFC 3339 time.
    #[serde(default)]
    pub started: Option<String>,
    /// The version of the command that ran it.
    #[serde(default)]
    pub tool: String,
    /// The SHA-256 of the source that the command was made of.
    #[serde(default)]
    pub tool_sha256: String,
    /// The SHA-256 of the target's profile with its templates.
    #[serde(default)]
    pub profile_sha256: String,
}

/// Before format 3 no trial was run again.
fn first_try() -> u32 {
    1
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

/// Two exchanges that are to be compared: the same request, sent in a drawn order one right after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// When the second of them was due.
    pub at: Moment,
    /// The one that went through the target.
    pub through: ExchangeId,
    /// The one that went straight to the upstream.
    pub direct: ExchangeId,
}

/// The head and body of one message, cut at a cap, with every known key replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Who saw it.
    pub side: Side,
    /// The exchange that it belongs to.
    pub exchange: ExchangeId,
    /// When the attempt arrived, for what an upstream saw.
    #[serde(default)]
    pub arrived: Option<Moment>,
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

/// An answer that an upstream can give, with what it reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnswerSeen {
    /// The name that rows use for it.
    pub id: NameId,
    /// Its whole text, cut at a cap; none where each reply has its own.
    pub text: Option<String>,
    /// Whether the text was longer than the cap.
    pub cut: bool,
    /// All of its text, also behind the cap; none where each reply has its own.
    #[serde(default)]
    pub whole: Option<WholeText>,
    /// Whether its replies break off before their end, as the scenario asks.
    #[serde(default)]
    pub breaks_off: bool,
    /// The tokens that it reports; none where each reply has its own.
    pub tokens: Option<Tokens>,
    /// How many calls of tools it makes.
    #[serde(default)]
    pub tool_calls: u32,
    /// What they are, by [`crate::tools_hash`].
    #[serde(default)]
    pub tools_hash: u32,
}

/// A text by its hash and length, however long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WholeText {
    /// Its hash, as rows have it; 0 for an empty text.
    pub hash: u32,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Tokens, each in one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Input tokens that were in no cache.
    pub input: u64,
    /// Input tokens that were read from the cache.
    pub cache_read: u64,
    /// Input tokens that were written to the cache.
    pub cache_write: u64,
    /// Output tokens, those of reasoning included.
    pub output: u64,
    /// Those of the output that were spent on reasoning; none where that is not told.
    #[serde(default)]
    pub reasoning: Option<u64>,
}

/// An event of a stream, as the client saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventSeen {
    /// The exchange that it belongs to.
    pub exchange: ExchangeId,
    /// Its number in the stream, from 1.
    pub index: u32,
    /// When it was complete.
    pub at: Moment,
    /// What it is.
    pub kind: EventKind,
    /// Its name, where the dialect gives it one.
    pub name: String,
    /// Its data, cut at a cap.
    pub data: String,
}

/// What an event of a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// It carries content.
    Content,
    /// It reports usage and carries no content.
    Usage,
    /// It says why the answer ends.
    Finish,
    /// It tells an error.
    Error,
    /// It keeps the connection alive.
    Ping,
    /// The marker that the stream is complete.
    End,
    /// Anything else.
    Other,
}

/// The text that a client was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextSeen {
    /// The exchange.
    pub exchange: ExchangeId,
    /// When it was complete.
    pub at: Moment,
    /// The text, cut at a cap.
    pub text: String,
    /// Whether it was longer than the cap.
    pub cut: bool,
}

/// What a client was told at the end of an answer, and which tools it was to call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The exchange.
    pub exchange: ExchangeId,
    /// When it was over.
    pub at: Moment,
    /// Why the answer ended; none where nothing told it.
    pub finish: Option<FinishWord>,
    /// How many calls of tools came, broken ones included.
    pub tool_calls: u32,
    /// What they are, by [`crate::tools_hash`].
    pub tools_hash: u32,
    /// Whether each of them has an id of its own; also where the dialect gives calls no ids.
    pub tools_distinct: bool,
}

/// Why an answer ended, whatever word its dialect has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishWord {
    /// It is complete.
    Stop,
    /// It reached its limit of tokens.
    Length,
    /// It calls a tool.
    Tool,
    /// A filter held it back.
    Filtered,
    /// A word that is none of its dialect's.
    Other,
}

/// A secret or mark that was found where it does not belong, by what it is and never by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// Who saw the message.
    pub side: Side,
    /// The exchange that it belongs to.
    pub exchange: ExchangeId,
    /// When the attempt arrived that carried it, for what an upstream saw.
    pub arrived: Option<Moment>,
    /// When it was found.
    pub at: Moment,
    /// What was found: `key openai/first`, `tenant acme`, `admin key`.
    pub what: Vec<String>,
}

/// A request that no entry of its upstream's script took, with the entry that came nearest. Each upstream tells of its first
/// few.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmatched {
    /// The upstream.
    pub upstream: NameId,
    /// The exchange that it belongs to.
    pub exchange: ExchangeId,
    /// When it arrived.
    pub arrived: Moment,
    /// When that was found.
    pub at: Moment,
    /// Method and path.
    pub asked: String,
    /// The entry that came nearest.
    pub nearest: NameId,
    /// Why that entry did not take it, in words.
    pub why: String,
}

/// A row of the target's ledger: what one exchange cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// When it was read.
    pub at: Moment,
    /// The exchange, where the row can be joined to one.
    pub exchange: Option<ExchangeId>,
    /// The tenant that was charged.
    pub tenant: String,
    /// The model, by the public name or the provider's, as the ledger writes it.
    pub model: String,
    /// The key or deployment, as the ledger writes it.
    pub key: String,
    /// The tokens.
    pub tokens: Tokens,
    /// The cost in millionths of a dollar; none where the ledger says that it is unknown.
    pub cost_micros: Option<i64>,
    /// What the ledger says of the row.
    pub state: String,
    /// The end user that it names; empty where it names none.
    #[serde(default)]
    pub end_user: String,
    /// The tags that it holds.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A counter or state of the target at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricSeen {
    /// When it was read.
    pub at: Moment,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// Its value; 0 for a state that is told in words.
    pub value: f64,
    /// The state, where it is told in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What the target's process used at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSeen {
    /// When.
    pub at: Moment,
    /// Which instance of the target, counted from 1.
    pub instance: u8,
    /// Bytes of resident memory.
    pub memory: u64,
    /// Microseconds of the processor since it was started.
    pub cpu_us: u64,
    /// Open descriptors.
    pub descriptors: u32,
    /// Open sockets.
    pub sockets: u32,
    /// Threads.
    pub threads: u32,
}

/// A program was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// The entry of the traffic.
    pub traffic: NameId,
    /// When it ended.
    pub at: Moment,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it printed, cut at a cap, without any key.
    pub output: String,
}

/// A file that a program left in its folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSeen {
    /// The entry of the traffic that ran the program.
    pub traffic: NameId,
    /// When it was looked at.
    pub at: Moment,
    /// Its path below the folder.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its text, cut at a cap, without any key; none if it is no text.
    pub text: Option<String>,
}

/// Something was done to the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operated {
    /// When it was done.
    pub at: Moment,
    /// What was done, in the language's words.
    pub operation: String,
    /// What it was done to.
    pub to: String,
    /// Why it could not be done, if it could not.
    pub failed: Option<String>,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn survives(entry: &Entry) -> bool {
        let text = serde_json::to_string(entry).expect("an entry is JSON");
        serde_json::from_str::<Entry>(&text).expect("it is read again") == *entry
    }

    #[test]
    fn what_was_said_and_told_survives_its_line() {
        let tokens = Tokens { input: 1, cache_read: 2, cache_write: 3, output: 9, reasoning: Some(4) };
        let said = |finish| Said {
            exchange: ExchangeId(3),
            at: Moment(7),
            finish,
            tool_calls: 2,
            tools_hash: 0xdead_beef,
            tools_distinct: true,
        };
        for entry in [
            Entry::Said(said(Some(FinishWord::Tool))),
            Entry::Said(said(None)),
            Entry::Answer(AnswerSeen {
                id: NameId(1),
                text: None,
                cut: false,
                whole: Some(WholeText { hash: 7, bytes: 9 }),
                breaks_off: true,
                tokens: Some(tokens),
                tool_calls: 2,
                tools_hash: 7,
            }),
            Entry::Ledger(LedgerRow {
                at: Moment(1),
                exchange: None,
                tenant: String::new(),
                model: String::new(),
                key: String::new(),
                tokens,
                cost_micros: None,
                state: String::new(),
                end_user: "ann".to_owned(),
                tags: vec!["red".to_owned(), "blue".to_owned()],
            }),
            Entry::Metric(MetricSeen {
                at: Moment(1),
                name: "breaker".to_owned(),
                labels: Vec::new(),
                value: 0.0,
                text: Some("open".to_owned()),
            }),
        ] {
            assert!(survives(&entry), "{entry:?}");
        }
    }

    #[test]
    fn lines_that_were_written_before_are_read_and_tell_nothing_of_what_is_new() {
        let read = |text: &str| serde_json::from_str::<Entry>(text).unwrap_or_else(|error| panic!("{error}"));
        let tokens = r#"{"input":1,"cache_read":2,"cache_write":3,"output":4}"#;
        let Entry::Answer(answer) =
            read(&format!(r#"{{"answer":{{"id":1,"text":null,"cut":false,"tokens":{tokens}}}}}"#))
        else {
            panic!("it is an answer")
        };
        assert_eq!((answer.tool_calls, answer.tools_hash), (0, 0));
        assert_eq!(answer.tokens.and_then(|tokens| tokens.reasoning), None);
        let Entry::Ledger(row) = read(&format!(
            r#"{{"ledger":{{"at":1,"exchange":2,"tenant":"a","model":"b","key":"c","tokens":{tokens},"cost_micros":5,"state":"d"}}}}"#
        )) else {
            panic!("it is a row of the ledger")
        };
        assert_eq!((row.end_user.as_str(), row.tags.len()), ("", 0));
        let Entry::Metric(metric) =
            read(r#"{"metric":{"at":1,"name":"a","labels":[["b","c"]],"value":6.5}}"#)
        else {
            panic!("it is a counter")
        };
        assert_eq!((metric.value, metric.text), (6.5, None));
    }
}
