//! The pool: the standing of each key and the rotation over the open ones.
//!
//! Time is always given by the caller. Choosing a key costs a search in an ordered set, not a walk over all keys: each
//! key stands at the place of its next turn, and a turn moves it on by as much as its weight is small.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::{Choosing, Strategy};

/// The place of a key in its provider's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyIndex(pub(super) usize);

impl KeyIndex {
    pub(crate) fn new(place: usize) -> Self {
        Self(place)
    }

    pub(crate) fn get(self) -> usize {
        self.0
    }
}

/// What is known about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Available,
    /// Its rate is used up.
    Limited,
    /// It met the provider's limit on growth.
    Spiking,
    /// Out of money or quota.
    Exhausted,
    /// Not accepted by the provider.
    Invalid,
    /// It failed again and again, which says nothing about the key.
    Failing,
    /// Taken out by the operator, for good.
    Disabled,
}

impl Standing {
    /// The standings of closed keys, by how they are shown.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        let closed = [Self::Limited, Self::Spiking, Self::Exhausted, Self::Invalid, Self::Failing];
        closed.into_iter().find(|standing| standing.word() == word)
    }

    /// As it is shown to people.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Limited => "limited",
            Self::Spiking => "spiking",
            Self::Exhausted => "exhausted",
            Self::Invalid => "invalid",
            Self::Failing => "failing",
            Self::Disabled => "disabled",
        }
    }

    /// How long an exhausted or invalid key rests. Both are mended by people, so asking more often is noise; an hour
    /// still brings a mended key back without a restart.
    pub(crate) const LONG_PERIOD: Duration = Duration::from_secs(60 * 60);
}

/// What the pool can be expected to do next, by its most hopeful key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// Some key is open, or will be after this time.
    OpenIn(Duration),
    /// No key will open by waiting; at least one only lacks money.
    Exhausted,
    /// No key is accepted by the provider.
    Invalid,
    /// The operator disabled every key.
    Disabled,
}

/// The keys of one provider.
#[derive(Debug)]
pub(crate) struct Pool {
    keys: Vec<KeyState>,
    /// Open keys by the place of their next turn.
    open: BTreeSet<(u64, KeyIndex)>,
    /// Closed keys by the moment they open; disabled ones are in neither set.
    closed: BTreeSet<(Instant, KeyIndex)>,
    /// Where the rotation is: the place of the latest turn.
    turn: u64,
}

#[derive(Debug, Clone, Copy)]
struct KeyState {
    standing: Standing,
    /// Set while the key stands in `closed`.
    until: Option<Instant>,
    weight: u32,
    /// The place of its next turn.
    turn: u64,
    /// It was closed, and nothing has succeeded since.
    is_unproven: bool,
    probes_open: u32,
    latest_probe: Option<Instant>,
    /// Failures in a row.
    failures: u32,
}

/// The way to the next turn of a key whose weight is one. Divisible by most small weights, so that turns stay even.
const STRIDE: u64 = 5_040 * 1_000;
/// A probe that is under way for so long was not refused: refusals come fast, and answers may take minutes.
const PROBE_PATIENCE: Duration = Duration::from_secs(5);

impl Pool {
    /// One key for each item: its weight, or nothing if the operator disabled it.
    pub(crate) fn new(weights: impl Iterator<Item = Option<u32>>) -> Self {
        let keys: Vec<KeyState> = weights
            .map(|weight| KeyState {
                standing: if weight.is_none() { Standing::Disabled } else { Standing::Available },
                until: None,
                weight: weight.unwrap_or(1).max(1),
                // Half a stride, so that the light ones do not all come first.
                turn: STRIDE / u64::from(weight.unwrap_or(1).max(1)) / 2,
                is_unproven: false,
                probes_open: 0,
                latest_probe: None,
                failures: 0,
            })
            .collect();
        let open = (0..keys.len())
            .filter(|&index| keys[index].standing == Standing::Available)
            .map(|index| (keys[index].turn, KeyIndex(index)))
            .collect();
        Self { keys, open, closed: BTreeSet::new(), turn: 0 }
    }

    /// The next open key in turn that is not to be skipped; its next turn is a stride behind.
    pub(crate) fn next_open(
        &mut self,
        now: Instant,
        choosing: Choosing,
        skip: impl Fn(KeyIndex) -> bool,
    ) -> Option<KeyIndex> {
        self.reopen(now);
        let fits = |key: &KeyIndex| !skip(*key) && self.keys[key.0].admits(choosing.probes, now);
        let key = match choosing.strategy {
            Strategy::InOrder => self.open.iter().map(|(_, key)| *key).filter(fits).min()?,
            Strategy::Weighted | Strategy::RoundRobin => self.open.iter().map(|(_, key)| *key).find(fits)?,
        };
        let state = &self.keys[key.0];
        let weight = if choosing.strategy == Strategy::Weighted { state.weight } else { 1 };
        self.turn = self.turn.max(state.turn);
        let turn = state.turn + STRIDE / u64::from(weight);
        self.open.remove(&(state.turn, key));
        self.open.insert((turn, key));
        self.keys[key.0].turn = turn;
        Some(key)
    }

    /// The next key, open or closed, that the operator did not disable and that is not to be skipped.
    pub(crate) fn next_enabled(&self, skip: impl Fn(KeyIndex) -> bool) -> Option<KeyIndex> {
        let enabled = |key: &KeyIndex| self.keys[key.0].standing != Standing::Disabled && !skip(*key);
        (0..self.keys.len()).map(KeyIndex).find(enabled)
    }

    /// Counts an attempt that begins. True when it tries whether the key is back: then its end must be told, too.
    pub(crate) fn begin(&mut self, key: KeyIndex, now: Instant) -> bool {
        let state = &mut self.keys[key.0];
        if state.is_unproven {
            state.probes_open += 1;
            state.latest_probe = Some(now);
        }
        state.is_unproven
    }

    /// An attempt that tried whether the key is back is over, whatever came of it.
    pub(crate) fn end_probe(&mut self, key: KeyIndex) {
        let state = &mut self.keys[key.0];
        state.probes_open = state.probes_open.saturating_sub(1);
    }

    /// An attempt succeeded: the key is trusted again.
    pub(crate) fn prove(&mut self, key: KeyIndex) {
        let state = &mut self.keys[key.0];
        (state.is_unproven, state.failures) = (false, 0);
    }

    /// Counts a failure that says nothing about the key, and tells how many there were in a row.
    pub(crate) fn fail(&mut self, key: KeyIndex) -> u32 {
        let state = &mut self.keys[key.0];
        state.failures = state.failures.saturating_add(1);
        state.failures
    }

    /// When a closed key opens.
    pub(crate) fn closed_until(&self, key: KeyIndex) -> Option<Instant> {
        self.keys[key.0].until
    }

    /// Closes a key until a moment, also one that is closed already.
    pub(crate) fn close(&mut self, key: KeyIndex, standing: Standing, until: Instant) {
        let state = &mut self.keys[key.0];
        if state.standing == Standing::Disabled {
            return;
        }
        if let Some(earlier) = state.until.replace(until) {
            self.closed.remove(&(earlier, key));
        }
        state.standing = standing;
        self.open.remove(&(state.turn, key));
        self.closed.insert((until, key));
    }

    /// How many keys have each standing that any of them has.
    pub(crate) fn standings(&mut self, now: Instant) -> Vec<(Standing, usize)> {
        self.reopen(now);
        let mut counted: Vec<(Standing, usize)> = Vec::new();
        for state in &self.keys {
            match counted.iter_mut().find(|(standing, _)| *standing == state.standing) {
                Some((_, count)) => *count += 1,
                None => counted.push((state.standing, 1)),
            }
        }
        counted
    }

    /// What the most hopeful key promises.
    pub(crate) fn outlook(&mut self, now: Instant) -> Outlook {
        self.reopen(now);
        if !self.open.is_empty() {
            return Outlook::OpenIn(Duration::ZERO);
        }
        let standing = |key: KeyIndex| self.keys[key.0].standing;
        // Keys that are mended by people may open earlier than a limited one, but that is no promise.
        let limited = self.closed.iter().find(|(_, key)| {
            matches!(standing(*key), Standing::Limited | Standing::Spiking | Standing::Failing)
        });
        if let Some((until, _)) = limited {
            return Outlook::OpenIn(until.saturating_duration_since(now));
        }
        let any = |wanted| self.keys.iter().any(|state| state.standing == wanted);
        if any(Standing::Exhausted) {
            Outlook::Exhausted
        } else if any(Standing::Invalid) {
            Outlook::Invalid
        } else {
            Outlook::Disabled
        }
    }

    fn reopen(&mut self, now: Instant) {
        while let Some(&(until, key)) = self.closed.first()
            && until <= now
        {
            self.closed.pop_first();
            let state = &mut self.keys[key.0];
            (state.standing, state.until, state.is_unproven) = (Standing::Available, None, true);
            state.failures = 0;
            // Turns that it missed are not made up for.
            state.turn = state.turn.max(self.turn + STRIDE / u64::from(state.weight));
            self.open.insert((state.turn, key));
        }
    }
}

impl KeyState {
    /// Whether one more request may use it now.
    fn admits(&self, probes: Option<u32>, now: Instant) -> bool {
        let Some(probes) = probes.filter(|_| self.is_unproven) else { return true };
        let is_patient = self.latest_probe.is_some_and(|latest| now < latest + PROBE_PATIENCE);
        self.probes_open < probes || !is_patient
    }
}
