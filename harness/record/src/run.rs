//! A whole run as reports see it: which target, which rules, which trials with which verdicts.

use serde::{Deserialize, Serialize};

use crate::judged::{Judged, Verdict};
use crate::measured::{Metric, StreamFigures};
use crate::tries::EarlierTry;

/// The version of the evidence's format. It rises whenever a reader of the last one would misread the new one.
pub const EVIDENCE_FORMAT: u32 = 3;

/// The oldest format that is read. What later formats added has a value for evidence that lacks it.
pub const OLDEST_FORMAT: u32 = 2;

/// A run with everything that was judged in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The version of the evidence's format.
    pub format: u32,
    /// The version of the command that ran it.
    pub tool: String,
    /// The SHA-256 of the source that the command was made of; empty before format 3, as all such hashes.
    #[serde(default)]
    pub tool_sha256: String,
    /// One SHA-256 over those of its scenarios: over a line for each, as `sha256sum` writes them.
    #[serde(default)]
    pub scenarios_sha256: String,
    /// The SHA-256 of the suite that is inside the command, over a line for each file; empty where nobody told it yet.
    #[serde(default)]
    pub suite_sha256: String,
    /// What whoever reads it must know: what of the suite was edited, what outside had a say, what has changed since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
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
    /// The SHA-256 of the profile with its templates.
    #[serde(default)]
    pub profile_sha256: String,
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
    /// The SHA-256 of the scenario with the files that it names.
    #[serde(default)]
    pub scenario_sha256: String,
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
    /// How many of them could be joined to no exchange.
    #[serde(default)]
    pub unjoined: Unjoined,
    /// Its phases with their figures.
    pub phases: Vec<PhaseSummary>,
    /// The last lines of the target's log.
    pub log_tail: Vec<String>,
    /// The folder of its evidence, seen from the run's folder; none if there is no evidence.
    pub folder: Option<String>,
    /// Its earlier tries, if it was run again: everything else here is of the last one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierTry>,
}

/// Attempts that could be joined to no exchange. They are counted and never guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unjoined {
    /// They carry no mark: health checks, warm-ups, and what a target made anew.
    pub unmarked: u64,
    /// They carry the mark of another trial.
    pub foreign: u64,
    /// They carry the mark of an exchange that is not in the evidence, or was over long before.
    pub lost: u64,
    /// How many of all these may be the traffic's own: what depends on how attempts join is inconclusive then.
    pub doubtful: u64,
}

impl Unjoined {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.unmarked + self.foreign + self.lost
    }
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
    /// How many had to wait until one of the phase's connections was free.
    #[serde(default)]
    pub queued: u64,
    /// The response times' histogram, in microseconds, serialised as V2 and written in base64.
    pub response: String,
    /// The service times' histogram, likewise.
    pub service: String,
    /// The driver's own lateness, likewise.
    pub lateness: String,
    /// What was measured of its streams; none where none was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<StreamFigures>,
}

impl PhaseSummary {
    /// The serialised histograms by what they show.
    pub fn histograms(&self) -> impl Iterator<Item = (Metric, &str)> {
        let of_all = [
            (Metric::Response, &self.response),
            (Metric::Service, &self.service),
            (Metric::Lateness, &self.lateness),
        ];
        let of_streams = self.streams.iter().flat_map(|streams| {
            [
                (Metric::FirstByte, &streams.first_byte),
                (Metric::FirstContent, &streams.first_content),
                (Metric::Gap, &streams.gap),
                (Metric::PerToken, &streams.per_token),
            ]
        });
        of_all.into_iter().chain(of_streams).map(|(metric, histogram)| (metric, histogram.as_str()))
    }
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
