//! Turns the file and the environment into settings that need no further look: references checked, keys read.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use secrecy::zeroize::Zeroizing;
use serde_saphyr::Spanned;
use thiserror::Error;

use super::apis::{ApiSettings, ServiceSettings};
use super::discovery::Environment;
use super::file::ProviderEntry;
use super::keys::{check_discovery_is_unambiguous, keys_of};
use super::ledger::LedgerSettings;
use super::models::ModelSettings;
use super::read::{Misplaced, read};
use super::requests::RequestLimits;
use super::source_policy::{KeySources, SourcePolicy};
use super::tenants::{TenantSettings, admin_key, prices, tenants};
use crate::accounts::Price;
use crate::provider::{AZURE_VERSION, Endpoint, Platform, ProviderKey, Trust};
use crate::secret::Secret;
use crate::shared::SharedPlace;

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
    pub(crate) ledger: LedgerSettings,
    /// Where routers with the same keys share what they know.
    pub(crate) shared: Option<SharedPlace>,
    /// Once in this time each provider is asked how it is.
    pub(crate) health_every: Option<Duration>,
    /// What a client may send, and how long it may take.
    pub(crate) requests: RequestLimits,
}

/// One provider with its keys.
#[derive(Debug, Clone)]
pub(crate) struct ProviderSettings {
    pub(crate) name: String,
    pub(crate) endpoint: Endpoint,
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
    /// The ledger cannot be used. The message says which, and what to do.
    #[error("{0}")]
    Ledger(String),
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
    /// Whether there is anybody to charge, or anything to charge for, or somebody who may look.
    pub(crate) fn keep_books(&self) -> bool {
        !self.tenants.is_empty() || !self.prices.is_empty() || self.admin_key.is_some()
    }

    /// Reads and resolves the file at `path`.
    pub(crate) fn load(
        path: &Path,
        environment: &dyn Environment,
        policy: &dyn SourcePolicy,
    ) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SettingsError::Unreadable { path: path.to_owned(), source })?;
        // It holds keys.
        let text = Zeroizing::new(text);
        Self::from_text(path, &text, KeySources { environment, policy })
    }

    pub(super) fn from_text(path: &Path, text: &str, sources: KeySources<'_>) -> Result<Self, SettingsError> {
        let file = read(path, text)?;
        let place = Place { path, text, system: OnceCell::new() };
        check_discovery_is_unambiguous(&file)?;
        let names: Vec<String> = file.providers.keys().cloned().collect();
        let mut providers = Vec::with_capacity(names.len());
        for (name, entry) in file.providers {
            let endpoint = place.endpoint(&entry)?;
            let keys = keys_of(&place, &name, entry, sources)?;
            providers.push(ProviderSettings { name, endpoint, keys });
        }
        let (mut models, mut fallbacks) = (BTreeMap::new(), Vec::new());
        for (name, entry) in file.models {
            let next = entry.fallbacks.iter().chain(&entry.larger).chain(&entry.lenient);
            fallbacks.extend(next.map(|fallback| (name.clone(), fallback.clone())));
            let model = place.model(&name, entry, &names)?;
            models.insert(name, model);
        }
        place.check_fallbacks(&models, &fallbacks)?;
        let apis = place.apis(file.apis, sources)?;
        if let Some(api) = apis.iter().find(|api| names.contains(&api.name)) {
            let message = format!("`{}` is a provider and an API: give one of them another name", api.name);
            return Err(SettingsError::Wrong(message));
        }
        let services = place.services(file.services, &apis)?;
        let listen = file.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let prices = prices(file.prices);
        let tenants = tenants(&place, file.tenants, &models, &prices)?;
        let admin_key = admin_key(file.admin, &tenants)?;
        let ledger = place.ledger(path, file.ledger);
        let shared = file.shared.map(|shared| place.shared(&shared, sources)).transpose()?;
        let requests = place.requests(&file.requests, file.max_request)?;
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
            ledger,
            shared,
            health_every,
            requests,
        })
    }
}

/// The file that values found wrong after reading are pointed at in.
pub(super) struct Place<'a> {
    path: &'a Path,
    text: &'a str,
    /// What the system trusts, once it was asked.
    system: OnceCell<Trust>,
}

/// Where something is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) base: Uri,
    /// Whose certificates are believed, where it is asked over TLS.
    pub(crate) trust: Option<Trust>,
}

impl Place<'_> {
    pub(super) fn wrong<T>(&self, at: &Spanned<T>, message: String) -> SettingsError {
        self.misplaced(at, message).into()
    }

    pub(super) fn misplaced<T>(&self, at: &Spanned<T>, message: String) -> Misplaced {
        Misplaced::new(self.path, self.text, at.referenced, message)
    }

    fn endpoint(&self, entry: &ProviderEntry) -> Result<Endpoint, SettingsError> {
        let Address { base, trust } = self.address(&entry.base_url, entry.ca.as_ref())?;
        let platform = entry.dialect;
        let api_version = match &entry.api_version {
            None => AZURE_VERSION.to_owned(),
            Some(written) if platform != Platform::Azure => {
                let message = format!(
                    "only addresses of `azure` have a version, and this one is of `{}`",
                    platform.word()
                );
                return Err(self.wrong(written, message));
            }
            Some(written) => {
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
                if written.value.is_empty() || !written.value.bytes().all(is_plain) {
                    let message = format!("not a version: write one such as `{AZURE_VERSION}`");
                    return Err(self.wrong(written, message));
                }
                written.value.clone()
            }
        };
        Ok(Endpoint { platform, base, trust, api_version })
    }

    /// Where something is asked, and whose certificates are believed there.
    pub(super) fn address(
        &self,
        written: &Spanned<String>,
        ca: Option<&Spanned<PathBuf>>,
    ) -> Result<Address, SettingsError> {
        let base: Option<Uri> = written.value.trim_end_matches('/').parse().ok();
        let base = base.filter(|uri| uri.query().is_none() && uri.authority().is_some());
        let Some(base) = base.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https"))) else {
            let message = "not a base address: write one such as `https://api.example.com/v1`";
            return Err(self.wrong(written, message.to_owned()));
        };
        let is_secure = base.scheme_str() == Some("https");
        let trust = match ca {
            None if is_secure => Some(self.trust_of_system(written)?),
            None => None,
            Some(file) if is_secure => Some(Trust::of_file(&file.value).map_err(|error| {
                self.wrong(file, format!("the file `{}` cannot be used: {error}", file.value.display()))
            })?),
            Some(file) => {
                let message = "`ca` is for addresses that begin with `https://`, and this one does not";
                return Err(self.wrong(file, message.to_owned()));
            }
        };
        Ok(Address { base, trust })
    }

    /// Read once, however many addresses need it.
    fn trust_of_system(&self, written: &Spanned<String>) -> Result<Trust, SettingsError> {
        if let Some(known) = self.system.get() {
            return Ok(known.clone());
        }
        let read = Trust::of_system().map_err(|error| self.wrong(written, error.to_string()))?;
        Ok(self.system.get_or_init(|| read).clone())
    }
}
