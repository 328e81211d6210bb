//! TLS of the link: version 1.3, both ends certified, one protocol name, nothing resumed.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use holdfast_actors::ports::Clock;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::UnixTime;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig, SignatureScheme};
use tokio::sync::watch;

use super::verify::Verifier;
use crate::identity::{IdentityError, NodeCertificate};
use crate::join;
use crate::nodes::Nodes;

/// The name of the protocol; of another major version it is another.
pub const ALPN: &[u8] = b"holdfast/1";

/// The certificate that is shown from the next handshake on.
#[derive(Debug)]
pub(super) struct Shown {
    faces: RwLock<Faces>,
    provider: Arc<CryptoProvider>,
}

/// What is shown to whom.
#[derive(Debug)]
struct Faces {
    node: Arc<CertifiedKey>,
    /// With the root, whose thumbprint is all that a newcomer knows.
    newcomer: Arc<CertifiedKey>,
}

impl Faces {
    fn of(certificate: &NodeCertificate, provider: &CryptoProvider) -> Result<Self, IdentityError> {
        Ok(Self {
            node: certificate.certified(provider)?,
            newcomer: certificate.certified_with_root(provider)?,
        })
    }
}

impl Shown {
    pub(super) fn switch(&self, certificate: &NodeCertificate) -> Result<(), IdentityError> {
        let faces = Faces::of(certificate, &self.provider)?;
        *self.faces.write().unwrap_or_else(PoisonError::into_inner) = faces;
        Ok(())
    }

    fn certified(&self) -> Arc<CertifiedKey> {
        let faces = self.faces.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&faces.node)
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut names = hello.alpn().into_iter().flatten();
        if names.any(|name| name == join::ALPN) {
            let faces = self.faces.read().unwrap_or_else(PoisonError::into_inner);
            return Some(Arc::clone(&faces.newcomer));
        }
        Some(self.certified())
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(
        &self,
        _root_hints: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        Some(self.certified())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Certificates are judged by the node's clock.
pub(crate) struct Wall(pub(crate) Arc<dyn Clock>);

impl TimeProvider for Wall {
    fn current_time(&self) -> Option<UnixTime> {
        let millis = self.0.now().wall.as_millis();
        Some(UnixTime::since_unix_epoch(Duration::from_millis(millis)))
    }
}

impl fmt::Debug for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wall")
    }
}

/// Both sides' configuration.
pub(super) struct Tls {
    pub(super) shown: Arc<Shown>,
    pub(super) server: Arc<QuicServerConfig>,
    pub(super) client: Arc<QuicClientConfig>,
}

pub(super) fn tls(
    certificate: &NodeCertificate,
    nodes: watch::Receiver<Arc<Nodes>>,
    clock: Arc<dyn Clock>,
    admits: bool,
    provider: Arc<CryptoProvider>,
) -> Result<Tls, IdentityError> {
    let verifier = Verifier::new(certificate.root(), nodes, Arc::clone(&provider), admits)?;
    let verifier = Arc::new(verifier);
    let shown = Arc::new(Shown {
        faces: RwLock::new(Faces::of(certificate, &provider)?),
        provider: Arc::clone(&provider),
    });
    let unusable = IdentityError::Unusable;

    let wall = Arc::new(Wall(Arc::clone(&clock)));
    let mut server = ServerConfig::builder_with_details(Arc::clone(&provider), wall)
        .with_protocol_versions(&[&TLS13])
        .map_err(unusable)?
        .with_client_cert_verifier(Arc::clone(&verifier) as _)
        .with_cert_resolver(Arc::clone(&shown) as _);
    server.alpn_protocols = vec![ALPN.to_vec()];
    if admits {
        server.alpn_protocols.push(join::ALPN.to_vec());
    }
    // A resumed session would bring back a peer without a look at the table.
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;

    let wall = Arc::new(Wall(clock));
    let mut client = ClientConfig::builder_with_details(provider, wall)
        .with_protocol_versions(&[&TLS13])
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::clone(&shown) as _);
    client.alpn_protocols = vec![ALPN.to_vec()];
    client.resumption = Resumption::disabled();

    let no_cipher = |_| IdentityError::Chain;
    Ok(Tls {
        shown,
        server: Arc::new(QuicServerConfig::try_from(server).map_err(no_cipher)?),
        client: Arc::new(QuicClientConfig::try_from(client).map_err(no_cipher)?),
    })
}
