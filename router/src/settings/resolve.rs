//! Turns the file and the environment into settings that need no further look: references checked, keys read.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use serde_saphyr::Spanned;
use thiserror::Error;

use super::apis::{ApiSettings, ServiceSettings};
use super::discovery::Environment;
use super::file::SharedEntry;
use super::keys::{check_discovery_is_unambiguous, keys_of};
use super::models::ModelSettings;
use super::read::{Misplaced, read};
use super::tenants::{TenantSettings, admin_key, prices, tenants};
use crate::accounts::Price;
use crate::provider::{Dialect, ProviderKey};
use crate::secret::Secret;

/// What the router works from.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) providers: Vec<ProviderSettings>,
    pub(crate) models: BTreeMap<String, ModelSettings>,
    pub(crate) apis: Vec<ApiSettings>,
    /// Those with the longest paths first.
    pub(crate) services: Vec<ServiceSettings>,
    /// Empty when everybody is served.
    pub(crate) tenants: Vec<TenantSettings>,
    /// By the provider's name of the model.
    pub(crate) prices: BTreeMap<String, Price>,
    pub(crate) admin_key: Option<Secret>,
    /// So many characters of the end of each prompt are kept in the ledger.
    pub(crate) prompt_end: usize,
    /// What routers with the same keys share: a folder that is there.
    pub(crate) shared_folder: Option<PathBuf>,
    /// Once in this time each provider is asked how it is.
    pub(crate) health_every: Option<Duration>,
    /// So many bytes a request may have at most, if that is less than anybody may send.
    pub(crate) max_request: Option<usize>,
}

/// One provider with its keys.
#[derive(Debug, Clone)]
pub(crate) struct ProviderSettings {
    pub(crate) name: String,
    pub(crate) dialect: Dialect,
    pub(crate) base_url: Uri,
    pub(crate) keys: Vec<ProviderKey>,
}

/// Why the router cannot start from what it was given.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file could not be read.
    #[error("cannot read the configuration `{path}`")]
    Unreadable {
        /// The file that was asked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is wrong at one place. The message holds the place, the line and a caret.
    #[error("{0}")]
    Wrong(String),
    /// A key of a provider cannot be had. The message names the provider and what was looked for.
    #[error("provider `{provider}`: {problem}")]
    Keys {
        /// The provider's name in the file.
        provider: String,
        /// What is wrong, without the key's text.
        problem: String,
    },
    /// A tenant's keys cannot be used.
    #[error("tenant `{tenant}`: {problem}")]
    Tenant {
        /// The tenant's name in the file.
        tenant: String,
        /// What is wrong, without the key's text.
        problem: String,
    },
}

impl From<Misplaced> for SettingsError {
    fn from(misplaced: Misplaced) -> Self {
        Self::Wrong(misplaced.to_string())
    }
}

impl Settings {
    /// Reads and resolves the file at `path`.
    pub(crate) fn load(path: &Path, environment: &dyn Environment) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SettingsError::Unreadable { path: path.to_owned(), source })?;
        Self::from_text(path, &text, environment)
    }

    pub(super) fn from_text(
        path: &Path,
        text: &str,
        environment: &dyn Environment,
    ) -> Result<Self, SettingsError> {
        let file = read(path, text)?;
        let place = Place { path, text };
        check_discovery_is_unambiguous(&file)?;
        let names: Vec<String> = file.providers.keys().cloned().collect();
        let mut providers = Vec::with_capacity(names.len());
        for (name, entry) in file.providers {
            let base_url = place.base_url(&entry.base_url)?;
            let dialect = entry.dialect;
            let keys = keys_of(&place, &name, entry, environment)?;
            providers.push(ProviderSettings { name, dialect, base_url, keys });
        }
        let (mut models, mut fallbacks) = (BTreeMap::new(), Vec::new());
        for (name, entry) in file.models {
            let next = entry.fallbacks.iter().chain(&entry.larger).chain(&entry.lenient);
            fallbacks.extend(next.map(|fallback| (name.clone(), fallback.clone())));
            let model = place.model(&name, entry, &names)?;
            models.insert(name, model);
        }
        place.check_fallbacks(&models, &fallbacks)?;
        let apis = place.apis(file.apis, environment)?;
        if let Some(api) = apis.iter().find(|api| names.contains(&api.name)) {
            let message = format!("`{}` is a provider and an API: give one of them another name", api.name);
            return Err(SettingsError::Wrong(message));
        }
        let services = place.services(file.services, &apis)?;
        let listen = file.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let prices = prices(file.prices);
        let tenants = tenants(&place, file.tenants, &models, &prices)?;
        let admin_key = admin_key(file.admin, &tenants)?;
        let prompt_end = file.ledger.prompt_end;
        let shared_folder = file.shared.map(|shared| place.folder(&shared)).transpose()?;
        let health_every = file.health.map(|health| health.every.0);
        Ok(Self {
            listen,
            providers,
            models,
            apis,
            services,
            tenants,
            prices,
            admin_key,
            prompt_end,
            shared_folder,
            health_every,
            max_request: file.max_request,
        })
    }
}

/// The file that values found wrong after reading are pointed at in.
pub(super) struct Place<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Place<'_> {
    pub(super) fn wrong<T>(&self, at: &Spanned<T>, message: String) -> SettingsError {
        Misplaced::new(self.path, self.text, at.referenced, message).into()
    }

    pub(super) fn base_url(&self, written: &Spanned<String>) -> Result<Uri, SettingsError> {
        let uri: Option<Uri> = written.value.trim_end_matches('/').parse().ok();
        match uri {
            Some(uri)
                if uri.query().is_none() && uri.authority().is_some() && uri.scheme_str() == Some("http") =>
            {
                Ok(uri)
            }
            Some(uri) if uri.scheme_str() == Some("https") => Err(self.wrong(
                written,
                "this router speaks no TLS: give a plain `http://` address, such as that of a local proxy"
                    .to_owned(),
            )),
            _ => Err(self.wrong(
                written,
                "not a base address: write one such as `http://127.0.0.1:4010/v1`".to_owned(),
            )),
        }
    }

    fn folder(&self, entry: &SharedEntry) -> Result<PathBuf, SettingsError> {
        let folder = &entry.folder;
        if folder.value.is_dir() {
            return Ok(folder.value.clone());
        }
        Err(self.wrong(folder, "there is no such folder: make it, writable for every router".to_owned()))
    }
}
