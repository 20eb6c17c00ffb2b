//! The pool: the standing of each key and the rotation over the open ones.
//!
//! Time is always given by the caller. Choosing a key costs a search in an ordered set, not a walk over all keys: each
//! key stands at the place of its next turn, and a turn moves it on by as much as its weight is small.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::key_state::{KeyState, STRIDE};
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
    /// Open keys by the place of their next turn.
    pub(super) open: BTreeSet<(u64, KeyIndex)>,
    /// Closed keys by the moment they open; those that were taken out are in neither set.
    pub(super) closed: BTreeSet<(Instant, KeyIndex)>,
    /// Where the rotation is: the place of the latest turn.
    pub(super) turn: u64,
    pub(super) uses: Uses,
    pub(super) sessions: Sessions,
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
        let its_own = choosing.session.and_then(|session| self.sessions.key(session));
        let prefers = choosing.claim.is_some_and(|claim| claim.headroom.is_some());
        let key = its_own
            .filter(|key| self.is_open(*key) && self.fits(*key, choosing, false, now) && !skip(*key))
            .or_else(|| self.fitting(choosing, prefers, now, &skip))
            .or_else(|| if prefers { self.fitting(choosing, false, now, &skip) } else { None })?;
        // A session moves when its key is closed, and not for a single failure.
        if let Some(session) = choosing.session
            && !its_own.is_some_and(|own| self.is_open(own))
        {
            self.sessions.stay(session, key);
        }
        let state = &self.keys[key.0];
        let weight = if choosing.strategy == Strategy::Weighted { state.weight } else { 1 };
        self.turn = self.turn.max(state.turn);
        let stride = STRIDE / u64::from(weight);
        // One that was passed over for long does not make up for all of its turns.
        let turn = (state.turn + stride).max(self.turn.saturating_sub(stride));
        self.open.remove(&(state.turn, key));
        self.open.insert((turn, key));
        self.keys[key.0].turn = turn;
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
        let state = &mut self.keys[key.0];
        if state.is_unproven {
            state.probes_open += 1;
            state.latest_probe = Some(now);
        }
        let is_probe = state.is_unproven;
        let Some(claim) = claim else { return (is_probe, None) };
        let (open, opens) = self.uses.begin(key, &claim, now);
        if let Some(until) = opens.filter(|_| self.keys[key.0].until.is_none()) {
            self.close(key, Standing::Full, until);
        }
        (is_probe, Some(open))
    }

    /// Takes in what a use came to. A key that was full for what had been set aside alone is open again.
    pub(crate) fn settle(&mut self, model: &str, open: &OpenUse, tokens: u64, now: Instant) {
        self.uses.settle(model, open, tokens);
        let key = open.key;
        let state = &self.keys[key.0];
        if state.standing == Standing::Full && !self.uses.is_full(key, now) {
            self.close(key, Standing::Full, now);
        }
    }

    /// Counts a request as not over until it is told to be.
    pub(crate) fn busy(&mut self, key: KeyIndex) {
        self.keys[key.0].busy += 1;
    }

    /// A request that was counted is over, whatever came of it.
    pub(crate) fn end_busy(&mut self, key: KeyIndex) {
        let state = &mut self.keys[key.0];
        state.busy = state.busy.saturating_sub(1);
    }

    /// An attempt that tried whether the key is back is over, whatever came of it.
    pub(crate) fn end_probe(&mut self, key: KeyIndex) {
        let state = &mut self.keys[key.0];
        state.probes_open = state.probes_open.saturating_sub(1);
    }

    /// An attempt succeeded: the key is trusted again. Until a moment others may be preferred.
    pub(crate) fn prove(&mut self, key: KeyIndex, used_up_until: Option<Instant>) {
        let state = &mut self.keys[key.0];
        (state.is_unproven, state.failures) = (false, 0);
        state.used_up_until = used_up_until;
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
        self.open.remove(&(state.turn, key));
        if !self.keys[key.0].is_out() {
            self.closed.insert((until, key));
        }
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
            matches!(
                standing(*key),
                Standing::Limited | Standing::Full | Standing::Spiking | Standing::Failing
            )
        });
        if let Some((until, _)) = limited {
            return Outlook::OpenIn(until.saturating_duration_since(now));
        }
        let any = |wanted| self.keys.iter().any(|state| !state.is_removed && state.shown() == wanted);
        if any(Standing::Exhausted) {
            Outlook::Exhausted
        } else if any(Standing::Invalid) {
            Outlook::Invalid
        } else if any(Standing::Disabled) {
            Outlook::Disabled
        } else {
            Outlook::NoKey
        }
    }

    fn fitting(
        &self,
        choosing: Choosing<'_>,
        prefers: bool,
        now: Instant,
        skip: impl Fn(KeyIndex) -> bool,
    ) -> Option<KeyIndex> {
        let fits = |key: &KeyIndex| !skip(*key) && self.fits(*key, choosing, prefers, now);
        let mut fitting = self.open.iter().map(|(_, key)| *key).filter(fits);
        match choosing.strategy {
            Strategy::InOrder => fitting.min_by_key(|key| self.keys[key.0].rank),
            Strategy::LeastBusy => fitting.min_by_key(|key| self.keys[key.0].busy),
            Strategy::Weighted | Strategy::RoundRobin => fitting.next(),
        }
    }

    fn fits(&self, key: KeyIndex, choosing: Choosing<'_>, prefers: bool, now: Instant) -> bool {
        let state = &self.keys[key.0];
        let is_used_up = prefers && state.used_up_until.is_some_and(|until| now < until);
        state.admits(choosing.probes, now)
            && !is_used_up
            && choosing.claim.is_none_or(|claim| self.uses.has_room(key, &claim, prefers, now))
    }

    fn is_open(&self, key: KeyIndex) -> bool {
        self.open.contains(&(self.keys[key.0].turn, key))
    }

    pub(super) fn reopen(&mut self, now: Instant) {
        while let Some(&(until, key)) = self.closed.first()
            && until <= now
        {
            self.closed.pop_first();
            let state = &mut self.keys[key.0];
            // A key that was only full gave no reason for doubt.
            if state.standing != Standing::Full {
                (state.is_unproven, state.failures) = (true, 0);
            }
            (state.standing, state.until) = (Standing::Available, None);
            state.misses_turns(self.turn);
            self.open.insert((state.turn, key));
        }
    }
}
