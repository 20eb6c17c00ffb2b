//! When open exchanges time out: a list through the connections' slots for each patience, in the order in which the exchanges
//! began.
//!
//! Exchanges with the same patience time out in the order in which they began. The lists take no more room than there are
//! connections, however many requests go over them.

use std::time::Duration;

use record::Moment;

/// The deadlines of a phase, whose requests have a few patiences.
#[derive(Debug)]
pub(super) struct Deadlines {
    lanes: Vec<(Duration, Lane)>,
    slots: Vec<Option<(usize, Moment)>>,
}

impl Deadlines {
    pub(super) fn new() -> Self {
        Self { lanes: Vec::new(), slots: Vec::new() }
    }

    /// The slot whose exchange times out first, and when.
    pub(super) fn first(&self) -> Option<(usize, Moment)> {
        let firsts = self.lanes.iter().filter_map(|(_, lane)| lane.first());
        firsts
            .filter_map(|slot| Some((slot, self.slots.get(slot)?.as_ref()?.1)))
            .min_by_key(|(_, deadline)| *deadline)
    }

    /// An exchange with this patience has begun in this slot.
    pub(super) fn add(&mut self, slot: usize, began: Moment, patience: Duration) {
        let known = self.lanes.iter().position(|(known, _)| *known == patience);
        let lane = known.unwrap_or_else(|| {
            self.lanes.push((patience, Lane::new()));
            self.lanes.len() - 1
        });
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, None);
        }
        self.slots[slot] = Some((lane, began.after(patience)));
        self.lanes[lane].1.add(slot);
    }

    /// The exchange in this slot has ended.
    pub(super) fn remove(&mut self, slot: usize) {
        if let Some((lane, _)) = self.slots.get_mut(slot).and_then(Option::take) {
            self.lanes[lane].1.remove(slot);
        }
    }
}

/// Nobody.
const NONE: usize = usize::MAX;

#[derive(Clone, Copy, Debug)]
struct Link {
    before: usize,
    behind: usize,
    listed: bool,
}

/// Slots in the order in which their exchanges began.
#[derive(Debug)]
struct Lane {
    links: Vec<Link>,
    first: usize,
    last: usize,
}

impl Lane {
    fn new() -> Self {
        Self { links: Vec::new(), first: NONE, last: NONE }
    }

    /// The slot whose exchange times out first.
    fn first(&self) -> Option<usize> {
        (self.first != NONE).then_some(self.first)
    }

    /// An exchange has begun in this slot.
    fn add(&mut self, slot: usize) {
        if self.links.len() <= slot {
            self.links.resize(slot + 1, Link { before: NONE, behind: NONE, listed: false });
        }
        debug_assert!(!self.links[slot].listed, "a slot holds one exchange");
        self.links[slot] = Link { before: self.last, behind: NONE, listed: true };
        match self.last {
            NONE => self.first = slot,
            last => self.links[last].behind = slot,
        }
        self.last = slot;
    }

    /// The exchange in this slot has ended.
    fn remove(&mut self, slot: usize) {
        let Some(Link { before, behind, listed: true }) = self.links.get(slot).copied() else { return };
        match before {
            NONE => self.first = behind,
            before => self.links[before].behind = behind,
        }
        match behind {
            NONE => self.last = before,
            behind => self.links[behind].before = before,
        }
        self.links[slot].listed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_times_out_first_comes_first_whatever_its_patience() {
        let (mut deadlines, at) = (Deadlines::new(), |ms: u64| Moment(ms * 1_000_000));
        for (slot, began, patience) in [(0, 0, 100), (1, 10, 20), (2, 20, 100), (3, 25, 20)] {
            deadlines.add(slot, at(began), Duration::from_millis(patience));
        }
        for expected in [(1, at(30)), (3, at(45)), (0, at(100)), (2, at(120))] {
            assert_eq!(deadlines.first(), Some(expected));
            deadlines.remove(expected.0);
        }
        assert_eq!(deadlines.first(), None);
    }

    #[test]
    fn slots_leave_in_the_order_in_which_they_came_whichever_is_taken_out_between() {
        for removed in 0..5 {
            let mut deadlines = Lane::new();
            let order = [3, 0, 4, 1, 2];
            for slot in order {
                deadlines.add(slot);
            }
            deadlines.remove(removed);
            deadlines.remove(removed);
            deadlines.add(removed);
            let expected = order.into_iter().filter(|slot| *slot != removed).chain([removed]);
            for slot in expected {
                assert_eq!(deadlines.first(), Some(slot));
                deadlines.remove(slot);
            }
            assert_eq!(deadlines.first(), None);
        }
    }
}
