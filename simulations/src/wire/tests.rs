//! The link of production in a world of its own: what a seed gives, it gives again.

use crate::plan::{End, Fleet, Members, Mishap, Plan, Timed};
use crate::verdict::Verdict;
use crate::world::{Options, run};

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
    assert!(count(&first, ": datagram of 1452 B") > 100);
    assert!(count(&first, "connected for calls") > 2);
    assert!(first.figures.done > 50, "{:?}", first.figures);
    let other = ran(&two(2, Vec::new()));
    assert_ne!(first.trace.lines(), other.trace.lines());
}
