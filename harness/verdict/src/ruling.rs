//! From what was found to verdicts: the level of the rule, the witness, and whether the trial ran to its end.

use std::collections::BTreeMap;
use std::mem::discriminant;

use record::{Doubt, Judged, Shown, Verdict};
use scenario::{At, Expectation, Field, Level, Operand, RowClaim, Test};

use crate::claim::ClaimTally;
use crate::driver::in_doubt;
use crate::finding::{Finding, Seen};
use crate::measure::{NoValue, Number};
use crate::question::Question;
use crate::row::operands;
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
    /// Whether an expectation asks whether the target lives: then its death is a fail, and blocks nothing.
    pub(crate) asks_for_life: bool,
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
            Subject::Rows(tally) => self.joined(tally, self.of_rows(tally)),
            Subject::That(that) => self.that(&that.value),
        };
        let finding = match (finding, &self.cut_short) {
            (Finding::FailsSoFar(_), Some(reason)) => Finding::untold(reason.as_str()),
            (Finding::FailsSoFar(seen), None) => Finding::Fails(seen),
            (finding, _) => finding,
        };
        let finding = in_doubt(finding, self.question.scenario.stage, self.doubt(subject));
        let (level, strict) = self.question.binding(expectation);
        let ruled = by_level(finding, level, strict);
        let Ruled { verdict, doubt, unmet, seen } = self.by_course(ruled);
        let judged = self.question.judged(expectation, verdict, seen.observed);
        Judged { doubt, unmet, shown: seen.shown, ..judged }
    }

    /// What holds of the attempts that were joined may not hold of those that could not be.
    fn joined(&self, tally: &ClaimTally<'_>, finding: Finding) -> Finding {
        if self.ledger_too_late && tally.claim.subject == scenario::Subject::Ledger {
            let reason =
                "there are too many exchanges to compare with a ledger that is read when all are over";
            return Finding::untold(reason.to_owned());
        }
        match finding {
            Finding::Holds(_) if self.unjoined > 0 && tally.depends_on_join() => Finding::untold(format!(
                "{} could not be joined: the mark is lacking, or the exchange was over long before, or is not in the evidence",
                words::quantity(self.unjoined, scenario::Subject::Attempts)
            )),
            other => other,
        }
    }

    /// What the rows say. Where that depends on where exactly a measured number lies, they do not tell.
    fn of_rows(&self, tally: &ClaimTally<'_>) -> Finding {
        let finding = tally.finding(&self.known(), self.scene);
        let compared = |number: &&Number<'_>| {
            tally.claim.test().is_some_and(|test| {
                operands(test)
                    .any(|operand| matches!(operand, Operand::Measured(name, _) if name == number.name))
            })
        };
        let used: Vec<&Number<'_>> = self.numbers.iter().filter(compared).collect();
        let same = |known: BTreeMap<&str, f64>| {
            discriminant(&tally.finding(&known, self.scene)) == discriminant(&finding)
        };
        match (self.within_precision(&used).into_iter().all(same), finding) {
            (true, finding) => finding,
            (false, Finding::Holds(seen)) => too_near(&seen),
            (false, Finding::Fails(seen) | Finding::FailsSoFar(seen) | Finding::Excused(seen)) => {
                too_near(&seen.observed)
            }
            (false, finding @ (Finding::Empty(_) | Finding::Unknown(..))) => finding,
        }
    }

    fn that(&self, text: &str) -> Finding {
        let that = match That::read(text) {
            Ok(that) => that,
            Err(reason) => return Finding::untold(format!("`{text}` cannot be judged: {reason}")),
        };
        if let Some(bound) = that.bounds().find(|bound| !self.question.bounds.contains_key(*bound)) {
            return Finding::untold(format!(
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
                    return Finding::untold(format!(
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
        let holds = that.holds(&self.known(), self.question.bounds);
        let same = |known: BTreeMap<&str, f64>| that.holds(&known, self.question.bounds) == holds;
        if !self.within_precision(&used).into_iter().all(same) {
            return too_near(&observed);
        }
        match holds {
            Ok(true) => Finding::Holds(observed),
            Ok(false) => {
                let numbers =
                    used.iter().map(|number| (number.name.to_owned(), number.shown.clone())).collect();
                let seen = Seen { observed, shown: Some(Shown::Numbers(numbers)) };
                if self.is_excused(&that, &used) { Finding::Excused(seen) } else { Finding::FailsSoFar(seen) }
            }
            Err(reason) => Finding::untold(format!("`{text}` cannot be judged: {reason}")),
        }
    }

    /// Why a number is not the target's alone, because the driver was too late, if it was.
    fn doubt(&self, subject: &Subject<'_>) -> Option<String> {
        let Scene { driver, names, .. } = self.scene;
        let that = match subject {
            Subject::Rows(tally) => return driver.doubts_claim(tally.claim, names),
            Subject::That(that) => That::read(&that.value).ok()?,
        };
        let measures = self.question.scenario.measure.0.iter();
        let mut used = measures.filter(|(name, _)| that.names().any(|used| used == name.value));
        used.find_map(|(_, measure)| driver.doubts_measure(measure, names))
    }

    /// Whether a comparison might hold but for the harness's own lag: with some numbers as they were seen, and others shorter
    /// or longer by it.
    fn is_excused(&self, that: &That, used: &[&Number<'_>]) -> bool {
        let lagging: Vec<(&str, Vec<f64>)> = used
            .iter()
            .filter(|number| !number.lagging.is_empty())
            .map(|number| (number.name, number.lagging.clone()))
            .collect();
        // More of them than this would be more combinations than are worth a try.
        if lagging.is_empty() || lagging.len() > MOST_LAGGING {
            return false;
        }
        let mut combined = self.combined(&lagging).into_iter();
        combined.any(|known| that.holds(&known, self.question.bounds) == Ok(true))
    }

    /// The measured numbers, with each of those that are known to a precision only at either end of it.
    fn within_precision<'n>(&'n self, used: &[&'n Number<'_>]) -> Vec<BTreeMap<&'n str, f64>> {
        let ends = used
            .iter()
            .filter_map(|number| Some((number.name, vec![number.least?, *number.value.as_ref().ok()?])));
        let ends: Vec<(&str, Vec<f64>)> = ends.take(MOST_LAGGING).collect();
        if ends.is_empty() { Vec::new() } else { self.combined(&ends) }
    }

    /// The measured numbers with some of them as each of what they may be.
    fn combined<'n>(&'n self, choices: &[(&'n str, Vec<f64>)]) -> Vec<BTreeMap<&'n str, f64>> {
        let combinations = choices.iter().map(|(_, values)| values.len()).product::<usize>();
        let of = |mut combination: usize| {
            let mut known = self.known();
            for (name, values) in choices {
                known.insert(*name, values[combination % values.len()]);
                combination /= values.len();
            }
            known
        };
        (0..combinations).map(of).collect()
    }

    /// The measured numbers that have a value.
    fn known(&self) -> BTreeMap<&str, f64> {
        self.numbers.iter().filter_map(|number| Some((number.name, *number.value.as_ref().ok()?))).collect()
    }

    /// A fail that was seen stays a fail whatever else happened; everything else needs a trial that ran to its end, and a pass
    /// its witness.
    fn by_course(&self, ruled: Ruled) -> Ruled {
        match (ruled.verdict, &self.cut_short, &self.no_witness) {
            (Verdict::Fail, ..) => ruled,
            (_, Some(reason), _) if self.asks_for_life && self.scene.timetable.has_died() => {
                Ruled::told(Verdict::NotExercised, reason.clone())
            }
            (_, Some(reason), _) => Ruled::told(Verdict::Blocked, reason.clone()),
            (Verdict::Pass, None, no_witness) => match (self.question.unseen_witness(), no_witness) {
                (Some(reason), _) => Ruled::told(Verdict::NotObservable, reason.to_owned()),
                (None, Some(reason)) => Ruled::told(Verdict::NotExercised, reason.clone()),
                (None, None) => ruled,
            },
            (_, None, _) => ruled,
        }
    }
}

/// What was seen is known to a precision only, and in that lies the answer.
fn too_near(observed: &str) -> Finding {
    Finding::untold(format!("{observed}: too near to what it is compared with to tell"))
}

/// A verdict with what was seen.
struct Ruled {
    verdict: Verdict,
    doubt: Option<Doubt>,
    /// It does not hold, and need not.
    unmet: bool,
    seen: Seen,
}

impl Ruled {
    fn seen(verdict: Verdict, seen: Seen) -> Self {
        Self { verdict, doubt: None, unmet: false, seen }
    }

    fn told(verdict: Verdict, observed: String) -> Self {
        Self::seen(verdict, Seen { observed, shown: None })
    }

    fn in_doubt(doubt: Doubt, seen: Seen) -> Self {
        Self { doubt: Some(doubt), ..Self::seen(Verdict::Inconclusive, seen) }
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
            Finding::Empty(seen) | Finding::Unknown(_, seen) => seen,
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

fn by_level(finding: Finding, level: Level, strict: bool) -> Ruled {
    match (finding, level) {
        (Finding::Holds(observed), _) => Ruled::told(Verdict::Pass, observed),
        (Finding::Fails(seen) | Finding::FailsSoFar(seen), Level::Must) => Ruled::seen(Verdict::Fail, seen),
        (Finding::Fails(seen) | Finding::FailsSoFar(seen), Level::Should) => {
            Ruled::seen(if strict { Verdict::Fail } else { Verdict::Warn }, seen)
        }
        (Finding::Fails(seen) | Finding::FailsSoFar(seen) | Finding::Excused(seen), Level::May) => {
            let observed = format!("it does not hold, and need not: {}", seen.observed);
            Ruled { unmet: true, ..Ruled::seen(Verdict::Pass, Seen { observed, ..seen }) }
        }
        (Finding::Excused(seen), Level::Must | Level::Should) => {
            let observed =
                format!("{}; but the harness itself was late enough to be the reason", seen.observed);
            Ruled::in_doubt(Doubt::Late, Seen { observed, ..seen })
        }
        (Finding::Empty(reason), _) => Ruled::told(Verdict::NotExercised, reason),
        (Finding::Unknown(doubt, observed), _) => Ruled::in_doubt(doubt, Seen { observed, shown: None }),
    }
}
