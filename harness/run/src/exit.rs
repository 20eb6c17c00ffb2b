//! The exit code of a run, from its verdicts: one table, in one place.

use record::{RunRecord, TrialRecord, Verdict};

/// How the command ends. The numbers are a promise to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked holds.
    Sound,
    /// The target broke a rule, or a known failure passes.
    Broken,
    /// The command line, a scenario or a profile is wrong.
    Misused,
    /// Something was not put to the test, or a required stage was gated.
    Unproved,
    /// The target could not be tested, or the harness or the machine is at fault.
    Blocked,
    /// Nothing was selected.
    NothingSelected,
    /// A signal cut the run short.
    Interrupted,
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Sound => 0,
            Self::Broken => 1,
            Self::Misused => 2,
            Self::Unproved => 3,
            Self::Blocked => 4,
            Self::NothingSelected => 5,
            // As a shell tells of a process that an interrupt ended.
            Self::Interrupted => 130,
        }
    }

    /// How a run ends, given the stages that must not be gated.
    #[must_use]
    pub fn of(run: &RunRecord, required: &[String]) -> Self {
        if run.interrupted.is_some() {
            return Self::Interrupted;
        }
        if run.trials.is_empty() {
            return Self::NothingSelected;
        }
        let exits: Vec<Self> = run.trials.iter().flat_map(|trial| Self::of_trial(trial, required)).collect();
        [Self::Blocked, Self::Broken, Self::Unproved]
            .into_iter()
            .find(|exit| exits.contains(exit))
            .unwrap_or(Self::Sound)
    }

    fn of_trial<'t>(trial: &'t TrialRecord, required: &'t [String]) -> impl Iterator<Item = Self> + 't {
        let expectations = trial.judged.iter().map(|judged| judged.verdict);
        std::iter::once(trial.verdict).chain(expectations).map(|verdict| match verdict {
            Verdict::Blocked => Self::Blocked,
            Verdict::Fail | Verdict::UnexpectedPass => Self::Broken,
            Verdict::Inconclusive | Verdict::NotExercised => Self::Unproved,
            Verdict::Gated if required.contains(&trial.stage) => Self::Unproved,
            Verdict::Gated
            | Verdict::Pass
            | Verdict::Warn
            | Verdict::KnownFailure
            | Verdict::NotClaimed
            | Verdict::NotObservable => Self::Sound,
        })
    }
}

/// Whether a trial with this verdict counts as passed in front of `libtest`.
#[must_use]
pub fn is_ok(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Pass
        | Verdict::Warn
        | Verdict::KnownFailure
        | Verdict::NotClaimed
        | Verdict::NotObservable
        | Verdict::Gated => true,
        Verdict::Fail
        | Verdict::UnexpectedPass
        | Verdict::Inconclusive
        | Verdict::NotExercised
        | Verdict::Blocked => false,
    }
}
