//! From what was found to verdicts: the level of the rule, the witness, and whether the trial ran to its end.

use std::collections::BTreeMap;

use record::{Judged, Shown, Verdict};
use scenario::{At, Expectation, Field, Level, RowClaim, Test};

use crate::claim::ClaimTally;
use crate::finding::{Finding, Seen};
use crate::measure::{NoValue, Number};
use crate::question::Question;
use crate::scene::Scene;
use crate::that::That;
use crate::words;

/// How many measured numbers of one comparison are looked at in the light of the harness's lag.
const MOST_LAGGING: usize = 6;

/// What an expectation is about, while the rows come in.
#[derive(Debug)]
pub(crate) enum Subject<'a> {
    Rows(Box<ClaimTally<'a>>),
    That(&'a At<String>),
}

/// Everything beside the rows that decides over a verdict.
pub(crate) struct Circumstances<'a, 's> {
    pub(crate) question: &'a Question<'a>,
    pub(crate) scene: &'s Scene<'s>,
    pub(crate) numbers: &'s [Number<'a>],
    /// The witness that did not appear, in words.
    pub(crate) no_witness: Option<String>,
    /// Why nothing can be concluded from what did not happen.
    pub(crate) cut_short: Option<String>,
    /// Attempts that name an exchange to which they could not be joined.
    pub(crate) unjoined: u64,
    /// Whether there were too many exchanges to hold until the ledger was read.
    pub(crate) ledger_too_late: bool,
}

impl Circumstances<'_, '_> {
    /// The verdict of one expectation.
    pub(crate) fn judge(&self, expectation: &Expectation, subject: &Subject<'_>) -> Judged {
        if let Some(reason) = self.question.unobservable(expectation) {
            return self.question.judged(expectation, Verdict::NotObservable, reason.to_owned());
        }
        let finding = match subject {
            Subject::Rows(tally) => self.joined(tally, tally.finding(&self.known(), self.scene)),
            Subject::That(that) => self.that(&that.value),
        };
        let finding = match (finding, &self.cut_short) {
            (Finding::FailsSoFar(_), Some(reason)) => Finding::Unknown(reason.clone()),
            (Finding::FailsSoFar(seen), None) => Finding::Fails(seen),
            (finding, _) => finding,
        };
        let (verdict, seen) = by_level(finding, self.question.level_of(expectation), self.question.strict);
        let (verdict, seen) = self.by_course(verdict, seen);
        Judged { shown: seen.shown, ..self.question.judged(expectation, verdict, seen.observed) }
    }

    /// What holds of the attempts that were joined may not hold of those that could not be.
    fn joined(&self, tally: &ClaimTally<'_>, finding: Finding) -> Finding {
        if self.ledger_too_late && tally.claim.subject == scenario::Subject::Ledger {
            let reason =
                "there are too many exchanges to compare with a ledger that is read when all are over";
            return Finding::Unknown(reason.to_owned());
        }
        match finding {
            Finding::Holds(_) if self.unjoined > 0 && tally.depends_on_join() => Finding::Unknown(format!(
                "{} could not be joined: the mark is lacking, or the exchange was over long before, or is not in the evidence",
                words::quantity(self.unjoined, scenario::Subject::Attempts)
            )),
            other => other,
        }
    }

    fn that(&self, text: &str) -> Finding {
        let that = match That::read(text) {
            Ok(that) => that,
            Err(reason) => return Finding::Unknown(format!("`{text}` cannot be judged: {reason}")),
        };
        if let Some(bound) = that.bounds().find(|bound| !self.question.bounds.contains_key(*bound)) {
            return Finding::Unknown(format!(
                "the profile declares no bound `{bound}`, which `{text}` looks at"
            ));
        }
        let used: Vec<&Number<'_>> =
            self.numbers.iter().filter(|number| that.names().any(|name| name == number.name)).collect();
        for number in &used {
            match &number.value {
                Err(NoValue::NoTime) => {
                    return Finding::Empty(format!("the measured number `{}` covers no time", number.name));
                }
                Err(NoValue::Unknown(reason)) => {
                    return Finding::Unknown(format!(
                        "the measured number `{}` is not known: {reason}",
                        number.name
                    ));
                }
                Ok(_) => {}
            }
        }
        if used.iter().all(|number| number.population == 0) {
            return Finding::Empty("there was nothing to measure: every population is empty".to_owned());
        }
        let observed: Vec<String> =
            used.iter().map(|number| format!("{} is {}", number.name, number.shown)).collect();
        let observed = observed.join(", ");
        match that.holds(&self.known(), self.question.bounds) {
            Ok(true) => Finding::Holds(observed),
            Ok(false) => {
                let numbers =
                    used.iter().map(|number| (number.name.to_owned(), number.shown.clone())).collect();
                let seen = Seen { observed, shown: Some(Shown::Numbers(numbers)) };
                if self.is_excused(&that, &used) { Finding::Excused(seen) } else { Finding::FailsSoFar(seen) }
            }
            Err(reason) => Finding::Unknown(format!("`{text}` cannot be judged: {reason}")),
        }
    }

    /// Whether a comparison might hold but for the harness's own lag: with some numbers as they were seen, and others shorter
    /// or longer by it.
    fn is_excused(&self, that: &That, used: &[&Number<'_>]) -> bool {
        let lagging: Vec<&&Number<'_>> = used.iter().filter(|number| !number.lagging.is_empty()).collect();
        // More of them than this would be more combinations than are worth a try.
        if lagging.is_empty() || lagging.len() > MOST_LAGGING {
            return false;
        }
        let combinations = lagging.iter().map(|number| number.lagging.len()).product::<usize>();
        (0..combinations).any(|mut combination| {
            let mut known = self.known();
            for number in &lagging {
                let choices = number.lagging.len();
                known.insert(number.name, number.lagging[combination % choices]);
                combination /= choices;
            }
            that.holds(&known, self.question.bounds) == Ok(true)
        })
    }

    /// The measured numbers that have a value.
    fn known(&self) -> BTreeMap<&str, f64> {
        self.numbers.iter().filter_map(|number| Some((number.name, *number.value.as_ref().ok()?))).collect()
    }

    /// A fail that was seen stays a fail whatever else happened; everything else needs a trial that ran to its end, and a pass
    /// its witness.
    fn by_course(&self, verdict: Verdict, seen: Seen) -> (Verdict, Seen) {
        let because = |reason: &String| Seen { observed: reason.clone(), shown: None };
        match (verdict, &self.cut_short, &self.no_witness) {
            (Verdict::Fail, ..) => (verdict, seen),
            (_, Some(reason), _) => (Verdict::Blocked, because(reason)),
            (Verdict::Pass, None, Some(reason)) => (Verdict::NotExercised, because(reason)),
            (_, None, _) => (verdict, seen),
        }
    }
}

/// The first witness that did not appear, in words.
pub(crate) fn missing_witness(
    witnesses: &[ClaimTally<'_>],
    numbers: &[Number<'_>],
    scene: &Scene<'_>,
) -> Option<String> {
    let known =
        numbers.iter().filter_map(|number| Some((number.name, *number.value.as_ref().ok()?))).collect();
    witnesses.iter().find_map(|witness| {
        let seen = match witness.finding(&known, scene) {
            Finding::Holds(_) => return None,
            Finding::Fails(seen) | Finding::FailsSoFar(seen) | Finding::Excused(seen) => seen.observed,
            Finding::Empty(seen) | Finding::Unknown(seen) => seen,
        };
        let why = near_miss(witness.claim, scene).unwrap_or_default();
        let claim = words::claim(witness.claim);
        Some(format!("what the scenario provokes was not seen: {claim} (seen: {seen}){why}"))
    })
}

/// Why a request was not met by the entry of the script that a witness asks for.
fn near_miss(claim: &RowClaim, scene: &Scene<'_>) -> Option<String> {
    let mut names =
        claim.conditions().filter_map(|condition| condition.test_of(Field::Script)).flat_map(Test::names);
    names.find_map(|name| {
        let number = scene.names.number(name)?;
        let near = scene.unmatched.iter().find(|unmatched| unmatched.nearest == number)?;
        Some(format!(
            "; the entry `{name}` came nearest to a request that it did not take, {}: {}",
            near.asked, near.why
        ))
    })
}

fn by_level(finding: Finding, level: Level, strict: bool) -> (Verdict, Seen) {
    let plain = |observed| Seen { observed, shown: None };
    match (finding, level) {
        (Finding::Holds(observed), _) => (Verdict::Pass, plain(observed)),
        (Finding::Fails(seen) | Finding::FailsSoFar(seen), Level::Must) => (Verdict::Fail, seen),
        (Finding::Fails(seen) | Finding::FailsSoFar(seen), Level::Should) => {
            (if strict { Verdict::Fail } else { Verdict::Warn }, seen)
        }
        (Finding::Fails(seen) | Finding::FailsSoFar(seen) | Finding::Excused(seen), Level::May) => {
            let observed = format!("it does not hold, and need not: {}", seen.observed);
            (Verdict::Pass, Seen { observed, ..seen })
        }
        (Finding::Excused(seen), Level::Must | Level::Should) => {
            let observed =
                format!("{}; but the harness itself was late enough to be the reason", seen.observed);
            (Verdict::Inconclusive, Seen { observed, ..seen })
        }
        (Finding::Empty(reason), _) => (Verdict::NotExercised, plain(reason)),
        (Finding::Unknown(reason), _) => (Verdict::Inconclusive, plain(reason)),
    }
}
