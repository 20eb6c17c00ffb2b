//! Exchanges as groups of what is counted, rows or their values: one that has none of it is a group too.

use record::ExchangeRow;
use scenario::{Field, FieldTest, Operand, Quantifier, RowClaim, Subject};

use crate::classes::Classes;
use crate::row::{Row, operands};
use crate::scene::{Scene, View};
use crate::tree::OpenTree;

/// Whether a claim counts by exchanges alone.
pub(crate) fn counts_by_exchange(claim: &RowClaim) -> bool {
    claim.per == [Field::Exchange]
        && claim.in_any.is_none()
        && matches!(claim.quantifier, Quantifier::Count(_) | Quantifier::Distinct(_))
}

/// The exchange of a tree, if it is a group of a claim whatever rows it has: it could have some, and satisfies what the claim asks
/// of fields that its rows take over from it.
///
/// # Errors
/// Why that cannot be told from the evidence.
pub(crate) fn group_without_rows<'t>(
    claim: &RowClaim,
    tree: &'t OpenTree,
    scene: &Scene<'_>,
) -> Result<Option<Row<'t>>, &'static str> {
    let Some(exchange) = tree.exchange.as_ref().filter(|exchange| could_have_rows(claim, tree, exchange))
    else {
        return Ok(None);
    };
    let row = Row::Exchange(tree, exchange);
    let unknown = |test: &FieldTest| row.unknown(test.field, scene);
    if shared_tests(claim).any(|test| unknown(test).is_none() && !row.passes(test, scene, View::Seen)) {
        return Ok(None);
    }
    shared_tests(claim).find_map(unknown).map_or(Ok(Some(row)), Err)
}

/// Whether an exchange could have rows of a claim's subject.
fn could_have_rows(claim: &RowClaim, tree: &OpenTree, exchange: &ExchangeRow) -> bool {
    let answered = (200..300).contains(&exchange.status);
    match claim.subject {
        Subject::Attempts => exchange.model.is_some(),
        Subject::Events => exchange.streamed && answered,
        Subject::Code => exchange.model.is_some() && answered,
        // A row that the ledger ought to have and lacks has its place there.
        Subject::Ledger => !tree.rows(Subject::Ledger, Classes::Together).is_empty(),
        Subject::Exchanges
        | Subject::Requests
        | Subject::Metrics
        | Subject::Log
        | Subject::Process
        | Subject::Files
        | Subject::Exit => false,
    }
}

/// The tests of a claim's population that look at nothing but what rows take over from their exchange.
fn shared_tests(claim: &RowClaim) -> impl Iterator<Item = &FieldTest> {
    let tests = claim.population.iter().flat_map(|population| &population.tests);
    tests.filter(|test| {
        let compared = operands(&test.test).all(|operand| match operand {
            Operand::Field(field, _) => is_shared(*field, claim.subject),
            Operand::Literal(_) | Operand::Measured(..) | Operand::Bound(..) => true,
        });
        compared && is_shared(test.field, claim.subject)
    })
}

/// Whether rows of a subject take a field over from their exchange.
fn is_shared(field: Field, subject: Subject) -> bool {
    match field {
        Field::Step | Field::Phase | Field::Request | Field::Tenant | Field::Exchange => true,
        Field::ScriptedText | Field::ToldRequestId => subject == Subject::Attempts,
        Field::DeliveredTokens => subject == Subject::Ledger,
        _ => false,
    }
}
