//! Data directories that are older than their node: who forgot is turned away.

use std::fs;
use std::net::UdpSocket;

use crate::node::{run, text};
use crate::nodes::Cluster;
use crate::work::Work;

#[test]
fn a_voter_whose_directory_was_set_back_ends_and_the_others_go_on() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    work.back_up(&acme);
    cluster.until("three vote", |cluster| cluster.voters() == 3);
    let at = cluster.other_than(&[0, cluster.leader()]);
    let name = cluster.nodes[at].name.clone();
    assert_eq!(cluster.nodes[at].terminate().code(), Some(0));
    let old = cluster.copy(at).data.clone();
    cluster.start(at);
    cluster.settle();
    work.back_up(&cluster.login("acme", at));
    assert_eq!(cluster.nodes[at].terminate().code(), Some(0));
    let data = cluster.nodes[at].data.clone();
    fs::remove_dir_all(&data).unwrap();
    run(30, "cp", &["-a", text(&old), text(&data)], &[]).good();
    // As if it had been started again and again where nobody heard it.
    set_starts(&cluster, at, 40);
    cluster.nodes[at].spawn();
    let status = cluster.nodes[at].ended();
    assert_eq!(status.code(), Some(4), "{status}");
    let told = "lacks what it had acknowledged to the others: this data directory is an older";
    let logged = cluster.nodes[at].logged();
    let last = logged.lines().last().unwrap_or_default();
    assert!(last.contains(told), "{last}");
    assert!(
        last.contains(&format!("`holdfast node remove {name}`")),
        "{last}"
    );
    for _ in 0..2 {
        let said = cluster.nodes[at].tries(30);
        assert_eq!(said.code, 4, "{said:?}");
        assert!(said.err.contains(told), "{said:?}");
    }
    let text = format!(
        "node-{} '{name}' came back without what it had acknowledged",
        at + 1
    );
    cluster.until("an event tells of it", |cluster| {
        cluster.told(30077, &text) > 0
    });
    work.back_up(&cluster.login("acme", 0));
    let phrase = format!("remove {name}");
    let words = ["node", "remove", &name, "--force", "--confirm", &phrase];
    cluster.until("it is removed", |cluster| {
        cluster.any().plain(&words).code == 0
    });
    cluster.join();
    cluster.settle();
    cluster.until("three vote", |cluster| cluster.voters() == 3);
    work.back_up(&cluster.login("acme", 3));
    work.holds(&cluster, "acme");
    assert_eq!(cluster.told(30077, &text), 1);
    assert_eq!(cluster.trouble(), [""; 0]);
}

#[test]
fn a_start_whose_port_is_taken_does_not_count() {
    let mut cluster = Cluster::of(1);
    assert_eq!(cluster.nodes[0].terminate().code(), Some(0));
    let before = starts(&cluster, 0);
    let taken = UdpSocket::bind(("127.0.0.1", cluster.links[0])).unwrap();
    let said = cluster.nodes[0].tries(30);
    assert!(
        said.err.contains("cannot listen for other nodes"),
        "{said:?}"
    );
    assert_eq!(starts(&cluster, 0), before);
    drop(taken);
    cluster.start(0);
    assert_ne!(starts(&cluster, 0), before);
}

/// How often a node was started, as its directory says.
fn starts(cluster: &Cluster, at: usize) -> String {
    fs::read_to_string(cluster.nodes[at].data.join("cluster/starts")).unwrap()
}

fn set_starts(cluster: &Cluster, at: usize, count: u64) {
    let file = cluster.nodes[at].data.join("cluster/starts");
    fs::write(file, format!("{count}\n")).unwrap();
}
