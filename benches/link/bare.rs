//! The yardstick: one stream of bare quinn, set up as the link sets up bulk.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Endpoint, ServerConfig, TransportConfig, VarInt};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::version::TLS13;

/// The windows of bulk.
const WINDOW: u32 = 8 << 20;

fn transport() -> Arc<TransportConfig> {
    let mut config = TransportConfig::default();
    config
        .stream_receive_window(VarInt::from_u32(WINDOW))
        .receive_window(VarInt::from_u32(WINDOW))
        .send_window(u64::from(WINDOW))
        .initial_mtu(1_452);
    Arc::new(config)
}

/// Sends so many bytes in pieces, until all were read.
pub(crate) fn transfer(total: usize, piece: usize) -> Vec<f64> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.der().clone(), made.signing_key.serialize_der());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate],
            rustls::pki_types::PrivateKeyDer::Pkcs8(key.into()),
        )
        .unwrap();
    let client = rustls::ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut server =
        ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(server).unwrap()));
    server.transport_config(transport());
    let mut client = ClientConfig::new(Arc::new(QuicClientConfig::try_from(client).unwrap()));
    client.transport_config(transport());

    let (here, there) = (super::runtime(), super::runtime());
    let anywhere = ([127, 0, 0, 1], 0).into();
    let listening = there.block_on(async { Endpoint::server(server, anywhere).unwrap() });
    let address = listening.local_addr().unwrap();
    let read = there.spawn(async move {
        let connection = listening.accept().await.unwrap().await.unwrap();
        let mut stream = connection.accept_uni().await.unwrap();
        let mut read = 0;
        while let Some(chunk) = stream.read_chunk(1 << 20, true).await.unwrap() {
            read += chunk.bytes.len();
        }
        read
    });
    here.block_on(async {
        let endpoint = Endpoint::client(anywhere).unwrap();
        let connecting = endpoint.connect_with(client, address, "localhost").unwrap();
        let connection = connecting.await.unwrap();
        let body = Bytes::from(vec![7; piece]);
        let (start, before) = (Instant::now(), super::spent());
        let mut stream = connection.open_uni().await.unwrap();
        for _ in 0..total / piece {
            stream.write_chunk(body.clone()).await.unwrap();
        }
        stream.finish().unwrap();
        assert_eq!(read.await.unwrap(), total);
        super::speeds(start, before)
    })
}
