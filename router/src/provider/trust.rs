//! Whose certificates are believed where a provider is asked over TLS: those that the system trusts, or those of one file.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// What a certificate is checked against.
#[derive(Clone)]
pub(crate) struct Trust {
    pub(super) config: Arc<ClientConfig>,
    /// The roots of a file; none where the system's are meant.
    named: Option<Vec<CertificateDer<'static>>>,
}

/// Why nothing can be trusted.
#[derive(Debug, Error)]
pub(crate) enum TrustError {
    #[error("cannot read the certificates in it: {0}")]
    Unreadable(String),
    #[error("there is no certificate in it: it has to hold those of the authorities, in PEM")]
    NoCertificate,
    #[error("a certificate in it cannot be used: {0}")]
    Unusable(rustls::Error),
    #[error(
        "this system has no certificates of authorities (its package is often called `ca-certificates`): install them, or name \
         a file of your own with `ca`"
    )]
    NoSystemRoots,
}

impl Trust {
    /// What the system trusts, as far as it can be read.
    pub(crate) fn of_system() -> Result<Self, TrustError> {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "some of the system's certificates cannot be read");
        }
        let mut roots = RootCertStore::empty();
        // Some of a system's may be odd, which is no reason to go without the others.
        let (usable, _) = roots.add_parsable_certificates(found.certs);
        if usable == 0 {
            return Err(TrustError::NoSystemRoots);
        }
        Ok(Self { config: config(roots), named: None })
    }

    /// The authorities of a file and no others.
    pub(crate) fn of_file(path: &Path) -> Result<Self, TrustError> {
        let unreadable = |error: &dyn Error| TrustError::Unreadable(error.to_string());
        let bytes = std::fs::read(path).map_err(|error| unreadable(&error))?;
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        let named = read.map_err(|error| unreadable(&error))?;
        if named.is_empty() {
            return Err(TrustError::NoCertificate);
        }
        let mut roots = RootCertStore::empty();
        for certificate in &named {
            roots.add(certificate.clone()).map_err(TrustError::Unusable)?;
        }
        Ok(Self { config: config(roots), named: Some(named) })
    }
}

fn config(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.expect("ring knows the versions that rustls has");
    Arc::new(versions.with_root_certificates(roots).with_no_client_auth())
}

impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        self.named == other.named
    }
}

impl Eq for Trust {}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.named.as_ref().map(Vec::len);
        f.debug_struct("Trust").field("named", &named).finish_non_exhaustive()
    }
}

/// What is wrong with the other side's TLS, if that is why there is no connection.
pub(crate) fn tls_trouble(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(trouble) = error.downcast_ref::<rustls::Error>() {
            return Some(match trouble {
                rustls::Error::InvalidCertificate(why) => format!(
                    "its certificate cannot be trusted ({why:?}): if an authority of your own has signed it, name that with `ca`"
                ),
                other => format!("it does not speak TLS as it should ({other})"),
            });
        }
        // What an I/O error wraps is not always its source.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn file(name: &str, text: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("router-trust-{}-{name}.pem", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    fn of_text(name: &str, text: &str) -> Result<Trust, TrustError> {
        let path = file(name, text);
        let trust = Trust::of_file(&path);
        std::fs::remove_file(path).unwrap();
        trust
    }

    fn authority() -> String {
        let made = rcgen::generate_simple_self_signed(["authority.test".to_owned()]).unwrap();
        let text = STANDARD.encode(made.cert.der());
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn two_readings_of_the_same_authorities_are_the_same_trust() {
        let (one, other) = (authority(), authority());
        let read = |text: &str| of_text("same", text).unwrap();
        assert_eq!(read(&one), read(&one));
        assert_ne!(read(&one), read(&other));
        assert_ne!(read(&one), read(&format!("{one}{other}")));
    }

    #[test]
    fn a_file_that_names_no_authority_is_refused_with_a_reason() {
        let begin = "-----BEGIN CERTIFICATE-----\n";
        let end = "-----END CERTIFICATE-----\n";
        let cases = [
            ("empty", String::new(), "no certificate in it"),
            ("words", "hello\n".to_owned(), "no certificate in it"),
            ("cut", format!("{begin}AAAA"), "cannot read the certificates"),
            ("noise", format!("{begin}AAAA\n{end}"), "cannot be used"),
        ];
        for (name, text, expected) in cases {
            let error = of_text(name, &text).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
        assert!(Trust::of_file(Path::new("/no/such/file")).is_err());
    }

    #[test]
    fn trouble_with_tls_is_found_however_deep_it_lies_and_other_trouble_is_none() {
        let untrusted = || rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let deep = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, untrusted()));
        assert!(tls_trouble(&deep).unwrap().contains("cannot be trusted (UnknownIssuer)"));
        let odd = io::Error::other(rustls::Error::DecryptError);
        assert!(tls_trouble(&odd).unwrap().contains("does not speak TLS as it should"));
        assert_eq!(tls_trouble(&io::Error::from(io::ErrorKind::ConnectionRefused)), None);
    }
}
