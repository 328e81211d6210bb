//! The native path beside what it is measured by, in one run: the agent over QUIC beside restic
//! over HTTPS on the same tree, and raw objects beside streams of plain QUIC that nobody reads and
//! beside the same objects appended to an extent with one replica, on another node of this process.
//!
//! Promised are ratios: the agent takes at most as long as restic, and raw objects go at least 0.4
//! times as fast as plain streams and 0.8 times as fast as into the extent. `cargo bench --bench
//! native` is small; with `-- --full` it is large enough to mean something.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures with the real clock, on threads of its own"
)]

#[path = "compare/client.rs"]
#[expect(dead_code, reason = "other benches use the rest of it")]
mod client;
#[path = "native/extent.rs"]
mod extent;
#[path = "cluster/fleet.rs"]
#[expect(dead_code, reason = "other benches use the rest of it")]
mod fleet;
#[path = "compare/restic.rs"]
mod restic;
#[path = "compare/server.rs"]
#[expect(dead_code, reason = "other benches use the rest of it")]
mod server;
#[path = "compare/tree.rs"]
#[expect(dead_code, reason = "other benches use the rest of it")]
mod tree;

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{Connection, Endpoint, EndpointConfig, TransportConfig, VarInt};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;

use server::{Program, Server};
use tree::Shape;

/// Bytes of one object.
const OBJECT: usize = 16 << 20;
/// Streams at once.
const STREAMS: usize = 4;
/// The name of the agent's protocol.
const NATIVE: &[u8] = b"holdfast-agent/1";

/// How much is done.
struct Sizes {
    tree: u64,
    objects: usize,
    rounds: usize,
}

fn main() {
    let full = std::env::args().any(|word| word == "--full");
    let sizes = match full {
        true => Sizes {
            tree: 2 << 30,
            objects: 64,
            rounds: 5,
        },
        false => Sizes {
            tree: 128 << 20,
            objects: 8,
            rounds: 3,
        },
    };
    trees(&sizes);
    raw(&sizes);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine: {}", load.trim());
}

/// Backs one tree up by the agent and by restic, in turn, to a node that is new each time.
fn trees(sizes: &Sizes) {
    let program = Program::holdfast(None);
    let base = tempfile::tempdir().unwrap();
    let tree = base.path().join("tree");
    tree::make(&tree, Shape::Big { bytes: sizes.tree }).unwrap();
    let (mut agent, mut restic) = (Vec::new(), Vec::new());
    for _ in 0..sizes.rounds {
        let server = Server::start(&program, base.path()).unwrap();
        // What it takes to make a repository is in neither figure.
        by_agent(&server, base.path(), &server.path("nothing"));
        tree::settle_disk();
        agent.push(by_agent(&server, base.path(), &tree));
        drop(server);
        let server = Server::start(&program, base.path()).unwrap();
        let client = restic::Client::new(&server).unwrap();
        client.run(&["init"]).unwrap();
        tree::settle_disk();
        let words = ["backup", tree::text(&tree).unwrap()];
        restic.push(client.timed(&words).unwrap());
    }
    let (agent, restic) = (median(agent), median(restic));
    let ratio = agent / restic;
    println!("agent over QUIC {agent:.2} s, restic over HTTPS {restic:.2} s: {ratio:.2} (<= 1.0)");
}

fn by_agent(server: &Server, base: &Path, tree: &Path) -> f64 {
    fs::create_dir_all(tree).unwrap();
    let (password, key) = (base.join("password"), base.join("key"));
    fs::write(&password, &server.password).unwrap();
    fs::write(&key, "what the provider never learns").unwrap();
    let start = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .args([
            "agent",
            "backup",
            "--init",
            "--transport",
            "quic",
            "--cache-dir",
        ])
        .arg(server.path("cache"))
        .arg(tree)
        .env(
            "HOLDFAST_SERVER",
            format!("https://localhost:{}", server.port),
        )
        .env("HOLDFAST_USER", server.user)
        .env("HOLDFAST_PASSWORD_FILE", &password)
        .env("HOLDFAST_CACERT", server.certificate())
        .env("HOLDFAST_REPOSITORY", server.repository)
        .env("HOLDFAST_REPOSITORY_PASSWORD_FILE", &key)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    start.elapsed().as_secs_f64()
}

/// Sends the same bytes as objects to a node and as plain streams to nobody, and appends them to an
/// extent, in turn.
fn raw(sizes: &Sizes) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let (mut objects, mut plain, mut extent) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..sizes.rounds {
        let base = tempfile::tempdir().unwrap();
        let server = Server::start(&Program::holdfast(None), base.path()).unwrap();
        tree::settle_disk();
        objects.push(runtime.block_on(to_node(&server, sizes.objects)));
        drop(server);
        plain.push(runtime.block_on(to_nobody(sizes.objects)));
        tree::settle_disk();
        extent.push(extent::append(base.path(), sizes.objects));
    }
    let (objects, plain, extent) = (median(objects), median(plain), median(extent));
    let ratio = objects / plain;
    println!("raw objects {objects:.0} MB/s, plain QUIC {plain:.0} MB/s: {ratio:.2} (>= 0.4)");
    let ratio = objects / extent;
    println!(
        "raw objects {objects:.0} MB/s, an extent with one replica {extent:.0} MB/s: \
         {ratio:.2} (>= 0.8)"
    );
}

/// MB/s of objects on streams of the native path.
async fn to_node(server: &Server, count: usize) -> f64 {
    let mut roots = RootCertStore::empty();
    let pem = CertificateDer::pem_file_iter(server.certificate()).unwrap();
    roots.add_parsable_certificates(pem.map(Result::unwrap));
    let at = SocketAddr::from(([127, 0, 0, 1], server.port));
    let connection = connect(at, roots, NATIVE).await;
    let login = format!("{}:{}", server.user, server.password);
    let login = BASE64_STANDARD.encode(login);
    // Nobody is known before his first answer.
    let ask = format!(
        "GET /{}/data/ HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n\
         Connection: close\r\n\r\n",
        server.repository
    );
    exchange(&connection, &[Bytes::from(ask)]).await;
    let mut requests = Vec::new();
    for number in 0..count {
        let body = body(number);
        let hash = Sha256::digest(&body);
        let name: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let head = format!(
            "POST /{}/data/{name} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n\
             Content-Length: {OBJECT}\r\nConnection: close\r\n\r\n",
            server.repository
        );
        requests.push([Bytes::from(head), body]);
    }
    let start = Instant::now();
    share(requests, move |request| {
        let connection = connection.clone();
        async move { exchange(&connection, &request).await }
    })
    .await;
    rate(count, start)
}

/// The bytes of one object, which no other has.
fn body(number: usize) -> Bytes {
    let mut body: Vec<u8> = (0..OBJECT).map(|at| (at % 251) as u8).collect();
    body[..8].copy_from_slice(&(number as u64).to_le_bytes());
    body.into()
}

/// MB/s of bytes on plain streams.
async fn to_nobody(count: usize) -> f64 {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut crypto = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    crypto.alpn_protocols = vec![b"plain".to_vec()];
    let crypto = QuicServerConfig::try_from(crypto).unwrap();
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport()));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let runtime = Arc::new(quinn::TokioRuntime);
    let endpoint = Endpoint::new(EndpointConfig::default(), Some(config), socket, runtime);
    let endpoint = endpoint.unwrap();
    let at = endpoint.local_addr().unwrap();
    let nobody = tokio::spawn(async move {
        let connection = endpoint.accept().await.unwrap().await.unwrap();
        while let Ok((mut send, mut receive)) = connection.accept_bi().await {
            tokio::spawn(async move {
                while let Ok(Some(_)) = receive.read_chunk(usize::MAX, true).await {}
                send.finish().unwrap();
                let _ = send.stopped().await;
            });
        }
    });
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let connection = connect(at, roots, b"plain").await;
    let body = Bytes::from(vec![7; OBJECT]);
    let start = Instant::now();
    let sent = connection.clone();
    share(vec![body; count], move |body| {
        let connection = sent.clone();
        async move {
            let (mut send, mut receive) = connection.open_bi().await.unwrap();
            send.write_chunk(body).await.unwrap();
            send.finish().unwrap();
            receive.read_to_end(1).await.unwrap();
        }
    })
    .await;
    let rate = rate(count, start);
    connection.close(VarInt::from_u32(0), b"");
    nobody.abort();
    rate
}

/// Does each of these, [`STREAMS`] at once.
async fn share<T, F>(all: Vec<T>, work: impl Fn(T) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut running = JoinSet::new();
    for one in all {
        if running.len() == STREAMS {
            running.join_next().await.unwrap().unwrap();
        }
        running.spawn(work(one));
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

/// Sends a request on a stream of its own, and reads a good answer.
async fn exchange(connection: &Connection, request: &[Bytes]) {
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    for part in request {
        send.write_chunk(part.clone()).await.unwrap();
    }
    // A client that says that it is done has gone away, for HTTP/1.1.
    let answer = receive.read_to_end(1 << 20).await.unwrap();
    let head = String::from_utf8_lossy(&answer[..answer.len().min(64)]).into_owned();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

async fn connect(at: SocketAddr, roots: RootCertStore, protocol: &[u8]) -> Connection {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut crypto = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    crypto.alpn_protocols = vec![protocol.to_vec()];
    let crypto = QuicClientConfig::try_from(crypto).unwrap();
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport()));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let runtime = Arc::new(quinn::TokioRuntime);
    let endpoint = Endpoint::new(EndpointConfig::default(), None, socket, runtime).unwrap();
    let connecting = endpoint.connect_with(config, at, "localhost").unwrap();
    connecting.await.unwrap()
}

/// The same windows for both.
fn transport() -> TransportConfig {
    let mut config = TransportConfig::default();
    config
        .stream_receive_window(VarInt::from_u32(2 << 20))
        .receive_window(VarInt::from_u32(16 << 20))
        .send_window(8 << 20);
    config
}

fn rate(objects: usize, start: Instant) -> f64 {
    (objects * OBJECT) as f64 / start.elapsed().as_secs_f64() / 1e6
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
