//! What the simulated network does to frames.

use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::ports::{Arrival, Link, conformance};

use super::*;
use crate::world::pass;

mod datagrams;

const ONE: NodeId = NodeId::new(1);
const OTHER: NodeId = NodeId::new(2);

/// Nodes in one runtime, whose time is the world's.
struct Lab {
    network: Network,
    time: Timepiece,
}

impl Lab {
    fn new(wire: Wire, seed: u64) -> Self {
        Self {
            network: Network::new(wire, &Dice::of_seed(seed)),
            time: Timepiece::starting_at(0, 0),
        }
    }

    fn join(&self, node: NodeId) -> Arc<dyn Link> {
        self.network.join(node, self.time, Yields::default())
    }

    /// Lets time pass, and everything that is due arrive.
    async fn run(&self, millis: u64) {
        for _ in 0..millis {
            pass(1).await;
            let now = self.time.world();
            for (_, event) in self.network.due(now + 1) {
                self.network.deliver(event, now);
            }
        }
    }

    async fn heard(&self, at: &Arc<dyn Link>) -> Vec<Arrival> {
        let mut heard = Vec::new();
        while let Ok(Some(arrival)) = tokio::time::timeout(Duration::ZERO, at.receive()).await {
            heard.push(arrival);
        }
        heard
    }
}

fn body(number: u8) -> Bytes {
    Bytes::from(vec![number])
}

fn frames(from: NodeId, numbers: std::ops::Range<u8>) -> Vec<Arrival> {
    let frame = |number| Arrival::Frame {
        from,
        body: body(number),
    };
    numbers.map(frame).collect()
}

fn send(link: &Arc<dyn Link>, to: NodeId, numbers: std::ops::Range<u8>) {
    for number in numbers {
        link.send(to, body(number)).unwrap();
    }
}

async fn conforms(wire: Wire, seed: u64) {
    let lab = Arc::new(Lab::new(wire, seed));
    let (one, other) = (lab.join(ONE), lab.join(OTHER));
    let at_work = Arc::clone(&lab);
    let kill = Box::new(move || at_work.network.kill(ONE, OTHER, at_work.time.world()));
    tokio::select! {
        () = conformance::link(conformance::Ends { one, other, kill }) => {}
        () = lab.run(u64::MAX) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_simulated_link_keeps_the_promises_of_the_port() {
    for seed in 0..20 {
        conforms(Wire::default(), seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_and_uneven_one_keeps_them_too() {
    let wire = Wire {
        more: 30_000,
        has_tail: true,
        kib_per_second: Some(8_192),
        ..Wire::default()
    };
    for seed in 0..5 {
        conforms(wire.clone(), seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_cut_delays_and_a_long_one_kills_on_both_sides() {
    let lab = Lab::new(Wire::default(), 1);
    let (one, other) = (lab.join(ONE), lab.join(OTHER));
    send(&one, OTHER, 0..1);
    lab.run(20).await;
    lab.heard(&other).await;
    lab.network.cut(ONE, OTHER, lab.time.world());
    lab.network.cut(OTHER, ONE, lab.time.world());
    send(&one, OTHER, 1..5);
    lab.run(1_500).await;
    assert_eq!(lab.heard(&other).await, []);
    lab.network.heal(lab.time.world());
    lab.run(1_000).await;
    assert_eq!(lab.heard(&other).await, frames(ONE, 1..5));
    lab.network.cut(ONE, OTHER, lab.time.world());
    lab.network.cut(OTHER, ONE, lab.time.world());
    send(&one, OTHER, 5..9);
    lab.run(2_100).await;
    assert_eq!(lab.heard(&one).await, [Arrival::Down(OTHER)]);
    assert_eq!(lab.heard(&other).await, [Arrival::Down(ONE)]);
    lab.network.heal(lab.time.world());
    send(&one, OTHER, 9..10);
    lab.run(20).await;
    assert_eq!(lab.heard(&other).await, frames(ONE, 9..10));
}

#[tokio::test(start_paused = true)]
async fn a_cut_of_one_way_lets_the_other_pass_until_the_connection_is_given_up() {
    let lab = Lab::new(Wire::default(), 2);
    let (one, other) = (lab.join(ONE), lab.join(OTHER));
    send(&one, OTHER, 0..1);
    lab.run(20).await;
    lab.network.cut(ONE, OTHER, lab.time.world());
    send(&other, ONE, 0..3);
    lab.run(1_000).await;
    assert_eq!(lab.heard(&one).await, frames(OTHER, 0..3));
    lab.run(1_100).await;
    lab.heard(&other).await;
    assert_eq!(lab.heard(&one).await, [Arrival::Down(OTHER)]);
    send(&other, ONE, 3..4);
    lab.run(1_000).await;
    assert_eq!(lab.heard(&one).await, [], "no connection without an answer");
}

#[tokio::test(start_paused = true)]
async fn a_half_open_peer_learns_of_it_when_it_speaks() {
    let lab = Lab::new(Wire::default(), 3);
    let (one, other) = (lab.join(ONE), lab.join(OTHER));
    send(&one, OTHER, 0..1);
    lab.run(20).await;
    lab.network.forget(ONE, OTHER, lab.time.world());
    lab.run(25).await;
    assert_eq!(lab.heard(&one).await, [Arrival::Down(OTHER)]);
    assert_eq!(lab.heard(&other).await, frames(ONE, 0..1));
    send(&other, ONE, 0..1);
    lab.run(10).await;
    assert_eq!(lab.heard(&other).await, [Arrival::Down(ONE)]);
    assert_eq!(lab.heard(&one).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_back_knows_no_connection_of_its_former_life() {
    let lab = Lab::new(Wire::default(), 4);
    let (one, other) = (lab.join(ONE), lab.join(OTHER));
    send(&one, OTHER, 0..1);
    lab.run(20).await;
    lab.network.leave(OTHER, lab.time.world());
    assert_eq!(other.send(ONE, body(1)), Err(ports::Unsent::Closed));
    assert_eq!(other.receive().await, None);
    let other = lab.join(OTHER);
    send(&one, OTHER, 1..3);
    lab.run(20).await;
    assert_eq!(lab.heard(&one).await, [Arrival::Down(OTHER)]);
    assert_eq!(lab.heard(&other).await, []);
    send(&one, OTHER, 3..4);
    lab.run(20).await;
    assert_eq!(lab.heard(&other).await, frames(ONE, 3..4));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_slept_hears_at_once_what_came_meanwhile() {
    let lab = Lab::new(Wire::default(), 5);
    let (one, other) = (lab.join(ONE), lab.join(OTHER));
    send(&one, OTHER, 0..1);
    lab.run(20).await;
    lab.heard(&other).await;
    lab.network.sleep(OTHER, lab.time.world());
    send(&one, OTHER, 1..3);
    lab.run(1_000).await;
    assert_eq!(lab.heard(&other).await, []);
    lab.network.wake(OTHER, lab.time.world());
    lab.run(20).await;
    assert_eq!(lab.heard(&other).await, frames(ONE, 1..3));
    lab.network.sleep(OTHER, lab.time.world());
    lab.run(60_000).await;
    assert_eq!(lab.heard(&one).await, [Arrival::Down(OTHER)]);
    lab.network.wake(OTHER, lab.time.world());
    send(&other, ONE, 0..1);
    lab.run(20).await;
    assert_eq!(lab.heard(&other).await, [Arrival::Down(ONE)]);
}

/// Two nodes between which 64 KiB pass in a second.
fn thin() -> (Lab, Arc<dyn Link>, Arc<dyn Link>) {
    let wire = Wire {
        kib_per_second: Some(64),
        more: 0,
        ..Wire::default()
    };
    let lab = Lab::new(wire, 6);
    let (one, other) = (lab.join(ONE), lab.join(OTHER));
    (lab, one, other)
}

#[tokio::test(start_paused = true)]
async fn a_slow_link_is_slow_in_proportion_to_what_is_sent() {
    let (lab, one, other) = thin();
    for _ in 0..4 {
        one.send(OTHER, Bytes::from(vec![0; 64 << 10])).unwrap();
    }
    lab.run(3_900).await;
    assert_eq!(lab.heard(&other).await.len(), 3);
    lab.network.slow(ONE, OTHER, 10);
    one.send(OTHER, body(0)).unwrap();
    lab.run(105).await;
    assert_eq!(lab.heard(&other).await.len(), 1);
    lab.run(8).await;
    assert_eq!(lab.heard(&other).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_on_a_slow_link_when_it_is_healed_comes_as_usual_and_in_order() {
    let (lab, one, other) = thin();
    lab.network.slow(ONE, OTHER, 100);
    one.send(OTHER, Bytes::from(vec![0; 64 << 10])).unwrap();
    send(&one, OTHER, 0..3);
    lab.run(2_000).await;
    assert_eq!(lab.heard(&other).await.len(), 0);
    lab.network.heal(lab.time.world());
    lab.run(1_100).await;
    let heard = lab.heard(&other).await;
    assert_eq!(heard.len(), 4, "{heard:?}");
    assert_eq!(heard[1..], frames(ONE, 0..3));
}
