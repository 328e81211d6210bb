//! What an endpoint stands on: a socket of the kernel, or datagrams that somebody else carries.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use holdfast_actors::ports::Entropy;
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, EndpointConfig, ServerConfig, TokioRuntime, UdpPoller};

use super::chance::Chance;

/// Where datagrams go and come from, and what chance is drawn from.
pub enum Ground {
    /// A socket of the kernel, and the chance of the operating system. A socket that is bound to
    /// `[::]` serves IPv4 too.
    Socket(std::net::UdpSocket),
    /// A network that somebody else makes. Time is the tokio runtime's, which may stand still.
    Made {
        /// The datagrams.
        datagrams: Arc<dyn Datagrams>,
        /// Whatever QUIC and TLS leave to chance is drawn from it, keys too: nothing is secret from
        /// who knows it. What was lent is kept to the end of the process, a few hundred bytes.
        entropy: Arc<dyn Entropy>,
    },
}

/// One node's way onto a network that carries datagrams: late, twice, in another order or never.
pub trait Datagrams: Send + Sync + 'static {
    /// Where this node is.
    fn address(&self) -> SocketAddr;

    /// Sends a datagram of at most 1,452 bytes. Never waits, and never says what becomes of it.
    fn send(&self, to: SocketAddr, datagram: &[u8]);

    /// The next that arrived, and where it is from. For one caller at a time, which is woken once
    /// there is one.
    fn poll_receive(&self, context: &mut Context<'_>) -> Poll<(SocketAddr, Bytes)>;
}

impl fmt::Debug for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(socket) => write!(f, "Socket({socket:?})"),
            Self::Made { datagrams, .. } => write!(f, "Made({})", datagrams.address()),
        }
    }
}

impl Ground {
    /// What chance is drawn from.
    pub(super) fn chance(&self) -> Chance {
        match self {
            Self::Socket(_) => Chance::System,
            Self::Made { entropy, .. } => Chance::Made(Arc::clone(entropy)),
        }
    }

    /// Begins to listen.
    pub(super) fn listen(
        self,
        config: EndpointConfig,
        server: ServerConfig,
    ) -> io::Result<quinn::Endpoint> {
        let runtime = Arc::new(TokioRuntime);
        match self {
            Self::Socket(socket) => quinn::Endpoint::new(config, Some(server), socket, runtime),
            Self::Made { datagrams, .. } => {
                let socket = Arc::new(Socket(datagrams));
                quinn::Endpoint::new_with_abstract_socket(config, Some(server), socket, runtime)
            }
        }
    }
}

/// A made network as quinn sees it.
struct Socket(Arc<dyn Datagrams>);

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socket({})", self.0.address())
    }
}

/// A made network takes whatever is sent.
#[derive(Debug)]
struct Writable;

impl UdpPoller for Writable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Writable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.0.send(transmit.destination, transmit.contents);
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut count = 0;
        for (buffer, meta) in buffers.iter_mut().zip(meta) {
            let Poll::Ready((from, datagram)) = self.0.poll_receive(context) else {
                break;
            };
            // As of a socket: what does not fit is cut off.
            let length = datagram.len().min(buffer.len());
            buffer[..length].copy_from_slice(&datagram[..length]);
            *meta = RecvMeta::default();
            (meta.addr, meta.len, meta.stride) = (from, length, length);
            count += 1;
        }
        match count {
            0 => Poll::Pending,
            count => Poll::Ready(Ok(count)),
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.0.address())
    }

    fn may_fragment(&self) -> bool {
        false
    }
}
