//! Space of what was purged comes back on a real disk, and a node that is killed in the middle of
//! it loses nothing that counts.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;
#[path = "support/wire.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod wire;

use std::fs;
use std::path::Path;
use std::time::Duration;

use node::{Node, Stopwatch, plant};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use wire::Wire;

/// How often the node is killed.
const KILLS: u64 = 8;
/// How long after a start it is killed, in milliseconds: what is to be emptied is begun at once.
const UPTIME_MAX: u64 = 1_000;
/// How long something may take that nobody waits for, in seconds.
const PATIENCE: f64 = 60.0;

/// Waits until a figure of the repository is as wanted.
fn until(node: &Node, figure: &str, wanted: impl Fn(u64) -> bool) -> u64 {
    let watch = Stopwatch::start();
    loop {
        let shown = node.json(&["repository", "show", "acme", "main"]);
        let found = shown[figure].as_u64().unwrap();
        if wanted(found) {
            return found;
        }
        assert!(
            watch.seconds() < PATIENCE,
            "{figure} stays {found}: {shown}"
        );
    }
}

/// Bytes in all files below a directory.
fn on_disk(directory: &Path) -> u64 {
    let inside = fs::read_dir(directory).unwrap();
    let sizes = inside.map(|entry| match entry.unwrap() {
        entry if entry.file_type().unwrap().is_dir() => on_disk(&entry.path()),
        entry => entry.metadata().unwrap().len(),
    });
    sizes.sum()
}

#[test]
fn space_of_what_was_purged_comes_back_whenever_the_node_is_killed() {
    let mut dice = ChaCha8Rng::seed_from_u64(5);
    let mut node = Node::new();
    node.json(&["tenant", "add", "acme", "--bin-days", "0"]);
    node.repository("acme", "main", "10GiB");
    let acme = node.login("acme", "main");
    acme.init();
    let tree = node.path("tree");
    for version in 1..=4 {
        plant(&tree, version);
        acme.backup(&tree);
    }
    let prune = ["forget", "--keep-last", "1", "--prune", "--max-unused", "0"];
    acme.restic(&prune).good();
    let extents = node.data.join("extents");
    let before = on_disk(&extents);
    // A start moves the catalog's clock on, by which bins are emptied.
    node.kill();
    node.start();
    until(&node, "bin", |bin| bin == 0);
    let wire = Wire::new(&acme);
    for _ in 0..KILLS {
        node.kill();
        node.start();
        assert_eq!(wire.ask("HEAD", "/main/config", &[]).status, 200);
        // No level says when a machine dies.
        std::thread::sleep(Duration::from_millis(dice.random_range(0..UPTIME_MAX)));
    }
    let used = until(&node, "used", |_| true);
    until(&node, "reclaimable", |dead| dead < used);
    let after = until(&node, "stored", |stored| stored < 2 * used + (1 << 20));
    let left = on_disk(&extents);
    eprintln!("{before} bytes before, {left} after; {used} used, {after} stored");
    assert!(left < before, "{left} of {before}");
    assert!(node.logged().contains("nothing in it counts"));
    acme.whole();
    acme.restores("latest", &tree, &tree);
    node.kill();
    fs::remove_dir_all(node.data.join("index")).unwrap();
    node.start();
    acme.whole();
    acme.restores("latest", &tree, &tree);
}
