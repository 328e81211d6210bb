//! Streams of bytes between nodes, on connections of their own beside the links.
//!
//! A connection for streams goes one way: the node that dialled it opens streams, the other accepts
//! them, so two nodes may have one each way and need not agree on anything. It is dialled when the
//! first stream is wanted and greeted like all others; a node that leaves the table is cut off at
//! once. A peer has one at a time: what it dials later takes the place of what it dialled before.
//!
//! What is bounded: [`STREAMS_MAX`] streams of a peer, 512 KiB that a stream's sender is ahead of
//! its reader (so a stalled stream holds as much, 64 of them 32 MiB), and 8 MiB that were sent and
//! not yet confirmed, all streams to a peer together.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::Pending;
use quinn::{ClientConfig, Connection, Incoming, ServerConfig, VarInt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::chance::Chance;
use super::class::Purpose;
use super::end::End;
use super::endpoint::Shared;
use super::greet::{Greeted, close, reach, reply};
use super::transport::{Pace, STREAMS_MAX, raw};

mod stream;

pub use stream::Stream;

/// Streams of peers that wait to be accepted here; beyond them they wait with their peer's others.
const WAITING: usize = 16;
/// The windows of a connection are settled before its greeting is read. So who dials for streams
/// says it by the length of the number that it gives the connection; quinn's own have 20 bytes.
/// It is checked against the greeting.
const NUMBER: usize = 16;

/// Opens and accepts streams of bytes. Cheap to clone; all clones accept from one queue.
#[derive(Clone, Debug)]
pub struct Streams(Arc<Ways>);

impl Streams {
    /// Opens a stream to a node. It is known there once something was written to it.
    ///
    /// # Errors
    /// When it is not in the table, cannot be reached, or all its [`STREAMS_MAX`] streams are
    /// taken, for as long as [`Pace::greeting`].
    pub fn open(&self, to: NodeId) -> Pending<io::Result<Stream>> {
        let ways = Arc::clone(&self.0);
        Box::pin(async move {
            let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("{to}: {}", End::Late));
            timeout(ways.patience, ways.open(to)).await.map_err(late)?
        })
    }

    /// The next stream that a peer opened, and which peer; `None` once the endpoint is closed. A
    /// call that is dropped loses nothing.
    pub fn accept(&self) -> Pending<Option<(NodeId, Stream)>> {
        let ways = Arc::clone(&self.0);
        Box::pin(async move { ways.arrived.lock().await.recv().await })
    }
}

/// How connections for streams are set up, and which there are.
pub(super) struct Outlet {
    pub(super) client: ClientConfig,
    server: Arc<ServerConfig>,
    ways: Arc<Ways>,
}

#[derive(Debug)]
struct Ways {
    /// Peers that are to be dialled; each is asked for once at a time.
    wishes: mpsc::UnboundedSender<NodeId>,
    arrived: tokio::sync::Mutex<mpsc::Receiver<(NodeId, Stream)>>,
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Where accepted streams go; none once this end is closed.
    arrivals: Option<mpsc::Sender<(NodeId, Stream)>>,
    dialled: BTreeMap<NodeId, Way>,
    accepted: BTreeMap<NodeId, Connection>,
}

#[derive(Debug)]
enum Way {
    /// Who waits for it.
    Dialling(Vec<oneshot::Sender<Result<Connection, End>>>),
    Up(Connection),
}

impl Outlet {
    /// With who tells which peers are to be dialled.
    pub(super) fn new(
        pace: Pace,
        listening: &ServerConfig,
        mut client: ClientConfig,
        chance: &Chance,
    ) -> (Self, mpsc::UnboundedReceiver<NodeId>) {
        client.transport_config(raw(pace));
        let chance = chance.clone();
        client.initial_dst_cid_provider(Arc::new(move || chance.number(NUMBER)));
        let mut server = listening.clone();
        server.transport_config(raw(pace));
        let (wishes, wished) = mpsc::unbounded_channel();
        let (arrivals, arrived) = mpsc::channel(WAITING);
        let state = State {
            arrivals: Some(arrivals),
            dialled: BTreeMap::new(),
            accepted: BTreeMap::new(),
        };
        let ways = Ways {
            wishes,
            arrived: tokio::sync::Mutex::new(arrived),
            patience: pace.greeting,
            state: Mutex::new(state),
        };
        let outlet = Self {
            client,
            server: Arc::new(server),
            ways: Arc::new(ways),
        };
        (outlet, wished)
    }

    pub(super) fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }

    pub(super) fn streams(&self) -> Streams {
        Streams(Arc::clone(&self.ways))
    }

    /// Ends all streams: none is opened or accepted any more.
    pub(super) fn close(&self) {
        let mut state = self.ways.state();
        state.arrivals = None;
        for way in std::mem::take(&mut state.dialled).into_values() {
            if let Way::Up(connection) = way {
                close(&connection, &End::Leaving);
            }
        }
        for connection in std::mem::take(&mut state.accepted).into_values() {
            close(&connection, &End::Leaving);
        }
    }
}

impl Ways {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self, to: NodeId) -> io::Result<Stream> {
        let connection = match self.wanted(to) {
            Wanted::Up(connection) => connection,
            Wanted::Coming(told) => told
                .await
                .unwrap_or(Err(End::Leaving))
                .map_err(|end| io::Error::other(format!("{to}: {end}")))?,
        };
        let (send, receive) = connection.open_bi().await?;
        Ok(Stream::new(send, receive))
    }

    /// The connection on which streams to a node are opened; it is dialled if there is none.
    fn wanted(&self, to: NodeId) -> Wanted {
        let (tell, told) = oneshot::channel();
        let mut state = self.state();
        if state.arrivals.is_none() {
            return Wanted::Coming(told);
        }
        match state.dialled.get_mut(&to) {
            Some(Way::Up(connection)) if connection.close_reason().is_none() => {
                return Wanted::Up(connection.clone());
            }
            Some(Way::Dialling(waiting)) => waiting.push(tell),
            Some(Way::Up(_)) | None => {
                // If nobody dials any more, whoever waits is told by the sender's end.
                if self.wishes.send(to).is_ok() {
                    state.dialled.insert(to, Way::Dialling(vec![tell]));
                }
            }
        }
        Wanted::Coming(told)
    }

    /// What came of dialling a node.
    fn reached(&self, to: NodeId, reached: &Result<Connection, End>) {
        let mut state = self.state();
        let before = match reached {
            Ok(connection) if state.arrivals.is_some() => {
                state.dialled.insert(to, Way::Up(connection.clone()))
            }
            Ok(_) | Err(_) => state.dialled.remove(&to),
        };
        if let Some(Way::Dialling(waiting)) = before {
            for one in waiting {
                // Whoever does not wait any more needs no stream.
                let _ = one.send(reached.clone());
            }
        }
    }

    /// A connection that this node dialled is dead.
    fn lost(&self, to: NodeId, dead: &Connection) {
        let mut state = self.state();
        let is_it = |way: &Way| matches!(way, Way::Up(up) if is_same(up, dead));
        if state.dialled.get(&to).is_some_and(is_it) {
            state.dialled.remove(&to);
        }
    }

    /// A peer dialled; its streams come from here from now on. `None` if this end is closed.
    fn accepted(
        &self,
        from: NodeId,
        connection: &Connection,
    ) -> Option<mpsc::Sender<(NodeId, Stream)>> {
        let mut state = self.state();
        let arrivals = state.arrivals.clone()?;
        if let Some(before) = state.accepted.insert(from, connection.clone()) {
            close(&before, &End::Superseded);
        }
        Some(arrivals)
    }

    /// A connection that a peer dialled is dead.
    fn left(&self, from: NodeId, dead: &Connection) {
        let mut state = self.state();
        if state
            .accepted
            .get(&from)
            .is_some_and(|up| is_same(up, dead))
        {
            state.accepted.remove(&from);
        }
    }
}

enum Wanted {
    Up(Connection),
    Coming(oneshot::Receiver<Result<Connection, End>>),
}

fn is_same(one: &Connection, other: &Connection) -> bool {
    one.stable_id() == other.stable_id()
}

/// Whether a peer dials for streams.
pub(super) fn is_meant(incoming: &Incoming) -> bool {
    incoming.orig_dst_cid().len() == NUMBER
}

/// Dials a node for streams, and keeps the connection to its end.
pub(super) async fn dial(shared: Arc<Shared>, to: NodeId) {
    let ways = &shared.outlet.ways;
    match reach(&shared, to, Purpose::Streams, 0).await {
        Ok((_greeted, greeted)) => {
            ways.reached(to, &Ok(greeted.connection.clone()));
            until_closed(&shared, &greeted).await;
            ways.lost(to, &greeted.connection);
        }
        Err(end) => {
            tracing::debug!(node = %shared.node, peer = %to, %end, "no connection for streams");
            shared.refused(Some(to), None, &end);
            ways.reached(to, &Err(end));
        }
    }
}

/// Takes the streams of a peer that dialled and has greeted, to the end of its connection.
pub(super) async fn serve(shared: &Arc<Shared>, greeted: Greeted) {
    let (peer, connection) = (greeted.peer, &greeted.connection);
    let _greeted = match reply(shared, &greeted, 0).await {
        Ok(greeted) => greeted,
        Err(end) => return close(connection, &end),
    };
    let Some(arrivals) = shared.outlet.ways.accepted(peer, connection) else {
        return close(connection, &End::Leaving);
    };
    connection.set_max_concurrent_bi_streams(VarInt::from_u32(STREAMS_MAX));
    let accepting = async {
        while let Ok((send, receive)) = connection.accept_bi().await {
            let stream = Stream::new(send, receive);
            if arrivals.send((peer, stream)).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = until_closed(shared, &greeted) => {}
    }
    shared.outlet.ways.left(peer, connection);
}

/// Waits for the end of a connection and tells whoever is to hear why.
async fn until_closed(shared: &Shared, greeted: &Greeted) {
    let closed = greeted.connection.closed().await;
    let cut = shared.live().cut(greeted.listed.number);
    let end = cut.unwrap_or_else(|| End::from(closed));
    let (peer, address) = (greeted.peer, greeted.connection.remote_address());
    tracing::debug!(node = %shared.node, %peer, %end, "a connection for streams has ended");
    shared.refused(Some(peer), Some(address), &end);
}
