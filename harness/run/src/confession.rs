//! Failures that a target's profile confesses: what fails as confessed is a known failure, and what does not is unexpected.

use std::time::SystemTime;

use record::{Judged, TrialRecord, Verdict};
use scenario::{Case, ScenarioFile};
use serde::{Deserialize, Serialize};
use target::{Comes, Confessed, Date, KnownFailure, Profile};

use crate::bench::Bench;

/// A failure that the profile confesses, as of the day of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confession {
    /// The rule that is broken.
    rule: String,
    /// The scenario that shows it, as its path below the folder of scenarios, without the ending.
    scenario: String,
    /// The case; all if missing.
    case: Option<String>,
    /// What it ends in.
    verdict: Verdict,
    /// Whether it comes in some runs and not in others.
    #[serde(default)]
    sometimes: bool,
    /// Why it is so.
    reason: String,
    /// The last day on which it counts as known.
    until: String,
    /// Whether that day was over when the run took place.
    over: bool,
}

impl Confession {
    /// All that a profile confesses, as it counts today.
    pub(crate) fn all_of(profile: &Profile) -> Vec<Self> {
        let today = today();
        profile.known_failures().iter().map(|known| Self::of(known, today)).collect()
    }

    fn of(known: &KnownFailure, today: Option<Date>) -> Self {
        Self {
            rule: known.rule.value.clone(),
            scenario: known.scenario.value.clone(),
            case: known.case.as_ref().map(|case| case.value.clone()),
            verdict: match known.verdict {
                Confessed::Fail => Verdict::Fail,
                Confessed::Warn => Verdict::Warn,
                Confessed::Blocked => Verdict::Blocked,
                Confessed::NotExercised => Verdict::NotExercised,
            },
            sometimes: known.comes == Comes::Sometimes,
            reason: known.reason.clone(),
            until: known.until.value.to_string(),
            over: today.is_some_and(|today| known.until.value < today),
        }
    }

    fn is_about(&self, file: &ScenarioFile, case: &Case) -> bool {
        self.names(&file.name) && (self.case.is_none() || self.case == case.name)
    }

    /// Whether it is the scenario in this file that it names.
    fn names(&self, file: &str) -> bool {
        let named = file.trim_end_matches(".yaml").strip_suffix(self.scenario.as_str());
        named.is_some_and(|before| before.is_empty() || before.ends_with('/'))
    }

    /// What is to be said of it after a run: that it names what is not there, or that it is over and no longer true.
    fn remark(&self, bench: &Bench, trials: &[TrialRecord]) -> Option<String> {
        let Self { rule, scenario, until, .. } = self;
        let file = bench.suite.scenarios.iter().find(|file| self.names(&file.name))?;
        let of = format!("`known_failures:` names {rule} in `{scenario}`");
        let mut cases = file.cases.iter().filter(|case| self.is_about(file, case)).peekable();
        if cases.peek().is_none() {
            return Some(format!("{of}, which has no case `{}`", self.case.as_deref().unwrap_or_default()));
        }
        let mut expectations = cases.flat_map(|case| &case.scenario.expect);
        if self.verdict != Verdict::Blocked && !expectations.any(|expected| expected.rule.value == *rule) {
            return Some(format!("{of}, which cites no such rule"));
        }
        let about = |trial: &&TrialRecord| {
            self.names(&trial.file) && (self.case.is_none() || self.case == trial.case)
        };
        let judged = trials.iter().filter(about).flat_map(|trial| &trial.judged);
        let mut of_rule = judged.filter(|judged| judged.rule == *rule).peekable();
        let holds = of_rule.peek().is_some() && of_rule.all(|judged| judged.verdict == Verdict::Pass);
        (self.over && holds)
            .then(|| format!("{of} until {until}, which is over, and it holds now: remove it"))
    }

    /// Whether this is what was confessed. A target that cannot be tested breaks no rule more than another.
    fn covers(&self, judged: &Judged, strict: bool) -> bool {
        match self.verdict {
            Verdict::Blocked => judged.verdict == Verdict::Blocked,
            _ if judged.rule != self.rule => false,
            // A SHOULD counts as a MUST in a strict run.
            Verdict::Warn if strict => matches!(judged.verdict, Verdict::Warn | Verdict::Fail),
            confessed => judged.verdict == confessed,
        }
    }

    fn apply(&self, judged: &mut [Judged], strict: bool) {
        let mut shown = false;
        for judged in judged.iter_mut().filter(|judged| self.covers(judged, strict)) {
            shown = true;
            let Self { until, reason, .. } = self;
            if self.over {
                judged.observed.push_str(&format!(" (confessed until {until}, which is over: {reason})"));
            } else {
                judged.verdict = Verdict::KnownFailure;
                judged.observed = format!("confessed until {until}: {reason}; seen: {}", judged.observed);
            }
        }
        if shown || self.over || self.sometimes {
            return;
        }
        for judged in judged.iter_mut().filter(|judged| judged.rule == self.rule) {
            if judged.verdict == Verdict::Pass {
                judged.verdict = Verdict::UnexpectedPass;
                let word = self.verdict.words();
                judged.observed = format!(
                    "it holds, and the profile confesses `{word}` ({}): remove that from `known_failures:`",
                    self.reason
                );
            }
        }
    }
}

/// The verdicts of a trial in the light of what was confessed.
pub(crate) fn confessed(
    confessions: &[Confession],
    (file, case): (&ScenarioFile, &Case),
    strict: bool,
    mut judged: Vec<Judged>,
) -> Vec<Judged> {
    for confession in confessions.iter().filter(|confession| confession.is_about(file, case)) {
        confession.apply(&mut judged, strict);
    }
    judged
}

/// What is to be said after a run of what the profile confesses.
#[must_use]
pub fn remarks(bench: &Bench, trials: &[TrialRecord]) -> Vec<String> {
    let confessed = bench.confessions.iter().filter_map(|confession| confession.remark(bench, trials));
    older_contract(bench).into_iter().chain(confessed).collect()
}

/// That some rules do not bind, because an older version of the contract does.
fn older_contract(bench: &Bench) -> Option<String> {
    let contract = bench.contract?;
    let later = bench.suite.rules.iter().filter(|known| known.since() > Some(contract));
    let later: Vec<&str> = later.map(|known| known.id.as_str()).collect();
    let told = if later.is_empty() {
        "none came later".to_owned()
    } else {
        format!("{} only warn", later.join(", "))
    };
    Some(format!("judged by version {contract} of the contract: {told}"))
}

fn today() -> Option<Date> {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    Date::parse(now.get(..10)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::SourceLine;

    fn confession(verdict: Verdict, over: bool) -> Confession {
        Confession {
            rule: "ROT-001".into(),
            scenario: "rotation/one".into(),
            case: None,
            verdict,
            sometimes: false,
            reason: "it counts wrong".into(),
            until: "2027-06-30".into(),
            over,
        }
    }

    fn judged(rule: &str, verdict: Verdict) -> Judged {
        Judged {
            rule: rule.into(),
            say: String::new(),
            verdict,
            doubt: None,
            unmet: false,
            expected: String::new(),
            observed: "3 of 5".into(),
            shown: None,
            line: SourceLine { file: String::new(), line: 1, column: 1, length: 1, text: String::new() },
        }
    }

    fn after(confession: &Confession, verdicts: &[(&str, Verdict)], strict: bool) -> Vec<Verdict> {
        let mut all: Vec<Judged> = verdicts.iter().map(|(rule, verdict)| judged(rule, *verdict)).collect();
        confession.apply(&mut all, strict);
        all.into_iter().map(|judged| judged.verdict).collect()
    }

    #[test]
    fn what_fails_as_confessed_is_known_and_nothing_else_is() {
        use Verdict::{Blocked, Fail, KnownFailure, Pass, Warn};
        let fails = confession(Fail, false);
        let seen = [("ROT-001", Fail), ("ROT-001", Pass), ("CDN-001", Fail)];
        assert_eq!(after(&fails, &seen, false), [KnownFailure, Pass, Fail]);
        let warns = confession(Warn, false);
        assert_eq!(after(&warns, &[("ROT-001", Fail)], false), [Fail]);
        assert_eq!(after(&warns, &[("ROT-001", Fail)], true), [KnownFailure]);
        let blocked = confession(Blocked, false);
        assert_eq!(after(&blocked, &[("CDN-001", Blocked)], false), [KnownFailure]);
    }

    #[test]
    fn a_confessed_failure_that_passes_is_unexpected() {
        use Verdict::{Fail, NotExercised, Pass, UnexpectedPass};
        let fails = confession(Fail, false);
        let seen = [("ROT-001", Pass), ("ROT-001", NotExercised), ("CDN-001", Pass)];
        assert_eq!(after(&fails, &seen, false), [UnexpectedPass, NotExercised, Pass]);
    }

    #[test]
    fn a_failure_that_comes_sometimes_is_known_when_it_comes_and_missed_by_nobody_when_it_does_not() {
        use Verdict::{Fail, KnownFailure, Pass};
        let now_and_then = Confession { sometimes: true, ..confession(Fail, false) };
        let seen = [("ROT-001", Fail), ("ROT-001", Pass)];
        assert_eq!(after(&now_and_then, &seen, false), [KnownFailure, Pass]);
        assert_eq!(after(&now_and_then, &seen[1..], false), [Pass]);
    }

    #[test]
    fn what_never_comes_to_pass_with_a_target_can_be_confessed() {
        let never = confession(Verdict::NotExercised, false);
        assert_eq!(after(&never, &[("ROT-001", Verdict::NotExercised)], false), [Verdict::KnownFailure]);
    }

    #[test]
    fn a_confession_that_is_over_excuses_nothing_and_is_told() {
        let over = confession(Verdict::Fail, true);
        let mut all = [judged("ROT-001", Verdict::Fail)];
        over.apply(&mut all, false);
        assert_eq!(all[0].verdict, Verdict::Fail);
        assert!(all[0].observed.contains("confessed until 2027-06-30, which is over"), "{}", all[0].observed);
        assert_eq!(after(&over, &[("ROT-001", Verdict::Pass)], false), [Verdict::Pass]);
    }
}
