//! How much of the node any client may take, before anybody knows who it is.
//!
//! What a tenant may take is the service's to say, never decided here.

use std::time::Duration;

/// The bounds of one face.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; one more is closed before the TLS handshake.
    pub connections: usize,
    /// Connections at once from one address, or one IPv6 network of 64 bits. Above what an office
    /// behind one address needs.
    pub connections_per_address: usize,
    /// Requests being served at once; one more is answered `busy`.
    pub requests: usize,
    /// Requests at once on one HTTP/2 connection; a client waits with one more.
    pub streams: u32,
    /// Bytes of a request's line and headers.
    pub head_bytes: u32,
    /// From the first byte of a connection to the end of the TLS handshake.
    pub handshake: Duration,
    /// From the end of one HTTP/1.1 request to the end of the head of the next, so the life of an
    /// idle connection too: above the 60 s after which clients drop or ping theirs.
    pub head: Duration,
    /// How long a client of the native path may be connected without a request that succeeds:
    /// longer than a request is held back in a cluster.
    pub stranger: Duration,
    /// For 256 KiB of a body, either way, while the client alone is waited for.
    pub piece: Duration,
    /// Without a byte on the connection, either way: restic gives up by itself after so long.
    pub quiet: Duration,
    /// From the order to stop until what still runs is cut.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2048,
            connections_per_address: 256,
            requests: 1024,
            streams: 64,
            head_bytes: 16 << 10,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(75),
            stranger: Duration::from_secs(30),
            piece: Duration::from_secs(120),
            quiet: Duration::from_secs(300),
            drain: Duration::from_secs(10),
        }
    }
}
