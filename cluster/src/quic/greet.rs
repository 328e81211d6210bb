//! How a connection begins: who dials whom, and what both say first.

use std::net::SocketAddr;
use std::sync::Arc;

use holdfast_actors::kernel::{NodeId, Version};
use quinn::{Connection, Incoming, ReadError, RecvStream};
use rustls::pki_types::CertificateDer;
use tokio::time::timeout;

use super::class::{Class, Purpose};
use super::end::End;
use super::endpoint::Shared;
use super::hello::{BadHello, Hello, Older, agreed};
use super::lane::{Dial, Lane, Verdict};
use super::lives::BadLife;
use super::notice::Notice;
use super::streams;
use super::talk::{Seat, Streams, talk};
use super::{verify, visit};
use crate::identity::server_name;
use crate::nodes::ADDRESSES_MAX;

/// The greeting is read in pieces of at most so many bytes.
const PIECE: usize = 1 << 10;

/// A connection whose peer is known and has greeted.
pub(super) struct Greeted {
    pub(super) connection: Connection,
    pub(super) peer: NodeId,
    pub(super) hello: Hello,
    receive: RecvStream,
    rest: Vec<u8>,
    /// Takes the connection out of the list of those that live.
    pub(super) listed: Listed,
}

/// Who dialled.
enum Met {
    Node(Box<Greeted>),
    /// Somebody with a petition.
    Newcomer(Connection, Vec<u8>),
}

/// A place in the list of connections that live, as long as this does.
pub(super) struct Listed {
    pub(super) shared: Arc<Shared>,
    pub(super) number: u64,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.shared.live().remove(self.number);
    }
}

/// Takes what a peer dialled, and serves it to its end.
pub(super) async fn answer(shared: Arc<Shared>, incoming: Incoming) {
    let address = incoming.remote_address();
    let met = timeout(shared.pace.greeting, meet(&shared, incoming)).await;
    let greeted = match met.unwrap_or(Err((None, End::Late))) {
        Ok(Met::Node(greeted)) => *greeted,
        Ok(Met::Newcomer(connection, petition)) => {
            return visit::serve(&shared, &connection, &petition).await;
        }
        Err((peer, end)) => return shared.refused(peer, Some(address), &end),
    };
    match greeted.hello.purpose {
        Purpose::Frames(class) => offered(&shared, class, greeted).await,
        Purpose::Streams => streams::serve(&shared, greeted).await,
    }
}

/// A peer dialled for a class: serves what it offers, if this connection is the one to use.
async fn offered(shared: &Arc<Shared>, class: Class, mut greeted: Greeted) {
    let Hello { attempt, life, .. } = greeted.hello;
    let (peer, lane) = (greeted.peer, Arc::clone(shared.lane(class)));
    let (way, told) = lane.offered(peer, attempt, life);
    let verdict = tokio::select! {
        biased;
        verdict = told => verdict.unwrap_or(Verdict::Decline),
        _ = greeted.connection.closed() => return lane.withdrawn(peer, way),
    };
    let Verdict::Use {
        way,
        given_up,
        bell,
    } = verdict
    else {
        return close(&greeted.connection, &End::Superseded);
    };
    match reply(shared, &greeted, given_up).await {
        Ok((send, hello)) => {
            let streams = Streams {
                send,
                receive: greeted.receive,
                rest: std::mem::take(&mut greeted.rest),
            };
            let seat = Seat {
                lane,
                peer,
                way,
                bell,
            };
            let told = (hello.version, class);
            serve(told, seat, &greeted.connection, &greeted.listed, streams).await;
        }
        Err(end) => {
            close(&greeted.connection, &end);
            lane.died(peer, way);
            shared.down(peer, class, &end);
        }
    }
}

/// Answers a greeting on a stream of this node's own, and says what was answered.
pub(super) async fn reply(
    shared: &Shared,
    greeted: &Greeted,
    given_up: u64,
) -> Result<(quinn::SendStream, Hello), End> {
    let hello = shared.hello(greeted.hello.purpose, given_up);
    let version = agreed(shared.version, greeted.hello.version);
    let hello = Hello { version, ..hello };
    // A peer may let this node open no stream.
    let opened = timeout(shared.pace.greeting, open(&greeted.connection, &hello)).await;
    Ok((opened.unwrap_or(Err(End::Late))?, hello))
}

/// Connects to a peer, and serves the connection to its end.
pub(super) async fn dial(shared: Arc<Shared>, dial: Dial) {
    let Dial {
        class,
        peer,
        attempt,
    } = dial;
    let lane = Arc::clone(shared.lane(class));
    let (send, greeted) = match reach(&shared, peer, class.into(), attempt).await {
        Ok(reached) => reached,
        Err(end) => return missed(&shared, &lane, dial, &end),
    };
    let Hello {
        attempt: given_up,
        life,
        version,
        ..
    } = greeted.hello;
    match lane.answered(peer, attempt, given_up, life) {
        Verdict::Use { way, bell, .. } => {
            let streams = Streams {
                send,
                receive: greeted.receive,
                rest: greeted.rest,
            };
            let seat = Seat {
                lane,
                peer,
                way,
                bell,
            };
            let told = (agreed(shared.version, version), class);
            serve(told, seat, &greeted.connection, &greeted.listed, streams).await;
        }
        Verdict::Decline => close(&greeted.connection, &End::Superseded),
    }
}

/// An attempt came to nothing. That another connection serves is no news.
fn missed(shared: &Shared, lane: &Lane, dial: Dial, end: &End) {
    if *end != End::Superseded {
        shared.refused(Some(dial.peer), None, end);
        shared.down(dial.peer, dial.class, end);
    }
    lane.failed(dial.peer, dial.attempt);
}

async fn serve(
    (version, class): (Version, Class),
    seat: Seat,
    connection: &Connection,
    Listed { shared, number }: &Listed,
    streams: Streams,
) {
    let peer = seat.peer;
    shared.notice(Notice::Up {
        peer,
        class,
        version,
    });
    let end = talk(seat, connection, streams).await;
    let end = shared.live().cut(*number).unwrap_or(end);
    shared.refused(Some(peer), Some(connection.remote_address()), &end);
    shared.down(peer, class, &end);
}

pub(super) fn close(connection: &Connection, end: &End) {
    connection.close(end.code(), end.to_string().as_bytes());
}

/// The side that is dialled: handshake, table, greeting.
async fn meet(shared: &Arc<Shared>, incoming: Incoming) -> Result<Met, (Option<NodeId>, End)> {
    let nobody = |error| (None, End::of_handshake(error));
    let for_streams = streams::is_meant(&incoming);
    let accepted = match for_streams {
        true => incoming.accept_with(shared.outlet.server()),
        false => incoming.accept(),
    };
    let connection = accepted.map_err(nobody)?.await.map_err(nobody)?;
    if visit::is_newcomer(&connection) {
        let heard = visit::hear(&connection).await;
        let petition = heard.map_err(|end| (None, end))?;
        return Ok(Met::Newcomer(connection, petition));
    }
    let (peer, listed) = identify(shared, &connection).map_err(|end| (None, end))?;
    let greeted = async {
        let receive = connection.accept_uni().await?;
        let greeted = greeting(shared, &connection, peer, receive, listed).await?;
        if for_streams == (greeted.hello.purpose == Purpose::Streams) {
            return Ok(greeted);
        }
        let end = End::Broken("it greets for another purpose than it dialled for".to_owned());
        close(&connection, &end);
        Err(end)
    };
    let greeted = greeted.await.map_err(|end| (Some(peer), end))?;
    Ok(Met::Node(Box::new(greeted)))
}

/// The side that dials: the peer's addresses, one after the other, then the greeting. Gives up in
/// the time of a greeting.
pub(super) async fn reach(
    shared: &Arc<Shared>,
    to: NodeId,
    purpose: Purpose,
    attempt: u64,
) -> Result<(quinn::SendStream, Greeted), End> {
    let reached = timeout(shared.pace.greeting, greet(shared, to, purpose, attempt)).await;
    reached.unwrap_or(Err(End::Late))
}

async fn greet(
    shared: &Arc<Shared>,
    to: NodeId,
    purpose: Purpose,
    attempt: u64,
) -> Result<(quinn::SendStream, Greeted), End> {
    if to == shared.node {
        return Err(End::NoWay("it is this node itself"));
    }
    let node = shared.nodes.borrow().node(to).cloned();
    let addresses = node
        .ok_or(End::NoWay("it is not in the node table"))?
        .addresses;
    let connection = connect(shared, to, purpose, &addresses).await?;
    let greeted = exchange(shared, &connection, purpose, attempt).await;
    let (send, greeted) = greeted.map_err(End::proved)?;
    let peer = greeted.peer;
    if peer != to || greeted.hello.purpose != purpose {
        let end = End::Broken("it answers for another".to_owned());
        close(&connection, &end);
        return Err(end);
    }
    Ok((send, greeted))
}

/// Both greetings, on a connection that this node dialled.
async fn exchange(
    shared: &Arc<Shared>,
    connection: &Connection,
    purpose: Purpose,
    attempt: u64,
) -> Result<(quinn::SendStream, Greeted), End> {
    let (peer, listed) = identify(shared, connection)?;
    let hello = shared.hello(purpose, attempt);
    let send = open(connection, &hello).await?;
    let receive = connection.accept_uni().await?;
    let greeted = greeting(shared, connection, peer, receive, listed).await?;
    Ok((send, greeted))
}

async fn connect(
    shared: &Shared,
    to: NodeId,
    purpose: Purpose,
    addresses: &[SocketAddr],
) -> Result<Connection, End> {
    let name = server_name(to);
    let mut last = End::NoWay("it has no address");
    let count = addresses.len().clamp(1, ADDRESSES_MAX);
    let each = shared.pace.greeting / u32::try_from(count).unwrap_or(1);
    for address in addresses.iter().take(ADDRESSES_MAX) {
        let config = shared.client(purpose);
        let connecting = match shared.quinn.connect_with(config, *address, &name) {
            Ok(connecting) => connecting,
            Err(error) => {
                last = End::Lost(error.to_string());
                continue;
            }
        };
        match timeout(each, connecting).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => last = End::of_handshake(error),
            Err(_) => last = End::Late,
        }
    }
    Err(last)
}

/// Whose connection it is; from here on it lives only as long as the table admits him.
fn identify(shared: &Arc<Shared>, connection: &Connection) -> Result<(NodeId, Listed), End> {
    let chain = connection.peer_identity();
    let chain = chain.and_then(|chain| chain.downcast::<Vec<CertificateDer<'static>>>().ok());
    let Some(chain) = chain else {
        let end = End::Refused("it shows no certificate".to_owned());
        close(connection, &end);
        return Err(end);
    };
    // Looked up while the list is held: a change of the table comes before, or finds it listed.
    let found = {
        let mut live = shared.live();
        let nodes = shared.nodes.borrow().clone();
        let found = verify::peer(&chain, &nodes);
        found.map(|(peer, key)| (peer, live.insert(peer, key, connection.clone())))
    };
    let Some((peer, number)) = found else {
        close(connection, &End::Removed);
        return Err(End::Removed);
    };
    let shared = Arc::clone(shared);
    Ok((peer, Listed { shared, number }))
}

/// Opens this node's way and greets on it.
async fn open(connection: &Connection, hello: &Hello) -> Result<quinn::SendStream, End> {
    let mut send = connection.open_uni().await?;
    let written = send.write_all(&hello.encode()).await;
    written.map_err(|error| match connection.close_reason() {
        Some(reason) => End::from(reason),
        None => End::Lost(error.to_string()),
    })?;
    Ok(send)
}

/// Reads the peer's greeting and judges it; a peer that is refused is told why.
async fn greeting(
    shared: &Shared,
    connection: &Connection,
    peer: NodeId,
    mut receive: RecvStream,
    listed: Listed,
) -> Result<Greeted, End> {
    let judged = match read(&mut receive, shared).await? {
        Ok((hello, rest)) => judge(shared, peer, &hello, &listed).map(|()| (hello, rest)),
        Err(bad) => Err(End::Refused(bad.to_string())),
    };
    let (hello, rest) = judged.inspect_err(|end| close(connection, end))?;
    Ok(Greeted {
        connection: connection.clone(),
        peer,
        hello,
        receive,
        rest,
        listed,
    })
}

fn judge(shared: &Shared, peer: NodeId, hello: &Hello, listed: &Listed) -> Result<(), End> {
    if peer == shared.node {
        return Err(BadLife::Own(peer).into());
    }
    if hello.node != peer {
        let told = format!("it calls itself {} and is {peer}", hello.node);
        return Err(End::Refused(told));
    }
    let spoken = shared.nodes.borrow().version();
    Older::judge(hello.version, spoken).map_err(End::Older)?;
    Ok(shared.see(peer, hello.life, listed.number)?)
}

async fn read(
    receive: &mut RecvStream,
    shared: &Shared,
) -> Result<Result<(Hello, Vec<u8>), BadHello>, End> {
    let mut bytes = Vec::new();
    loop {
        match Hello::read(&bytes, shared.version) {
            Ok(Some((hello, length))) => return Ok(Ok((hello, bytes.split_off(length)))),
            Ok(None) => {}
            Err(bad) => return Ok(Err(bad)),
        }
        match receive.read_chunk(PIECE, true).await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk.bytes),
            Ok(None) => return Ok(Err(BadHello::Magic)),
            Err(ReadError::ConnectionLost(reason)) => return Err(End::from(reason)),
            Err(error) => return Err(End::Lost(error.to_string())),
        }
    }
}
