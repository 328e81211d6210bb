//! Repositories with many objects are taken over without reading what the next owner knows.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::fill::{fill, object};
use crate::nodes::{Cluster, is_long};
use crate::pulse::{Pulse, answered};
use crate::wire::{Wire, name};

/// Small objects that are stored first.
const OBJECTS: u64 = 4_000;
const MANY_OBJECTS: u64 = 50_000;
/// Over so many connections.
const CONNECTIONS: u64 = 8;
/// Frames that may be left to read of the end of the log, which is written to until its owner is
/// gone: each object has two.
const TAIL: u64 = 1_000;

/// What the actor of the repository `pulse` says of itself, on the node that has it at work.
fn shown(cluster: &Cluster, at: usize) -> Value {
    let id = cluster.nodes[at].json(&["repository", "show", "acme", "pulse"])["id"].clone();
    let look = format!("show node/repositories/repository-{id}");
    cluster.nodes[at].json(&["shell", "-c", &look])
}

/// What a node says of those for which it stands by.
fn standbys(cluster: &Cluster, at: usize) -> Value {
    let said = cluster.nodes[at].try_json(&["shell", "-c", "show node/standbys"]);
    said.unwrap_or_default()
}

/// Whether a node knows so many objects that it does not serve: all but the last ones, of which
/// nothing behind them in the log says yet that they are durable.
fn is_known(cluster: &Cluster, objects: u64) -> bool {
    let known = |at: usize| standbys(cluster, at)["objects"].as_u64();
    let all = cluster.running().into_iter().filter_map(known);
    all.max()
        .is_some_and(|most| most + 2 * CONNECTIONS >= objects)
}

#[test]
fn whoever_takes_over_reads_the_end_of_the_log_alone() {
    let objects = if is_long() { MANY_OBJECTS } else { OBJECTS };
    let mut cluster = Cluster::of(3);
    let mut acme = cluster.tenant("acme", 0);
    acme.repository = "pulse".to_owned();
    fill(&acme, "pulse", 0..objects, CONNECTIONS);
    cluster.until("another node knows the objects", |cluster| {
        is_known(cluster, objects)
    });
    for what in ["killed", "drained"] {
        let victim = cluster.owner(&acme);
        let name_of_victim = cluster.nodes[victim].name.clone();
        let gateway = cluster.other_than(&[victim]);
        let pulse = Pulse::patient(&cluster.login("acme", gateway));
        thread::scope(|scope| {
            let _ending = pulse.ending();
            scope.spawn(|| pulse.beat());
            pulse.gap(pulse.now());
            thread::sleep(Duration::from_secs(2));
            let since = pulse.now();
            if what == "killed" {
                cluster.nodes[victim].kill();
            } else {
                cluster.nodes[gateway].json(&["node", "drain", &name_of_victim]);
            }
            let gap = pulse.gap(since);
            cluster.until("another node owns it", |cluster| {
                cluster.owner(&acme) != victim
            });
            eprintln!("GAP after the owner of {objects} objects was {what}: {gap:.2} s");
        });
        let next = cluster.owner(&acme);
        let shown = shown(&cluster, next);
        eprintln!(
            "the next owner came back from {} frames",
            shown["frames-read-then"]
        );
        assert_eq!(shown["came-back-from"], "standby", "{shown}");
        let read = shown["frames-read-then"].as_u64().unwrap();
        assert!(read <= TAIL, "{read} frames were read: {shown}");
        assert!(shown["objects"].as_u64().unwrap() >= objects, "{shown}");
        pulse.holds_at(cluster.nodes[next].port);
        if what == "killed" {
            cluster.start(victim);
            cluster.settle();
            cluster.until("another node knows the objects", |cluster| {
                is_known(cluster, objects)
            });
        }
    }
    let list = answered(&Wire::new(&acme), "/pulse/data/");
    let is_gone = |number: &u64| !list.contains(&name(object(*number).as_bytes()));
    assert_eq!((0..objects).find(is_gone), None);
    assert_eq!(cluster.trouble(), [""; 0]);
}
