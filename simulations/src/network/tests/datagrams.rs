//! What the simulated network does to datagrams.

use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use holdfast_cluster::quic::Datagrams;

use super::*;

fn socket(lab: &Lab, node: NodeId) -> Arc<dyn Datagrams> {
    let _frames = lab.join(node);
    lab.network.socket(node, lab.time)
}

/// What waits at a socket, and who sent it.
fn taken(socket: &Arc<dyn Datagrams>) -> Vec<(SocketAddr, u8)> {
    let mut taken = Vec::new();
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready((from, body)) = socket.poll_receive(&mut context) {
        taken.push((from, body[0]));
    }
    taken
}

fn numbers(socket: &Arc<dyn Datagrams>) -> Vec<u8> {
    taken(socket)
        .into_iter()
        .map(|(_, number)| number)
        .collect()
}

fn jittery() -> Wire {
    Wire {
        more: 20_000,
        ..Wire::default()
    }
}

fn send(from: &Arc<dyn Datagrams>, to: NodeId, numbers: std::ops::Range<u8>) {
    for number in numbers {
        from.send(address(to), &[number]);
    }
}

#[tokio::test(start_paused = true)]
async fn datagrams_overtake_each_other_and_none_is_lost_unless_the_plan_says_so() {
    let lab = Lab::new(jittery(), 1);
    let (one, other) = (socket(&lab, ONE), socket(&lab, OTHER));
    send(&one, OTHER, 0..100);
    lab.run(30).await;
    let mut came = taken(&other);
    assert!(came.iter().all(|(from, _)| *from == address(ONE)));
    assert!(!came.is_sorted(), "each finds its own way");
    came.sort_unstable();
    assert!(came.iter().map(|(_, number)| *number).eq(0..100));
}

#[tokio::test(start_paused = true)]
async fn some_are_lost_and_some_come_twice_as_the_plan_says() {
    let lab = Lab::new(jittery(), 1);
    let (one, other) = (socket(&lab, ONE), socket(&lab, OTHER));
    lab.network.spoil(Spoil { lost: 5, twice: 0 });
    send(&one, OTHER, 0..200);
    lab.run(30).await;
    let came = taken(&other).len();
    assert!((140..180).contains(&came), "{came}");
    lab.network.spoil(Spoil { lost: 0, twice: 4 });
    send(&one, OTHER, 0..100);
    lab.run(30).await;
    let came = taken(&other).len();
    assert!((115..135).contains(&came), "{came}");
}

#[tokio::test(start_paused = true)]
async fn a_cut_loses_what_is_sent_one_way_and_not_what_is_under_way() {
    let lab = Lab::new(Wire::default(), 1);
    let (one, other) = (socket(&lab, ONE), socket(&lab, OTHER));
    send(&one, OTHER, 0..1);
    lab.network.cut(ONE, OTHER, lab.time.world());
    send(&one, OTHER, 1..9);
    send(&other, ONE, 9..10);
    lab.run(5).await;
    assert_eq!((numbers(&other), numbers(&one)), (vec![0], vec![9]));
    lab.network.heal(lab.time.world());
    send(&one, OTHER, 20..21);
    lab.run(5).await;
    assert_eq!(numbers(&other), [20]);
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_a_life_that_is_over_and_nothing_sent_to_it_reaches_the_next() {
    let lab = Lab::new(Wire::default(), 1);
    let (one, other) = (socket(&lab, ONE), socket(&lab, OTHER));
    send(&one, OTHER, 0..1);
    lab.network.leave(OTHER, lab.time.world());
    lab.run(5).await;
    let again = socket(&lab, OTHER);
    send(&other, ONE, 1..2);
    lab.run(5).await;
    assert_eq!(
        (numbers(&again), numbers(&other), numbers(&one)),
        (vec![], vec![], vec![])
    );
    send(&one, OTHER, 3..4);
    lab.run(5).await;
    assert_eq!((numbers(&again), numbers(&other)), (vec![3], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_sleeps_finds_no_more_than_its_socket_holds() {
    let lab = Lab::new(Wire::default(), 1);
    let (one, other) = (socket(&lab, ONE), socket(&lab, OTHER));
    lab.network.sleep(OTHER, lab.time.world());
    for _ in 0..10 {
        send(&one, OTHER, 0..100);
    }
    lab.run(5).await;
    lab.network.wake(OTHER, lab.time.world());
    lab.run(5).await;
    assert_eq!(taken(&other).len(), 256);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_to_notice_hears_nothing_for_a_moment() {
    let lab = Lab::new(Wire::default(), 1);
    let (one, other) = (socket(&lab, ONE), socket(&lab, OTHER));
    lab.network.forget(ONE, OTHER, lab.time.world());
    send(&one, OTHER, 0..1);
    send(&other, ONE, 1..2);
    lab.run(300).await;
    send(&one, OTHER, 2..3);
    lab.run(5).await;
    assert_eq!((numbers(&other), numbers(&one)), (vec![2], vec![1]));
}

#[tokio::test(start_paused = true)]
async fn a_wire_that_is_full_loses_what_would_wait_too_long() {
    let wire = Wire {
        kib_per_second: Some(1),
        ..Wire::default()
    };
    let lab = Lab::new(wire, 1);
    let (one, other) = (socket(&lab, ONE), socket(&lab, OTHER));
    for _ in 0..50 {
        one.send(address(OTHER), &[7; 10]);
    }
    lab.run(1_000).await;
    let came = taken(&other).len();
    assert!(
        (9..=12).contains(&came),
        "{came} of 10 bytes in a tenth of a second"
    );
}
