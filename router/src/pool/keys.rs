//! The pool: the standing of each key and the rotation over the open ones.
//!
//! Time is always given by the caller. Choosing a key costs a few steps, not a walk over all keys: the open ones stand in
//! the order of their turns, and a turn moves a key on by as much as its weight is small.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::key_state::{KeyState, KeyTurn, STRIDE};
use super::ready::{By, Ready};
use super::sessions::Sessions;
use super::uses::Uses;
use super::{Choosing, Claim, OpenUse, Outlook, Standing, Strategy};

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

/// The keys of one provider.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    /// By the place that a key was given once, and which no other key ever gets.
    pub(super) keys: Vec<KeyState>,
    /// By the same places.
    pub(super) turns: Vec<KeyTurn>,
    pub(super) ready: Ready,
    /// Closed keys by the moment they open, but for those that were taken out.
    pub(super) closed: BTreeSet<(Instant, KeyIndex)>,
    /// Where the rotation is: the place of the latest turn.
    pub(super) turn: u64,
    pub(super) uses: Uses,
    pub(super) sessions: Sessions,
    /// How many choices there were since a key was looked at for how fast it is.
    pub(super) looks: u32,
    /// How many looks there were.
    pub(super) looked: u64,
}

impl Pool {
    /// The next open key in turn that is not to be skipped; its next turn is a stride behind.
    pub(crate) fn next_open(
        &mut self,
        now: Instant,
        choosing: Choosing<'_>,
        skip: impl Fn(KeyIndex) -> bool,
    ) -> Option<KeyIndex> {
        self.reopen(now);
        self.ready.keep(By::of(choosing.strategy), &self.turns, &self.keys);
        let its_own = choosing.session.and_then(|session| self.sessions.key(session));
        let spared = self.spared_for(choosing, now);
        let its_own_now = its_own
            .filter(|key| self.keys[key.0].is_open() && self.fits(*key, choosing, false, now) && !skip(*key));
        let looked_at =
            if its_own_now.is_none() { self.next_look(now, choosing, spared, &skip) } else { None };
        let key = its_own_now.or(looked_at).or_else(|| match spared {
            Some(spared) => self.ungrowing(choosing, spared, now, &skip),
            None => self.fitting(choosing, now, &skip),
        })?;
        // A session moves when its key is closed, and not for a single failure.
        if let Some(session) = choosing.session
            && !its_own.is_some_and(|own| self.keys[own.0].is_open())
        {
            self.sessions.stay(session, key);
        }
        let turn = &mut self.turns[key.0];
        let weight = if choosing.strategy == Strategy::Weighted { turn.weight } else { 1 };
        self.turn = self.turn.max(turn.next);
        let stride = STRIDE / u64::from(weight);
        // One that was passed over for long does not make up for all of its turns.
        turn.next = (turn.next + stride).max(self.turn.saturating_sub(stride));
        self.ready.shift(key, turn, &self.keys[key.0]);
        Some(key)
    }

    /// The next key, open or closed, that the operator did not disable and that is not to be skipped.
    pub(crate) fn next_enabled(&self, skip: impl Fn(KeyIndex) -> bool) -> Option<KeyIndex> {
        let enabled = |key: &KeyIndex| !self.keys[key.0].is_out() && !skip(*key);
        (0..self.keys.len()).map(KeyIndex).find(enabled)
    }

    /// The next key that the operator disabled and that is not to be skipped.
    pub(crate) fn next_disabled(&self, skip: impl Fn(KeyIndex) -> bool) -> Option<KeyIndex> {
        let disabled = |key: &KeyIndex| self.keys[key.0].shown() == Standing::Disabled && !skip(*key);
        (0..self.keys.len()).map(KeyIndex).filter(|key| !self.keys[key.0].is_removed).find(disabled)
    }

    /// Counts an attempt that begins. The first is true when it tries whether the key is back: then its end must be told,
    /// too. The second is there when the key has limits: what it came to is to be told.
    pub(crate) fn begin(
        &mut self,
        key: KeyIndex,
        claim: Option<Claim<'_>>,
        now: Instant,
    ) -> (bool, Option<OpenUse>) {
        let is_probe = self.turns[key.0].is_unproven;
        if is_probe {
            let state = &mut self.keys[key.0];
            state.probes_open += 1;
            state.latest_probe = Some(now);
        }
        let Some(claim) = claim else { return (is_probe, None) };
        let (open, opens) = self.uses.begin(key, &claim, now);
        if let Some(until) = opens.filter(|_| self.keys[key.0].until.is_none()) {
            self.close(key, Standing::Full, until);
        }
        self.was_used(claim.model, key, now);
        (is_probe, Some(open))
    }

    /// Takes in what a use came to. A key that was full for what had been set aside alone is open again.
    pub(crate) fn settle(&mut self, model: &str, open: &OpenUse, tokens: u64, now: Instant) {
        self.uses.settle(model, open, tokens);
        let key = open.key;
        self.was_settled(model, key, now);
        let state = &self.keys[key.0];
        if state.standing == Standing::Full && !self.uses.is_full(key, now) {
            self.close(key, Standing::Full, now);
        }
    }

    /// Takes a use back that never came to be, since others had used the key up until a moment.
    pub(crate) fn take_back(&mut self, model: &str, open: &OpenUse, until: Instant) {
        self.uses.take_back(model, open);
        if self.keys[open.key.0].until.is_none_or(|known| known < until) {
            self.close(open.key, Standing::Full, until);
        }
    }

    /// Takes over how many requests of each key are not over. No order is kept here yet.
    pub(super) fn counts_as(&mut self, other: &Self) {
        self.turns.iter_mut().zip(&other.turns).for_each(|(turn, other)| turn.busy = other.busy);
    }

    /// Counts a request as not over until it is told to be.
    pub(super) fn busy(&mut self, key: KeyIndex) {
        let turn = &mut self.turns[key.0];
        turn.busy += 1;
        self.ready.shift(key, turn, &self.keys[key.0]);
    }

    /// A request that was counted is over, whatever came of it.
    pub(super) fn end_busy(&mut self, key: KeyIndex) {
        let turn = &mut self.turns[key.0];
        turn.busy = turn.busy.saturating_sub(1);
        self.ready.shift(key, turn, &self.keys[key.0]);
    }

    /// An attempt that tried whether the key is back is over, whatever came of it.
    pub(crate) fn end_probe(&mut self, key: KeyIndex) {
        let state = &mut self.keys[key.0];
        state.probes_open = state.probes_open.saturating_sub(1);
    }

    /// An attempt succeeded: the key is trusted again. Until a moment others may be preferred.
    pub(crate) fn prove(&mut self, key: KeyIndex, used_up_until: Option<Instant>) {
        let state = &mut self.keys[key.0];
        (self.turns[key.0].is_unproven, state.failures) = (false, 0);
        if std::mem::replace(&mut state.used_up_until, used_up_until) != used_up_until {
            self.ready.spared.iter_mut().for_each(|spared| spared.doubt(key));
        }
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
        if let Some(earlier) = state.until.replace(until) {
            self.closed.remove(&(earlier, key));
        }
        state.standing = standing;
        if !state.is_out() {
            self.closed.insert((until, key));
        }
        self.follow(key);
    }

    /// What the most hopeful key promises.
    pub(crate) fn outlook(&mut self, now: Instant) -> Outlook {
        self.reopen(now);
        self.ready.keep(By::Turn, &self.turns, &self.keys);
        if self.ready.first(By::Turn, |_| true).is_some() {
            return Outlook::OpenIn(Duration::ZERO);
        }
        let standing = |key: KeyIndex| self.keys[key.0].standing;
        // Keys that are mended by people may open earlier than a limited one, but that is no promise.
        let limited = self.closed.iter().find(|(_, key)| {
            matches!(
                standing(*key),
                Standing::Limited | Standing::Full | Standing::Spiking | Standing::Failing
            )
        });
        if let Some((until, _)) = limited {
            return Outlook::OpenIn(until.saturating_duration_since(now));
        }
        let bleakest = self.bleakest();
        bleakest.unwrap_or(if self.has(Standing::Disabled) { Outlook::Disabled } else { Outlook::NoKey })
    }

    /// What a key says that only people can mend, if there is one.
    pub(crate) fn bleakest(&self) -> Option<Outlook> {
        if self.has(Standing::Exhausted) {
            Some(Outlook::Exhausted)
        } else {
            self.has(Standing::Invalid).then_some(Outlook::Invalid)
        }
    }

    fn has(&self, wanted: Standing) -> bool {
        self.keys.iter().any(|state| !state.is_removed && state.shown() == wanted)
    }

    fn fitting(
        &self,
        choosing: Choosing<'_>,
        now: Instant,
        skip: impl Fn(KeyIndex) -> bool,
    ) -> Option<KeyIndex> {
        let fits = |key| !skip(key) && self.fits(key, choosing, false, now);
        self.ready.first(By::of(choosing.strategy), fits)
    }

    pub(super) fn fits(&self, key: KeyIndex, choosing: Choosing<'_>, prefers: bool, now: Instant) -> bool {
        self.admits(key, choosing.probes, now)
            && choosing.claim.is_none_or(|claim| self.uses.has_room(key, &claim, prefers, now))
    }

    /// Whether one more request may use a key now that is open.
    pub(super) fn admits(&self, key: KeyIndex, probes: Option<u32>, now: Instant) -> bool {
        let probes = probes.filter(|_| self.turns[key.0].is_unproven);
        probes.is_none_or(|probes| self.keys[key.0].admits_probe(probes, now))
    }

    /// Has the orders take in that something about a key has changed.
    pub(super) fn follow(&mut self, key: KeyIndex) {
        self.ready.follow(key, &self.turns[key.0], &self.keys[key.0]);
    }

    pub(super) fn reopen(&mut self, now: Instant) {
        while let Some(&(until, key)) = self.closed.first()
            && until <= now
        {
            self.closed.pop_first();
            let (state, turn) = (&mut self.keys[key.0], &mut self.turns[key.0]);
            // A key that was only full gave no reason for doubt.
            if state.standing != Standing::Full {
                (turn.is_unproven, state.failures) = (true, 0);
            }
            (state.standing, state.until) = (Standing::Available, None);
            turn.misses_turns(self.turn);
            self.follow(key);
        }
    }
}
