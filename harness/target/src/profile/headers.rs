//! The headers by which a client or the operator proves who it is, as the profile says.

use minijinja::context;

use crate::profile::{Authorization, Place, Profile, RequestText};
use crate::template::{self, TemplateError};

/// A header by name and value. The value may be a secret.
pub(crate) type Header = (String, String);

impl Profile {
    /// The header of requests on behalf of the tenant with this secret, or on nobody's; `None` if the target wants none. The
    /// value is a secret. A template that cannot be rendered for the secrets of a run keeps the target from starting.
    #[must_use]
    pub fn authorization_for(&self, tenant_secret: Option<&str>, admin: &str) -> Option<(String, String)> {
        self.header(self.says.authorization.as_ref()?, tenant_secret.unwrap_or(admin), admin).ok()
    }

    /// The header of the operator's requests; `None` if the profile says nothing of it. The value is a secret.
    #[must_use]
    pub fn admin_authorization(&self, admin: &str) -> Option<(String, String)> {
        let header = self.says.admin.as_ref().or(self.says.authorization.as_ref())?;
        self.header(header, admin, admin).ok()
    }

    /// Every header by which the tenant with this secret may prove who it is: those that the profile lists under
    /// `credentials`. The values are secrets.
    #[must_use]
    pub fn credentials_for(&self, tenant_secret: &str, admin: &str) -> Vec<(String, String)> {
        let header = |credential: &crate::profile::CredentialHeader| {
            let value = match &credential.value {
                Some(value) => self.request_text(value, tenant_secret, admin).ok()?,
                None if credential.header.0 == "authorization" => format!("Bearer {tenant_secret}"),
                None => tenant_secret.to_owned(),
            };
            Some((credential.header.0.clone(), value))
        };
        self.says.credentials.iter().filter_map(header).collect()
    }

    /// Whether each of these headers can be made for the secrets of a run.
    pub(crate) fn check_headers<'t>(
        &self,
        tenants: impl Iterator<Item = &'t str>,
        admin: &'t str,
    ) -> Result<(), TemplateError> {
        let says = &self.says;
        let own = says.credentials.iter().filter_map(|credential| credential.value.as_ref());
        let texts = says.authorization.iter().chain(&says.admin).map(|header| &header.value).chain(own);
        let texts: Vec<&RequestText> = texts.collect();
        for secret in tenants.chain([admin]) {
            for text in &texts {
                self.request_text(text, secret, admin)?;
            }
        }
        Ok(())
    }

    fn header(&self, header: &Authorization, key: &str, admin: &str) -> Result<Header, TemplateError> {
        Ok((header.header.0.clone(), self.request_text(&header.value, key, admin)?))
    }

    fn request_text(&self, text: &RequestText, key: &str, admin: &str) -> Result<String, TemplateError> {
        let seen = context! { tenant_key => key, admin_key => admin };
        template::render(self, (&text.0.text, Place::Value(text.0.span)), &seen)
    }
}
