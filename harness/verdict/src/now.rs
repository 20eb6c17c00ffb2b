//! Whether something holds by what was seen so far, for traffic that waits until it does.

use std::collections::BTreeMap;

use record::Fact;
use scenario::{RowClaim, Rules, Scenario, Sources};

use crate::{BASE_GRACE, Judge, Observable, Question};

/// Whether a claim holds by these facts, which are in the order in which they were written.
#[must_use]
pub fn holds_now(
    scenario: &Scenario,
    claim: &RowClaim,
    facts: &[Fact],
    bounds: &BTreeMap<String, f64>,
) -> bool {
    let (rules, sources, observable) = (Rules::default(), Sources::default(), Observable::everything());
    let question = Question {
        scenario,
        rules: &rules,
        sources: &sources,
        bounds,
        observable: &observable,
        strict: false,
        base_grace: BASE_GRACE,
    };
    let mut judge = Judge::waiting(question, claim);
    let mut ordered: Vec<&Fact> = facts.iter().collect();
    // Rows are written when they end, by many threads; names and beginnings explain what follows.
    ordered.sort_by_key(|fact| match fact {
        Fact::Entry(_) => None,
        Fact::Exchange(row) => Some(row.end()),
        Fact::Attempt(row) => Some(row.end()),
    });
    for fact in ordered {
        judge.fact(fact);
    }
    judge.holds_so_far()
}
