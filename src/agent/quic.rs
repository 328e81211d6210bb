//! The native path to one server: one QUIC connection, a stream for whoever wants one.
//!
//! The connection is made when the first stream is wanted, and anew when it has ended. It lives on
//! while this machine changes its address: the socket is bound to none.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use holdfast_cluster::quic::Stream;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, EndpointConfig, IdleTimeout,
    TransportConfig, VarInt,
};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::connection::Broken;
use super::place::Place;
use crate::socket::widen;

/// How long a server may take to answer at all, at each of its addresses: three losses in a row.
const CONNECT: Duration = Duration::from_millis(2_000);
/// What a round trip is taken for until one was measured: a datagram that gets lost is sent again
/// after three of them.
const FIRST_ROUND_TRIP: Duration = Duration::from_millis(100);
/// How often a silent connection says that it lives, and keeps the way through routers open.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// How long a server may be silent before it is dead: the job goes on elsewhere then.
const SILENCE: Duration = Duration::from_secs(5);
/// What a server may send on one stream before it is read: 80 MiB a second over 50 ms.
const STREAM_WINDOW: u32 = 4 << 20;
/// The same for all streams together.
const WINDOW: u32 = 32 << 20;
/// What may be on its way to the server: 160 MiB a second over 50 ms.
const SEND_WINDOW: u64 = 8 << 20;

/// The connection to one server, if there is one.
pub(super) struct Line {
    crypto: Arc<rustls::ClientConfig>,
    up: Mutex<Option<Up>>,
    was_up: AtomicBool,
}

/// A connection, and the socket that it needs.
struct Up {
    connection: Connection,
    _endpoint: Endpoint,
}

impl Line {
    /// No connection yet.
    pub(super) fn new(crypto: Arc<rustls::ClientConfig>) -> Self {
        Self {
            crypto,
            up: Mutex::default(),
            was_up: AtomicBool::new(false),
        }
    }

    /// Whether the server was ever reached this way.
    pub(super) fn was_up(&self) -> bool {
        self.was_up.load(Ordering::Relaxed)
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// When the server is not reached, or not trusted.
    pub(super) async fn stream(&self, place: &Place) -> Result<Stream, Broken> {
        let connection = self.connection(place).await?;
        let opened = connection.open_bi().await;
        let (send, receive) = opened.map_err(|error| broken(&error))?;
        Ok(Stream::new(send, receive))
    }

    async fn connection(&self, place: &Place) -> Result<Connection, Broken> {
        // Who wants a stream meanwhile waits for the same connection.
        let mut up = self.up.lock().await;
        if let Some(Up { connection, .. }) = up.as_ref()
            && connection.close_reason().is_none()
        {
            return Ok(connection.clone());
        }
        *up = None;
        let made = self.reach(place).await?;
        let connection = made.connection.clone();
        *up = Some(made);
        self.was_up.store(true, Ordering::Relaxed);
        Ok(connection)
    }

    /// Tries one address after the other.
    async fn reach(&self, place: &Place) -> Result<Up, Broken> {
        let found = tokio::net::lookup_host((place.host.as_str(), place.port)).await;
        let found = found.map_err(Broken::Connect)?;
        let none = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let mut last = Broken::Connect(none);
        for address in found {
            let name = place.name.to_str();
            match timeout(CONNECT, self.dial(address, &name)).await {
                Ok(Ok(up)) => return Ok(up),
                Ok(Err(Broken::Untrusted(cause))) => return Err(Broken::Untrusted(cause)),
                Ok(Err(broken)) => last = broken,
                Err(_) => last = Broken::Connect(io::Error::from(io::ErrorKind::TimedOut)),
            }
        }
        Err(last)
    }

    async fn dial(&self, address: SocketAddr, name: &str) -> Result<Up, Broken> {
        let any: IpAddr = match address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).map_err(Broken::Connect)?;
        widen(&socket, "the server");
        let runtime = Arc::new(quinn::TokioRuntime);
        let endpoint = Endpoint::new(EndpointConfig::default(), None, socket, runtime);
        let endpoint = endpoint.map_err(Broken::Connect)?;
        let crypto = QuicClientConfig::try_from(Arc::clone(&self.crypto));
        let crypto = crypto.map_err(|error| Broken::Connect(io::Error::other(error)))?;
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::new(transport()));
        let connecting = endpoint.connect_with(config, address, name);
        let connecting = connecting.map_err(|error| Broken::Connect(io::Error::other(error)))?;
        let connection = connecting.await.map_err(|error| broken(&error))?;
        Ok(Up {
            connection,
            _endpoint: endpoint,
        })
    }
}

fn transport() -> TransportConfig {
    let mut config = TransportConfig::default();
    config
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(WINDOW))
        .send_window(SEND_WINDOW)
        .initial_rtt(FIRST_ROUND_TRIP)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(IdleTimeout::try_from(SILENCE).ok());
    config
}

/// Alerts of TLS by which this side says that it does not trust the other: 42 to 46, and 48.
const DISTRUST: [u64; 6] = [0x12a, 0x12b, 0x12c, 0x12d, 0x12e, 0x130];

fn broken(error: &ConnectionError) -> Broken {
    if let ConnectionError::TransportError(cause) = error
        && DISTRUST.contains(&u64::from(cause.code))
    {
        return Broken::Untrusted(cause.reason.clone());
    }
    Broken::Connect(io::Error::other(error.to_string()))
}
