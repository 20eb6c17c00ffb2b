//! What has to be recorded beside rows so that a scenario's fields have values, and which of them the evidence lacks.

use scenario::{Claim, Field, Quantifier, RowClaim, Scenario, Seen, Subject, Traffic};

use crate::claim::fields_of_claim;
use crate::delivered::delivered;
use crate::fields::named::message;
use crate::measure::fields_of_measure;
use crate::row::Row;
use crate::scene::Scene;

/// What a scenario asks about beside rows. What is not asked about need not be recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Heads and bodies of every message, for headers, values in bodies and what is carried.
    pub messages: bool,
    /// Every event of every stream.
    pub events: bool,
    /// The text of every answer.
    pub texts: bool,
}

impl Needs {
    /// What a scenario asks about.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let mut needs = Self::default();
        let witnesses = scenario.witness.iter().map(|witness| &witness.claim);
        let expected = scenario.expect.iter().filter_map(|expectation| match &expectation.claim {
            Claim::Rows(claim) => Some(claim),
            Claim::That(_) => None,
        });
        let awaited = scenario.traffic.iter().filter_map(|entry| match entry {
            Traffic::WaitUntil(wait) => match &wait.seen {
                Seen::Rows(claim) => Some(claim),
                Seen::Answers(..) => None,
            },
            _ => None,
        });
        for claim in witnesses.chain(expected).chain(awaited) {
            needs.add_claim(claim);
        }
        for (_, measure) in &scenario.measure.0 {
            needs.add(measure.subject, fields_of_measure(measure));
        }
        needs
    }

    fn add_claim(&mut self, claim: &RowClaim) {
        self.add(claim.subject, fields_of_claim(claim));
        self.texts |=
            claim.subject == Subject::Exchanges && matches!(claim.quantifier, Quantifier::Matches(_));
    }

    fn add(&mut self, subject: Subject, fields: impl Iterator<Item = Field>) {
        self.events |= subject == Subject::Events;
        self.texts |= subject == Subject::Code;
        for field in fields {
            match field {
                Field::Header | Field::Json | Field::Carries | Field::Body if subject != Subject::Events => {
                    self.messages = true;
                }
                Field::ScriptedText | Field::DeliveredTokens => self.texts = true,
                Field::Text if subject == Subject::Exchanges => self.texts = true,
                _ => {}
            }
        }
    }
}

/// Of an event's data no more than this is recorded.
const SHOWN_OF_EVENT: usize = 4 * 1024;

/// Why the value of a field cannot be told from the evidence, if it cannot.
pub(crate) fn unknown(row: Row<'_>, field: Field, scene: &Scene<'_>) -> Option<&'static str> {
    match (row, field) {
        (Row::Exchange(_, exchange), Field::Header | Field::Json | Field::Carries | Field::Body) => {
            let answered = exchange.status != 0;
            match message(row) {
                None if answered => Some("its response is not in the evidence"),
                Some(sample) if sample.cut && field != Field::Header => {
                    Some("its body was too long to be kept")
                }
                _ => None,
            }
        }
        (Row::Attempt(..), Field::Header | Field::Json | Field::Body) => match message(row) {
            None => Some("its request is not in the evidence"),
            Some(sample) if sample.cut && field != Field::Header => Some("its body was too long to be kept"),
            Some(_) => None,
        },
        (Row::Event(..), Field::Json | Field::Text | Field::Carries)
            if row.event().is_some_and(|event| event.data.len() + 4 > SHOWN_OF_EVENT) =>
        {
            Some("its data was too long to be kept")
        }
        (Row::Code(tree, _), _)
            if tree.more().and_then(|more| more.text.as_ref()).is_some_and(|text| text.cut) =>
        {
            Some("the answer that it stands in was too long to be kept")
        }
        (Row::Exchange(tree, exchange), Field::Text) => {
            let text = tree.more().and_then(|more| more.text.as_ref());
            let came = exchange.text_hash != 0;
            match text {
                None if came => Some("its text is not in the evidence"),
                Some(text) if text.cut => Some("its text was too long to be kept"),
                _ => None,
            }
        }
        (Row::Exchange(tree, _) | Row::Ledger(tree, _), Field::ScriptedText | Field::DeliveredTokens) => {
            (tree.exchange.is_some() && delivered(tree, scene).is_none())
                .then_some("its text or that of the answer is not in the evidence")
        }
        (Row::Ledger(tree, part), Field::Exchange | Field::Request)
            if !part.is_joined() || tree.exchange.is_none() =>
        {
            Some("the ledger does not say to which exchange it belongs")
        }
        (Row::Ledger(_, part), Field::Cost) if !part.has_cost() => {
            Some("the ledger does not say what it cost")
        }
        (Row::Ledger(tree, part), Field::PricedUpstreamTokens) if part.priced(tree, scene).is_none() => {
            Some("the world's price table has no price for it")
        }
        _ => None,
    }
}
