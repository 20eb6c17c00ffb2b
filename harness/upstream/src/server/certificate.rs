//! TLS with a certificate that nobody vouches for.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Takes TLS with a key and a certificate that are made here and now. The certificate is for the right host and of today: all
/// that is wrong with it is that it has signed itself.
///
/// # Errors
/// If they cannot be made.
pub(super) fn self_signed(ip: IpAddr) -> io::Result<TlsAcceptor> {
    let hosts = ["localhost".to_owned(), ip.to_string()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(hosts).map_err(io::Error::other)?;
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key));
    Ok(TlsAcceptor::from(Arc::new(config.map_err(io::Error::other)?)))
}
