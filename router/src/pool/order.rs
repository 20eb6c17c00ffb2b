//! Keys in the order in which they are to be chosen: the first is known at once, and a key is moved in a few steps.
//!
//! It is a tournament. Neighbours meet, the winners meet each other, and so on to the top; when a key gets another place,
//! only the meetings on its own way up are held again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::KeyIndex;

/// Where a key stands among others: by the first number, of several with the same by the second, and then by its index.
pub(super) type Place = (u32, u64);

/// A key with its place, as one number: of many keys these are what is read most, so they are small. The last of all is
/// no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry(u128);

const NOBODY: Entry = Entry(u128::MAX);

impl Entry {
    fn new((first, second): Place, key: KeyIndex) -> Self {
        let key = u32::try_from(key.0).expect("nobody has four thousand million keys");
        Self(u128::from(first) << 96 | u128::from(second) << 32 | u128::from(key))
    }

    fn key(self) -> KeyIndex {
        KeyIndex((self.0 & u128::from(u32::MAX)) as usize)
    }
}

/// Keys by their places.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// The winner of each meeting. The top one is at 1, those before the one at `n` are at `2 n` and `2 n + 1`, and the keys
    /// themselves fill the second half.
    winners: Vec<Entry>,
}

impl Order {
    pub(super) fn new() -> Self {
        Self { winners: vec![NOBODY; 2] }
    }

    /// Gives a key its place, or takes it out.
    pub(super) fn set(&mut self, key: KeyIndex, place: Option<Place>) {
        while key.0 >= self.room() {
            self.make_room();
        }
        let mut at = self.room() + key.0;
        let mut winner = place.map_or(NOBODY, |place| Entry::new(place, key));
        // From where nothing changes on nothing changes further up.
        while self.winners[at] != winner {
            self.winners[at] = winner;
            if at == 1 {
                return;
            }
            winner = winner.min(self.winners[at ^ 1]);
            at /= 2;
        }
    }

    /// Gives a key another place, if it has one.
    pub(super) fn move_to(&mut self, key: KeyIndex, place: Place) {
        let at = self.room() + key.0;
        if self.winners.get(at).is_some_and(|entry| *entry != NOBODY) {
            self.set(key, Some(place));
        }
    }

    /// The first key that fits. The first of all mostly does.
    pub(super) fn first(&self, fits: impl Fn(KeyIndex) -> bool) -> Option<KeyIndex> {
        let mut beaten = BinaryHeap::new();
        let mut at = 1;
        loop {
            let winner = self.winners[at];
            if winner == NOBODY {
                return None;
            }
            if fits(winner.key()) {
                return Some(winner.key());
            }
            // The next one is among those whom this one has beaten on its way up.
            while at < self.room() {
                let left = 2 * at;
                let (won, lost) =
                    if self.winners[left] == winner { (left, left + 1) } else { (left + 1, left) };
                beaten.push(Reverse((self.winners[lost], lost)));
                at = won;
            }
            at = beaten.pop()?.0.1;
        }
    }

    fn room(&self) -> usize {
        self.winners.len() / 2
    }

    fn make_room(&mut self) {
        let keys = self.winners.split_off(self.room());
        let room = 2 * keys.len();
        self.winners = vec![NOBODY; 2 * room];
        self.winners[room..room + keys.len()].copy_from_slice(&keys);
        for at in (1..room).rev() {
            self.winners[at] = self.winners[2 * at].min(self.winners[2 * at + 1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::splitmix::Splitmix;

    /// All keys in their order, each found by passing over those before.
    fn all(order: &Order) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        while let Some(key) = order.first(|key| !found.contains(&key.0)) {
            found.push(key.0);
        }
        found
    }

    #[test]
    fn keys_stand_in_the_order_of_their_places_whatever_happened_before() {
        let (mut order, mut expected) = (Order::new(), BTreeSet::new());
        let random = Splitmix::with_seed(7);
        for _ in 0..2_000 {
            let key = usize::try_from(random.next() % 37).unwrap();
            let place = (!random.next().is_multiple_of(3))
                .then(|| (u32::try_from(random.next() % 3).unwrap(), random.next() % 5));
            order.set(KeyIndex(key), place);
            expected.retain(|(_, known)| *known != key);
            expected.extend(place.map(|place| (place, key)));
            assert_eq!(order.first(|_| true).map(KeyIndex::get), expected.first().map(|(_, key)| *key));
        }
        assert_eq!(all(&order), expected.into_iter().map(|(_, key)| key).collect::<Vec<_>>());
    }

    #[test]
    fn nobody_is_first_among_none() {
        let mut order = Order::new();
        assert_eq!(order.first(|_| true), None);
        order.set(KeyIndex(9), Some((0, 0)));
        assert_eq!((order.first(|_| true), order.first(|_| false)), (Some(KeyIndex(9)), None));
        order.set(KeyIndex(9), None);
        assert_eq!(all(&order), [] as [usize; 0]);
    }

    #[test]
    fn only_a_key_that_has_a_place_is_moved_to_another() {
        let mut order = Order::new();
        for key in [0, 1, 2] {
            order.set(KeyIndex(key), Some((0, 10 * key as u64)));
        }
        order.set(KeyIndex(1), None);
        for key in [0, 1, 7] {
            order.move_to(KeyIndex(key), (0, 30));
        }
        assert_eq!(all(&order), [2, 0]);
    }
}
