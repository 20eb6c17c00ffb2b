//! The open keys of a pool, in the order of each strategy that is asked for.

use super::key_state::{KeyState, KeyTurn};
use super::order::{Order, Place};
use super::spared::Spared;
use super::{KeyIndex, Strategy};

/// The orders of whoever takes any key in its turn, and those of the models that prefer keys of which much is left.
#[derive(Debug, Clone, Default)]
pub(super) struct Ready {
    orders: Orders,
    pub(super) spared: Vec<Spared>,
}

/// An order is kept from the first time on that it is asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders([Option<Order>; ALL.len()]);

/// What keys are put in order by.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    /// Their turns.
    Turn,
    /// The order of the settings.
    Rank,
    /// Their open requests, and then their turns.
    Busy,
    /// What another request would cost by how fast they are, and then their turns.
    Latency,
    /// When they were last looked at for how fast they are.
    Looks,
}

const ALL: [By; 5] = [By::Turn, By::Rank, By::Busy, By::Latency, By::Looks];

/// Added to the place of a key that comes behind all others. No count of requests and no cost in microseconds comes so far.
const BEHIND: u32 = 1 << 31;

impl By {
    pub(super) fn of(strategy: Strategy) -> Self {
        match strategy {
            Strategy::Weighted | Strategy::RoundRobin => Self::Turn,
            Strategy::InOrder => Self::Rank,
            Strategy::LeastBusy => Self::Busy,
            Strategy::LowestLatency => Self::Latency,
        }
    }

    fn place(self, turn: &KeyTurn, state: &KeyState, is_behind: bool) -> Place {
        let (first, second) = match self {
            Self::Turn => (0, turn.next),
            Self::Rank => (0, u64::try_from(state.rank).unwrap_or(u64::MAX)),
            Self::Busy => (turn.busy, turn.next),
            Self::Latency => (state.latency.cost(turn.busy), turn.next),
            Self::Looks => (0, state.looked),
        };
        (first.min(BEHIND - 1) + if is_behind { BEHIND } else { 0 }, second)
    }
}

impl Ready {
    /// Keeps an order from now on.
    pub(super) fn keep(&mut self, by: By, turns: &[KeyTurn], states: &[KeyState]) {
        self.orders.keep(by, turns, states, |_| false);
    }

    /// The first key that fits, by an order that is kept.
    pub(super) fn first(&self, by: By, fits: impl Fn(KeyIndex) -> bool) -> Option<KeyIndex> {
        self.orders.first(by, fits)
    }

    /// Takes in that something about a key has changed.
    pub(super) fn follow(&mut self, key: KeyIndex, turn: &KeyTurn, state: &KeyState) {
        self.orders.follow(key, turn, state, false);
        for spared in &mut self.spared {
            spared.follow(key, turn, state);
        }
    }

    /// Takes in that a key comes sooner or later than before, and is as open or closed as it was.
    pub(super) fn shift(&mut self, key: KeyIndex, turn: &KeyTurn, state: &KeyState) {
        self.orders.shift(key, turn, state, false);
        for spared in &mut self.spared {
            spared.shift(key, turn, state);
        }
    }
}

impl Orders {
    /// Keeps an order from now on.
    pub(super) fn keep(
        &mut self,
        by: By,
        turns: &[KeyTurn],
        states: &[KeyState],
        is_behind: impl Fn(KeyIndex) -> bool,
    ) {
        self.0[by as usize].get_or_insert_with(|| {
            let mut order = Order::new();
            for (place, (turn, state)) in turns.iter().zip(states).enumerate() {
                let key = KeyIndex(place);
                order.set(key, state.is_open().then(|| by.place(turn, state, is_behind(key))));
            }
            order
        });
    }

    /// The first key that fits, by an order that is kept.
    pub(super) fn first(&self, by: By, fits: impl Fn(KeyIndex) -> bool) -> Option<KeyIndex> {
        self.0[by as usize].as_ref()?.first(fits)
    }

    /// Takes in that something about a key has changed.
    pub(super) fn follow(&mut self, key: KeyIndex, turn: &KeyTurn, state: &KeyState, is_behind: bool) {
        for (by, order) in ALL.into_iter().zip(&mut self.0) {
            if let Some(order) = order {
                order.set(key, state.is_open().then(|| by.place(turn, state, is_behind)));
            }
        }
    }

    /// Takes in that a key comes sooner or later than before. Whether it is open is what its place tells, not its state, which
    /// the orders of turns and of open requests read nothing of.
    pub(super) fn shift(&mut self, key: KeyIndex, turn: &KeyTurn, state: &KeyState, is_behind: bool) {
        for (by, order) in ALL.into_iter().zip(&mut self.0) {
            if let Some(order) = order {
                order.move_to(key, by.place(turn, state, is_behind));
            }
        }
    }
}
