//! Keys that are left for others while others have more: they stand behind all others until a moment, so that no choice
//! walks over them.
//!
//! Which ones those are is a matter of the public model that is asked for, since its settings say how much is little.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::key_state::{KeyState, KeyTurn};
use super::ready::{By, Orders};
use super::{Choosing, Claim, KeyIndex, Pool, UseLimit};

/// The keys that one public model spares.
#[derive(Debug, Clone)]
pub(super) struct Spared {
    model: String,
    /// What its settings say.
    headroom: Option<u64>,
    limits: Vec<UseLimit>,
    predicts: bool,
    /// By the places of the keys: until when each is spared.
    until: Vec<Option<Instant>>,
    /// When each is to be looked at again; nothing for at once.
    due: BTreeSet<(Option<Instant>, KeyIndex)>,
    orders: Orders,
}

impl Spared {
    fn new(claim: &Claim<'_>) -> Self {
        Self {
            model: claim.model.to_owned(),
            headroom: claim.headroom,
            limits: claim.limits.to_vec(),
            predicts: claim.predicts.is_some(),
            until: Vec::new(),
            due: BTreeSet::new(),
            orders: Orders::default(),
        }
    }

    /// Whether it is what the settings of the model say now.
    fn is_of(&self, claim: &Claim<'_>) -> bool {
        (self.headroom, self.predicts) == (claim.headroom, claim.predicts.is_some())
            && self.limits == claim.limits
    }

    pub(super) fn has(&self, key: KeyIndex) -> bool {
        self.until.get(key.0).is_some_and(Option::is_some)
    }

    /// The first key that fits, those that are spared after all others.
    pub(super) fn first(&self, by: By, fits: impl Fn(KeyIndex) -> bool) -> Option<KeyIndex> {
        self.orders.first(by, fits)
    }

    pub(super) fn follow(&mut self, key: KeyIndex, turn: &KeyTurn, state: &KeyState) {
        let is_spared = self.has(key);
        self.orders.follow(key, turn, state, is_spared);
    }

    pub(super) fn shift(&mut self, key: KeyIndex, turn: &KeyTurn, state: &KeyState) {
        let is_spared = self.has(key);
        self.orders.shift(key, turn, state, is_spared);
    }

    /// Has a key looked at with the next choice.
    pub(super) fn doubt(&mut self, key: KeyIndex) {
        self.due.insert((None, key));
    }

    fn take_due(&mut self, now: Instant) -> Option<KeyIndex> {
        let (_, key) = *self.due.first().filter(|(at, _)| at.is_none_or(|at| at <= now))?;
        self.due.pop_first();
        Some(key)
    }

    fn set(&mut self, key: KeyIndex, until: Option<Instant>, turn: &KeyTurn, state: &KeyState) {
        if self.until.len() <= key.0 {
            self.until.resize(key.0 + 1, None);
        }
        let before = std::mem::replace(&mut self.until[key.0], until);
        if before == until {
            return;
        }
        if before.is_some() {
            self.due.remove(&(before, key));
        }
        if until.is_some() {
            self.due.insert((until, key));
        }
        self.follow(key, turn, state);
    }
}

/// So many keys are looked at for growth with one choice, so that many that grow together do not hold up one request.
const MOST_LOOKS: usize = 3;

impl Pool {
    /// The place of the spared keys of the model that is asked for, as they are now; nothing where any key is as good as
    /// another.
    pub(super) fn spared_for(&mut self, choosing: Choosing<'_>, now: Instant) -> Option<usize> {
        let claim = choosing.claim.filter(Claim::prefers)?;
        let known = self.ready.spared.iter().position(|spared| spared.model == claim.model);
        let place = known.unwrap_or(self.ready.spared.len());
        if known.is_none_or(|place| !self.ready.spared[place].is_of(&claim)) {
            let spared = Spared::new(&claim);
            match known {
                Some(place) => self.ready.spared[place] = spared,
                None => self.ready.spared.push(spared),
            }
            (0..self.keys.len()).for_each(|key| self.look_at(place, KeyIndex(key), now));
        }
        // Each is then spared until later, or not at all.
        while let Some(key) = self.ready.spared[place].take_due(now) {
            self.look_at(place, key, now);
        }
        self.ready.spared[place].orders_by(By::of(choosing.strategy), &self.turns, &self.keys);
        Some(place)
    }

    /// The key whose turn it is, but for those that are spared. They are better than none.
    pub(super) fn unspared(
        &mut self,
        by: By,
        choosing: Choosing<'_>,
        place: usize,
        now: Instant,
        skip: impl Fn(KeyIndex) -> bool,
    ) -> Option<KeyIndex> {
        self.ready.spared[place].orders_by(by, &self.turns, &self.keys);
        let spared = &self.ready.spared[place];
        let fits = |key: KeyIndex, prefers: bool| !skip(key) && self.fits(key, choosing, prefers, now);
        let first = spared.first(by, |key| fits(key, !spared.has(key)));
        first.or_else(|| spared.first(by, |key| fits(key, false)))
    }

    /// The same, when it is seen by then that the use of some grows towards their limits.
    pub(super) fn ungrowing(
        &mut self,
        choosing: Choosing<'_>,
        place: usize,
        now: Instant,
        skip: impl Fn(KeyIndex) -> bool,
    ) -> Option<KeyIndex> {
        let by = By::of(choosing.strategy);
        for _ in 0..MOST_LOOKS {
            let key = self.unspared(by, choosing, place, now, &skip)?;
            let claim = choosing.claim?;
            if self.ready.spared[place].has(key) || !self.uses.begins_to_grow(key, &claim, now) {
                return Some(key);
            }
            self.look_at(place, key, now);
        }
        self.unspared(by, choosing, place, now, &skip)
    }

    /// Takes in that a key was used for a model. One that is spared already has no more left for it.
    pub(super) fn was_used(&mut self, model: &str, key: KeyIndex, now: Instant) {
        if let Some(place) = self.ready.spared.iter().position(|spared| spared.model == model)
            && !self.ready.spared[place].has(key)
        {
            self.look_at(place, key, now);
        }
    }

    /// Takes in that it is known now what a use of a key for a model came to.
    pub(super) fn was_settled(&mut self, model: &str, key: KeyIndex, now: Instant) {
        if let Some(place) = self.ready.spared.iter().position(|spared| spared.model == model) {
            self.look_at(place, key, now);
        }
    }

    fn look_at(&mut self, place: usize, key: KeyIndex, now: Instant) {
        let spared = &mut self.ready.spared[place];
        let state = &self.keys[key.0];
        let told = state.used_up_until.filter(|_| spared.headroom.is_some());
        let used = self.uses.fills_until(key, &spared.model, &spared.limits, spared.headroom, now);
        let grows = self.uses.grows_until(key, &spared.model).filter(|_| spared.predicts);
        let until = [told, used, grows].into_iter().flatten().max().filter(|until| *until > now);
        spared.set(key, until, &self.turns[key.0], state);
    }
}

impl Spared {
    fn orders_by(&mut self, by: By, turns: &[KeyTurn], states: &[KeyState]) {
        let until = &self.until;
        self.orders.keep(by, turns, states, |key| until.get(key.0).is_some_and(Option::is_some));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use super::*;
    use crate::pool::Strategy;
    use crate::splitmix::Splitmix;

    const LIMITS: [UseLimit; 1] =
        [UseLimit { requests: Some(10), tokens: None, per: Duration::from_secs(1) }];

    fn how(model: &'static str, headroom: u64, strategy: Strategy) -> Choosing<'static> {
        let claim =
            Claim { model, limits: &LIMITS, headroom: Some(headroom), predicts: None, most_tokens: 0 };
        Choosing { strategy, probes: Some(1), claim: Some(claim), session: None }
    }

    #[test]
    fn no_choice_walks_over_the_keys_of_which_little_is_left() {
        const KEYS: usize = 1_000;
        for strategy in [Strategy::Weighted, Strategy::InOrder, Strategy::LeastBusy] {
            let (mut pool, now) = (Pool::new(std::iter::repeat_n(Some(1), KEYS)), Instant::now());
            let how = how("chat", 800_000, strategy);
            let until = now + Duration::from_secs(60);
            for left in [KEYS, 1, 0] {
                for key in 0..KEYS - left {
                    pool.prove(KeyIndex(key), Some(until));
                }
                pool.next_open(now, how, |_| false).unwrap();
                let asked = Cell::new(0);
                let key = pool.next_open(now, how, |_| {
                    asked.update(|asked| asked + 1);
                    false
                });
                assert!(key.is_some_and(|key| left == 0 || key.get() >= KEYS - left), "{strategy:?}");
                assert_eq!(asked.get(), 1, "{strategy:?}, {left} left");
            }
        }
    }

    #[test]
    fn each_model_spares_keys_by_its_own_settings_and_those_may_change() {
        let (mut pool, now) = (Pool::new([Some(1), Some(1)].into_iter()), Instant::now());
        let (careful, bold) =
            (how("careful", 300_000, Strategy::InOrder), how("bold", 900_000, Strategy::InOrder));
        let use_one = |pool: &mut Pool, how: Choosing<'_>| {
            let key = pool.next_open(now, how, |_| false).unwrap();
            pool.begin(key, how.claim, now);
            key.get()
        };
        let used: Vec<usize> = (0..6).map(|_| use_one(&mut pool, careful)).collect();
        assert_eq!(used, [0, 0, 0, 1, 1, 1]);
        assert_eq!((0..5).map(|_| use_one(&mut pool, bold)).collect::<Vec<_>>(), [0; 5]);
        let changed = how("careful", 400_000, Strategy::InOrder);
        assert_eq!((use_one(&mut pool, changed), use_one(&mut pool, changed)), (0, 1));
    }

    /// Whatever happens, the key that is chosen is one that a look at each of them would allow.
    #[test]
    fn a_key_of_which_little_is_left_is_never_chosen_while_there_is_another() {
        let random = Splitmix::with_seed(11);
        let (mut pool, mut now) = (Pool::new(std::iter::repeat_n(Some(1), 9)), Instant::now());
        let how = how("chat", 500_000, Strategy::Weighted);
        let claim = how.claim.unwrap();
        let mut chosen = 0;
        for _ in 0..4_000 {
            now += Duration::from_millis(random.next() % 40);
            let any = KeyIndex(usize::try_from(random.next() % 9).unwrap());
            match random.next() % 12 {
                0 => pool.prove(any, Some(now + Duration::from_millis(random.next() % 500))),
                1 => pool.prove(any, None),
                2 => pool.close(any, super::super::Standing::Limited, now + Duration::from_millis(100)),
                _ => {}
            }
            let Some(key) = pool.next_open(now, how, |_| false) else { continue };
            let has_much = |key: KeyIndex| {
                let state = &pool.keys[key.0];
                state.is_open()
                    && pool.admits(key, how.probes, now)
                    && state.used_up_until.is_none_or(|until| until <= now)
                    && pool.uses.has_room(key, &claim, true, now)
            };
            assert!(has_much(key) || !(0..9).map(KeyIndex).any(has_much));
            pool.begin(key, how.claim, now);
            chosen += 1;
        }
        assert!(chosen > 1_000, "{chosen}");
    }
}
