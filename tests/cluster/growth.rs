//! Nodes that come and go for good.

use std::time::Duration;

use crate::nodes::Cluster;
use crate::wire::{Wire, name};
use crate::work::Work;

/// Waits until all copies are there that should be.
fn copied(cluster: &Cluster) {
    cluster.until("no extent lacks a copy", |cluster| {
        let leader = &cluster.nodes[cluster.leader()];
        let said = leader.try_json(&["shell", "-c", "show node/copies"]);
        let said = said.unwrap_or_default();
        said["leads"] == true
            && said["extents-with-too-few-copies"] == 0
            && said["being-copied"] == 0
    });
}

/// Drains a node until it holds nothing, and ends its membership.
fn retire(cluster: &mut Cluster, at: usize) {
    let name = cluster.nodes[at].name.clone();
    let begun = cluster.watch.seconds();
    cluster.any().json(&["node", "drain", &name]);
    cluster.until("the drained node holds nothing", |cluster| {
        cluster.any().replicas(&name) == 0
    });
    let took = cluster.watch.seconds() - begun;
    eprintln!("DRAINED {name} in {took:.2} s");
    let other = cluster.other_than(&[at]);
    cluster.nodes[other].json(&["node", "remove", &name]);
}

/// Has a removed node end, and return: nobody speaks with it, and it serves nobody.
fn dismissed(cluster: &mut Cluster, at: usize) {
    let status = cluster.nodes[at].terminate();
    assert_eq!(status.code(), Some(0), "{status}");
    let said = cluster.nodes[at].tries(4);
    let told = "the peer refuses: its key is not in the node table: it was removed";
    assert!(said.err.contains(told), "{said:?}");
}

/// Fails unless a node that was removed, and still runs, takes nothing.
fn takes_nothing(cluster: &Cluster, at: usize) {
    let bytes = b"an object for a node that was removed";
    let wire = Wire::new(&cluster.login("acme", at)).within(Duration::from_secs(3));
    let wrote = wire.attempt("POST", &format!("/main/data/{}", name(bytes)), bytes);
    if let Ok(reply) = wrote {
        assert_eq!(reply.status, 503, "{reply:?}");
    }
}

#[test]
fn a_node_is_drained_removed_and_replaced_and_all_copies_come_back() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    work.back_up(&acme);
    retire(&mut cluster, 2);
    work.back_up(&acme);
    takes_nothing(&cluster, 2);
    dismissed(&mut cluster, 2);
    let new = cluster.join();
    cluster.settle();
    work.back_up(&cluster.login("acme", new));
    copied(&cluster);
    let name = cluster.nodes[new].name.clone();
    assert!(
        cluster.any().replicas(&name) > 0,
        "the new node got nothing"
    );
    work.holds(&cluster, "acme");
    assert_eq!(cluster.trouble(), [""; 0]);
}

#[test]
fn a_cluster_grows_from_three_to_five_nodes_and_back() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    work.back_up(&acme);
    for _ in 0..2 {
        cluster.join();
    }
    cluster.settle();
    cluster.until("five vote", |cluster| cluster.voters() == 5);
    work.back_up(&cluster.login("acme", 4));
    // The founder goes, too.
    for at in [0, 3] {
        retire(&mut cluster, at);
        dismissed(&mut cluster, at);
    }
    cluster.until("three vote", |cluster| cluster.voters() == 3);
    work.back_up(&cluster.login("acme", 1));
    copied(&cluster);
    work.holds(&cluster, "acme");
    assert_eq!(cluster.trouble(), [""; 0]);
}
