//! Nodes that come and go for good.

use std::time::Duration;

use crate::nodes::{Cluster, is_long};
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
    let early = cluster.any().plain(&["node", "remove", &name]);
    assert_eq!(early.code, 5, "{early:?}");
    assert!(early.err.contains(" still holds "), "{early:?}");
    let early = cluster.any().plain(&["node", "remove", &name, "--force"]);
    assert_eq!(early.code, 4, "{early:?}");
    assert!(
        early.err.contains("it still runs: drain it instead"),
        "{early:?}"
    );
    cluster.any().json(&["node", "drain", &name]);
    cluster.until("the drained node holds nothing", |cluster| {
        cluster.any().replicas(&name) == 0
    });
    let took = cluster.watch.seconds() - begun;
    eprintln!("DRAINED {name} in {took:.2} s");
    let other = cluster.other_than(&[at]);
    cluster.nodes[other].json(&["node", "remove", &name]);
}

/// A removed node ends by itself and says why; so it does when it returns, and the others tell of
/// it once.
fn dismissed(cluster: &mut Cluster, at: usize) {
    takes_nothing(cluster, at);
    let (id, name) = (format!("node-{}", at + 1), cluster.nodes[at].name.clone());
    let told = format!(
        "error: {id} ({name}) was removed from its cluster and takes no part any more; to use \
         this machine again, join anew with an empty directory"
    );
    let status = cluster.nodes[at].ended();
    assert_eq!(status.code(), Some(4), "{status}");
    assert_eq!(
        cluster.nodes[at].logged().lines().last(),
        Some(told.as_str())
    );
    for _ in 0..2 {
        let said = cluster.nodes[at].tries(30);
        assert_eq!(said.code, 4, "{said:?}");
        assert_eq!(said.err.lines().last(), Some(told.as_str()));
    }
    let text = format!("{id} '{name}', which was removed, knocked");
    cluster.until("an event tells of it", |cluster| {
        cluster.told(30077, &text) > 0
    });
    assert_eq!(cluster.told(30077, &text), 1);
}

/// Fails if a node that was removed, and may still run, takes anything.
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
    dismissed(&mut cluster, 2);
    work.back_up(&acme);
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
fn another_node_takes_the_place_of_one_that_died_with_what_it_was_told() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    work.back_up(&acme);
    let kept = cluster.any().json(&["join-token", "list"]);
    assert_eq!(kept[0]["state"], "used", "{kept}");
    // A token that was revoked lets nobody in.
    let token = cluster.any().json(&["join-token"]);
    let id = token["id"].as_str().unwrap();
    cluster.any().plain(&["join-token", "revoke", id]).good();
    let refused = cluster.tries_to_join(token["token"].as_str().unwrap());
    assert_eq!(refused.code, 3, "{refused:?}");
    let text = "a newcomer from 127.0.0.1 showed a join token that was revoked";
    cluster.until("an event tells of it", |cluster| {
        cluster.told(30087, text) > 0
    });
    let new = cluster.join();
    cluster.settle();
    let alive = cluster
        .any()
        .plain(&["node", "replace", "n3", "--with", "n4"]);
    assert_eq!(alive.code, 5, "{alive:?}");
    cluster.nodes[2].kill();
    cluster.until("it is down", |cluster| {
        cluster
            .any()
            .states()
            .get("n3")
            .is_some_and(|it| it == "down")
    });
    let replace = ["node", "replace", "n3", "--with", "n4"];
    let asked = cluster.any().plain(&replace);
    assert_eq!(asked.code, 4, "{asked:?}");
    assert!(asked.err.contains("--confirm 'replace n3'"), "{asked:?}");
    let confirmed = [&replace[..], &["--confirm", "replace n3"]].concat();
    cluster.any().plain(&confirmed).good();
    work.back_up(&cluster.login("acme", new));
    cluster.until("it has copies", |cluster| cluster.any().replicas("n4") > 0);
    copied(&cluster);
    cluster.until("it votes", |cluster| cluster.voters() == 3);
    // Whoever is dead returns, and hears it.
    let said = cluster.nodes[2].tries(30);
    assert_eq!(said.code, 4, "{said:?}");
    // A node that holds what others have too goes by force, once that was typed.
    let forced = ["node", "remove", "n2", "--force", "--confirm", "remove n2"];
    cluster.nodes[1].kill();
    cluster.any().plain(&forced).good();
    work.back_up(&cluster.login("acme", new));
    work.holds(&cluster, "acme");
    assert_eq!(cluster.trouble(), [""; 0]);
}

#[test]
fn a_cluster_grows_from_three_to_five_nodes_and_back() {
    if !is_long() {
        return;
    }
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
