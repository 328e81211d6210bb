//! Time, turns, crashes and sleep of a fleet whose nodes only greet each other.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::ports::Arrival;

use super::*;
use crate::world::pass;

const MILLI: Micros = 1_000;

/// What nodes heard, each with the world's time.
type Heard = Arc<Mutex<Vec<(NodeId, Micros, Arrival)>>>;

/// Greets all the others every ten milliseconds, and writes down what it hears.
struct Greeter {
    node: NodeId,
    others: Vec<NodeId>,
    heard: Heard,
    ends: Arc<Mutex<Vec<Option<End>>>>,
}

impl Program for Greeter {
    fn live(&mut self, stand: Stand) -> Option<Main> {
        let (node, others, heard) = (self.node, self.others.clone(), Arc::clone(&self.heard));
        Some(Box::pin(async move {
            let greet = async {
                loop {
                    for other in &others {
                        let _ = stand.link.send(*other, Bytes::from_static(b"hello"));
                    }
                    pass(10).await;
                }
            };
            let listen = async {
                while let Some(arrival) = stand.link.receive().await {
                    let now = stand.time.world();
                    heard.lock().unwrap().push((node, now, arrival));
                }
            };
            tokio::select! {
                biased;
                () = greet => {}
                () = listen => {}
            }
        }))
    }

    fn over(&mut self, end: Option<End>) {
        self.ends.lock().unwrap().push(end);
    }
}

struct Greeters {
    fleet: Fleet,
    heard: Heard,
    ends: Arc<Mutex<Vec<Option<End>>>>,
}

fn node(number: u64) -> NodeId {
    NodeId::new(number)
}

fn greeters(count: u64, seed: u64, wire: Wire) -> Greeters {
    let trace = Trace::new(true);
    let mut fleet = Fleet::new(1_000, wire, Dice::of_seed(seed), trace);
    let (heard, ends) = (Heard::default(), Arc::default());
    for number in 1..=count {
        let others = (1..=count).filter(|other| *other != number).map(node);
        let greeter = Greeter {
            node: node(number),
            others: others.collect(),
            heard: Arc::clone(&heard),
            ends: Arc::clone(&ends),
        };
        fleet.add(node(number), 0, Box::new(greeter));
        fleet.start(node(number));
    }
    Greeters { fleet, heard, ends }
}

#[test]
fn a_fleet_has_one_trace_for_a_seed_and_another_for_another() {
    let wire = Wire {
        has_tail: true,
        more: 20_000,
        ..Wire::default()
    };
    let trace = |seed| {
        let mut world = greeters(4, seed, wire.clone());
        world.fleet.run_until(500 * MILLI);
        world.fleet.crash(node(2), Some(End::Power));
        world.fleet.run_until(1_000 * MILLI);
        world.fleet.start(node(2));
        world.fleet.run_until(5_000 * MILLI);
        world.fleet.log.trace()
    };
    let first = trace(1);
    assert!(first.count() > 4_000, "{first:?}");
    assert_eq!(first.lines(), trace(1).lines());
    assert_ne!(first.hash(), trace(2).hash());
}

#[test]
fn nothing_arrives_before_the_least_delay_and_late_ones_keep_their_order() {
    let mut world = greeters(2, 3, Wire::default());
    world.fleet.run_until(100 * MILLI);
    let heard = world.heard.lock().unwrap().clone();
    let first = heard.iter().map(|(_, at, _)| *at).min().unwrap();
    // A greeting needs three ways: there, back, and there.
    assert!((3 * MILLI..=6 * MILLI).contains(&first), "{first}");
    assert!(heard.len() >= 16, "{heard:?}");
}

#[test]
fn a_crashed_node_is_silent_and_its_program_is_told_once() {
    let mut world = greeters(3, 4, Wire::default());
    world.fleet.run_until(100 * MILLI);
    world.fleet.crash(node(3), Some(End::Power));
    world.fleet.crash(node(3), Some(End::Kill));
    assert_eq!(*world.ends.lock().unwrap(), [Some(End::Power)]);
    world.fleet.run_until(150 * MILLI);
    world.heard.lock().unwrap().clear();
    world.fleet.run_until(3_000 * MILLI);
    let heard = world.heard.lock().unwrap().clone();
    assert!(heard.iter().all(|(at, ..)| *at != node(3)));
    let from_dead =
        |arrival: &Arrival| matches!(arrival, Arrival::Frame { from, .. } if *from == node(3));
    assert!(!heard.iter().any(|(_, _, arrival)| from_dead(arrival)));
    let downs = heard
        .iter()
        .filter(|(_, _, it)| *it == Arrival::Down(node(3)));
    assert!(downs.count() >= 2, "both learn of it");
}

#[test]
fn a_node_that_sleeps_has_no_turns_and_its_clock_jumps_when_it_wakes() {
    let mut world = greeters(2, 5, Wire::default());
    world.fleet.run_until(100 * MILLI);
    world.fleet.sleep(node(1));
    world.heard.lock().unwrap().clear();
    world.fleet.run_until(300_000 * MILLI);
    let slept = world.heard.lock().unwrap().clone();
    assert!(slept.iter().all(|(at, ..)| *at == node(2)));
    world.heard.lock().unwrap().clear();
    world.fleet.wake(node(1));
    world.fleet.run_until(300_100 * MILLI);
    let heard = world.heard.lock().unwrap().clone();
    let own: Vec<_> = heard.iter().filter(|(at, ..)| *at == node(1)).collect();
    assert!(own.iter().all(|(_, at, _)| *at >= 300_000 * MILLI));
    // One greeting for the whole sleep, not one for each ten milliseconds of it.
    let met = heard.iter().filter(|(at, ..)| *at == node(2)).count();
    assert!((5..20).contains(&met), "{met}");
}

#[test]
fn a_fast_clock_greets_more_often() {
    let heard = Heard::default();
    let mut fleet = Fleet::new(1_000, Wire::default(), Dice::of_seed(6), Trace::new(false));
    for (number, drift) in [(1, 200_000), (2, -200_000)] {
        let greeter = Greeter {
            node: node(number),
            others: vec![node(3 - number)],
            heard: Arc::clone(&heard),
            ends: Arc::default(),
        };
        fleet.add(node(number), drift, Box::new(greeter));
        fleet.start(node(number));
    }
    fleet.run_until(10_000 * MILLI);
    let heard = heard.lock().unwrap();
    let by = |to| heard.iter().filter(|(at, ..)| *at == node(to)).count();
    // Whoever is heard by node 2 is the fast one.
    assert!((1_100..1_210).contains(&by(2)), "{}", by(2));
    assert!((760..810).contains(&by(1)), "{}", by(1));
}

/// Ends by itself after a second.
struct Mayfly;

impl Program for Mayfly {
    fn live(&mut self, _: Stand) -> Option<Main> {
        Some(Box::pin(pass(1_000)))
    }

    fn over(&mut self, end: Option<End>) {
        assert_eq!(end, None);
    }
}

#[test]
fn a_life_that_ends_by_itself_is_told_at_once() {
    let mut fleet = Fleet::new(1_000, Wire::default(), Dice::of_seed(7), Trace::new(false));
    fleet.add(node(1), 0, Box::new(Mayfly));
    fleet.start(node(1));
    assert_eq!(fleet.run_until(3_000 * MILLI), [node(1)]);
    assert_eq!(fleet.now(), 1_000 * MILLI);
    assert!(fleet.is_quiet());
    // Nobody is up: time jumps.
    let turns = fleet.turns();
    assert_eq!(fleet.run_until(u64::from(u32::MAX)), []);
    assert_eq!(fleet.turns(), turns);
    assert_eq!(Duration::from_micros(fleet.now()).as_secs(), 4_294);
}
