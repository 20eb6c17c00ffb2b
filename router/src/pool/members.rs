//! Which keys a pool has: those of the settings, but for the ones that the operator took out.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::key_state::{KeyState, KeyTurn, STRIDE};
use super::ready::Ready;
use super::sessions::Sessions;
use super::uses::Uses;
use super::{KeyIndex, Latency, ONE_LOOK_IN, Pool, Standing};

impl Pool {
    /// One key for each item: its weight, or nothing if the operator disabled it.
    pub(crate) fn new(weights: impl Iterator<Item = Option<u32>>) -> Self {
        let mut pool = Self {
            keys: Vec::new(),
            turns: Vec::new(),
            ready: Ready::default(),
            closed: BTreeSet::new(),
            turn: 0,
            uses: Uses::default(),
            sessions: Sessions::default(),
            looks: ONE_LOOK_IN,
            looked: 0,
        };
        for weight in weights {
            let key = pool.add(weight.unwrap_or(1), pool.keys.len());
            if weight.is_none() {
                pool.disable(key);
            }
        }
        pool
    }

    /// Adds a key, whose turn comes as if it had always been there.
    pub(crate) fn add(&mut self, weight: u32, rank: usize) -> KeyIndex {
        let (key, weight) = (KeyIndex(self.keys.len()), weight.max(1));
        self.keys.push(KeyState {
            standing: Standing::Available,
            until: None,
            is_disabled: false,
            is_removed: false,
            rank,
            probes_open: 0,
            latest_probe: None,
            failures: 0,
            latency: Latency::default(),
            looked: 0,
            used_up_until: None,
        });
        // Half a stride, so that the light ones do not all come first.
        let next = self.turn + STRIDE / u64::from(weight) / 2;
        self.turns.push(KeyTurn { next, weight, busy: 0, is_unproven: false });
        self.follow(key);
        key
    }

    /// Gives a key that stays, or comes back, its weight and place of new settings. What was learned of it is kept.
    pub(crate) fn keep(&mut self, key: KeyIndex, weight: u32, rank: usize) {
        self.turns[key.0].weight = weight.max(1);
        self.keys[key.0].rank = rank;
        self.follow(key);
        if std::mem::take(&mut self.keys[key.0].is_removed) {
            self.put_back(key);
        }
    }

    /// Takes out a key that is in the settings no more.
    pub(crate) fn remove(&mut self, key: KeyIndex) {
        self.keys[key.0].is_removed = true;
        self.take_out(key);
    }

    /// Takes a key out until the operator puts it back.
    pub(crate) fn disable(&mut self, key: KeyIndex) {
        self.keys[key.0].is_disabled = true;
        self.take_out(key);
    }

    /// Puts back a key that the operator took out, with what is known of it.
    pub(crate) fn enable(&mut self, key: KeyIndex) {
        if std::mem::take(&mut self.keys[key.0].is_disabled) {
            self.put_back(key);
        }
    }

    /// How a key stands, and until when it is closed.
    pub(crate) fn standing(&mut self, key: KeyIndex, now: Instant) -> (Standing, Option<Instant>) {
        self.reopen(now);
        let state = &self.keys[key.0];
        (state.shown(), state.until.filter(|_| !state.is_out()))
    }

    /// The keys of the settings, in their order.
    pub(crate) fn in_order(&self) -> Vec<KeyIndex> {
        let mut keys: Vec<KeyIndex> =
            (0..self.keys.len()).map(KeyIndex).filter(|key| !self.keys[key.0].is_removed).collect();
        keys.sort_by_key(|key| self.keys[key.0].rank);
        keys
    }

    /// Whether a request could be made with some key, now or after a time.
    pub(crate) fn has_enabled_key(&self) -> bool {
        self.keys.iter().any(|state| !state.is_out())
    }

    fn take_out(&mut self, key: KeyIndex) {
        self.follow(key);
        if let Some(until) = self.keys[key.0].until {
            self.closed.remove(&(until, key));
        }
    }

    fn put_back(&mut self, key: KeyIndex) {
        let state = &self.keys[key.0];
        if state.is_out() {
            return;
        }
        match state.until {
            Some(until) => {
                self.closed.insert((until, key));
            }
            None => {
                self.turns[key.0].misses_turns(self.turn);
                self.follow(key);
            }
        }
    }
}
