//! Who serves a model: one provider, or several with weights and an order of preference.

use serde_saphyr::Spanned;

use super::SettingsError;
use super::file::{ModelEntry, PoolEntry};
use super::resolve::Place;
use crate::nearest::nearest;

/// A provider that serves a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Index into `Settings::providers`.
    pub(crate) provider: usize,
    pub(crate) upstream_name: String,
    /// Its share of the traffic, relative to others of the same priority.
    pub(crate) weight: u32,
    /// A lower one is asked first.
    pub(crate) priority: u32,
}

/// More providers of one model are a slip.
const MOST_TARGETS: usize = 100;

impl Place<'_> {
    /// At least one target, in the order of preference.
    pub(super) fn targets(
        &self,
        name: &str,
        entry: &ModelEntry,
        providers: &[String],
    ) -> Result<Vec<Target>, SettingsError> {
        let upstream_name = |of_pool: Option<&String>| {
            of_pool.or(entry.model.as_ref()).map_or_else(|| name.to_owned(), String::clone)
        };
        let mut targets = Vec::new();
        match (&entry.provider, &entry.pools[..]) {
            (Some(provider), []) => {
                let provider = self.provider(name, provider, providers)?;
                targets.push(Target { provider, upstream_name: upstream_name(None), weight: 1, priority: 0 });
            }
            (None, [_, ..]) if entry.pools.len() <= MOST_TARGETS => {
                for PoolEntry { provider, model, weight, priority } in &entry.pools {
                    targets.push(Target {
                        provider: self.provider(name, provider, providers)?,
                        upstream_name: upstream_name(model.as_ref()),
                        weight: self.weight(weight.as_ref())?,
                        priority: priority.unwrap_or_default(),
                    });
                }
            }
            _ => {
                let message = format!(
                    "model `{name}` needs one way to be served: write either `provider: NAME`, or \
                     `pools: [{{ provider: NAME, weight: 1 }}]` with at most {MOST_TARGETS} of them"
                );
                return Err(SettingsError::Wrong(message));
            }
        }
        targets.sort_by_key(|target| target.priority);
        Ok(targets)
    }

    fn provider(
        &self,
        model: &str,
        written: &Spanned<String>,
        providers: &[String],
    ) -> Result<usize, SettingsError> {
        let wanted = &written.value;
        providers.iter().position(|provider| provider == wanted).ok_or_else(|| {
            let hint = match nearest(wanted, providers.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if providers.is_empty() => "there are no providers".to_owned(),
                None => format!("the providers are `{}`", providers.join("`, `")),
            };
            let message = format!("model `{model}` names the unknown provider `{wanted}`: {hint}");
            self.wrong(written, message)
        })
    }
}
