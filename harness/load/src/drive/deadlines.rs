//! When open exchanges time out: a list through the connections' slots, in the order in which the exchanges began.
//!
//! All exchanges of a phase have the same patience, so that this order is also the order of their deadlines. The list takes no
//! more room than there are connections, however many requests go over them.

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
pub(super) struct Deadlines {
    links: Vec<Link>,
    first: usize,
    last: usize,
}

impl Deadlines {
    pub(super) fn new() -> Self {
        Self { links: Vec::new(), first: NONE, last: NONE }
    }

    /// The slot whose exchange times out first.
    pub(super) fn first(&self) -> Option<usize> {
        (self.first != NONE).then_some(self.first)
    }

    /// An exchange has begun in this slot.
    pub(super) fn add(&mut self, slot: usize) {
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
    pub(super) fn remove(&mut self, slot: usize) {
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
    fn slots_leave_in_the_order_in_which_they_came_whichever_is_taken_out_between() {
        for removed in 0..5 {
            let mut deadlines = Deadlines::new();
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
