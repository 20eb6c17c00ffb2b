//! What has to be recorded beside rows so that a scenario's fields have values.

use scenario::{Claim, Field, Quantifier, RowClaim, Scenario, Seen, Subject, Traffic};

use crate::claim::fields_of_claim;
use crate::measure::fields_of_measure;

/// What a scenario asks about beside rows. What is not asked about need not be recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Heads and bodies of every message, for headers, values in bodies and what is carried.
    pub messages: bool,
    /// Every event of every stream.
    pub events: bool,
    /// The text of every answer.
    pub texts: bool,
    /// How every answer ended, and which tools it called.
    pub tools: bool,
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
                // A secret can be spread over several events.
                Field::Carries if subject == Subject::Events => self.texts = true,
                Field::Header | Field::Json | Field::Carries | Field::Body if subject != Subject::Events => {
                    self.messages = true;
                }
                Field::HeaderCount
                | Field::Method
                | Field::Path
                | Field::ToldUpstream
                | Field::ToldKey
                | Field::ToldCost
                | Field::ToldAttempts
                | Field::ToldRequestId => self.messages = true,
                Field::PerToken => self.events = true,
                Field::Finish | Field::ToolCalls | Field::ScriptedTools => self.tools = true,
                Field::ScriptedText | Field::DeliveredTokens => self.texts = true,
                Field::Text if subject == Subject::Exchanges => self.texts = true,
                _ => {}
            }
        }
    }
}
