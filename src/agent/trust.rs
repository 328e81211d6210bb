//! Which server to trust (R4.7): by a pinned thumbprint, by given certificates, or by the system's.
//!
//! There is no way to trust just anybody.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DEFAULT_VERSIONS, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme, SupportedProtocolVersion,
};

use super::thumbprint::Thumbprint;
use crate::tls::NATIVE;

/// Where Debian and its kin keep the certificates that the system trusts.
const SYSTEM_CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// How the server proves that it is the one meant.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// Its certificate is exactly one of these; names and dates do not matter.
    Pinned(Vec<Thumbprint>),
    /// Its certificate is signed by, or is, one of this PEM file.
    File(PathBuf),
    /// Its certificate is signed by an authority that the system trusts.
    System,
}

/// Why there is nothing to trust by.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    /// The file cannot be read, or is no PEM file.
    #[error("the certificates in {file} cannot be read: {cause}")]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        cause: rustls::pki_types::pem::Error,
    },
    /// The file is fine, but empty.
    #[error("{0} holds no certificate")]
    Empty(PathBuf),
    /// The TLS library refuses.
    #[error("TLS cannot be set up")]
    Tls(#[from] Error),
}

/// TLS as a client, with aws-lc-rs as the only provider.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    /// For HTTP/1.1.
    pub(crate) https: Arc<ClientConfig>,
    /// For the native path.
    pub(crate) quic: Arc<ClientConfig>,
}

/// TLS as a client that trusts so.
pub(crate) fn configuration(trust: &Trust) -> Result<Tls, TrustError> {
    let mut https = trusting(trust, DEFAULT_VERSIONS)?;
    https.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut quic = trusting(trust, &[&TLS13])?;
    quic.alpn_protocols = vec![NATIVE.to_vec()];
    let [https, quic] = [https, quic].map(Arc::new);
    Ok(Tls { https, quic })
}

fn trusting(
    trust: &Trust,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ClientConfig, TrustError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)?;
    Ok(match trust {
        Trust::Pinned(thumbprints) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pin {
                thumbprints: thumbprints.clone(),
                provider,
            }))
            .with_no_client_auth(),
        Trust::File(file) => builder
            .with_root_certificates(roots(file)?)
            .with_no_client_auth(),
        Trust::System => builder
            .with_root_certificates(roots(Path::new(SYSTEM_CERTIFICATES))?)
            .with_no_client_auth(),
    })
}

fn roots(file: &Path) -> Result<RootCertStore, TrustError> {
    let wrong = |cause| TrustError::File {
        file: file.to_owned(),
        cause,
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
        .map_err(wrong)?
        .collect::<Result<_, _>>()
        .map_err(wrong)?;
    let mut store = RootCertStore::empty();
    let (added, _unusable) = store.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(TrustError::Empty(file.to_owned()));
    }
    Ok(store)
}

/// Accepts exactly these certificates; the handshake still proves that the server holds its key.
#[derive(Debug)]
struct Pin {
    thumbprints: Vec<Thumbprint>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Thumbprint::of(end_entity);
        if self.thumbprints.contains(&shown) {
            Ok(ServerCertVerified::assertion())
        } else {
            let cause = Mismatch { shown };
            Err(Error::InvalidCertificate(CertificateError::Other(
                rustls::OtherError(Arc::new(cause)),
            )))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// The server showed another certificate than the pinned one.
#[derive(Debug, thiserror::Error)]
#[error("the server's certificate has the thumbprint {shown}, not the one that was given")]
struct Mismatch {
    shown: Thumbprint,
}
