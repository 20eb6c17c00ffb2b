//! The secrets of one trial: the keys of tenants and of the operator, made for it, and those that the upstreams made.

use std::collections::BTreeMap;
use std::fmt;

use scenario::World;
use sha2::{Digest, Sha256};
use target::Key;
use upstream::Upstreams;

use crate::evidence::Redactor;

/// The secrets of one trial.
pub(crate) struct Secrets {
    tenants: BTreeMap<String, String>,
    /// By upstream, the label and secret of each key.
    upstreams: BTreeMap<String, Vec<(String, String)>>,
    admin: String,
    nobodys: String,
}

impl Secrets {
    /// Secrets that nobody else has: `mark` is the trial's own number.
    pub(crate) fn new(world: &World, mark: u64) -> Self {
        let tenants =
            world.tenants.names().map(|name| (name.to_owned(), made(mark, "tenant", name))).collect();
        Self {
            tenants,
            upstreams: BTreeMap::new(),
            admin: made(mark, "admin", ""),
            nobodys: made(mark, "nobody", ""),
        }
    }

    /// The same with the secret of an operator who serves others too.
    pub(crate) fn with_admin(self, admin: &str) -> Self {
        Self { admin: admin.to_owned(), ..self }
    }

    /// Adds the keys that the upstreams made.
    pub(crate) fn add_upstreams(&mut self, upstreams: &Upstreams) {
        for (name, _) in upstreams.base_urls() {
            let keys =
                upstreams.keys(name).iter().map(|key| (key.label().to_owned(), key.secret().to_owned()));
            self.upstreams.insert(name.to_owned(), keys.collect());
        }
    }

    /// The key of a tenant.
    pub(crate) fn tenant(&self, name: &str) -> Option<&str> {
        self.tenants.get(name).map(String::as_str)
    }

    /// The keys of all tenants, by their names.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tenants.iter().map(|(name, secret)| (name.as_str(), secret.as_str()))
    }

    /// The keys of all tenants, as a target is told of them.
    pub(crate) fn tenant_keys(&self) -> Vec<Key> {
        let key = |(name, secret): (&str, &str)| Key {
            label: name.to_owned(),
            secret: secret.to_owned(),
            fingerprint: digits(&Sha256::digest(secret), 4),
        };
        self.tenants().map(key).collect()
    }

    /// The operator's key.
    pub(crate) fn admin(&self) -> &str {
        &self.admin
    }

    /// A key that looks like one and was given to nobody.
    pub(crate) fn nobodys(&self) -> &str {
        &self.nobodys
    }

    /// The first key of an upstream.
    pub(crate) fn first_key(&self, upstream: &str) -> Option<&str> {
        self.upstreams.get(upstream)?.first().map(|(_, secret)| secret.as_str())
    }

    /// What replaces all of them in evidence.
    pub(crate) fn redactor(&self) -> Redactor {
        let mut redactor = Redactor::default();
        for (upstream, keys) in &self.upstreams {
            for (label, secret) in keys {
                redactor.add(&format!("key {upstream}/{label}"), secret);
            }
        }
        for (name, secret) in &self.tenants {
            redactor.add_tenant(&format!("tenant {name}"), secret);
        }
        redactor.add("admin key", &self.admin);
        redactor.add_tenant("nobody's key", &self.nobodys);
        redactor
    }

    /// What must never reach an upstream, with what it is called.
    pub(crate) fn canaries(&self) -> Vec<(String, String)> {
        let tenants = self.tenants.iter().map(|(name, secret)| (format!("tenant {name}"), secret.clone()));
        let others = [("admin key", &self.admin), ("nobody's key", &self.nobodys)];
        tenants.chain(others.map(|(label, secret)| (label.to_owned(), secret.clone()))).collect()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secrets>")
    }
}

fn made(mark: u64, kind: &str, name: &str) -> String {
    let digest = Sha256::new()
        .chain_update(mark.to_le_bytes())
        .chain_update(kind)
        .chain_update([0])
        .chain_update(name)
        .finalize();
    format!("sk-sp-{kind}-{}", digits(&digest, 16))
}

/// The first bytes of a digest, in hexadecimal digits.
fn digits(digest: &[u8], bytes: usize) -> String {
    digest.iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_is_its_own_and_shows_nowhere() {
        let secrets = |mark| [made(mark, "tenant", "a"), made(mark, "tenant", "b"), made(mark, "admin", "")];
        let mut all: Vec<String> = secrets(1).into_iter().chain(secrets(2)).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 6);
        assert_eq!(secrets(1), secrets(1));
    }
}
