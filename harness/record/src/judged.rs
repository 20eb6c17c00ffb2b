//! What was judged: the verdict of one expectation, with what a report needs to show why.

use serde::{Deserialize, Serialize};

/// What became of one expectation. In the order of gravity: the worst one decides over a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A stage flag is off.
    Gated,
    /// The profile does not claim a needed capability.
    NotClaimed,
    /// The run cannot see what it needs.
    NotObservable,
    /// It holds and its witness was seen.
    Pass,
    /// Confessed by the profile, and so it was.
    KnownFailure,
    /// A SHOULD does not hold.
    Warn,
    /// No witness, an empty population, or too few samples.
    NotExercised,
    /// Too little statistical power, or lag beyond the grace where it would have been a fail.
    Inconclusive,
    /// A known failure that passes.
    UnexpectedPass,
    /// It does not hold.
    Fail,
    /// The target never became ready, or died where survival was not the question.
    Blocked,
}

impl Verdict {
    /// Every verdict, from harmless to grave.
    pub const ALL: [Self; 11] = [
        Self::Gated,
        Self::NotClaimed,
        Self::NotObservable,
        Self::Pass,
        Self::KnownFailure,
        Self::Warn,
        Self::NotExercised,
        Self::Inconclusive,
        Self::UnexpectedPass,
        Self::Fail,
        Self::Blocked,
    ];

    /// The words that people read.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Gated => "gated",
            Self::NotClaimed => "not claimed",
            Self::NotObservable => "not observable",
            Self::Pass => "pass",
            Self::KnownFailure => "known failure",
            Self::Warn => "warn",
            Self::NotExercised => "not exercised",
            Self::Inconclusive => "inconclusive",
            Self::UnexpectedPass => "unexpected pass",
            Self::Fail => "fail",
            Self::Blocked => "blocked",
        }
    }

    /// Whether the expectation was never put to the test, by a decision taken before the run.
    #[must_use]
    pub fn is_ignored(self) -> bool {
        matches!(self, Self::Gated | Self::NotClaimed | Self::NotObservable)
    }
}

/// Why an expectation is inconclusive, by whether another try of its trial can change that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The harness ran late, so that nobody can say whether the target did.
    Late,
    /// Too little happened to see what must be seen. How much happens hangs on how fast everything is.
    TooFew,
    /// The evidence does not tell, or nobody could: it would be so again.
    Untold,
}

impl Doubt {
    /// Whether another try may be without it.
    #[must_use]
    pub fn may_pass(self) -> bool {
        match self {
            Self::Late | Self::TooFew => true,
            Self::Untold => false,
        }
    }
}

/// One expectation, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The rule that it cites.
    pub rule: String,
    /// The expectation in the scenario's own words.
    pub say: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Why it is inconclusive, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
    /// Whether it does not hold although that is a pass, since its rule only says what may be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unmet: bool,
    /// What had to hold.
    pub expected: String,
    /// What was seen; for a verdict other than pass and fail, the reason of the verdict.
    pub observed: String,
    /// The smallest evidence that shows it.
    pub shown: Option<Shown>,
    /// Where the expectation stands.
    pub line: SourceLine,
}

/// A line of a scenario, with the part that is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLine {
    /// The file as it was named on the command line.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// How many characters are meant.
    pub length: u32,
    /// The line's text.
    pub text: String,
}

/// The smallest evidence of a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// One exchange with its attempts.
    Tree(Tree),
    /// Attempts or exchanges side by side, in the order of time.
    Window(Window),
    /// The numbers that were compared.
    Numbers(Vec<(String, String)>),
    /// How a text differs from the one that was wanted, as lines that begin with a sign.
    Diff(Vec<String>),
}

/// An exchange with its attempts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// The exchange's number in the trial.
    pub exchange: u32,
    /// The step or phase that sent it.
    pub traffic: String,
    /// The name of its request.
    pub request: String,
    /// When it should have begun, in milliseconds after the traffic's start.
    pub at_ms: f64,
    /// How long it took from there, in milliseconds.
    pub took_ms: Option<f64>,
    /// What the client got, in a word or two: `200`, `429 rate_limit_exceeded`, `reset`.
    pub result: String,
    /// Its attempts in the order of arrival.
    pub attempts: Vec<AttemptShown>,
}

/// Rows that belong together in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// What the window is, in a few words.
    pub title: String,
    /// What was seen in it.
    pub attempts: Vec<AttemptShown>,
    /// How many more there are than are shown.
    pub left_out: u64,
}

/// An attempt as reports show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptShown {
    /// The upstream that saw it.
    pub upstream: String,
    /// The label of the key that it carried.
    pub key: String,
    /// When it arrived, in milliseconds after the traffic's start.
    pub at_ms: f64,
    /// How long the upstream had it, in milliseconds.
    pub took_ms: Option<f64>,
    /// What was replied, in a word or two.
    pub result: String,
    /// The script entry that decided it.
    pub script: Option<String>,
    /// The wait that was asked for, in milliseconds.
    pub hint_ms: Option<u32>,
    /// Whether this is the one that offends.
    pub offends: bool,
    /// Why, in a few words.
    pub note: Option<String>,
}
