//! A caller that speaks TLS, careful or careless.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::stage::soon;

/// Takes every certificate.
#[derive(Debug)]
struct Careless;

impl ServerCertVerifier for Careless {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Opens TLS to an upstream, whether it is careless about the certificate or not.
pub(crate) async fn shake_hands(
    address: SocketAddr,
    careless: bool,
) -> std::io::Result<TlsStream<TcpStream>> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = if careless {
        config.dangerous().with_custom_certificate_verifier(Arc::new(Careless)).with_no_client_auth()
    } else {
        config.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    };
    let stream = soon(TcpStream::connect(address)).await?;
    let host = ServerName::from(address.ip());
    soon(TlsConnector::from(Arc::new(config)).connect(host, stream)).await
}

/// Sends a request that is the last one, and takes all that comes.
pub(crate) async fn ask(stream: &mut TlsStream<TcpStream>, asked: &str) -> String {
    let asked = asked.replace("host: upstream", "host: upstream\r\nconnection: close");
    soon(stream.write_all(asked.as_bytes())).await.unwrap();
    let mut came = Vec::new();
    // How the connection ends is no matter here.
    let _: Result<usize, _> = soon(stream.read_to_end(&mut came)).await;
    String::from_utf8(came).unwrap()
}
