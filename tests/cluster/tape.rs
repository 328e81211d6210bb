//! A tape library on one node of a cluster, whose tenants are at home on others.

use crate::node::{plant, text};
use crate::nodes::{Cluster, loopback};

/// What the job archived and is on tape for good.
fn done(cluster: &Cluster) -> usize {
    let log = cluster.any().try_json(&["tape", "job", "log", "all"]);
    let log = log.unwrap_or_default();
    let runs = log.as_array().into_iter().flatten();
    runs.filter(|run| !run["done"].is_null()).count()
}

#[test]
fn a_library_archives_and_restores_tenants_of_other_nodes() {
    let roles = ["gateway", "storage", "tape"].map(|role| format!("--role={role}"));
    let places = move |at: usize, port| [loopback(at, port), roles.to_vec()].concat();
    let mut cluster = Cluster::placed(3, Box::new(places));
    let acme = cluster.tenant("acme", 0);
    acme.init();
    let tree = cluster.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    let owner = cluster.owner(&acme);
    let tape = cluster.other_than(&[owner]);
    let third = cluster.other_than(&[owner, tape]);
    let name = cluster.nodes[tape].name.clone();
    let any = &cluster.nodes[third];
    any.json(&[
        "tape",
        "library",
        "add",
        "shelf",
        "--virtual",
        "--node",
        &name,
    ]);
    let found = any.json(&["tape", "library", "inventory", "shelf"]);
    assert_eq!(found.as_array().unwrap().len(), 8, "{found}");
    any.json(&["tape", "pool", "add", "gfs"]);
    let job = ["tape", "job", "add", "all", "--pool", "gfs", "--all"];
    any.json(&[&job[..], &["--no-daily", "--yearly", "jan:1"]].concat());
    any.json(&["tape", "job", "run", "all", "--set", "weekly", "--wait"]);
    assert_eq!(done(&cluster), 1);

    // The owner is gone: another has the repository, and the tapes are where they were.
    cluster.nodes[owner].kill();
    let login = cluster.login("acme", third);
    let all = login.snapshots();
    let words = [&["forget", "--prune"], &[all[0].as_str()][..]].concat();
    login.restic(&words).good();
    assert_eq!(login.snapshots().len(), 0);
    let restore = ["tape", "restore", "run", "acme", "main", "--original"];
    let restored = cluster.nodes[third].json(&restore);
    assert_eq!(restored["state"], "complete", "{restored}");
    login.whole();
    login.restores("latest", &tree, &tree);

    // The node of the library comes back, and goes on with its jobs.
    cluster.nodes[tape].kill();
    cluster.start(owner);
    cluster.start(tape);
    cluster.settle();
    plant(&tree, 2);
    cluster.login("acme", owner).backup(&tree);
    let run = ["tape", "job", "run", "all", "--set", "daily", "--wait"];
    cluster.nodes[owner].json(&run);
    assert_eq!(done(&cluster), 2);
    let copy = cluster.path("copy");
    let to = [
        "tape",
        "restore",
        "run",
        "acme",
        "main",
        "--to",
        text(&copy),
    ];
    cluster.nodes[owner].json(&to);
    assert!(
        copy.join("config").is_file(),
        "all nodes are on one machine"
    );
    assert_eq!(cluster.trouble(), [""; 0]);
}
