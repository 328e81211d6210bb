//! A peer that keeps no rules: bare quinn with a certificate of a cluster.

use std::net::SocketAddr;
use std::sync::Arc;

use holdfast_actors::kernel::NodeId;
use holdfast_cluster::identity::{NodeCertificate, server_name};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{Connection, Endpoint, SendStream};
use rustls::client::{WantsClientCert, WebPkiServerVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, ServerConfig};

fn parts(certificate: &NodeCertificate) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let pem = certificate.pem();
    let chain = CertificateDer::pem_slice_iter(pem.as_bytes());
    let chain: Result<Vec<_>, _> = chain.take(2).collect();
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    (chain.unwrap(), key)
}

/// Connects with this certificate and protocol name, and trusts whoever has one of the cluster.
pub(crate) async fn connect(
    certificate: &NodeCertificate,
    alpn: &[u8],
    to: NodeId,
    address: SocketAddr,
) -> Result<Connection, quinn::ConnectionError> {
    let (chain, key) = parts(certificate);
    let tls = trusting(certificate.root());
    let tls = tls.with_client_auth_cert(chain, key).unwrap();
    reach(tls, alpn, to, address).await
}

/// The same without a certificate.
pub(crate) async fn connect_bare(
    root: &CertificateDer<'static>,
    alpn: &[u8],
    to: NodeId,
    address: SocketAddr,
) -> Result<Connection, quinn::ConnectionError> {
    reach(trusting(root).with_no_client_auth(), alpn, to, address).await
}

fn trusting(root: &CertificateDer<'static>) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    ClientConfig::builder_with_details(provider, Arc::new(Today))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_webpki_verifier(verifier.build().unwrap())
}

async fn reach(
    mut tls: ClientConfig,
    alpn: &[u8],
    to: NodeId,
    address: SocketAddr,
) -> Result<Connection, quinn::ConnectionError> {
    tls.alpn_protocols = vec![alpn.to_vec()];
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    let endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).unwrap();
    let connecting = endpoint.connect_with(config, address, &server_name(to));
    connecting.unwrap().await
}

/// Connects, and writes these bytes where a greeting belongs.
pub(crate) async fn greet(
    certificate: &NodeCertificate,
    to: NodeId,
    address: SocketAddr,
    bytes: &[u8],
) -> (Connection, SendStream) {
    let connection = connect(certificate, holdfast_cluster::quic::ALPN, to, address).await;
    let connection = connection.unwrap();
    let mut send = connection.open_uni().await.unwrap();
    send.write_all(bytes).await.unwrap();
    (connection, send)
}

/// Listens with this certificate and takes anybody.
pub(crate) fn listen(certificate: &NodeCertificate, alpn: &[u8]) -> Endpoint {
    let (chain, key) = parts(certificate);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    tls.alpn_protocols = vec![alpn.to_vec()];
    let crypto = Arc::new(QuicServerConfig::try_from(tls).unwrap());
    let config = quinn::ServerConfig::with_crypto(crypto);
    Endpoint::server(config, ([127, 0, 0, 1], 0).into()).unwrap()
}

/// The day on which all certificates here are good.
#[derive(Debug)]
struct Today;

impl rustls::time_provider::TimeProvider for Today {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        let today = std::time::Duration::from_millis(super::today().as_millis());
        Some(rustls::pki_types::UnixTime::since_unix_epoch(today))
    }
}
