//! The pools of one provider: one for each of its models, since a key that is limited for one has room for the others.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{KeyIndex, Pool, Standing};

/// The same keys once for each model, with what each model met.
#[derive(Debug)]
pub(crate) struct Pools {
    /// What holds for all models, but for open requests. No key is chosen here; models that come later begin with it.
    account: Pool,
    of_models: Vec<Pool>,
    /// The places of these pools, by the provider's names of the models.
    models: BTreeMap<String, usize>,
}

impl Pools {
    /// One key for each item: its weight, or nothing if the operator disabled it.
    pub(crate) fn new(weights: impl Iterator<Item = Option<u32>>) -> Self {
        Self { account: Pool::new(weights), of_models: Vec::new(), models: BTreeMap::new() }
    }

    /// The pool of a model.
    pub(crate) fn of(&mut self, model: &str) -> &mut Pool {
        let place = self.place(model);
        &mut self.of_models[place]
    }

    /// The pools that something is about: those of all models, or the one of a model.
    pub(crate) fn about(&mut self, model: Option<&str>) -> impl Iterator<Item = &mut Pool> {
        let (account, of_models) = match model.map(|model| self.place(model)) {
            Some(place) => (None, &mut self.of_models[place..=place]),
            None => (Some(&mut self.account), &mut self.of_models[..]),
        };
        account.into_iter().chain(of_models)
    }

    /// Counts a request as not over until it is told to be, whatever its model.
    pub(crate) fn busy(&mut self, key: KeyIndex) {
        self.of_models.iter_mut().for_each(|pool| pool.busy(key));
    }

    /// A request that was counted is over, whatever came of it.
    pub(crate) fn end_busy(&mut self, key: KeyIndex) {
        self.of_models.iter_mut().for_each(|pool| pool.end_busy(key));
    }

    pub(crate) fn models(&self) -> impl Iterator<Item = &String> {
        self.models.keys()
    }

    /// Adds a key for all models.
    pub(crate) fn add(&mut self, weight: u32, rank: usize) -> KeyIndex {
        for pool in &mut self.of_models {
            pool.add(weight, rank);
        }
        self.account.add(weight, rank)
    }

    /// An attempt for a model succeeded: the key is trusted again there, and fails nowhere.
    pub(crate) fn prove(&mut self, key: KeyIndex, model: &str, used_up_until: Option<Instant>) {
        self.account.prove(key, None);
        self.of(model).prove(key, used_up_until);
    }

    /// Counts a failure that says nothing about the key, and tells how many there were in a row, whatever the model.
    pub(crate) fn fail(&mut self, key: KeyIndex, now: Instant) -> u32 {
        self.account.reopen(now);
        self.account.fail(key)
    }

    /// How a key stands for all models, or else for the one that it is closed for longest.
    pub(crate) fn standing(&mut self, key: KeyIndex, now: Instant) -> (Standing, Option<Instant>) {
        let whole = self.account.standing(key, now);
        if whole.0 != Standing::Available {
            return whole;
        }
        let for_models = self.of_models.iter_mut().map(|pool| pool.standing(key, now));
        for_models.max_by_key(|(_, until)| *until).unwrap_or(whole)
    }

    /// For each public model for which it is looked ahead: whether the use of a key grows now towards its limit, and how often
    /// it began to.
    pub(crate) fn growths(&self, key: KeyIndex, now: Instant) -> BTreeMap<&str, (bool, u64)> {
        let mut growths: BTreeMap<&str, (bool, u64)> = BTreeMap::new();
        for (model, grows, begun) in self.of_models.iter().flat_map(|pool| pool.uses.growths(key, now)) {
            let known = growths.entry(model).or_default();
            *known = (known.0 || grows, known.1.saturating_add(begun));
        }
        growths
    }

    /// How many keys have each standing that any of them has.
    pub(crate) fn standings(&mut self, now: Instant) -> Vec<(Standing, usize)> {
        let mut counted: Vec<(Standing, usize)> = Vec::new();
        for key in self.in_order() {
            let (standing, _) = self.standing(key, now);
            match counted.iter_mut().find(|(known, _)| *known == standing) {
                Some((_, count)) => *count += 1,
                None => counted.push((standing, 1)),
            }
        }
        counted
    }

    /// The first key that is open for every model.
    pub(crate) fn first_open(&mut self, now: Instant) -> Option<KeyIndex> {
        self.in_order().into_iter().find(|key| self.standing(*key, now).0 == Standing::Available)
    }

    /// The keys of the settings, in their order.
    pub(crate) fn in_order(&self) -> Vec<KeyIndex> {
        self.account.in_order()
    }

    /// Whether a request could be made with some key, now or after a time.
    pub(crate) fn has_enabled_key(&self) -> bool {
        self.account.has_enabled_key()
    }

    fn place(&mut self, model: &str) -> usize {
        self.models.get(model).copied().unwrap_or_else(|| {
            self.models.insert(model.to_owned(), self.of_models.len());
            let mut pool = self.account.clone();
            if let Some(other) = self.of_models.first() {
                pool.counts_as(other);
            }
            self.of_models.push(pool);
            self.of_models.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::pool::{Choosing, Strategy};

    #[tokio::test(start_paused = true)]
    async fn what_is_closed_for_one_model_is_open_for_another_and_what_is_closed_for_all_is_for_none() {
        let now = Instant::now();
        let until = |seconds| now + Duration::from_secs(seconds);
        let (first, second) = (KeyIndex(0), KeyIndex(1));
        let mut pools = Pools::new([Some(1), Some(1)].into_iter());
        pools.of("large").close(first, Standing::Limited, until(20));
        assert_eq!(pools.of("small").standing(first, now), (Standing::Available, None));
        assert_eq!(pools.standing(first, now), (Standing::Limited, Some(until(20))));
        assert_eq!(pools.first_open(now), Some(second));
        for pool in pools.about(None) {
            pool.close(second, Standing::Exhausted, until(60));
        }
        // Also for a model that nobody has asked for yet.
        for model in ["large", "small", "new"] {
            assert_eq!(pools.of(model).standing(second, now).0, Standing::Exhausted, "{model}");
        }
        assert_eq!(pools.first_open(now), None);
        assert_eq!(pools.standings(now), [(Standing::Limited, 1), (Standing::Exhausted, 1)]);
        assert_eq!(pools.standing(second, until(61)).0, Standing::Available);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_are_open_count_for_every_model_also_for_one_that_comes_later() {
        let now = Instant::now();
        let least_busy = Choosing { strategy: Strategy::LeastBusy, probes: None, claim: None, session: None };
        let mut pools = Pools::new([Some(1), Some(1)].into_iter());
        pools.of("large");
        pools.busy(KeyIndex(0));
        for model in ["large", "new"] {
            let chosen: Vec<_> =
                (0..3).map(|_| pools.of(model).next_open(now, least_busy, |_| false)).collect();
            assert_eq!(chosen, [Some(KeyIndex(1)); 3], "{model}");
        }
        pools.end_busy(KeyIndex(0));
        pools.busy(KeyIndex(1));
        for model in ["large", "new"] {
            assert_eq!(pools.of(model).next_open(now, least_busy, |_| false), Some(KeyIndex(0)), "{model}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_are_counted_for_all_models_and_ended_by_any_success() {
        let (key, now) = (KeyIndex(0), Instant::now());
        let mut pools = Pools::new([Some(1)].into_iter());
        assert_eq!((pools.fail(key, now), pools.fail(key, now)), (1, 2));
        pools.prove(key, "small", None);
        assert_eq!(pools.fail(key, now), 1);
        for pool in pools.about(None) {
            pool.close(key, Standing::Failing, now);
        }
        assert_eq!(pools.fail(key, now), 1);
    }
}
