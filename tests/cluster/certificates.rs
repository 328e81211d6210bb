//! Certificates of nodes, over months that pass in a minute: the nodes' wall clocks are read
//! through a file.

use std::fs;
use std::path::PathBuf;

use crate::node::skipped;
use crate::nodes::{Cluster, loopback};
use crate::work::Work;

/// By which the loader is told of a library that goes before all others.
const PRELOAD: &str = "LD_PRELOAD";

/// The wall clock of all nodes of a cluster; the monotonic ones are the machine's.
struct Wall(PathBuf);

impl Wall {
    /// Puts it before the nodes that a cluster will have; none where the library is missing.
    fn before(cluster: &mut Cluster) -> Option<Self> {
        let library = fs::read_dir("/usr/lib").unwrap().flatten();
        let library = library.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
        let library = library.into_iter().find(|path| path.exists())?;
        let wall = Self(cluster.path("clock"));
        wall.set("+0");
        let file = wall.0.to_str().unwrap();
        cluster.environment = [
            (PRELOAD, library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", file),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("FAKETIME_NO_CACHE", "1"),
            ("NO_FAKE_STAT", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        Some(wall)
    }

    /// Sets it so far from the machine's: `+40d`.
    fn set(&self, offset: &str) {
        let next = self.0.with_extension("next");
        fs::write(&next, format!("{offset}\n")).unwrap();
        fs::rename(&next, &self.0).unwrap();
    }
}

/// Until when a node's certificate is good, as it says itself.
fn until(cluster: &Cluster, at: usize) -> String {
    let shown = cluster.nodes[at].try_json(&["shell", "-c", "show node/identity"]);
    let shown = shown.unwrap_or_default();
    shown["until"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn certificates_between_nodes_are_renewed_by_themselves_and_nothing_is_cut_for_it() {
    let mut cluster = Cluster::empty(Box::new(loopback));
    let Some(wall) = Wall::before(&mut cluster) else {
        let name = "certificates_between_nodes_are_renewed_by_themselves_and_nothing_is_cut_for_it";
        return skipped(name, "libfaketime is missing");
    };
    cluster.make(3);
    // One has no issuer any more: others sign for it.
    assert_eq!(cluster.nodes[2].terminate().code(), Some(0));
    for file in ["issuer.pem", "issuer.key"] {
        fs::remove_file(cluster.nodes[2].data.join("cluster").join(file)).unwrap();
    }
    cluster.start(2);
    cluster.settle();
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    work.back_up(&acme);
    // One is off when its certificate should be renewed, and when it ends.
    assert_eq!(cluster.nodes[1].terminate().code(), Some(0));
    let before = [0, 2].map(|at| (at, until(&cluster, at)));
    let cuts = |cluster: &Cluster| -> usize {
        let logs = [0, 2].map(|at| cluster.nodes[at].logged());
        logs.iter()
            .map(|log| log.matches("node-1: not connected").count())
            .sum::<usize>()
            + logs
                .iter()
                .map(|log| log.matches("node-3: not connected").count())
                .sum::<usize>()
    };
    let cut = cuts(&cluster);
    wall.set("+65d");
    cluster.until("both are renewed", |cluster| {
        before
            .iter()
            .all(|(at, before)| until(cluster, *at) > *before)
    });
    work.back_up(&cluster.login("acme", 2));
    assert_eq!(cuts(&cluster), cut, "a connection was cut");
    // The first certificates have ended now; whoever starts is known by a new one.
    wall.set("+100d");
    cluster.start(1);
    cluster.settle();
    for at in [0, 2] {
        assert_eq!(cluster.nodes[at].terminate().code(), Some(0));
        cluster.start(at);
        cluster.settle();
    }
    work.back_up(&cluster.login("acme", 1));
    work.holds(&cluster, "acme");
    assert_eq!(cluster.trouble(), [""; 0]);
}
