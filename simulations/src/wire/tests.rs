//! The link of production in a world of its own: what a seed gives, it gives again.

use std::sync::Arc;

use holdfast_actors::ports::conformance;
use holdfast_cluster::nodes::Nodes;
use holdfast_cluster::quic::{Class, Config, Endpoint, Ground, Life, Pace, VERSION};
use tokio::sync::watch;

use super::identity::{WALL, certificate, table};
use crate::clock::Clock;
use crate::dice::Dice;
use crate::entropy::Entropy;
use crate::fleet::member;
use crate::network::{Network, Spoil};
use crate::plan::{End, Fleet, Members, Mishap, Plan, Timed, Wire};
use crate::timepiece::Timepiece;
use crate::verdict::Verdict;
use crate::world::{Options, pass, run};
use crate::yields::Yields;

/// Two nodes for two seconds, with what befalls them.
fn two(seed: u64, mishaps: Vec<Timed>) -> Plan {
    let mut plan = Plan::wire(seed);
    plan.fleet = Some(Fleet {
        quantum: 1_000,
        wire: Default::default(),
        members: Members::Wire {
            nodes: 2,
            callers: 1,
            pause: 20,
            window: 3,
            lost: 10,
            twice: 10,
        },
        drifts: Vec::new(),
        millis: 2_000,
        mishaps,
    });
    plan
}

fn ran(plan: &Plan) -> Verdict {
    let options = Options {
        keeps_lines: true,
        ..Options::default()
    };
    let verdict = run(plan, options);
    assert!(verdict.is_good(), "{:#?}", verdict.violations);
    verdict
}

fn count(verdict: &Verdict, what: &str) -> usize {
    let lines = verdict.trace.lines().iter();
    lines.filter(|line| line.contains(what)).count()
}

#[test]
fn two_nodes_talk_over_lossy_datagrams_and_a_seed_gives_every_byte_again() {
    let crash = Mishap::Crash {
        node: 1,
        end: End::Power,
        off: 300,
        again: 0,
        after: 0,
    };
    let plan = two(
        1,
        vec![Timed {
            at: 900,
            mishap: crash,
        }],
    );
    let (first, second) = (ran(&plan), ran(&plan));
    assert_eq!(first.trace.lines(), second.trace.lines());
    let large = |line: &String| {
        let size = line.split_once(": datagram of ")?.1.split_once(" B")?.0;
        size.parse::<usize>().ok().filter(|size| *size >= 1_452)
    };
    let large = first.trace.lines().iter().filter_map(large);
    assert!(large.count() > 100);
    assert!(count(&first, "connected for calls") > 2);
    assert!(first.figures.done > 50, "{:?}", first.figures);
    let other = ran(&two(2, Vec::new()));
    assert_ne!(first.trace.lines(), other.trace.lines());
}

/// Two ends in one runtime, and the network between them.
struct Lab {
    network: Network,
    time: Timepiece,
}

impl Lab {
    fn new(seed: u64, spoil: Spoil) -> Self {
        let wire = Wire {
            more: 3_000,
            ..Wire::default()
        };
        let network = Network::new(wire, &Dice::of_seed(seed));
        network.spoil(spoil);
        let time = Timepiece::starting_at(0, 0);
        Self { network, time }
    }

    fn open(&self, number: u32, table: &watch::Sender<Arc<Nodes>>) -> Endpoint {
        let node = member(number);
        let _frames = self.network.join(node, self.time, Yields::default());
        let config = Config {
            node,
            life: Life { count: 1, salt: 1 },
            certificate: certificate(node).unwrap(),
            nodes: table.subscribe(),
            version: VERSION,
            pace: Pace::default(),
            clock: Arc::new(Clock::starting_at(WALL)),
            joins: None,
            notices: Arc::new(|_| {}),
        };
        let ground = Ground::Made {
            datagrams: self.network.socket(node, self.time),
            entropy: Arc::new(Entropy::new(Dice::of_seed(u64::from(number)))),
        };
        Endpoint::open(config, ground).unwrap()
    }

    /// Lets time pass for ever, and everything that is due arrive.
    async fn run(&self) {
        loop {
            pass(1).await;
            let now = self.time.world();
            for (_, event) in self.network.due(now + 1) {
                self.network.deliver(event, now);
            }
        }
    }
}

async fn conforms(seed: u64, spoil: Spoil) {
    let lab = Lab::new(seed, spoil);
    let table = watch::Sender::new(table(&[member(0), member(1)]).unwrap());
    let (one, other) = (lab.open(0, &table), Arc::new(lab.open(1, &table)));
    for class in Class::ALL {
        let cuts = Arc::clone(&other);
        let ends = conformance::Ends {
            one: one.link(class),
            other: other.link(class),
            kill: Box::new(move || cuts.sever(member(0))),
        };
        tokio::select! {
            () = conformance::link(ends) => {}
            () = lab.run() => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_real_link_over_bad_datagrams_keeps_the_promises_of_the_port() {
    conforms(1, Spoil::default()).await;
    conforms(2, Spoil { lost: 20, twice: 5 }).await;
}
