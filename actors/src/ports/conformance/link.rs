//! The suite of the [`Link`] port.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;

use crate::kernel::NodeId;
use crate::ports::{Arrival, FRAME_MAX, Link, PERMITS, Unsent};

/// More frames of this size than any connection may have under way.
const MANY: u64 = 100_000;
const LARGE: usize = 64 << 10;
/// A node that neither end knows.
const NOBODY: NodeId = NodeId::new(u64::MAX);

/// Two nodes that have not spoken yet.
pub struct Ends {
    /// One of them.
    pub one: Arc<dyn Link>,
    /// The other.
    pub other: Arc<dyn Link>,
    /// Kills the connection between them, if there is one.
    pub kill: Box<dyn Fn() + Send + Sync>,
}

/// Checks two ends of a link.
///
/// # Panics
/// When the adapter breaks a promise of the port.
pub async fn link(ends: Ends) {
    assert_ne!(ends.one.node(), ends.other.node());
    frames_arrive_whole_and_in_order(&ends).await;
    the_two_ways_do_not_hinder_each_other(&ends).await;
    a_frame_that_is_too_large_is_refused(&ends).await;
    who_turns_away_loses_nothing(&ends).await;
    a_node_that_nobody_knows_is_down(&ends).await;
    a_peer_that_does_not_listen_stops_its_sender(&ends).await;
    a_connection_that_dies_loses_a_suffix_and_says_so(&ends).await;
    after_it_died_there_is_another(&ends).await;
}

async fn frames_arrive_whole_and_in_order(ends: &Ends) {
    for (number, length) in [8, 9, 4_096, FRAME_MAX, 8].into_iter().enumerate() {
        send(&ends.one, &ends.other, body(number as u64, length));
    }
    for (number, length) in [8, 9, 4_096, FRAME_MAX, 8].into_iter().enumerate() {
        assert_eq!(
            frame(&ends.other, &ends.one).await,
            body(number as u64, length)
        );
    }
    send(&ends.one, &ends.other, Bytes::new());
    assert_eq!(frame(&ends.other, &ends.one).await, Bytes::new());
}

async fn the_two_ways_do_not_hinder_each_other(ends: &Ends) {
    for number in 0..PERMITS as u64 {
        send(&ends.one, &ends.other, body(number, 100));
    }
    send(&ends.other, &ends.one, body(7, 8));
    assert_eq!(frame(&ends.one, &ends.other).await, body(7, 8));
    for number in 0..PERMITS as u64 {
        assert_eq!(frame(&ends.other, &ends.one).await, body(number, 100));
    }
}

async fn a_frame_that_is_too_large_is_refused(ends: &Ends) {
    let large = Bytes::from(vec![0; FRAME_MAX + 1]);
    let refused = ends.one.send(ends.other.node(), large);
    assert_eq!(refused, Err(Unsent::TooLarge));
    send(&ends.one, &ends.other, body(1, 8));
    assert_eq!(frame(&ends.other, &ends.one).await, body(1, 8));
}

async fn who_turns_away_loses_nothing(ends: &Ends) {
    for number in 0..3 {
        let mut waiting = ends.other.receive();
        let looked = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await;
        assert!(looked.is_pending(), "nothing was sent");
        drop(waiting);
        send(&ends.one, &ends.other, body(number, 8));
        assert_eq!(frame(&ends.other, &ends.one).await, body(number, 8));
    }
}

async fn a_node_that_nobody_knows_is_down(ends: &Ends) {
    let sent = ends.one.send(NOBODY, body(1, 8));
    assert_eq!(sent, Ok(()), "who is there shows only later");
    assert_eq!(ends.one.receive().await, Some(Arrival::Down(NOBODY)));
}

async fn a_peer_that_does_not_listen_stops_its_sender(ends: &Ends) {
    let mut sent = 0;
    let refused = loop {
        match ends.one.send(ends.other.node(), body(sent, LARGE)) {
            Ok(()) if sent < MANY => sent += 1,
            told => break told,
        }
    };
    assert_eq!(refused, Err(Unsent::NoPermit));
    assert!(sent >= PERMITS as u64, "{sent} frames, then no permit");
    for number in 0..sent {
        assert_eq!(frame(&ends.other, &ends.one).await, body(number, LARGE));
    }
    let room = Arrival::Room(ends.other.node());
    assert_eq!(ends.one.receive().await, Some(room));
    send(&ends.one, &ends.other, body(sent, 8));
    assert_eq!(frame(&ends.other, &ends.one).await, body(sent, 8));
}

async fn a_connection_that_dies_loses_a_suffix_and_says_so(ends: &Ends) {
    for number in 0..20 {
        send(&ends.one, &ends.other, body(number, 8));
    }
    (ends.kill)();
    let down = Arrival::Down(ends.other.node());
    assert_eq!(ends.one.receive().await, Some(down));
    let mut next = 0;
    loop {
        match ends.other.receive().await {
            Some(Arrival::Frame { body: found, .. }) => {
                assert_eq!(found, body(next, 8), "a gap before the end");
                next += 1;
            }
            Some(Arrival::Down(peer)) => {
                assert_eq!(peer, ends.one.node());
                return;
            }
            told => panic!("{told:?} instead of the connection's end"),
        }
    }
}

async fn after_it_died_there_is_another(ends: &Ends) {
    send(&ends.other, &ends.one, body(31, 8));
    assert_eq!(frame(&ends.one, &ends.other).await, body(31, 8));
    send(&ends.one, &ends.other, body(32, 8));
    assert_eq!(frame(&ends.other, &ends.one).await, body(32, 8));
}

/// Bytes that can be told from those of every other number.
fn body(number: u64, length: usize) -> Bytes {
    let mut bytes = vec![number as u8; length];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes.into()
}

fn send(from: &Arc<dyn Link>, to: &Arc<dyn Link>, frame: Bytes) {
    from.send(to.node(), frame).expect("a send");
}

async fn frame(at: &Arc<dyn Link>, from: &Arc<dyn Link>) -> Bytes {
    match at.receive().await {
        Some(Arrival::Frame { from: sender, body }) => {
            assert_eq!(sender, from.node());
            body
        }
        told => panic!("{told:?} instead of a frame"),
    }
}
