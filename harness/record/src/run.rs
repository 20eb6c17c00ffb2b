//! A whole run as reports see it: which target, which rules, which trials with which verdicts.

use serde::{Deserialize, Serialize};

use crate::judged::{Judged, Verdict};

/// The version of the evidence's format. It rises whenever a reader of the last one would misread the new one.
pub const EVIDENCE_FORMAT: u32 = 2;

/// A run with everything that was judged in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The version of the evidence's format.
    pub format: u32,
    /// The version of the command that ran it.
    pub tool: String,
    /// When it was started, as an RFC 3339 time.
    pub started: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The seed of every draw.
    pub seed: u64,
    /// What was tested.
    pub target: TargetRecord,
    /// The command line that repeats it, without a filter: `stormproof run scenarios/ --seed 7`.
    pub command: String,
    /// Whether it was cut short, by whom.
    pub interrupted: Option<String>,
    /// The rules that its scenarios cite.
    pub rules: Vec<RuleRecord>,
    /// Its trials in the order of their names.
    pub trials: Vec<TrialRecord>,
}

/// The target of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetRecord {
    /// Its name.
    pub name: String,
    /// Its version, where it tells one.
    pub version: Option<String>,
    /// The profile's file.
    pub profile: String,
    /// The defect that was switched on.
    pub defect: Option<String>,
}

/// A rule of the contract, as reports quote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleRecord {
    /// Its id: `ROT-001`.
    pub id: String,
    /// The chapter that it stands in.
    pub chapter: String,
    /// How binding it is.
    pub level: Level,
    /// Its sentence.
    pub says: String,
    /// Where it comes from, each in a few words.
    pub sources: Vec<String>,
}

/// How binding a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Breaking it loses data, money or safety, or wedges clients.
    #[serde(rename = "MUST")]
    Must,
    /// Good practice, with legitimate exceptions that a profile may declare.
    #[serde(rename = "SHOULD")]
    Should,
    /// Reported, never failed.
    #[serde(rename = "MAY")]
    May,
}

/// One scenario case and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// Its name: the scenario's file, then `::` and the case where there are several.
    pub name: String,
    /// The scenario's file.
    pub file: String,
    /// The scenario's title.
    pub title: String,
    /// What the scenario is about, at length.
    pub about: Option<String>,
    /// The case.
    pub case: Option<String>,
    /// The stage that it belongs to.
    pub stage: String,
    /// The worst of its expectations' verdicts.
    pub verdict: Verdict,
    /// Its expectations in the order of the scenario.
    pub judged: Vec<Judged>,
    /// The seed of its draws.
    pub seed: u64,
    /// When it was started, as an RFC 3339 time; none if it never was.
    pub started: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// How many exchanges there were.
    pub exchanges: u64,
    /// How many attempts there were.
    pub attempts: u64,
    /// Its phases with their figures.
    pub phases: Vec<PhaseSummary>,
    /// The last lines of the target's log.
    pub log_tail: Vec<String>,
    /// The folder of its evidence, seen from the run's folder; none if there is no evidence.
    pub folder: Option<String>,
}

/// A phase with its figures and names resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseSummary {
    /// The phase's name.
    pub name: String,
    /// How many requests the schedule asked for.
    pub planned: u64,
    /// How many were sent.
    pub sent: u64,
    /// How many ended without a whole response.
    pub failed: u64,
    /// The response times' histogram, in microseconds, serialised as V2 and written in base64.
    pub response: String,
    /// The service times' histogram, likewise.
    pub service: String,
    /// The driver's own lateness, likewise.
    pub lateness: String,
}

/// The worst of some verdicts; ignored ones count only if there are no others.
#[must_use]
pub fn worst_of(verdicts: impl IntoIterator<Item = Verdict>) -> Option<Verdict> {
    verdicts.into_iter().max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Blocked, Fail, Gated, Inconclusive, NotExercised, Pass, UnexpectedPass, Warn};

    #[test]
    fn the_worst_verdict_decides() {
        let order = [Blocked, Fail, UnexpectedPass, Inconclusive, NotExercised, Warn, Pass, Gated];
        for (index, worst) in order.iter().enumerate() {
            assert_eq!(worst_of(order[index..].iter().copied()), Some(*worst));
        }
        assert_eq!(worst_of([]), None);
    }
}
