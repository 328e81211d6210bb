//! Permits, deaths and what is told of them, without a socket.

use std::future::Future;
use std::task::{Context, Poll, Waker};

use super::*;

/// What a future says when it is asked once.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match Box::pin(future)
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

const PEER: NodeId = NodeId::new(2);

fn lane() -> (ClassLink, mpsc::UnboundedReceiver<Dial>) {
    let (dials, told) = mpsc::unbounded_channel();
    let lane = Lane::new(NodeId::new(1), Class::Calls, dials);
    (ClassLink(Arc::new(lane)), told)
}

fn body(number: u8) -> Bytes {
    Bytes::from(vec![number; 8])
}

/// Connects by the node's own attempt.
fn connected() -> (ClassLink, Way, mpsc::UnboundedReceiver<Dial>) {
    let (link, mut dials) = lane();
    link.send(PEER, body(0)).unwrap();
    let Dial { attempt, .. } = dials.try_recv().unwrap();
    let verdict = link.0.answered(PEER, attempt, 0, Life::default());
    let Verdict::Use { way, .. } = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(link.0.batch(PEER, way).unwrap().frames, 1);
    (link, way, dials)
}

fn heard(link: &ClassLink) -> Option<Arrival> {
    now(link.receive()).flatten()
}

#[test]
fn what_is_sent_before_a_death_was_heard_of_is_lost_with_it() {
    let (link, way, mut dials) = connected();
    link.0.died(PEER, way);
    assert_eq!(link.send(PEER, body(1)), Ok(()));
    assert!(dials.try_recv().is_err(), "nobody is dialled for it");
    assert_eq!(heard(&link), Some(Arrival::Down(PEER)));
    assert_eq!(link.send(PEER, body(2)), Ok(()));
    let Dial { attempt, .. } = dials.try_recv().unwrap();
    let Verdict::Use { way, .. } = link.0.answered(PEER, attempt, 0, Life::default()) else {
        panic!("it is the only one");
    };
    let batch = link.0.batch(PEER, way).unwrap();
    assert_eq!(batch.chunks.concat()[4..], body(2));
}

#[test]
fn a_death_is_told_once() {
    let (link, way, _dials) = connected();
    link.0.died(PEER, way);
    link.0.died(PEER, way);
    link.0.failed(PEER, 1);
    assert_eq!(heard(&link), Some(Arrival::Down(PEER)));
    assert_eq!(heard(&link), None);
}

#[test]
fn nothing_arrives_from_a_dead_connection() {
    let (link, way, _dials) = connected();
    let before = link.0.arrived(PEER, way, &mut vec![Item::Frame(body(1))]);
    assert_eq!(before, Ok(true));
    link.0.died(PEER, way);
    let after = link.0.arrived(PEER, way, &mut vec![Item::Frame(body(2))]);
    assert_eq!(after, Ok(false));
    let frame = Arrival::Frame {
        from: PEER,
        body: body(1),
    };
    assert_eq!(heard(&link), Some(frame));
    assert_eq!(heard(&link), Some(Arrival::Down(PEER)));
    assert_eq!(heard(&link), None);
    assert!(link.0.batch(PEER, way).is_none());
}

#[test]
fn room_is_told_once_when_half_of_the_window_is_free() {
    let (link, way, _dials) = connected();
    let large = Bytes::from(vec![0; FRAME_MAX]);
    let mut sent = 1;
    while link.send(PEER, large.clone()).is_ok() {
        sent += 1;
    }
    assert_eq!(sent, 64);
    while !link.0.batch(PEER, way).unwrap().is_empty() {}
    let taken = |count| link.0.arrived(PEER, way, &mut vec![Item::Taken(count)]);
    assert_eq!(taken(16), Ok(true));
    assert_eq!(heard(&link), None);
    assert_eq!(taken(16), Ok(true));
    assert_eq!(heard(&link), Some(Arrival::Room(PEER)));
    assert_eq!(taken(32), Ok(true));
    assert_eq!(heard(&link), None);
}

#[test]
fn a_peer_that_sends_without_permits_is_found() {
    let (link, way, _dials) = connected();
    let large = || Item::Frame(Bytes::from(vec![0; FRAME_MAX]));
    let mut items: Vec<Item> = (0..64).map(|_| large()).collect();
    assert_eq!(link.0.arrived(PEER, way, &mut items), Ok(true));
    let told = link.0.arrived(PEER, way, &mut vec![large()]);
    assert_eq!(told, Err(Abuse::NoPermit));
}

#[test]
fn a_peer_that_takes_what_was_never_sent_is_found() {
    let (link, way, _dials) = connected();
    link.send(PEER, body(1)).unwrap();
    // One was written, and one waits.
    let told = link.0.arrived(PEER, way, &mut vec![Item::Taken(2)]);
    assert_eq!(told, Err(Abuse::NeverSent));
}

#[test]
fn a_closed_link_sends_and_hears_nothing() {
    let (link, way, _dials) = connected();
    let brought = link.0.arrived(PEER, way, &mut vec![Item::Frame(body(1))]);
    assert_eq!(brought, Ok(true));
    link.0.close();
    assert_eq!(link.send(PEER, body(1)), Err(Unsent::Closed));
    assert_eq!(now(link.receive()), Some(None));
    assert_eq!(now(link.receive()), Some(None));
}

#[test]
fn a_peer_that_turns_away_while_it_is_chosen_is_down() {
    let (link, _dials) = lane();
    let (way, mut told) = link.0.offered(PEER, 1, Life::default());
    assert!(matches!(told.try_recv(), Ok(Verdict::Use { .. })));
    link.0.withdrawn(PEER, way);
    assert_eq!(heard(&link), Some(Arrival::Down(PEER)));
}
