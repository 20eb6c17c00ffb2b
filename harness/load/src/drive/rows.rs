//! The rows of exchanges that are over, on their way to the evidence: those that end in one turn of the loop go there together.
//!
//! To hand over each by itself would make every request wait for memory that the evidence writer has just read on the other processor.

use record::{ExchangeRow, Fact, FactSender};

/// Holds rows until the loop is about to wait. What is held when it ends is handed over too, however it ends.
#[derive(Debug)]
pub(super) struct Rows {
    facts: FactSender,
    held: Vec<Fact>,
}

impl Rows {
    pub(super) fn new(facts: FactSender) -> Self {
        Self { facts, held: Vec::new() }
    }

    pub(super) fn add(&mut self, row: ExchangeRow) {
        self.held.push(Fact::Exchange(row));
    }

    /// Gives the evidence all that is held.
    pub(super) fn hand_over(&mut self) {
        if !self.held.is_empty() {
            self.facts.send_all(&mut self.held);
        }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        self.hand_over();
    }
}

#[cfg(test)]
mod tests {
    use record::{ExchangeId, Moment, NameId, fact_channel};

    use super::*;

    #[test]
    fn rows_are_handed_over_in_their_order_and_when_the_driver_ends() {
        let (sender, facts) = fact_channel();
        let row = |number| ExchangeRow::opened(ExchangeId(number), NameId::NONE, NameId::NONE, Moment(0));
        let come = || -> Vec<u32> {
            facts.try_iter().map(|fact| if let Fact::Exchange(row) = fact { row.id.0 } else { 0 }).collect()
        };
        let mut rows = Rows::new(sender);
        (1..=3).for_each(|number| rows.add(row(number)));
        assert!(come().is_empty(), "they are held");
        rows.hand_over();
        assert_eq!(come(), [1, 2, 3]);
        rows.add(row(4));
        drop(rows);
        assert_eq!(come(), [4]);
    }
}
