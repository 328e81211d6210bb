//! How quinn is set up: what it must not leave at its defaults, and why.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use quinn::{EndpointConfig, IdleTimeout, MtuDiscoveryConfig, TransportConfig, VarInt};

use super::class::Class;

/// How often a silent connection says that it is alive: a few may get lost within [`IDLE`].
pub const KEEP_ALIVE: Duration = Duration::from_millis(100);
/// How long a connection may be silent before it is dead. A node lease lives 1.5 s: the death of a
/// peer is known well before its leases end.
pub const IDLE: Duration = Duration::from_millis(500);
/// How long a whole attempt to connect may take, greeting included, all addresses together.
pub const GREETING: Duration = Duration::from_secs(2);
/// What a round trip is taken for until one was measured. quinn's 333 ms would make the first lost
/// packet of a handshake cost a second; nodes stand close to each other.
const FIRST_ROUND_TRIP: Duration = Duration::from_millis(5);
/// What Ethernet carries; quinn would begin at 1,200 and probe.
const FIRST_DATAGRAM: u16 = 1_452;
/// The largest datagram that is looked for, and taken, where the network between two nodes carries
/// more than Ethernet: ten of them are what one send hands to the kernel, so that larger ones save
/// nothing. Measured on loopback, three copies cost a quarter less of the processors.
const LAST_DATAGRAM: u16 = 6_000;
/// The bytes of a stream that may be on the way before the reader has read them. The permits bound
/// what a peer may have under way, and the reader never waits, so this bounds the speed alone.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same for bulk: ten gigabits with a round trip of 6 ms.
const BULK_WINDOW: u32 = 8 << 20;

/// The bytes that a byte stream's sender may be ahead of its reader: what a stalled stream holds
/// here. So 64 stalled streams hold 32 MiB, and all [`STREAMS_MAX`] of a peer 128 MiB. Half a
/// gigabyte a second with a round trip of 1 ms.
const RAW_WINDOW: u32 = 512 << 10;
/// Byte streams of one peer at once; who opens one more waits. quinn gives the room of those that
/// ended back in portions of an eighth, so that one may wait from 224 on.
pub const STREAMS_MAX: u32 = 256;

/// The time limits of connections.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// See [`KEEP_ALIVE`].
    pub keep_alive: Duration,
    /// See [`IDLE`].
    pub idle: Duration,
    /// See [`GREETING`].
    pub greeting: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            keep_alive: KEEP_ALIVE,
            idle: IDLE,
            greeting: GREETING,
        }
    }
}

/// The transport of connections that this node opens for a class, or accepts (`None`: not known
/// yet, so that the windows are those of bulk).
pub(super) fn transport(class: Option<Class>, pace: Pace) -> Arc<TransportConfig> {
    let window = match class {
        Some(Class::Control | Class::Calls) => STREAM_WINDOW,
        Some(Class::Bulk) | None => BULK_WINDOW,
    };
    Arc::new(common(window, pace))
}

/// The transport of connections for byte streams, at both ends. There is room for all streams of a
/// connection together, so that one that stalls holds up no other.
pub(super) fn raw(pace: Pace) -> Arc<TransportConfig> {
    let mut config = common(RAW_WINDOW, pace);
    config
        .receive_window(VarInt::from_u32(RAW_WINDOW * STREAMS_MAX))
        .send_window(u64::from(BULK_WINDOW));
    Arc::new(config)
}

/// Lets an endpoint take datagrams as large as its peers may find that the network carries.
pub(super) fn roomy(mut config: EndpointConfig) -> io::Result<EndpointConfig> {
    let taken = config.max_udp_payload_size(LAST_DATAGRAM);
    taken.map_err(io::Error::other)?;
    Ok(config)
}

fn common(window: u32, pace: Pace) -> TransportConfig {
    let mut looks = MtuDiscoveryConfig::default();
    looks.upper_bound(LAST_DATAGRAM);
    let mut config = TransportConfig::default();
    config
        // One stream each way, for good: whoever opens another breaks the protocol. Byte streams
        // are allowed once their connection was greeted.
        .max_concurrent_uni_streams(VarInt::from_u32(1))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(window))
        // quinn's is unlimited.
        .receive_window(VarInt::from_u32(window))
        .send_window(u64::from(window))
        .keep_alive_interval(Some(pace.keep_alive))
        .max_idle_timeout(IdleTimeout::try_from(pace.idle).ok())
        .initial_rtt(FIRST_ROUND_TRIP)
        .initial_mtu(FIRST_DATAGRAM)
        .mtu_discovery_config(Some(looks));
    config
}
