//! Whom a node talks to: both ends prove that theirs is the key of a node in the table.
//!
//! A certificate of the cluster's authority is needed and not enough. The handshake proves that the
//! peer holds the certificate's key; this decides whose key it is.

use std::fmt;
use std::sync::Arc;

use holdfast_actors::kernel::NodeId;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use tokio::sync::watch;

use super::end::{REMOVED, STARTING};
use crate::identity::{IdentityError, KeyHash, node_called, server_name};
use crate::nodes::Nodes;

/// Why a peer with a good certificate is refused.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Denied {
    #[error("its key is not in the node table: it never joined")]
    NotInTable,
    #[error("{STARTING}")]
    NotYet,
    #[error("{0} {REMOVED}")]
    Removed(NodeId),
    #[error("its key is not that of {0}")]
    OtherNode(NodeId),
    #[error("no node is called so")]
    NoNode,
}

impl fmt::Debug for Denied {
    /// The sentence: TLS shows the cause of a refusal in this form alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        let other = OtherError(Arc::new(denied));
        Self::InvalidCertificate(CertificateError::Other(other))
    }
}

/// Checks peers on both sides of a handshake.
#[derive(Debug)]
pub(super) struct Verifier {
    roots: Arc<RootCertStore>,
    clients: Arc<dyn ClientCertVerifier>,
    nodes: watch::Receiver<Arc<Nodes>>,
    provider: Arc<CryptoProvider>,
    /// Whether somebody without a certificate gets as far as to say what he wants.
    newcomers: bool,
}

impl Verifier {
    pub(super) fn new(
        root: &CertificateDer<'static>,
        nodes: watch::Receiver<Arc<Nodes>>,
        provider: Arc<CryptoProvider>,
        newcomers: bool,
    ) -> Result<Self, IdentityError> {
        let mut roots = RootCertStore::empty();
        roots.add(root.clone()).map_err(IdentityError::Unusable)?;
        let roots = Arc::new(roots);
        let builder =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider));
        let clients = builder.build().map_err(|_| IdentityError::Chain)?;
        Ok(Self {
            roots,
            clients,
            nodes,
            provider,
            newcomers,
        })
    }

    /// Whose certificate this is, if it is one's in the table and says so itself.
    fn owner(&self, certificate: &ParsedCertificate<'_>) -> Result<NodeId, Error> {
        let key = KeyHash::of_info(&certificate.subject_public_key_info());
        let nodes = self.nodes.borrow().clone();
        let denied = || match nodes.removed(&key) {
            Some(node) => Denied::Removed(node),
            None if nodes.is_current() => Denied::NotInTable,
            None => Denied::NotYet,
        };
        let owner = nodes.owner(&key).ok_or_else(denied)?;
        let name = ServerName::try_from(server_name(owner)).map_err(|_| Denied::NoNode)?;
        verify_server_name(certificate, &name).map_err(|_| Denied::OtherNode(owner))?;
        Ok(owner)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        rustls::client::verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )?;
        let meant = node_called(&server_name.to_str()).ok_or(Denied::NoNode)?;
        if self.owner(&certificate)? != meant {
            return Err(Denied::OtherNode(meant).into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.clients.supported_verify_schemes()
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // A peer has one certificate; it needs no hint, and strangers get none.
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        !self.newcomers
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.clients
            .verify_client_cert(end_entity, intermediates, now)?;
        self.owner(&ParsedCertificate::try_from(end_entity)?)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.clients
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.clients
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.clients.supported_verify_schemes()
    }
}

/// The node that a finished handshake was with; none if it left the table meanwhile.
pub(super) fn peer(chain: &[CertificateDer<'static>], nodes: &Nodes) -> Option<(NodeId, KeyHash)> {
    let certificate = ParsedCertificate::try_from(chain.first()?).ok()?;
    let key = KeyHash::of_info(&certificate.subject_public_key_info());
    Some((nodes.owner(&key)?, key))
}
