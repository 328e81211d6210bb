//! The face as a whole: it listens, bounds how many may come, and drains when told to stop.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use holdfast_actors::gateway::Peer;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::service::Service;
use holdfast_cluster::quic::Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::connection;
use super::crew::Crew;
use super::forward::Forward;
use super::limits::Limits;
use super::native::{self, Native};
use super::request::Client;
use super::watch::Watch;
use crate::selfservice::server::Counter;
use crate::tls::Certificates;

/// The face cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct FaceError {
    /// Where.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

/// Who stands behind a face.
pub struct Behind {
    /// Who decides.
    pub service: Arc<dyn Service>,
    /// Who serves tenants at the paths that are no repository's, if anybody does.
    pub counter: Option<Arc<dyn Counter>>,
    /// Who is told of every request, if anybody is.
    pub watch: Option<Watch>,
    /// How requests of tenants who are at home elsewhere get there, on a node of a cluster. The
    /// face serves what other nodes send on its streams, too.
    pub forward: Option<Arc<Forward>>,
}

/// A listening restic REST face. Dropping it cuts everything; [`Face::stop`] drains first.
pub struct Face {
    address: SocketAddr,
    draining: watch::Sender<bool>,
    tasks: JoinSet<()>,
    drain: Duration,
    guests: Arc<Guests>,
}

impl Face {
    /// Listens on an address, port 0 for a free one, and serves whoever comes. On `[::]` IPv4
    /// clients are served too. The native path is the same port over UDP; where that is taken,
    /// there is none, and agents use the other.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn start(
        address: SocketAddr,
        certificates: &Certificates,
        service: Arc<dyn Service>,
        limits: Limits,
    ) -> Result<Self, FaceError> {
        let behind = Behind {
            service,
            counter: None,
            watch: None,
            forward: None,
        };
        Self::before(address, certificates, behind, limits).await
    }

    /// The same, with all who may stand behind a face.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn before(
        address: SocketAddr,
        certificates: &Certificates,
        behind: Behind,
        limits: Limits,
    ) -> Result<Self, FaceError> {
        let wrong = |source| FaceError { address, source };
        let listener = TcpListener::bind(address).await.map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        let (draining, drained) = watch::channel(false);
        let native = Native::open(address, certificates, &limits)
            .inspect_err(|error| {
                tracing::warn!(%address, %error, "no native path: the UDP port cannot be had");
            })
            .ok();
        let guests = Arc::default();
        let acceptor = Acceptor {
            listener,
            native,
            tls: TlsAcceptor::from(certificates.server()),
            behind,
            limits,
            turns: Arc::new(Semaphore::new(limits.requests)),
            guests: Arc::clone(&guests),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(acceptor.run(drained));
        Ok(Self {
            address,
            draining,
            tasks,
            drain: limits.drain,
            guests,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells at any moment how many are connected.
    pub fn crowd(&self) -> Arc<dyn Fn() -> usize + Send + Sync> {
        let guests = Arc::clone(&self.guests);
        Arc::new(move || Guests::count(&guests))
    }

    /// Takes no more connections and no more requests, lets those that run end, and cuts what still
    /// runs when [`Limits::drain`] is over. Returns how the drain ended: whether all were done.
    pub async fn stop(mut self) -> bool {
        self.draining.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        timeout(self.drain, all).await.is_ok()
    }
}

struct Acceptor {
    listener: TcpListener,
    native: Option<Native>,
    tls: TlsAcceptor,
    behind: Behind,
    limits: Limits,
    turns: Arc<Semaphore>,
    guests: Arc<Guests>,
}

impl Acceptor {
    /// Accepts until draining, then waits for the connections. Their tasks end with this one.
    async fn run(self, mut drained: watch::Receiver<bool>) {
        let signal = drained.clone();
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = connection::drained(&mut drained) => break,
                Some(_) = connections.join_next() => {}
                (node, stream) = streamed(self.behind.forward.as_deref()) => {
                    if let Some(task) = self.join(stream, node, signal.clone()) {
                        connections.spawn(task);
                    }
                }
                incoming = native::incoming(self.native.as_ref()) => {
                    if let Some(task) = self.receive(incoming, signal.clone()) {
                        connections.spawn(task);
                    }
                }
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        if let Some(task) = self.welcome(stream, peer, signal.clone()) {
                            connections.spawn(task);
                        }
                    }
                    Err(error) => self.rest(&error).await,
                },
            }
        }
        drop(self.listener);
        loop {
            tokio::select! {
                ended = connections.join_next() => if ended.is_none() { break },
                // Whoever sends it hears at once that it is served nowhere.
                stream = streamed(self.behind.forward.as_deref()) => drop(stream),
                incoming = native::incoming(self.native.as_ref()) => incoming.refuse(),
            }
        }
        if let Some(native) = self.native {
            native.end().await;
        }
    }

    /// A client of the native path.
    fn receive(
        &self,
        incoming: quinn::Incoming,
        draining: watch::Receiver<bool>,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let peer = incoming.remote_address().ip().to_canonical();
        // Whoever says that he is somewhere else takes no seats: from a few on all must show it.
        let crowd = Guests::count(&self.guests);
        if crowd >= self.limits.connections / 8 && incoming.may_retry() {
            if let Err(error) = incoming.retry() {
                tracing::debug!(%peer, %error, "a client was not asked again");
            }
            return None;
        }
        let Some(seat) = Guests::seat(&self.guests, Guest::Client(peer.into()), &self.limits)
        else {
            tracing::debug!(%peer, "connection refused: too many");
            incoming.refuse();
            return None;
        };
        let client = self.client(Guest::Client(peer.into()), peer);
        Some(async move {
            native::serve(incoming, client, draining).await;
            drop(seat);
        })
    }

    fn welcome(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        draining: watch::Receiver<bool>,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let peer = peer.ip().to_canonical();
        let Some(seat) = Guests::seat(&self.guests, Guest::Client(peer.into()), &self.limits)
        else {
            tracing::debug!(%peer, "connection refused: too many");
            return None;
        };
        // Answers are small and awaited; without it the connection is slower, not wrong.
        let _ = stream.set_nodelay(true);
        let tls = self.tls.clone();
        let client = self.client(Guest::Client(peer.into()), peer);
        Some(async move {
            connection::serve(stream, tls, client, draining).await;
            drop(seat);
        })
    }

    /// A stream on which another node sends requests: a connection of its own.
    fn join(
        &self,
        stream: Stream,
        node: NodeId,
        draining: watch::Receiver<bool>,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let Some(seat) = Guests::seat(&self.guests, Guest::Node(node), &self.limits) else {
            tracing::debug!(%node, "stream refused: too many connections");
            return None;
        };
        let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let client = self.client(Guest::Node(node), nobody);
        Some(async move {
            connection::serve_node(stream, client, draining).await;
            drop(seat);
        })
    }

    fn client(&self, guest: Guest, peer: IpAddr) -> Client {
        Client {
            service: Arc::clone(&self.behind.service),
            counter: self.behind.counter.clone(),
            limits: self.limits,
            turns: Arc::clone(&self.turns),
            crew: Crew::default(),
            watch: self.behind.watch.clone(),
            forward: self.behind.forward.clone(),
            is_node: matches!(guest, Guest::Node(_)),
            peer,
            gateway: match guest {
                Guest::Node(node) => Some(node),
                Guest::Client(_) => self.behind.forward.as_ref().map(|it| it.here()),
            },
        }
    }

    /// Accepting fails when the process has no descriptors left, or when a client has gone already.
    /// A pause keeps the first from burning a core.
    async fn rest(&self, error: &io::Error) {
        const PAUSE: Duration = Duration::from_millis(50);
        tracing::warn!(%error, "cannot accept a connection");
        let _ = timeout(PAUSE, std::future::pending::<()>()).await;
    }
}

/// The next stream of another node; none ever comes to a node that stands alone.
async fn streamed(forward: Option<&Forward>) -> (NodeId, Stream) {
    match forward {
        Some(forward) => forward.accept().await,
        None => std::future::pending().await,
    }
}

/// Whose a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Guest {
    Client(Peer),
    /// The link bounds how many streams one node has.
    Node(NodeId),
}

/// Who is connected.
#[derive(Default)]
struct Guests(Mutex<BTreeMap<Guest, usize>>);

/// One connection's place. Dropping it gives it back.
struct Seat {
    guests: Arc<Guests>,
    guest: Guest,
}

impl Guests {
    fn count(this: &Arc<Self>) -> usize {
        let guests = this.0.lock().unwrap_or_else(PoisonError::into_inner);
        guests.values().sum()
    }

    fn seat(this: &Arc<Self>, guest: Guest, limits: &Limits) -> Option<Seat> {
        let most = match guest {
            Guest::Client(_) => limits.connections_per_address,
            Guest::Node(_) => limits.connections,
        };
        let mut guests = this.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = guests.values().sum();
        let here = guests.get(&guest).copied().unwrap_or_default();
        if all >= limits.connections || here >= most {
            return None;
        }
        guests.insert(guest, here + 1);
        let guests = Arc::clone(this);
        Some(Seat { guests, guest })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut guests = self.guests.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = guests.get_mut(&self.guest) {
            *here -= 1;
            if *here == 0 {
                guests.remove(&self.guest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_64_bits_gets_no_more_seats_than_an_address() {
        let guests = Arc::default();
        let limits = Limits {
            connections_per_address: 2,
            ..Limits::default()
        };
        let guest = |peer: &str| Guest::Client(peer.parse::<IpAddr>().unwrap().into());
        let seat = |peer: &str| Guests::seat(&guests, guest(peer), &limits);
        let (one, two) = (seat("2001:db8::1"), seat("2001:db8::2"));
        assert!(one.is_some() && two.is_some());
        assert!(seat("2001:db8::3").is_none());
        assert!(seat("2001:db8:0:1::1").is_some());
        assert!(seat("192.0.2.1").is_some());
        drop(one);
        assert!(seat("2001:db8::3").is_some());
    }
}
