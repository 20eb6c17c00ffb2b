//! What was found of a capability: whether it is claimed, and what its probe came to.

use record::{TrialRecord, Verdict};
use run::{Exit, ScenarioPlan};
use scenario::{Capability, Suite};
use serde_json::{Value, json};
use target::Profile;

use super::suite::file_of;

/// A capability, and how it is found out whether the target has it.
pub(super) struct Probe {
    capability: Capability,
    claimed: bool,
    /// The trial that shows it, or why there is none.
    pub(super) plan: Result<ScenarioPlan, String>,
}

/// A capability, and what was found of it.
pub(super) struct Finding {
    capability: Capability,
    claimed: bool,
    outcome: Outcome,
    /// The trial that showed it.
    trial: Option<String>,
}

/// What a probe came to.
enum Outcome {
    Passes,
    Fails,
    NotProbed(String),
    Undecided(String),
    Blocked(String),
}

/// The probe of each capability. Of its cases the one in the target's first dialect is taken, or else the first that can be put to
/// the target.
pub(super) fn probes(suite: &Suite, profile: &Profile, trials: &[ScenarioPlan]) -> Vec<Probe> {
    let first = profile.says.speaks.value.first().map(|dialect| dialect.name());
    let plan = |capability| {
        if let Some(reason) = unsaid(profile, capability) {
            return Err(reason.to_owned());
        }
        let file = file_of(capability);
        let mut cases: Vec<&ScenarioPlan> =
            trials.iter().filter(|trial| trial.file(suite).name == file).collect();
        cases.sort_by_key(|trial| trial.case(suite).name.as_deref() != first);
        if let Some(able) = cases.iter().find(|trial| trial.ignored.is_none()) {
            return Ok((*able).clone());
        }
        let ignored = cases.first().and_then(|trial| trial.ignored.as_ref());
        Err(ignored.map_or_else(String::new, |ignored| ignored.reason.clone()))
    };
    let probe = |(_, capability, _): &(_, Capability, _)| Probe {
        capability: *capability,
        claimed: profile.claims(*capability),
        plan: plan(*capability),
    };
    Capability::ALL.iter().map(probe).collect()
}

/// What a profile does not say that nobody could see the capability without.
fn unsaid(profile: &Profile, capability: Capability) -> Option<&'static str> {
    let of_tenant = |secret| profile.authorization_for(Some(secret), "admin");
    let (said, reason) = match capability {
        Capability::Tenants => (
            of_tenant("one") != of_tenant("another"),
            "the target's profile says nothing of `tenant_key` under `authorization:`",
        ),
        Capability::Ledger => {
            (profile.reads_ledger(), "the target's profile says nothing of a `ledger:` under `reads:`")
        }
        Capability::Metrics => (
            profile.says.reads.metrics.is_some(),
            "the target's profile says nothing of `metrics:` under `reads:`",
        ),
        _ => return None,
    };
    (!said).then_some(reason)
}

impl Probe {
    /// What was found, by the record of its trial.
    pub(super) fn found(&self, records: &[TrialRecord]) -> Finding {
        let of_trial = |plan: &ScenarioPlan| records.iter().find(|record| record.name == plan.name);
        let outcome = match &self.plan {
            Err(reason) => Outcome::NotProbed(reason.clone()),
            Ok(plan) => of_trial(plan).map_or(Outcome::Undecided("it was not run".to_owned()), outcome),
        };
        let trial = self.plan.as_ref().ok().map(|plan| plan.name.clone());
        Finding { capability: self.capability, claimed: self.claimed, outcome, trial }
    }
}

fn outcome(record: &TrialRecord) -> Outcome {
    let decisive = record.judged.iter().find(|judged| judged.verdict == record.verdict);
    let reason = || decisive.map_or_else(String::new, |judged| judged.observed.clone());
    match record.verdict {
        Verdict::Pass | Verdict::Warn | Verdict::UnexpectedPass => Outcome::Passes,
        Verdict::Fail | Verdict::KnownFailure => Outcome::Fails,
        Verdict::Gated | Verdict::NotClaimed | Verdict::NotObservable => Outcome::NotProbed(reason()),
        Verdict::NotExercised | Verdict::Inconclusive => Outcome::Undecided(reason()),
        Verdict::Blocked => Outcome::Blocked(reason()),
    }
}

impl Finding {
    /// The words that people read, and the one that programs read.
    fn words(&self) -> (&'static str, &'static str) {
        match (&self.outcome, self.claimed) {
            (Outcome::Passes, true) => ("declared, probed", "declared"),
            (Outcome::Fails, true) => ("contradicted", "contradicted"),
            (Outcome::Passes, false) => ("undeclared but present", "undeclared"),
            (Outcome::Fails, false) => ("absent", "absent"),
            (Outcome::NotProbed(_), _) => ("not to be probed", "not_probed"),
            (Outcome::Undecided(_), _) => ("undecided", "undecided"),
            (Outcome::Blocked(_), _) => ("blocked", "blocked"),
        }
    }

    fn reason(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Passes | Outcome::Fails => None,
            Outcome::NotProbed(reason) | Outcome::Undecided(reason) | Outcome::Blocked(reason) => {
                Some(reason)
            }
        }
    }

    /// A line for people.
    pub(super) fn line(&self) -> String {
        let (words, _) = self.words();
        // What a target said last stands in its story.
        let reason = self.reason().and_then(|reason| reason.lines().next());
        let reason = reason.map(|reason| reason.strip_suffix("; its last lines:").unwrap_or(reason));
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        format!("{:<14}{words}{reason}\n", self.capability.word())
    }

    /// What is to be done about it.
    pub(super) fn advice(&self) -> Option<String> {
        let word = self.capability.word();
        match (&self.outcome, self.claimed) {
            (Outcome::Passes, false) => {
                Some(format!("`{word}` is there: add it to `claims:`, so that it is put to the test"))
            }
            (Outcome::Fails, true) => Some(format!(
                "`{word}` is not there: remove it from `claims:`, or mend the target or its template"
            )),
            _ => None,
        }
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        let (_, word) = self.words();
        let (capability, trial) = (self.capability.word(), &self.trial);
        json!({ "capability": capability, "claimed": self.claimed, "finding": word, "reason": self.reason(), "trial": trial })
    }

    /// Whether the trial of this name did not show what it is to show.
    pub(super) fn is_to_be_told(&self, trial: &str) -> bool {
        let failed = !matches!(self.outcome, Outcome::Passes | Outcome::NotProbed(_));
        failed && self.trial.as_deref() == Some(trial)
    }

    /// How the command ends by this alone.
    pub(super) fn exit(&self) -> Exit {
        match (&self.outcome, self.claimed) {
            (Outcome::Blocked(_), _) => Exit::Blocked,
            (Outcome::Fails, true) | (Outcome::Passes, false) => Exit::Broken,
            (Outcome::Undecided(_), _) => Exit::Unproved,
            (Outcome::Passes, true) | (Outcome::Fails, false) | (Outcome::NotProbed(_), _) => Exit::Sound,
        }
    }
}
