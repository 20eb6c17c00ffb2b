//! Services as the settings have them: which APIs serve them, how much those may be used, and who comes next.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, Uri, header};
use serde_saphyr::Spanned;

use super::SettingsError;
use super::api_file::{
    ApiEntries, ApiEntry, ApiPoolEntry, CredentialEntry, LookupEntry, RuleEntry, ServiceEntries, ServiceEntry,
};
use super::keys::listed_keys;
use super::models::backoff;
use super::resolve::{Address, Place};
use super::source_policy::KeySources;
use crate::apis::{ApiStrategy, Lookup, Template};
use crate::exchange::{BackoffSettings, QueueSettings};
use crate::nearest::nearest;
use crate::pool::{CooldownSettings, UseLimit};
use crate::provider::ProviderKey;
use crate::secret::Secret;

/// One API with its keys.
#[derive(Debug, Clone)]
pub(crate) struct ApiSettings {
    pub(crate) name: String,
    pub(crate) address: Address,
    pub(crate) keys: Vec<ProviderKey>,
    pub(crate) is_enabled: bool,
    /// How much each key may be used: requests only.
    pub(crate) limits: Vec<UseLimit>,
    /// Where the result of requests is found whose reply was lost.
    pub(crate) lookups: Vec<Lookup>,
    /// What a health check asks for.
    pub(crate) health_path: String,
}

/// One service.
#[derive(Debug, Clone)]
pub(crate) struct ServiceSettings {
    pub(crate) name: String,
    pub(crate) path: String,
    /// At least one, in the order of preference.
    pub(crate) pools: Vec<ApiPool>,
    pub(crate) strategy: ApiStrategy,
    /// From this share of a limit on an API is left for others, in millionths.
    pub(crate) headroom: u64,
    pub(crate) queue: QueueSettings,
    pub(crate) retries: u32,
    pub(crate) backoff: BackoffSettings,
    pub(crate) cooldown: CooldownSettings,
    pub(crate) timeout: Duration,
    pub(crate) rules: Vec<RoutingRule>,
    pub(crate) predicts: bool,
}

/// One of the APIs of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ApiPool {
    /// Index into `Settings::apis`.
    pub(crate) api: usize,
    pub(crate) weight: u32,
    /// A lower one is asked first.
    pub(crate) priority: u32,
}

/// Which APIs may serve certain requests.
#[derive(Debug, Clone)]
pub(crate) struct RoutingRule {
    pub(crate) method: Option<Method>,
    pub(crate) path: Option<String>,
    /// Indices into `Settings::apis`.
    pub(crate) apis: Vec<usize>,
}

const DEFAULT_HEADROOM: u64 = 800_000;
const DEFAULT_QUEUE: QueueSettings = QueueSettings { max: 1_000, wait: Duration::from_secs(5) };
const DEFAULT_RETRIES: u32 = 2;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// More tries of all APIs would only keep a client waiting.
const MOST_RETRIES: u32 = 100;
/// More APIs of one service are a slip.
const MOST_POOLS: usize = 100;
/// The router's own paths.
const OWN_PATHS: [&str; 4] = ["/v1", "/admin", "/health", "/metrics"];

/// Whether a path is the one that is meant, or lies below it.
pub(crate) fn lies_below(path: &str, prefix: &str) -> bool {
    let rest = path.strip_prefix(prefix.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Place<'_> {
    pub(super) fn apis(
        &self,
        entries: ApiEntries,
        sources: KeySources<'_>,
    ) -> Result<Vec<ApiSettings>, SettingsError> {
        entries.into_iter().map(|(name, entry)| self.api(name, entry, sources)).collect()
    }

    fn api(
        &self,
        name: String,
        entry: ApiEntry,
        sources: KeySources<'_>,
    ) -> Result<ApiSettings, SettingsError> {
        let (header, prefix) = self.credential(&entry.credential)?;
        let mut limits = Vec::with_capacity(entry.limits.len());
        for written in &entry.limits {
            if written.value.tokens.is_some() {
                let message = "an API is limited by requests: write one such as `{ requests: 10, per: 1s }`";
                return Err(self.wrong(written, message.to_owned()));
            }
            limits.push(self.use_limit(written)?);
        }
        let health_path = match &entry.health {
            Some(written) => self.path(written)?,
            None => "/".to_owned(),
        };
        let make = |key: String, secret: Secret, disabled, weight| {
            let mut value = HeaderValue::try_from(format!("{prefix}{}", secret.reveal()))
                .expect("a checked prefix and a well-formed secret hold only visible ASCII and blanks");
            value.set_sensitive(true);
            ProviderKey::in_header(key, secret, disabled, weight, (header.clone(), value))
        };
        let keys = match entry.keys {
            Some(keys) => listed_keys(self, &name, keys, sources, &make)?,
            None => vec![ProviderKey::keyless()],
        };
        let address = self.address(&entry.base_url, entry.ca.as_ref())?;
        let lookups = entry.lookups.iter().map(|lookup| self.lookup(lookup)).collect::<Result<_, _>>()?;
        Ok(ApiSettings { name, address, keys, is_enabled: entry.enabled, limits, lookups, health_path })
    }

    fn lookup(&self, entry: &LookupEntry) -> Result<Lookup, SettingsError> {
        let method = match &entry.method {
            None => Method::POST,
            Some(written) => self.method(written)?,
        };
        let path = self.path(&entry.path)?;
        let ask = Template::read(&entry.ask.value);
        let ask = ask.map_err(|problem| self.wrong(&entry.ask, problem.to_owned()))?;
        Ok(Lookup { method, path, ask })
    }

    fn method(&self, written: &Spanned<String>) -> Result<Method, SettingsError> {
        let method = Method::from_bytes(written.value.to_ascii_uppercase().as_bytes());
        method.map_err(|_| self.wrong(written, "not a method: write one such as `GET`".to_owned()))
    }

    fn credential(&self, entry: &CredentialEntry) -> Result<(HeaderName, String), SettingsError> {
        let name = match &entry.header {
            None => header::AUTHORIZATION,
            Some(written) => HeaderName::from_bytes(written.value.to_ascii_lowercase().as_bytes())
                .map_err(|_| self.wrong(written, "not the name of a header".to_owned()))?,
        };
        let usual = if name == header::AUTHORIZATION { "Bearer " } else { "" };
        let prefix = entry.prefix.clone().unwrap_or_else(|| usual.to_owned());
        if !prefix.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            let message = "the `prefix` of a credential holds what no header can".to_owned();
            return Err(SettingsError::Wrong(message));
        }
        Ok((name, prefix))
    }

    pub(super) fn services(
        &self,
        entries: ServiceEntries,
        apis: &[ApiSettings],
    ) -> Result<Vec<ServiceSettings>, SettingsError> {
        let mut services: Vec<ServiceSettings> = Vec::with_capacity(entries.len());
        for (name, entry) in entries {
            let path = &entry.path;
            let service = self.service(name, &entry, apis)?;
            if let Some(other) = services.iter().find(|other| other.path == service.path) {
                let message = format!("the service `{}` has this path already", other.name);
                return Err(self.wrong(path, message));
            }
            services.push(service);
        }
        // Of two that a path lies below the longer one is meant.
        services.sort_by_key(|service| std::cmp::Reverse(service.path.len()));
        Ok(services)
    }

    fn service(
        &self,
        name: String,
        entry: &ServiceEntry,
        apis: &[ApiSettings],
    ) -> Result<ServiceSettings, SettingsError> {
        let path = self.path(&entry.path)?.trim_end_matches('/').to_owned();
        if path.is_empty() || OWN_PATHS.iter().any(|own| lies_below(&path, own) || lies_below(own, &path)) {
            let message = format!(
                "the router's own paths are `{}`: give the service another one",
                OWN_PATHS.join("`, `")
            );
            return Err(self.wrong(&entry.path, message));
        }
        if entry.pools.is_empty() || entry.pools.len() > MOST_POOLS {
            let message = format!("service `{name}` needs from 1 to {MOST_POOLS} `pools`");
            return Err(self.wrong(&entry.path, message));
        }
        let mut pools: Vec<ApiPool> = Vec::with_capacity(entry.pools.len());
        for written in &entry.pools {
            let pool = self.api_pool(written, apis)?;
            if pools.iter().any(|known| known.api == pool.api) {
                return Err(self.wrong(&written.api, format!("`{}` stands here twice", written.api.value)));
            }
            pools.push(pool);
        }
        pools.sort_by_key(|pool| pool.priority);
        let retries = match &entry.retries {
            Some(written) if written.value > MOST_RETRIES => {
                return Err(self.wrong(written, format!("at most {MOST_RETRIES} retries are possible")));
            }
            written => written.as_ref().map_or(DEFAULT_RETRIES, |written| written.value),
        };
        let rules = entry.rules.iter().map(|rule| self.rule(rule, apis, &pools)).collect::<Result<_, _>>()?;
        Ok(ServiceSettings {
            name,
            path,
            pools,
            strategy: entry.strategy,
            headroom: entry.headroom.map_or(DEFAULT_HEADROOM, |share| share.0),
            queue: entry
                .queue
                .map_or(DEFAULT_QUEUE, |queue| QueueSettings { max: queue.max, wait: queue.wait.0 }),
            retries,
            backoff: backoff(&entry.backoff),
            cooldown: self.cooldown(&entry.cooldown)?,
            timeout: entry.timeout.map_or(DEFAULT_TIMEOUT, |written| written.0),
            rules,
            predicts: entry.prediction.unwrap_or(true),
        })
    }

    fn api_pool(&self, entry: &ApiPoolEntry, apis: &[ApiSettings]) -> Result<ApiPool, SettingsError> {
        Ok(ApiPool {
            api: self.api_named(&entry.api, apis)?,
            weight: self.weight(entry.weight.as_ref())?,
            priority: entry.priority.unwrap_or_default(),
        })
    }

    fn rule(
        &self,
        entry: &RuleEntry,
        apis: &[ApiSettings],
        pools: &[ApiPool],
    ) -> Result<RoutingRule, SettingsError> {
        let mut allowed = Vec::with_capacity(entry.pools.len());
        for written in &entry.pools {
            let api = self.api_named(written, apis)?;
            if !pools.iter().any(|pool| pool.api == api) {
                let message = format!("`{}` is none of the `pools` of this service", written.value);
                return Err(self.wrong(written, message));
            }
            allowed.push(api);
        }
        if allowed.is_empty() {
            return Err(SettingsError::Wrong("a rule needs `pools` with at least one API".to_owned()));
        }
        Ok(RoutingRule {
            method: entry.method.as_ref().map(|method| self.method(method)).transpose()?,
            path: entry.path.as_ref().map(|path| self.path(path)).transpose()?,
            apis: allowed,
        })
    }

    fn api_named(&self, written: &Spanned<String>, apis: &[ApiSettings]) -> Result<usize, SettingsError> {
        let wanted = &written.value;
        apis.iter().position(|api| api.name == *wanted).ok_or_else(|| {
            let hint = nearest(wanted, apis.iter().map(|api| api.name.as_str()))
                .map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
            self.wrong(written, format!("there is no API `{wanted}`{hint}"))
        })
    }

    fn path(&self, written: &Spanned<String>) -> Result<String, SettingsError> {
        let path = &written.value;
        let is_path = path.starts_with('/') && path.parse::<Uri>().is_ok_and(|uri| uri.query().is_none());
        match is_path {
            true => Ok(path.clone()),
            false => Err(self.wrong(written, "not a path: write one such as `/orders`".to_owned())),
        }
    }
}
