//! How rows of the ledger are looked at: as they are, or once for each class of their tokens.

use scenario::{
    Condition, Field, FieldValue, Figure, Literal, Measure, Operand, Quantifier, RowClaim, Subject,
};

use crate::claim::fields_of_claim;
use crate::measure::fields_of_measure;
use crate::row::operands;

/// How rows of the ledger are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Classes {
    /// As they are.
    Together,
    /// Once for each class to which tokens belong: those of reasoning are among the output.
    Apart,
    /// Once for each class, and once more for what of the output was spent on reasoning, where the ledger tells that.
    WithReasoning,
    /// Likewise, and also where the ledger does not tell it, since it is asked for by its name.
    ReasoningByName,
}

impl Classes {
    /// How a claim looks at them: class by class where it says something of classes.
    pub(crate) fn of_claim(claim: &RowClaim) -> Self {
        if claim.subject != Subject::Ledger || !fields_of_claim(claim).any(|field| field == Field::TokenClass)
        {
            return Self::Together;
        }
        let sums = matches!(claim.quantifier, Quantifier::Sum(_)) && !claim.per.contains(&Field::TokenClass);
        Self::of(&claim.conditions().collect::<Vec<_>>(), claim.population.as_ref(), sums)
    }

    /// How a measured number looks at them.
    pub(crate) fn of_measure(measure: &Measure) -> Self {
        if measure.subject != Subject::Ledger
            || !fields_of_measure(measure).any(|field| field == Field::TokenClass)
        {
            return Self::Together;
        }
        let population = measure.population.as_ref();
        let sums = matches!(measure.figure, Figure::Sum(_));
        Self::of(&population.into_iter().collect::<Vec<_>>(), population, sums)
    }

    /// A sum over the output has no reasoning beside it: its tokens are in the output.
    fn of(conditions: &[&Condition], population: Option<&Condition>, sums: bool) -> Self {
        if sums && lets_in_output(population) {
            Self::Apart
        } else if conditions.iter().any(|condition| names_reasoning(condition)) {
            Self::ReasoningByName
        } else {
            Self::WithReasoning
        }
    }
}

fn lets_in_output(population: Option<&Condition>) -> bool {
    let tests = population.iter().flat_map(|condition| &condition.tests);
    let mut of_class = tests.filter(|test| test.field == Field::TokenClass);
    of_class.all(|test| test.test.holds(FieldValue::Text("output")))
}

fn names_reasoning(condition: &Condition) -> bool {
    let of_class = condition.tests.iter().filter(|test| test.field == Field::TokenClass);
    let mut named = of_class.flat_map(|test| operands(&test.test));
    named.any(|operand| matches!(operand, Operand::Literal(Literal::Text(text)) if text == "reasoning"))
}
