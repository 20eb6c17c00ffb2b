//! How each rule of the contract came out of a run: proved, broken, or neither.

use std::collections::BTreeMap;

use record::{Level, RunRecord, Verdict};

/// What a run says about one rule. In the order of gravity: the worst of its expectations decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Standing {
    /// Every expectation that cites it was ignored by a decision taken before the run.
    Ignored,
    /// Every expectation that was put to the test holds.
    Proved,
    /// One of its expectations stayed without an answer, or no trial came as far as judging it.
    NotExercised,
    /// It is a SHOULD, and one of its expectations does not hold.
    Warned,
    /// It is broken as the profile confesses.
    Confessed,
    /// One of its expectations failed.
    Broken,
}

impl Standing {
    /// Every standing in the order in which a summary lists them: good news first, then what needs a person.
    pub(crate) const ALL: [Self; 6] =
        [Self::Proved, Self::Broken, Self::Confessed, Self::Warned, Self::NotExercised, Self::Ignored];

    /// The words that people read.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Broken => "broken",
            Self::Confessed => "known to be broken",
            Self::Warned => "warned about",
            Self::NotExercised => "not exercised",
            Self::Ignored => "ignored",
        }
    }

    fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Gated | Verdict::NotClaimed | Verdict::NotObservable => Self::Ignored,
            // That a known failure passes is news for the profile; the rule itself holds.
            Verdict::Pass | Verdict::UnexpectedPass => Self::Proved,
            Verdict::KnownFailure => Self::Confessed,
            Verdict::Warn => Self::Warned,
            Verdict::NotExercised | Verdict::Inconclusive | Verdict::Blocked => Self::NotExercised,
            Verdict::Fail => Self::Broken,
        }
    }
}

/// How binding a rule is, in the word that standards use.
pub(crate) fn level_words(level: Level) -> &'static str {
    match level {
        Level::Must => "MUST",
        Level::Should => "SHOULD",
        Level::May => "MAY",
    }
}

/// The standing of each rule that the run's scenarios cite, by the rules' ids.
pub(crate) fn standings(run: &RunRecord) -> BTreeMap<&str, Standing> {
    let mut standings: BTreeMap<&str, Standing> = BTreeMap::new();
    for judged in run.trials.iter().flat_map(|trial| &trial.judged) {
        let standing = Standing::of(judged.verdict);
        standings.entry(&judged.rule).and_modify(|worst| *worst = standing.max(*worst)).or_insert(standing);
    }
    for rule in &run.rules {
        standings.entry(&rule.id).or_insert(Standing::NotExercised);
    }
    standings
}
