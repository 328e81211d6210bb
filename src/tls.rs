//! The node's certificate: made or imported, checked, served, and replaced without a restart.
//!
//! rustls with aws-lc-rs alone, passed explicitly: no process-wide default is set or read. A key
//! leaves this module only as the PEM that goes into the node's own folder.
//!
//! Replacing (D4): one endpoint serves one certificate, so the overlap is in what clients are told.
//! [`CertificateStore::rotate`] makes the next certificate and shows both thumbprints; clients pin
//! the second beside the first while the first is still served; the switch comes when ordered or
//! at its date.

mod identity;
mod store;

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;

pub use holdfast_actors::rotation::{Message as RotationMessage, Rotation, RotationHands};
pub use identity::{CertificateError, Identity, SELF_SIGNED_DAYS, Thumbprint};
pub use store::{CertificateStatus, CertificateStore, SharedStore, StoreError};

/// The protocols offered by ALPN, best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// The name of the agent's protocol over QUIC; another major version has another.
pub const NATIVE: &[u8] = b"holdfast-agent/1";

/// What TLS listeners serve. Cheap to clone; all clones switch together.
#[derive(Clone)]
pub struct Certificates {
    serving: Arc<Serving>,
    config: Arc<ServerConfig>,
    native: Arc<ServerConfig>,
}

impl Certificates {
    /// Serves this identity from the first handshake on.
    ///
    /// # Errors
    /// When the provider knows no protocol version, which no build of it does.
    pub fn new(identity: &Identity) -> Result<Self, CertificateError> {
        let serving = Arc::new(Serving(RwLock::new(identity.certified())));
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(&serving) as _;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(CertificateError::Unusable)?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(&serving) as _;
        // What is sent before the handshake is over may be sent again by anybody: never taken.
        let mut native = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(CertificateError::Unusable)?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        native.alpn_protocols = vec![NATIVE.to_vec()];
        let (config, native) = (Arc::new(config), Arc::new(native));
        Ok(Self {
            serving,
            config,
            native,
        })
    }

    /// Serves another identity from the next handshake on; open connections stay as they are.
    pub fn switch(&self, identity: &Identity) {
        let serving = self.serving.0.write();
        *serving.unwrap_or_else(PoisonError::into_inner) = identity.certified();
    }

    /// The configuration for a listener.
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// The configuration for an endpoint of the native path, with its protocol's name: TLS 1.3.
    pub fn native(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.native)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(default_provider())
}

#[derive(Debug)]
struct Serving(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Serving {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let serving = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&serving))
    }
}
