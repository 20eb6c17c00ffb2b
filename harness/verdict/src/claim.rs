//! A claim about rows, while the rows come in: which of them it is about, and what is known of it so far.

use std::collections::BTreeMap;

use scenario::{Claim, Condition, Field, Operand, Quantifier, RowClaim, Subject, Test};

use crate::classes::Classes;
use crate::count::CountTally;
use crate::each::{EachTally, Offence};
use crate::exchange_group::{counts_by_exchange, group_without_rows};
use crate::finding::Finding;
use crate::numbers::NumberTally;
use crate::question::Observable;
use crate::row::{Row, fields_of, operands};
use crate::scene::{Scene, View};
use crate::sequence::SequenceTally;
use crate::tree::OpenTree;
use crate::words;

/// What is known of a claim so far.
#[derive(Debug)]
pub(crate) struct ClaimTally<'a> {
    pub(crate) claim: &'a RowClaim,
    tally: Tally<'a>,
    /// Fields that the evidence may lack.
    doubtful: Vec<Field>,
    doubts: Doubts,
    classes: Classes,
}

#[derive(Debug)]
enum Tally<'a> {
    Each(EachTally<'a>),
    Count(CountTally<'a>),
    Numbers(NumberTally<'a>),
    Sequence(SequenceTally<'a>),
    /// It cannot be judged, for the reason told.
    Refused(String),
}

/// Rows of which the evidence does not tell enough.
#[derive(Debug, Default)]
struct Doubts {
    count: u64,
    reason: Option<&'static str>,
}

impl<'a> ClaimTally<'a> {
    pub(crate) fn new(claim: &'a RowClaim, bounds: &'a BTreeMap<String, f64>) -> Self {
        let tally = match (refusal(claim, bounds), &claim.quantifier) {
            (Some(reason), _) => Tally::Refused(reason),
            (None, Quantifier::Every(condition)) => {
                Tally::Each(EachTally::new(claim, Offence::Otherwise(condition)))
            }
            (None, Quantifier::None(condition)) => {
                Tally::Each(EachTally::new(claim, Offence::Satisfied(condition)))
            }
            (None, Quantifier::Matches(file)) => Tally::Each(EachTally::new(claim, Offence::Differs(file))),
            (None, Quantifier::Count(test)) if claim.in_any.is_none() => {
                Tally::Count(CountTally::new(claim, test))
            }
            (None, Quantifier::Order(conditions) | Quantifier::Path(conditions)) => {
                Tally::Sequence(SequenceTally::new(claim, conditions))
            }
            (None, _) => Tally::Numbers(NumberTally::new(claim, bounds)),
        };
        let doubtful = fields_of_claim(claim).filter(|field| is_doubtful(*field)).collect();
        Self { claim, tally, doubtful, doubts: Doubts::default(), classes: Classes::of_claim(claim) }
    }

    /// Takes the rows of a tree that is closed.
    pub(crate) fn take(&mut self, tree: &OpenTree, scene: &Scene<'_>) {
        let mut rows = tree.rows(self.claim.subject, self.classes);
        if !self.doubtful.is_empty() {
            rows.retain(|row| self.is_known(*row, scene));
        }
        if lacks_events(tree, self.claim.subject) {
            self.doubts.count += 1;
            self.doubts.reason.get_or_insert(EVENTS_CUT);
        }
        let exchange = self.exchange_to_count_by(tree, scene);
        match &mut self.tally {
            Tally::Each(tally) => rows.into_iter().for_each(|row| tally.take(row, scene)),
            Tally::Count(tally) => tally.take(&rows, exchange, scene),
            Tally::Numbers(tally) => tally.take(&rows, exchange, scene),
            Tally::Sequence(tally) => tally.take(tree, &rows, scene),
            Tally::Refused(_) => {}
        }
    }

    /// Takes a row that stands in no tree.
    pub(crate) fn take_lone(&mut self, row: Row<'_>, scene: &Scene<'_>) {
        if !self.is_known(row, scene) {
            return;
        }
        match &mut self.tally {
            Tally::Each(tally) => tally.take(row, scene),
            Tally::Count(tally) => tally.take(&[row], None, scene),
            Tally::Numbers(tally) => tally.take(&[row], None, scene),
            Tally::Sequence(_) | Tally::Refused(_) => {}
        }
    }

    /// The exchange of a tree, if what is counted is counted for it also where it has none.
    fn exchange_to_count_by<'t>(&mut self, tree: &'t OpenTree, scene: &Scene<'_>) -> Option<Row<'t>> {
        if !counts_by_exchange(self.claim) {
            return None;
        }
        group_without_rows(self.claim, tree, scene).unwrap_or_else(|reason| {
            self.doubts.count += 1;
            self.doubts.reason.get_or_insert(reason);
            None
        })
    }

    /// What the rows say. `measured` holds the numbers that are known now that all rows have been seen.
    pub(crate) fn finding(&self, measured: &BTreeMap<&str, f64>, scene: &Scene<'_>) -> Finding {
        let finding = match &self.tally {
            Tally::Each(tally) => tally.finding(),
            Tally::Count(tally) => tally.finding(measured, scene),
            Tally::Numbers(tally) => tally.finding(measured, scene),
            Tally::Sequence(tally) => tally.finding(),
            Tally::Refused(reason) => return Finding::untold(reason.as_str()),
        };
        // An offence that was seen is one, whatever else was not.
        let stands =
            matches!((&finding, &self.tally), (Finding::Fails(_), Tally::Each(_) | Tally::Sequence(_)));
        match self.doubts.reason {
            Some(reason) if !stands => Finding::untold(format!(
                "of {}: {reason}",
                words::quantity(self.doubts.count, self.claim.subject)
            )),
            _ => finding,
        }
    }

    /// How much is kept.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        match &self.tally {
            Tally::Count(tally) => tally.kept(),
            Tally::Numbers(tally) => tally.kept(),
            Tally::Each(_) | Tally::Sequence(_) | Tally::Refused(_) => 1,
        }
    }

    /// Whether an attempt that could not be joined to its exchange may be missing here.
    pub(crate) fn depends_on_join(&self) -> bool {
        let mut fields = fields_of_claim(self.claim);
        if matches!(self.claim.quantifier, Quantifier::Order(_) | Quantifier::Path(_)) {
            return self.claim.subject == Subject::Attempts;
        }
        match self.claim.subject {
            Subject::Exchanges => fields.any(|field| {
                matches!(
                    field,
                    Field::Attempts
                        | Field::Added
                        | Field::LastHint
                        | Field::Upstream
                        | Field::ScriptedText
                        | Field::ScriptedTools
                        | Field::DeliveredTokens
                )
            }),
            Subject::Attempts => fields.any(|field| {
                matches!(
                    field,
                    Field::Step
                        | Field::Phase
                        | Field::Request
                        | Field::Tenant
                        | Field::Ordinal
                        | Field::Gap
                        | Field::GapOfKey
                        | Field::ScriptedText
                        | Field::ToldRequestId
                        | Field::Exchange
                        | Field::AfterContent
                        | Field::Serving
                        | Field::Outlived
                        | Field::SameBody
                )
            }),
            Subject::Ledger => {
                fields.any(|field| matches!(field, Field::UpstreamTokens | Field::PricedUpstreamTokens))
            }
            _ => false,
        }
    }

    /// Whether everything that decides over a row is in the evidence. A row that is known to lie outside the population is not
    /// decided over.
    fn is_known(&mut self, row: Row<'_>, scene: &Scene<'_>) -> bool {
        let Some(reason) = self.doubtful.iter().find_map(|field| row.unknown(*field, scene)) else {
            return true;
        };
        let outside = self
            .claim
            .population
            .iter()
            .flat_map(|population| &population.tests)
            .any(|test| row.unknown(test.field, scene).is_none() && !row.passes(test, scene, View::Seen));
        if outside {
            return true;
        }
        self.doubts.count += 1;
        self.doubts.reason.get_or_insert(reason);
        false
    }
}

pub(crate) const EVENTS_CUT: &str = "behind it come more than are kept of one stream";

/// Whether the evidence lacks events of a tree, for a claim about such.
pub(crate) fn lacks_events(tree: &OpenTree, subject: Subject) -> bool {
    subject == Subject::Events && tree.more().is_some_and(|more| more.events_cut)
}

/// Whether the evidence may lack a field of a row that it has.
fn is_doubtful(field: Field) -> bool {
    matches!(
        field,
        Field::Header
            | Field::HeaderCount
            | Field::Joined
            | Field::Json
            | Field::Carries
            | Field::Body
            | Field::Text
            | Field::ScriptedText
            | Field::DeliveredTokens
            | Field::PerToken
            | Field::Finish
            | Field::ToolCalls
            | Field::ScriptedTools
            | Field::ToldUpstream
            | Field::ToldKey
            | Field::Method
            | Field::Path
            | Field::ToldCost
            | Field::ToldAttempts
            | Field::ToldRequestId
            | Field::Exchange
            | Field::Request
            | Field::Tokens
            | Field::Cost
            | Field::PricedUpstreamTokens
            | Field::Complete
            | Field::Balanced
    )
}

/// What an expectation cannot be judged without, if the run cannot see it.
pub(crate) fn unobservable(claim: &RowClaim, observable: &Observable) -> Option<&'static str> {
    let untold = || fields_of_claim(claim).find_map(|field| observable.lacks_field(field));
    observable.lacks(claim.subject).or_else(untold).or_else(|| {
        let behind = |field: Field| {
            matches!(
                field,
                Field::Attempts
                    | Field::Added
                    | Field::LastHint
                    | Field::CapacityIn
                    | Field::Upstream
                    | Field::ScriptedText
                    | Field::ScriptedTools
                    | Field::DeliveredTokens
                    | Field::UpstreamTokens
                    | Field::PricedUpstreamTokens
            )
        };
        fields_of_claim(claim).any(behind).then(|| observable.lacks(Subject::Attempts)).flatten()
    })
}

/// The row claims of an expectation: its own, or none for one about measured numbers.
pub(crate) fn rows_of(claim: &Claim) -> Option<&RowClaim> {
    match claim {
        Claim::Rows(claim) => Some(claim),
        Claim::That(_) => None,
    }
}

/// Why a claim cannot be judged, if it cannot.
fn refusal(claim: &RowClaim, bounds: &BTreeMap<String, f64>) -> Option<String> {
    claim.conditions().find_map(|condition| refusal_of(condition, bounds)).or_else(|| {
        let test = claim.test()?;
        // Groups of one exchange each are complete when it is closed, and nothing is measured then.
        let early = claim.in_any.is_none()
            && matches!(claim.quantifier, Quantifier::Count(_))
            && claim.per.contains(&Field::Exchange);
        let what = if matches!(claim.quantifier, Quantifier::Count(_)) { "`count`" } else { "the number" };
        refusal_of_test(what, test, bounds, if early { Measured::TooLate } else { Measured::InTime })
    })
}

/// Why a condition on rows cannot be judged, if it cannot.
pub(crate) fn refusal_of(condition: &Condition, bounds: &BTreeMap<String, f64>) -> Option<String> {
    let mut tests = condition.tests.iter();
    tests.find_map(|test| {
        refusal_of_test(&format!("`{}`", test.field.word()), &test.test, bounds, Measured::TooLate)
    })
}

/// Whether measured numbers are known when something is compared with them.
#[derive(Clone, Copy)]
enum Measured {
    InTime,
    TooLate,
}

fn refusal_of_test(
    what: &str,
    test: &Test,
    bounds: &BTreeMap<String, f64>,
    measured: Measured,
) -> Option<String> {
    operands(test).find_map(|operand| match (operand, measured) {
        (Operand::Bound(name, _), _) if !bounds.contains_key(name) => {
            Some(format!("the profile declares no bound `{name}`, with which {what} is to be compared"))
        }
        (Operand::Measured(name, _), Measured::TooLate) => {
            Some(format!("{what} needs a number that is known only at the end: measured `{name}`"))
        }
        _ => None,
    })
}

/// Every field that a claim looks at.
pub(crate) fn fields_of_claim(claim: &RowClaim) -> impl Iterator<Item = Field> {
    let compared = claim.test().into_iter().flat_map(operands).filter_map(|operand| match operand {
        Operand::Field(field, _) => Some(*field),
        _ => None,
    });
    let text = matches!(claim.quantifier, Quantifier::Matches(_)).then_some(Field::Text);
    let conditions: Vec<&Condition> = claim.conditions().collect();
    let conditions = conditions.into_iter().flat_map(fields_of);
    conditions.chain(claim.per.iter().copied()).chain(claim.of()).chain(compared).chain(text)
}
