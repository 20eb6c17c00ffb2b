//! Lanes: what keeps scenarios apart that share one instance of a target. In a lane, models, upstreams and tenants have names that
//! no other lane has; keys and addresses are a scenario's own in any case.

use scenario::{At, ModelSettings};

use crate::topology::Topology;

/// One of several scenarios that share an instance of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    prefix: String,
}

impl Lane {
    /// The lane that is called so.
    #[must_use]
    pub fn named(word: &str) -> Self {
        Self { prefix: format!("{word}-") }
    }

    /// What the target calls something that has this name in the scenario.
    #[must_use]
    pub fn name(&self, own: &str) -> String {
        format!("{}{own}", self.prefix)
    }
}

impl Topology {
    /// The same with the names of a lane. What providers call their models stays.
    #[must_use]
    pub fn in_lane(mut self, lane: &Lane) -> Self {
        for upstream in &mut self.upstreams {
            upstream.name = lane.name(&upstream.name);
        }
        for (key, tenant) in &mut self.tenants {
            key.label = lane.name(&key.label);
            if let Some(tenant) = tenant {
                renamed(&mut tenant.models, lane);
            }
        }
        for (name, model) in &mut self.router.models.0 {
            model.model.get_or_insert_with(|| name.value.clone());
            name.value = lane.name(&name.value);
            model_in_lane(model, lane);
        }
        self
    }

    /// What several lanes ask of one instance. Where a setting is the whole process's they agree, or say nothing of it.
    #[must_use]
    pub fn together(lanes: impl IntoIterator<Item = Self>, admin: impl Into<String>) -> Self {
        let mut whole = Self::default().with_admin(admin);
        for lane in lanes {
            whole.upstreams.extend(lane.upstreams);
            whole.tenants.extend(lane.tenants);
            whole.router.models.0.extend(lane.router.models.0);
            whole.router.max_request = whole.router.max_request.or(lane.router.max_request);
            whole.router.health = whole.router.health.or(lane.router.health);
            whole.prices = whole.prices.or(lane.prices);
        }
        whole
    }
}

fn model_in_lane(model: &mut ModelSettings, lane: &Lane) {
    for pool in model.pool.iter_mut().chain(model.pools.iter_mut().map(|entry| &mut entry.pool)) {
        pool.value = lane.name(&pool.value);
    }
    for models in [&mut model.fallbacks, &mut model.larger, &mut model.lenient] {
        renamed(models, lane);
    }
}

fn renamed(names: &mut [At<String>], lane: &Lane) {
    names.iter_mut().for_each(|name| name.value = lane.name(&name.value));
}
