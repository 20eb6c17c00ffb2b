//! What a run puts behind a target: where the upstreams listen, with which keys, and what the world asks of the target.

use std::fmt;

use scenario::{Address, KeySettings, Padding, Prices, Protocol, RouterSettings, Tenant, World};

/// The operator's secret where nothing is started.
pub(crate) const IMAGINED_ADMIN: &str = "sk-imagined-admin";

/// What stands behind a target in one run.
#[derive(Clone, Debug)]
pub struct Topology {
    /// The upstreams, in the order of the world, each key as the target is given it.
    pub(crate) upstreams: Vec<Provider>,
    /// The tenants, in the order of the world.
    pub(crate) tenants: Vec<(Key, Option<Tenant>)>,
    /// The settings asked of the target.
    pub(crate) router: RouterSettings,
    /// What tokens cost.
    pub(crate) prices: Option<Prices>,
    /// The operator's secret.
    admin: Hidden,
}

/// Where an upstream listens, and the keys that it knows.
#[derive(Clone, Debug)]
pub struct UpstreamAddress {
    /// Its name in the world.
    pub name: String,
    /// The wire format that it speaks.
    pub protocol: Protocol,
    /// The address with the path's beginning, as a client library wants it: `http://127.0.0.1:4010/v1`.
    pub base_url: String,
    /// Its keys.
    pub keys: Vec<Key>,
    /// The address of each key, in their order, where each has one of its own.
    pub key_urls: Vec<String>,
}

/// A secret by which somebody is known: a key of an upstream, or of a tenant.
#[derive(Clone)]
pub struct Key {
    /// The name under which it may be shown; for a tenant, the tenant's.
    pub label: String,
    /// The key itself, which may not.
    pub secret: String,
    /// What may be shown of the key itself.
    pub fingerprint: String,
}

/// An upstream with its keys as the target is given them.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    pub(crate) name: String,
    pub(crate) protocol: Protocol,
    pub(crate) base_url: String,
    pub(crate) keys: Vec<GivenKey>,
}

/// A key as the target is given it.
#[derive(Clone, Debug)]
pub(crate) struct GivenKey {
    pub(crate) key: Key,
    /// Where the upstream is reached with it.
    pub(crate) base_url: String,
    /// What is special about it.
    pub(crate) settings: Option<KeySettings>,
    /// Its secret with what surrounds it in the configuration, or in the environment.
    given: Hidden,
}

/// A text that is never shown.
#[derive(Clone)]
struct Hidden(String);

impl Topology {
    /// The topology of a world whose upstreams listen at these addresses, whose tenants have these keys, each under the
    /// tenant's name, and whose operator has this secret.
    #[must_use]
    pub fn of(
        world: &World,
        upstreams: Vec<UpstreamAddress>,
        tenants: Vec<Key>,
        admin: impl Into<String>,
    ) -> Self {
        let tenants = tenants.into_iter().map(|key| {
            let settings = world.tenants.get(&key.label).cloned();
            (key, settings)
        });
        Self {
            upstreams: upstreams.into_iter().map(|upstream| Provider::of(upstream, world)).collect(),
            tenants: tenants.collect(),
            router: world.router.clone(),
            prices: world.prices.clone(),
            admin: Hidden(admin.into()),
        }
    }

    /// The topology of a world in which nothing listens yet, with keys that nobody has: enough to see what templates make
    /// of its settings.
    pub(crate) fn imagined(world: &World) -> Self {
        let key = |label: &str| Key {
            label: label.to_owned(),
            secret: format!("sk-imagined-{label}"),
            fingerprint: "00000000".to_owned(),
        };
        let upstreams = world.upstreams.0.iter().map(|(name, upstream)| UpstreamAddress {
            name: name.value.clone(),
            protocol: upstream.dialect,
            base_url: imagined_url(upstream.address).to_owned(),
            keys: upstream.keys.labels().map(key).collect(),
            key_urls: Vec::new(),
        });
        let tenants = world.tenants.names().map(key).collect();
        Self::of(world, upstreams.collect(), tenants, IMAGINED_ADMIN)
    }

    /// The same with another secret of the operator.
    #[must_use]
    pub(crate) fn with_admin(self, admin: impl Into<String>) -> Self {
        Self { admin: Hidden(admin.into()), ..self }
    }

    /// Every key, those of tenants included.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        let upstreams = self.upstreams.iter().flat_map(|upstream| &upstream.keys).map(|given| &given.key);
        upstreams.chain(self.tenants.iter().map(|(key, _)| key))
    }

    /// The operator's secret.
    pub(crate) fn admin(&self) -> &str {
        &self.admin.0
    }

    /// The variables that the world puts into the target's environment: keys that it finds there, and further ones.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        let keys = self.upstreams.iter().flat_map(|upstream| &upstream.keys);
        let found = keys.filter_map(|given| Some((given.variable()?, given.given())));
        let further =
            self.router.environment.0.iter().map(|(name, value)| (name.value.as_str(), value.as_str()));
        found.chain(further)
    }

    /// The same with other settings, as far as a target that runs can have them; otherwise, what it cannot.
    pub(crate) fn reloaded(&self, settings: &RouterSettings) -> Result<Self, &'static str> {
        let own = &self.router;
        let fixed = [
            ("instances", settings.instances.is_some_and(|instances| instances != self.instances())),
            ("shared", settings.shared && !own.shared),
            ("must_start", !settings.must_start && own.must_start),
            ("environment", !settings.environment.0.is_empty() && settings.environment != own.environment),
        ];
        if let Some((name, _)) = fixed.into_iter().find(|(_, differs)| *differs) {
            return Err(name);
        }
        let router = RouterSettings {
            instances: own.instances,
            shared: own.shared,
            must_start: own.must_start,
            environment: own.environment.clone(),
            ..settings.clone()
        };
        Ok(Self { router, ..self.clone() })
    }

    /// How many instances of the target run side by side.
    pub(crate) fn instances(&self) -> u32 {
        self.router.instances.unwrap_or(1)
    }
}

/// An address such as an upstream would have: a template may refuse what its target cannot reach.
fn imagined_url(address: Address) -> &'static str {
    match address {
        Address::Plain => "http://127.0.0.1:9/v1",
        Address::BadCertificate => "https://127.0.0.1:9/v1",
        Address::UnknownHost => "http://upstream.invalid/v1",
    }
}

impl Default for Topology {
    fn default() -> Self {
        Self {
            upstreams: Vec::new(),
            tenants: Vec::new(),
            router: RouterSettings::nothing(),
            prices: None,
            admin: Hidden(IMAGINED_ADMIN.to_owned()),
        }
    }
}

impl Provider {
    fn of(upstream: UpstreamAddress, world: &World) -> Self {
        let UpstreamAddress { name, protocol, base_url, keys, key_urls } = upstream;
        let settings = |label: &str| {
            let keys = &world.upstreams.get(&name)?.keys.0;
            keys.iter().find(|key| key.label.value == label).map(|key| key.settings.clone())
        };
        let given = keys.iter().enumerate().map(|(place, key)| {
            let settings = settings(&key.label);
            let other = settings.as_ref().and_then(|settings| settings.same_as.as_ref());
            let other = other.and_then(|other| keys.iter().find(|key| key.label == other.value));
            let secret = &other.unwrap_or(key).secret;
            let padding = settings.as_ref().map_or(Padding::None, |settings| settings.padding);
            let base_url = key_urls.get(place).unwrap_or(&base_url).clone();
            GivenKey { key: key.clone(), base_url, given: Hidden(padded(secret, padding)), settings }
        });
        Self { keys: given.collect(), name, protocol, base_url }
    }
}

impl GivenKey {
    /// Its secret as the target is given it.
    pub(crate) fn given(&self) -> &str {
        &self.given.0
    }

    /// The variable of the environment in which the target finds it; `None` for one that stands in the configuration.
    pub(crate) fn variable(&self) -> Option<&str> {
        self.settings.as_ref()?.variable.as_ref().map(|name| name.value.as_str())
    }
}

fn padded(secret: &str, padding: Padding) -> String {
    match padding {
        Padding::None => secret.to_owned(),
        Padding::Blanks => format!("  {secret} "),
        Padding::Newline => format!("{secret}\n"),
        Padding::Empty => String::new(),
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<key {}>", self.label)
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<hidden>")
    }
}
