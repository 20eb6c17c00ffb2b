//! What is still open: exchanges whose attempts may still come, and attempts whose exchange has not ended.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use record::{ExchangeId, ExchangeRow, Moment, Sample};

use crate::hints::Asked;
use crate::tree::{Extra, HeldAttempt, OpenTree};

/// How many trees are held of each kind. An attempt may end long after its exchange: a router can leave it open when its
/// client has gone. So an exchange is held until so many others have ended after it.
const HELD: usize = 65_536;

/// The trees that are open.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    trees: HashMap<ExchangeId, OpenTree>,
    /// Exchanges that attempts speak of and that have not ended.
    awaited: BTreeSet<ExchangeId>,
    /// What has ended and may still grow, the oldest first.
    lingering: VecDeque<Lingering>,
    /// Requests of attempts that join nothing, by the attempts' arrivals.
    requests: BTreeMap<Moment, Sample>,
    /// Whether something was closed before the end of the evidence.
    overflowed: bool,
}

#[derive(Debug)]
enum Lingering {
    Exchange(ExchangeId),
    Loose(Box<OpenTree>),
}

impl Hold {
    /// Takes an exchange that has ended, with how long until a key that could serve it was free. Gives back what is to be
    /// closed.
    pub(crate) fn exchange(&mut self, row: ExchangeRow, first_free: Option<Asked>) -> Option<OpenTree> {
        let tree = self.trees.entry(row.id).or_default();
        if tree.exchange.is_some() {
            // No sound evidence has a number twice; the second one stands for itself.
            return Some(OpenTree::bare(row));
        }
        tree.exchange = Some(row);
        tree.first_free = first_free;
        self.awaited.remove(&row.id);
        self.linger(Lingering::Exchange(row.id))
    }

    /// Takes an attempt that joins an exchange. Gives back what is to be closed.
    pub(crate) fn joined(&mut self, held: HeldAttempt) -> Option<OpenTree> {
        let id = held.row.exchange;
        self.tree(id).attempts.push(held);
        self.without_exchange()
    }

    /// Takes something else that was seen of an exchange. Gives back what is to be closed.
    pub(crate) fn extra(&mut self, id: ExchangeId, extra: Extra) -> Option<OpenTree> {
        self.tree(id).add(extra);
        self.without_exchange()
    }

    fn tree(&mut self, id: ExchangeId) -> &mut OpenTree {
        let tree = self.trees.entry(id).or_default();
        if tree.exchange.is_none() {
            self.awaited.insert(id);
        }
        tree
    }

    /// The oldest of what waits for its exchange, if too much does.
    fn without_exchange(&mut self) -> Option<OpenTree> {
        if self.awaited.len() <= HELD {
            return None;
        }
        self.overflowed = true;
        let oldest = self.awaited.pop_first()?;
        self.trees.remove(&oldest).map(sorted)
    }

    /// Takes the request of an attempt that joins nothing and has not ended.
    pub(crate) fn loose_request(&mut self, request: Sample) {
        let Some(arrived) = request.arrived else { return };
        self.requests.insert(arrived, request);
        if self.requests.len() > HELD {
            self.requests.pop_first();
        }
    }

    /// Takes an attempt that joins nothing. Gives back what is to be closed.
    pub(crate) fn loose(&mut self, held: HeldAttempt) -> Option<OpenTree> {
        let request = self.requests.remove(&held.row.arrived);
        self.linger(Lingering::Loose(Box::new(OpenTree::alone(held, request))))
    }

    /// Gives back the next of what is left, at the end of the evidence.
    pub(crate) fn drain(&mut self) -> Option<OpenTree> {
        if let Some(oldest) = self.lingering.pop_front() {
            return self.close(oldest);
        }
        let oldest = self.awaited.pop_first()?;
        self.trees.remove(&oldest).map(sorted)
    }

    /// Whether something was closed before the end of the evidence, so that what came of it later found nothing.
    pub(crate) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// How much is held.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.awaited.len() + self.lingering.len() + self.requests.len()
    }

    fn linger(&mut self, ended: Lingering) -> Option<OpenTree> {
        self.lingering.push_back(ended);
        if self.lingering.len() <= HELD {
            return None;
        }
        self.overflowed = true;
        let oldest = self.lingering.pop_front()?;
        self.close(oldest)
    }

    fn close(&mut self, oldest: Lingering) -> Option<OpenTree> {
        match oldest {
            Lingering::Exchange(id) => self.trees.remove(&id).map(sorted),
            Lingering::Loose(alone) => Some(*alone),
        }
    }
}

/// Rows come in the order of their ends; a tree has its attempts in the order of arrival.
fn sorted(mut tree: OpenTree) -> OpenTree {
    tree.sort();
    tree
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hints::KeyPast;
    use record::{AttemptRow, Joined, NameId};

    fn attempt(exchange: u32, arrived: u64) -> HeldAttempt {
        let mut row = AttemptRow::opened(NameId(0), Moment(arrived));
        (row.exchange, row.joined) = (ExchangeId(exchange), Joined::Exchange);
        HeldAttempt { row, running: None, past: KeyPast::default() }
    }

    fn exchange(id: u32) -> ExchangeRow {
        ExchangeRow::opened(ExchangeId(id), NameId(0), NameId(0), Moment(0))
    }

    #[test]
    fn a_tree_has_its_attempts_in_the_order_of_arrival_also_those_that_end_after_it() {
        let mut hold = Hold::default();
        assert!(hold.joined(attempt(1, 20)).is_none());
        assert!(hold.exchange(exchange(1), None).is_none());
        assert!(hold.joined(attempt(1, 10)).is_none());
        assert!(hold.loose(attempt(9, 5)).is_none());
        let tree = hold.drain().unwrap();
        let arrived: Vec<u64> = tree.attempts.iter().map(|held| held.row.arrived.0).collect();
        assert_eq!((tree.exchange, arrived), (Some(exchange(1)), vec![10, 20]));
        let loose = hold.drain().unwrap();
        assert_eq!((loose.exchange, loose.attempts.len()), (None, 1));
        assert!(hold.drain().is_none());
    }

    #[test]
    fn what_is_held_is_bounded_and_the_oldest_is_closed_first() {
        let mut hold = Hold::default();
        let many = u32::try_from(HELD).unwrap();
        let mut closed = Vec::new();
        for id in 0..many + 3 {
            closed
                .extend(hold.exchange(exchange(id), None).and_then(|tree| tree.exchange).map(|row| row.id.0));
        }
        assert_eq!(closed, [0, 1, 2]);
        for id in 0..many + 3 {
            let closed = hold.joined(attempt(1_000_000 + id, 0));
            assert_eq!(closed.is_some(), id >= many, "{id}");
        }
        assert_eq!(hold.len(), 2 * HELD);
    }
}
