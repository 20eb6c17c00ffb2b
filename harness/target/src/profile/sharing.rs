//! Whether one instance of a target can serve several scenarios: whatever is not set for a model alone must agree.

use std::collections::BTreeMap;

use scenario::World;

use crate::profile::{PerModel, Profile};
use crate::topology::Topology;
use crate::view::{StartView, view};

/// What a world asks of the whole process of a target. One instance can serve those that ask for the same. What a world leaves unset is
/// the target's own choice, which is not what another world sets: a scenario that says nothing of retries is not one for a target that
/// was told to make none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands(BTreeMap<String, String>);

impl Profile {
    /// What a world asks of the whole process, and not of a model alone. Settings of a model are told without the model's name: the
    /// process has them for all models.
    #[must_use]
    pub fn demands(&self, world: &World) -> Demands {
        let settings = view(&Topology::imagined(world), &StartView::imagined()).settings();
        let mut demands: BTreeMap<String, String> =
            settings.into_iter().filter_map(|setting| self.of_process(world, setting)).collect();
        demands.insert("router.instances".to_owned(), world.router.instances.unwrap_or(1).to_string());
        demands.insert("router.shared".to_owned(), world.router.shared.to_string());
        Demands(demands)
    }

    fn of_process(&self, world: &World, (name, value): (String, String)) -> Option<(String, String)> {
        // Upstreams and tenants are a scenario's own: each has its own names, keys and addresses.
        if name.starts_with("upstreams.") || name.starts_with("tenants.") {
            return None;
        }
        let Some(below) = name.strip_prefix("router.models.") else { return Some((name, value)) };
        // One model's name may begin with another's, so the longest counts.
        let rests =
            world.router.models.names().filter_map(|model| below.strip_prefix(model)?.strip_prefix('.'));
        let setting = rests.min_by_key(|rest| rest.len())?;
        (!self.is_per_model(setting)).then(|| (format!("router.models.*.{setting}"), value))
    }

    fn is_per_model(&self, setting: &str) -> bool {
        let first = setting.split(['.', '[']).next().unwrap_or_default();
        let word = match first {
            "pools" if setting.ends_with(".weight") => "weights",
            "pools" => "pool",
            other => other,
        };
        let known = PerModel::ALL.iter().find(|(name, ..)| *name == word).map(|(_, known, _)| *known);
        known.is_some_and(|known| self.says.per_model.iter().any(|per_model| per_model.value == known))
    }
}
