//! All nodes are gateways to all tenants.

use std::fs;

use crate::nodes::Cluster;
use crate::work::Work;

#[test]
fn a_tenant_is_served_by_whichever_node_it_asks() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let globex = cluster.tenant("globex", 2);
    let work = Work::begin(&cluster, &acme, 0);
    let other = Work::begin(&cluster, &globex, 0);
    work.back_up(&cluster.login("acme", 1));
    other.back_up(&cluster.login("globex", 0));
    work.back_up(&cluster.login("acme", 2));
    work.holds(&cluster, "acme");
    other.holds(&cluster, "globex");
    assert_eq!(cluster.trouble(), [""; 0]);
}

#[test]
fn a_copied_data_directory_is_refused_beside_the_original() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    work.back_up(&acme);
    // The copy is of a stopped node, the best that a copy can be, and has an address of its own.
    let status = cluster.nodes[2].terminate();
    assert_eq!(status.code(), Some(0), "{status}");
    let copy = cluster.copy(2);
    let member = copy.data.join("cluster/member.json");
    let words = fs::read_to_string(&member).unwrap();
    let (bind, free) = (bind(&words), cluster.free_port());
    fs::write(&member, words.replace(&bind, &format!("127.0.0.1:{free}"))).unwrap();
    cluster.start(2);
    cluster.settle();
    work.back_up(&cluster.login("acme", 2));
    // Started again and again it would count as the later one.
    for _ in 0..3 {
        let said = copy.tries(30);
        assert_eq!(said.code, 4, "{said:?}");
        let told = "from another data directory: this one is a copy, and is not served";
        assert!(said.err.contains(told), "{said:?}");
    }
    let text = "node-3 'n3' runs twice";
    cluster.until("an event tells of it", |cluster| {
        cluster.told(30077, text) > 0
    });
    assert_eq!(cluster.told(30077, text), 1);
    cluster.settle();
    work.back_up(&cluster.login("acme", 1));
    work.holds(&cluster, "acme");
    assert_eq!(cluster.trouble(), [""; 0]);
}

#[test]
fn a_copy_of_a_running_node_waits_and_ends_and_the_original_serves_on() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    work.back_up(&acme);
    let copy = cluster.copy(2);
    let member = copy.data.join("cluster/member.json");
    let words = fs::read_to_string(&member).unwrap();
    let (bind, free) = (bind(&words), cluster.free_port());
    fs::write(&member, words.replace(&bind, &format!("127.0.0.1:{free}"))).unwrap();
    // It counts one start more than its original.
    let begun = cluster.watch.seconds();
    let said = copy.tries(60);
    let took = cluster.watch.seconds() - begun;
    eprintln!("COPY ended after {took:.1} s");
    assert_eq!(said.code, 4, "{said:?}");
    let told = "from another data directory: this one is a copy, and is not served";
    assert!(said.err.contains(told), "{said:?}");
    let text = "node-3 'n3' runs twice";
    cluster.until("an event tells of it", |cluster| {
        cluster.told(30077, text) > 0
    });
    cluster.settle();
    assert_eq!(cluster.running(), [0, 1, 2]);
    cluster.nodes[2].json(&["node", "list"]);
    work.back_up(&cluster.login("acme", 2));
    assert_eq!(cluster.told(30077, text), 1);
    work.holds(&cluster, "acme");
    assert_eq!(cluster.trouble(), [""; 0]);
}

#[test]
fn a_node_of_another_cluster_at_the_address_of_one_is_turned_away_and_told_of_once() {
    let mut cluster = Cluster::of(3);
    assert_eq!(cluster.nodes[2].terminate().code(), Some(0));
    let stranger = cluster.stranger(2);
    let text = "at the address of node-3 'n3' a node of another cluster answers";
    cluster.until("an event tells of it", |cluster| {
        cluster.told(30077, text) > 0
    });
    drop(stranger);
    cluster.start(2);
    cluster.settle();
    assert_eq!(cluster.told(30077, text), 1);
    assert_eq!(cluster.trouble(), [""; 0]);
}

/// Where a node's membership says that it is bound.
fn bind(words: &str) -> String {
    let member: serde_json::Value = serde_json::from_str(words).unwrap();
    member["bind"].as_str().unwrap().to_owned()
}
