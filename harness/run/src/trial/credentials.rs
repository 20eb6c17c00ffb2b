//! How a request proves who sends it: to the target by its profile, to an upstream with a key of its own.

use dialect::Dialect;
use scenario::Credential;

use crate::trial::requests::{Addressee, CannotMake, Maker};

impl Maker<'_> {
    /// The header in which a request says who sends it.
    pub(crate) fn authorization(
        &self,
        asked: &scenario::Request,
        dialect: Dialect,
        tenant: Option<&str>,
        to: Addressee<'_>,
    ) -> Result<Option<(String, String)>, CannotMake> {
        let provider = match to {
            Addressee::Target => None,
            Addressee::Upstream => {
                let model = asked.model_name().unwrap_or_default();
                let (upstream, _) =
                    self.upstream_of(model).ok_or_else(|| CannotMake::Upstream(model.to_owned()))?;
                Some(upstream)
            }
            Addressee::Service(name) => Some(name),
        };
        if let (Some(upstream), Credential::Usual) = (provider, asked.credential) {
            let key = self.secrets.first_key(upstream);
            return Ok(key.map(|key| {
                let (name, value) = dialect.credential_header(key);
                (name.to_owned(), value)
            }));
        }
        self.proof(asked.credential, tenant, dialect)
    }

    /// How it is proved to the target who asks.
    pub(crate) fn proof(
        &self,
        credential: Credential,
        tenant: Option<&str>,
        dialect: Dialect,
    ) -> Result<Option<(String, String)>, CannotMake> {
        let with = |secret: &str| {
            let usual = self.profile.authorization_for(Some(secret), self.secrets.admin());
            usual.unwrap_or_else(|| {
                let (name, value) = dialect.credential_header(secret);
                (name.to_owned(), value)
            })
        };
        Ok(match credential {
            Credential::None => None,
            Credential::Wrong => Some(with(self.secrets.nobodys())),
            Credential::Malformed => Some(("authorization".to_owned(), "Bearer".to_owned())),
            Credential::Admin => match self.profile.admin_authorization(self.secrets.admin()) {
                Some(header) => Some(header),
                None => return Err(self.unsaid("credential: admin")),
            },
            Credential::Usual => match tenant {
                Some(tenant) => Some(with(self.secrets.tenant(tenant).unwrap_or_default())),
                None => self.profile.authorization_for(None, self.secrets.admin()),
            },
        })
    }
}
