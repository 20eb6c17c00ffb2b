//! Whether one instance of a target can serve two scenarios: whatever is not set for a model alone must agree.

use std::collections::HashMap;

use scenario::World;

use crate::profile::{PerModel, Profile};
use crate::topology::Topology;
use crate::view::{StartView, view};

impl Profile {
    /// The first setting of the whole process in which some worlds differ, in words; `None` if one instance can serve all
    /// of them. A setting that a world leaves unset agrees with any.
    #[must_use]
    pub fn differ<'w>(&self, worlds: impl IntoIterator<Item = &'w World>) -> Option<String> {
        let mut seen: HashMap<String, String> = HashMap::new();
        for world in worlds {
            let mut own = self.process_settings(world);
            own.push(("router.instances".to_owned(), world.router.instances.unwrap_or(1).to_string()));
            own.push(("router.shared".to_owned(), world.router.shared.to_string()));
            for (name, value) in own {
                match seen.get(&name) {
                    Some(other) if *other != value => {
                        return Some(format!("`{name}` is {other} in one and {value} in the other"));
                    }
                    Some(_) => {}
                    None => drop(seen.insert(name, value)),
                }
            }
        }
        None
    }

    /// The settings of a world that are the whole process's, with their values. Those of a model are told without the
    /// model's name: the process has them for all models.
    fn process_settings(&self, world: &World) -> Vec<(String, String)> {
        let start = StartView::imagined();
        let settings = view(&Topology::imagined(world), &start).settings();
        settings
            .into_iter()
            .filter_map(|(name, value)| {
                // Upstreams and tenants are a scenario's own: each has its own names, keys and addresses.
                if name.starts_with("upstreams.") || name.starts_with("tenants.") {
                    return None;
                }
                let Some(below) = name.strip_prefix("router.models.") else { return Some((name, value)) };
                // One model's name may begin with another's, so the longest counts.
                let rests =
                    world.router.models.names().filter_map(|model| {
                        below.strip_prefix(model).and_then(|rest| rest.strip_prefix('.'))
                    });
                let setting = rests.min_by_key(|rest| rest.len())?;
                (!self.is_per_model(setting)).then(|| (format!("router.models.*.{setting}"), value))
            })
            .collect()
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
