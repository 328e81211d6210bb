//! A node with a library, and what a job wrote to it.

use std::path::Path;

use serde_json::Value;

use super::node::{KEY, Login, Node, run, text};

/// A node with two tenants, a library, a pool and a job for all.
pub(crate) fn prepared() -> (Node, Login) {
    let node = Node::new();
    node.tenant("acme", "main", "1GiB");
    let acme = node.login("acme", "main");
    acme.init();
    node.json(&["tape", "library", "add", "shelf", "--virtual"]);
    let found = node.json(&["tape", "library", "inventory", "shelf"]);
    assert_eq!(found.as_array().unwrap().len(), 8, "{found}");
    node.json(&["tape", "pool", "add", "gfs"]);
    // Not by itself: each test says when.
    let job = [
        "tape",
        "job",
        "add",
        "nightly",
        "--pool",
        "gfs",
        "--all",
        "--yearly",
        "jan:1",
        "--no-daily",
    ];
    node.json(&job);
    (node, acme)
}

/// Has the job write a set and waits for its end.
pub(crate) fn archived(node: &Node, set: &str) -> Value {
    node.json(&["tape", "job", "run", "nightly", "--set", set, "--wait"])
}

/// What the job archived, the oldest first.
pub(crate) fn log(node: &Node) -> Vec<Value> {
    let log = node.json(&["tape", "job", "log", "nightly"]);
    log.as_array().unwrap().clone()
}

/// restic reads a folder as a repository.
pub(crate) fn whole(folder: &Path, snapshots: usize) {
    let with = [
        ("RESTIC_PASSWORD", KEY),
        ("RESTIC_REPOSITORY", text(folder)),
    ];
    let check = run(60, "restic", &["--no-cache", "check", "--read-data"], &with).good();
    assert!(check.contains("no errors were found"), "{check}");
    let list = run(60, "restic", &["--no-cache", "snapshots", "--json"], &with).json();
    assert_eq!(list.as_array().unwrap().len(), snapshots);
}
