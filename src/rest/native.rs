//! The native path: what the agent speaks, over QUIC on the UDP port of the same number.
//!
//! ```text
//!  agent ── QUIC, TLS 1.3, ALPN holdfast-agent/1 ──▶ this endpoint
//!            each stream of the client's: HTTP/1.1, one request after the other
//!                └─▶ the same Client::answer as over TLS: routes, rules, refusals, forwarding
//! ```
//!
//! Nothing is decided here, and nothing is parsed but by those who parse it for the other path.
//! What is different is below: a connection outlives a change of its client's address, its streams
//! do not hold each other up, and a request that is cut costs no other.
//!
//! Who has not shown yet that somebody knows him gets little: a few streams, a small window, half a
//! minute. The first answer that is a success opens the rest.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use holdfast_cluster::quic::Stream;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    Connection, Endpoint, EndpointConfig, IdleTimeout, Incoming, ServerConfig, TransportConfig,
    VarInt,
};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::{drained, serve_native};
use super::crew::Crew;
use super::limits::Limits;
use super::request::Client;
use crate::socket::widen;
use crate::tls::Certificates;

/// What the sender of a stream may be ahead of its reader: 40 MiB a second over 50 ms.
const STREAM_WINDOW: u32 = 2 << 20;
/// The same for all streams of a connection together.
const WINDOW: u32 = 16 << 20;
/// What of our answers may be on its way to one client.
const SEND_WINDOW: u64 = 8 << 20;
/// What a stranger gets of both.
const STRANGERS_WINDOW: u32 = 1 << 20;
/// How many requests a stranger may have under way.
const STRANGERS_STREAMS: u32 = 4;
/// How long a client may be silent before it is gone. Agents say sooner that they live.
const SILENCE: Duration = Duration::from_secs(30);
/// Handshakes that may wait to be taken up.
const HANDSHAKES_MAX: usize = 64;
/// Bytes of datagrams that may wait for one of them.
const EARLY_MAX: u64 = 64 << 10;
/// How long clients are waited for to hear that the face has ended.
const FAREWELL: Duration = Duration::from_millis(250);

/// Why a connection is closed, on the wire.
const LEAVING: VarInt = VarInt::from_u32(0);
const QUIET: VarInt = VarInt::from_u32(1);
const UNKNOWN: VarInt = VarInt::from_u32(2);

/// The endpoint of the native path.
pub(super) struct Native(Endpoint);

impl Native {
    /// Listens on the UDP port of this address. Must be called inside of a tokio runtime.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub(super) fn open(
        address: SocketAddr,
        certificates: &Certificates,
        limits: &Limits,
    ) -> io::Result<Self> {
        let crypto = QuicServerConfig::try_from(certificates.native());
        let crypto = crypto.map_err(io::Error::other)?;
        let mut config = ServerConfig::with_crypto(Arc::new(crypto));
        config
            .transport_config(Arc::new(transport()))
            .max_incoming(HANDSHAKES_MAX.min(limits.connections))
            .incoming_buffer_size(EARLY_MAX)
            .incoming_buffer_size_total(EARLY_MAX * HANDSHAKES_MAX as u64);
        let socket = UdpSocket::bind(address)?;
        widen(&socket, "agents");
        let runtime = Arc::new(quinn::TokioRuntime);
        let endpoint = Endpoint::new(EndpointConfig::default(), Some(config), socket, runtime)?;
        Ok(Self(endpoint))
    }

    /// Lets clients hear that their connections are closed.
    pub(super) async fn end(self) {
        // Whoever is gone does not hear it.
        let _ = timeout(FAREWELL, self.0.wait_idle()).await;
    }
}

fn transport() -> TransportConfig {
    let mut config = TransportConfig::default();
    config
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .max_concurrent_bidi_streams(VarInt::from_u32(STRANGERS_STREAMS))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(STRANGERS_WINDOW))
        .send_window(SEND_WINDOW)
        .max_idle_timeout(IdleTimeout::try_from(SILENCE).ok());
    config
}

/// The next client; none ever comes where there is no native path.
pub(super) async fn incoming(native: Option<&Native>) -> Incoming {
    match native {
        Some(Native(endpoint)) => match endpoint.accept().await {
            Some(incoming) => incoming,
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

/// Somebody's connection, and whether anybody knows him.
#[derive(Clone)]
struct Guest {
    connection: Connection,
    is_known: Arc<AtomicBool>,
    streams: u32,
}

impl Guest {
    /// He got something that strangers do not get.
    fn becomes_known(&self) {
        if !self.is_known.swap(true, Ordering::Relaxed) {
            self.connection
                .set_max_concurrent_bi_streams(VarInt::from_u32(self.streams));
            self.connection.set_receive_window(VarInt::from_u32(WINDOW));
        }
    }

    /// Resolves when somebody has been a stranger for too long.
    async fn outstays(&self, limit: Duration) {
        // There is nothing else to wait for.
        let _ = timeout(limit, std::future::pending::<()>()).await;
        if self.is_known.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

/// Serves a client until its connection ends, or nothing was asked on it for too long.
pub(super) async fn serve(incoming: Incoming, client: Client, draining: watch::Receiver<bool>) {
    let limits = client.limits;
    // A client that cannot shake hands learns it from TLS itself.
    let Ok(Ok(connection)) = timeout(limits.handshake, incoming).await else {
        return;
    };
    let guest = Guest {
        connection: connection.clone(),
        is_known: Arc::default(),
        streams: limits.streams,
    };
    let mut streams = JoinSet::new();
    let mut outstays = std::pin::pin!(guest.outstays(limits.stranger));
    let mut told = draining.clone();
    let cause = loop {
        tokio::select! {
            biased;
            () = drained(&mut told) => break LEAVING,
            () = outstays.as_mut() => {
                return connection.close(UNKNOWN, b"nobody knows you");
            }
            Some(_) = streams.join_next() => {}
            opened = timeout(limits.head, connection.accept_bi()) => match opened {
                Ok(Ok((send, receive))) => {
                    let stream = Stream::new(send, receive);
                    streams.spawn(requests(stream, &guest, client.clone(), draining.clone()));
                }
                // What ran on it goes with it.
                Ok(Err(_)) => return,
                Err(_) if streams.is_empty() => break QUIET,
                Err(_) => {}
            },
        }
    };
    while streams.join_next().await.is_some() {}
    connection.close(cause, b"");
}

/// Serves one stream. Its client is where it is when it opens the stream: it may have moved.
fn requests(
    stream: Stream,
    guest: &Guest,
    mut client: Client,
    draining: watch::Receiver<bool>,
) -> impl Future<Output = ()> + use<> {
    client.peer = guest.connection.remote_address().ip().to_canonical();
    client.crew = Crew::default();
    let guest = guest.clone();
    serve_native(stream, client, draining, move |status| {
        if status.is_success() {
            guest.becomes_known();
        }
    })
}
