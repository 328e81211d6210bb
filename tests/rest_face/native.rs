//! The native path: what strangers get of it, and what odd clients cost it.

use std::sync::Arc;
use std::time::Duration;

use holdfast::rest::Limits;
use holdfast::tls::NATIVE;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, RecvStream, SendStream, VarInt};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::version::TLS13;
use tokio::time::timeout;

use crate::memory::Memory;
use crate::world::{LOGIN, LONG, World, name, world_with};

/// Short enough to wait for.
const SHORT: Duration = Duration::from_millis(300);
/// Streams of whom nobody knows yet.
const STRANGERS_STREAMS: usize = 4;

async fn world(change: impl FnOnce(&mut Limits)) -> World {
    let mut limits = Limits::default();
    change(&mut limits);
    world_with("127.0.0.1:0", limits, Memory::new(true)).await
}

async fn connect(world: &World, protocol: &[u8]) -> Result<Connection, ConnectionError> {
    let mut roots = RootCertStore::empty();
    let pem = world.identity.certificate_pem();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut crypto = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    crypto.alpn_protocols = vec![protocol.to_vec()];
    let config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(crypto).unwrap()));
    let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let connecting = endpoint.connect_with(config, world.address, "node.example");
    connecting.unwrap().await
}

type Both = (SendStream, RecvStream);

async fn open(connection: &Connection) -> Option<Both> {
    let opened = timeout(SHORT, connection.open_bi()).await.ok()?;
    Some(opened.unwrap())
}

/// Asks for a list, and reads the whole answer.
async fn ask((mut send, mut receive): Both, login: &str) -> String {
    let text = format!("GET /r/data/ HTTP/1.1\r\nHost: x\r\n{login}\r\nConnection: close\r\n\r\n");
    send.write_all(text.as_bytes()).await.unwrap();
    let answer = timeout(LONG, receive.read_to_end(1 << 20)).await.unwrap();
    String::from_utf8(answer.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_known_gets_a_few_streams_until_he_is() {
    let world = world(|_| ()).await;
    let connection = connect(&world, NATIVE).await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..STRANGERS_STREAMS {
        let (mut send, receive) = open(&connection).await.unwrap();
        // A stream is known at the other end once something was written to it.
        send.write_all(b"G").await.unwrap();
        streams.push((send, receive));
    }
    assert!(open(&connection).await.is_none());
    streams.pop();
    let stream = timeout(LONG, connection.open_bi()).await.unwrap().unwrap();
    let refused = ask(stream, "Authorization: Basic YWNtZTp3cm9uZw==").await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    let stream = timeout(LONG, connection.open_bi()).await.unwrap().unwrap();
    let answer = ask(stream, LOGIN).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for _ in 0..2 * STRANGERS_STREAMS {
        streams.push(timeout(LONG, connection.open_bi()).await.unwrap().unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stays_a_stranger_is_sent_away_and_others_are_not() {
    let world = world(|limits| limits.stranger = SHORT).await;
    let known = connect(&world, NATIVE).await.unwrap();
    let answer = ask(open(&known).await.unwrap(), LOGIN).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let stranger = connect(&world, NATIVE).await.unwrap();
    let _guess = ask(open(&stranger).await.unwrap(), "Authorization: Basic YTpi").await;
    let closed = timeout(LONG, stranger.closed()).await.unwrap();
    assert!(
        matches!(closed, ConnectionError::ApplicationClosed(_)),
        "{closed}"
    );
    let answer = ask(open(&known).await.unwrap(), LOGIN).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_on_which_nobody_asks_is_closed() {
    let world = world(|limits| limits.head = SHORT).await;
    let connection = connect(&world, NATIVE).await.unwrap();
    ask(open(&connection).await.unwrap(), LOGIN).await;
    timeout(LONG, connection.closed()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_another_protocol_is_refused() {
    let world = world(|_| ()).await;
    for protocol in [&b"h3"[..], b"holdfast/1", b"holdfast-agent/2"] {
        assert!(connect(&world, protocol).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_costs_its_own_stream_alone() {
    let world = world(|_| ()).await;
    let connection = connect(&world, NATIVE).await.unwrap();
    let (mut send, mut receive) = open(&connection).await.unwrap();
    send.write_all(&[0xff; 4096]).await.unwrap();
    // Refused or cut, and over either way.
    let _over = timeout(LONG, receive.read_to_end(1 << 16)).await.unwrap();
    let (mut send, _receive) = open(&connection).await.unwrap();
    send.write_all(b"POST /r/data/").await.unwrap();
    send.reset(VarInt::from_u32(9)).unwrap();
    let answer = ask(open(&connection).await.unwrap(), LOGIN).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_stream_is_cut_leaves_nothing() {
    let world = world(|_| ()).await;
    let connection = connect(&world, NATIVE).await.unwrap();
    let (mut send, _receive) = open(&connection).await.unwrap();
    let object = name(b"0123456789");
    let head = format!(
        "POST /r/data/{object} HTTP/1.1\r\nHost: x\r\n{LOGIN}\r\nContent-Length: 10\r\n\r\n01234"
    );
    send.write_all(head.as_bytes()).await.unwrap();
    let mut uploads = world.memory.uploads();
    uploads.wait_for(|running| *running == 1).await.unwrap();
    send.reset(VarInt::from_u32(9)).unwrap();
    let none = uploads.wait_for(|running| *running == 0);
    timeout(LONG, none).await.unwrap().unwrap();
    assert_eq!((world.memory.reserved(), world.memory.objects()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_more_connection_than_an_address_may_have_is_refused() {
    let world = world(|limits| limits.connections_per_address = 1).await;
    let first = connect(&world, NATIVE).await.unwrap();
    assert!(connect(&world, NATIVE).await.is_err());
    first.close(VarInt::from_u32(0), b"");
}
