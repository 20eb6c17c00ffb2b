//! How often a trial was run: one whose harness ran late, or in which too little or nothing happened, is run again, and every try is
//! told.

use serde::{Deserialize, Serialize};

use crate::judged::{Doubt, Judged, Verdict};
use crate::run::TrialRecord;

/// So often a trial is run at most: one without an answer twice more.
pub const MOST_TRIES: u32 = 3;

/// A try that came to no conclusion, so that the trial was run again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EarlierTry {
    /// The worst of its expectations' verdicts.
    pub verdict: Verdict,
    /// Its expectations in the order of the scenario.
    pub judged: Vec<Judged>,
    /// When it was started, as an RFC 3339 time.
    pub started: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The folder of its evidence, seen from the run's folder.
    pub folder: Option<String>,
}

impl From<TrialRecord> for EarlierTry {
    fn from(record: TrialRecord) -> Self {
        let TrialRecord { verdict, judged, started, took_ms, folder, .. } = record;
        Self { verdict, judged, started, took_ms, folder }
    }
}

/// Whether another try may come to a conclusion: nothing else is wrong, and everything that is open may be otherwise the next time.
/// What was not exercised may be: a machine that stood still at the wrong moment is told by nothing else.
#[must_use]
pub fn may_conclude(verdict: Verdict, judged: &[Judged]) -> bool {
    let mut open = judged.iter().filter(|judged| judged.verdict == Verdict::Inconclusive);
    matches!(verdict, Verdict::Inconclusive | Verdict::NotExercised)
        && open.all(|judged| judged.doubt.is_some_and(Doubt::may_pass))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SourceLine, worst_of};

    fn judged(verdict: Verdict, doubt: Option<Doubt>) -> Judged {
        Judged {
            rule: String::new(),
            say: String::new(),
            verdict,
            doubt,
            unmet: false,
            expected: String::new(),
            observed: String::new(),
            shown: None,
            line: SourceLine { file: String::new(), line: 1, column: 1, length: 1, text: String::new() },
        }
    }

    #[test]
    fn a_fail_is_no_reason_for_another_try_and_neither_is_a_doubt_that_would_come_again() {
        use Doubt::{Late, TooFew, Untold};
        use Verdict::{Blocked, Fail, Inconclusive, NotExercised, Pass, UnexpectedPass, Warn};
        for (verdicts, again) in [
            (&[(Inconclusive, Some(Late))][..], true),
            (&[(Inconclusive, Some(TooFew)), (Pass, None)], true),
            (&[(Inconclusive, Some(Late)), (NotExercised, None), (Warn, None)], true),
            (&[(Inconclusive, Some(Late)), (Fail, None)], false),
            (&[(Inconclusive, Some(Late)), (UnexpectedPass, None)], false),
            (&[(Inconclusive, Some(Late)), (Blocked, None)], false),
            (&[(Inconclusive, Some(Untold))], false),
            (&[(Inconclusive, Some(Late)), (Inconclusive, Some(Untold))], false),
            (&[(Inconclusive, None)], false),
            (&[(NotExercised, None), (Pass, None)], true),
            (&[(NotExercised, None), (Fail, None)], false),
            (&[(NotExercised, None), (Inconclusive, Some(Untold))], false),
            (&[(Pass, None)], false),
            (&[], false),
        ] {
            let judged: Vec<Judged> =
                verdicts.iter().map(|(verdict, doubt)| judged(*verdict, *doubt)).collect();
            let worst = worst_of(judged.iter().map(|judged| judged.verdict)).unwrap_or(Pass);
            assert_eq!(may_conclude(worst, &judged), again, "{verdicts:?}");
        }
    }
}
