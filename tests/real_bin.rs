//! What a thief with the tenant's own password deletes comes back from the bin: as a directory, as
//! a read-only login, and in place.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;
#[path = "support/wire.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod wire;

use std::path::PathBuf;

use holdfast::clock::SystemClock;
use holdfast_actors::ports::Clock as _;
use node::{KEY, Login, Node, plant, run, same, text};
use wire::Wire;

/// A repository of two snapshots, the instant at which it was whole, and what was in the second.
struct Robbed {
    node: Node,
    acme: Login,
    tree: PathBuf,
    whole_at: String,
    snapshots: Vec<String>,
}

/// Deletes all that a password reaches, first with restic and then by hand.
fn robbed() -> Robbed {
    let node = Node::new();
    node.tenant("acme", "main", "10GiB");
    let acme = node.login("acme", "main");
    acme.init();
    let tree = node.path("tree");
    for version in [1, 2] {
        plant(&tree, version);
        acme.backup(&tree);
    }
    let snapshots = acme.snapshots();
    let whole_at = SystemClock::new().now().wall.to_string();
    let all = [&["forget", "--prune"][..], &[&snapshots[0], &snapshots[1]]].concat();
    acme.restic(&all).good();
    assert_eq!(acme.snapshots().len(), 0);
    let wire = Wire::new(&acme);
    for kind in ["data", "index", "keys", "snapshots"] {
        let listed = wire.ask("GET", &format!("/main/{kind}/"), &[]).body;
        for object in listed.split('"').filter(|word| word.len() == 64) {
            let gone = wire.ask("DELETE", &format!("/main/{kind}/{object}"), &[]);
            assert_eq!(gone.status, 200, "{gone:?}");
        }
    }
    acme.restic(&["snapshots"]).bad();
    Robbed {
        node,
        acme,
        tree,
        whole_at,
        snapshots,
    }
}

#[test]
fn an_export_of_what_was_deleted_is_a_repository_on_disk() {
    let robbed = robbed();
    let [export, back] = ["export", "back"].map(|name| robbed.node.path(name));
    let at = ["--at", &robbed.whole_at, "--to", text(&export)];
    robbed
        .node
        .json(&[&["bin", "export", "acme", "main"], &at[..]].concat());
    let restic = |words: &[&str]| {
        let words = [&["--no-cache", "-r", text(&export)], words].concat();
        run(60, "restic", &words, &[("RESTIC_PASSWORD", KEY)]).good()
    };
    let said = restic(&["check", "--read-data"]);
    assert!(said.contains("no errors were found"), "{said}");
    restic(&["restore", "latest", "--target", text(&back)]);
    same(
        &robbed.tree,
        &back.join(robbed.tree.strip_prefix("/").unwrap()),
    );
}

#[test]
fn what_was_deleted_is_undeleted_in_place() {
    let Robbed {
        mut node,
        acme,
        tree,
        whole_at,
        snapshots,
    } = robbed();
    let figures = node.json(&["bin", "list", "acme", "main"]);
    assert!(figures[0]["objects"].as_u64().unwrap() > 4, "{figures}");
    node.json(&["bin", "restore", "acme", "main", "--at", &whole_at]);
    node.kill();
    node.start();
    assert_eq!(acme.snapshots(), snapshots);
    acme.whole();
    acme.restores("latest", &tree, &tree);
    acme.backup(&tree);
}

#[test]
fn a_view_is_read_and_never_written() {
    let Robbed {
        node,
        tree,
        whole_at,
        snapshots,
        acme,
    } = robbed();
    let made = node.json(&["bin", "view", "acme", "main", "--at", &whole_at]);
    let view = node.known("acme", made["password"].as_str().unwrap(), "main");
    assert_eq!(view.snapshots(), snapshots);
    view.whole();
    view.restores("latest", &tree, &tree);
    let wire = Wire::new(&view);
    assert_eq!(wire.store("main", b"new").status, 403);
    let listed = wire.ask("GET", "/main/snapshots/", &[]).body;
    let snapshot = listed.split('"').find(|word| word.len() == 64).unwrap();
    let gone = wire.ask("DELETE", &format!("/main/snapshots/{snapshot}"), &[]);
    assert_eq!(gone.status, 403, "{gone:?}");
    acme.restic(&["snapshots"]).bad();
}
