//! Where routers with the same keys share what they know.

use serde_saphyr::Spanned;

use super::SettingsError;
use super::file::SharedEntry;
use super::resolve::Place;
use super::source_policy::KeySources;
use crate::shared::{RedisAddress, SharedPlace};

impl Place<'_> {
    pub(super) fn shared(
        &self,
        entry: &Spanned<SharedEntry>,
        sources: KeySources<'_>,
    ) -> Result<SharedPlace, SettingsError> {
        match &entry.value {
            SharedEntry { folder: Some(folder), redis: None, env: None } => {
                if folder.value.is_dir() {
                    return Ok(SharedPlace::Folder(folder.value.clone()));
                }
                let message = "there is no such folder: make it, writable for every router";
                Err(self.wrong(folder, message.to_owned()))
            }
            SharedEntry { folder: None, redis: Some(address), env: None } => {
                let read = RedisAddress::parse(address.value.text());
                read.map(SharedPlace::Redis).map_err(|problem| self.wrong(address, problem))
            }
            SharedEntry { folder: None, redis: None, env: Some(variable) } => {
                let name = &variable.value;
                let value = sources.environment.value(name).and_then(|value| value.into_string().ok());
                let value = value.filter(|value| !value.trim().is_empty());
                let unset = || self.wrong(variable, format!("the variable `{name}` is not set or blank"));
                let read = RedisAddress::parse(&value.ok_or_else(unset)?);
                read.map(SharedPlace::Redis)
                    .map_err(|problem| self.wrong(variable, format!("the variable `{name}`: {problem}")))
            }
            _ => {
                let message =
                    "say one of `folder`, `redis` (an address) and `env` (the variable that holds one)";
                Err(self.wrong(entry, message.to_owned()))
            }
        }
    }
}
