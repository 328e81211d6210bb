//! rustic, which nobody here wrote, at work on a real node, and side by side with restic on one
//! repository. It is used where it is installed: Debian does not package it.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;

use std::path::Path;

use node::{KEY, Login, Node, Said, plant, run, same, skipped, text};

/// A node with `acme` and a repository of its; nothing where rustic is not installed.
fn prepared(test: &str, quota: &str) -> Option<(Node, Login)> {
    let found = std::process::Command::new("rustic").arg("version").output();
    if !found.is_ok_and(|output| output.status.success()) {
        skipped(test, "rustic is not installed");
        return None;
    }
    let node = Node::new();
    node.tenant("acme", "main", quota);
    let acme = node.login("acme", "main");
    Some((node, acme))
}

/// Runs rustic as the manual says: it takes the certificate as an option of its repository.
fn rustic(node: &Node, login: &Login, words: &[&str]) -> Said {
    let (url, certificate) = (login.url(), node.certificate());
    let with = [
        ("RUSTIC_REPOSITORY", url.as_str()),
        ("RUSTIC_REPO_OPT_CACERT", text(&certificate)),
        ("RUSTIC_REPO_OPT_RETRY", "off"),
        ("RUSTIC_PASSWORD", KEY),
        ("RUSTIC_NO_CACHE", "true"),
        ("RUSTIC_NO_PROGRESS", "true"),
        ("RUSTIC_LOG_LEVEL", "warn"),
        ("HOME", text(node.base.path())),
    ];
    run(90, "rustic", words, &with)
}

/// Backs a tree up; the snapshot's id.
fn backup(node: &Node, login: &Login, tree: &Path) -> String {
    let made = rustic(node, login, &["backup", "--json", text(tree)]).json();
    made["id"].as_str().unwrap().to_owned()
}

/// Restores a snapshot of a tree and compares every byte with a tree on disk.
fn restores(node: &Node, login: &Login, snapshot: &str, tree: &Path, like: &Path) {
    let back = tempfile::tempdir_in(node.base.path()).unwrap();
    let of = format!("{snapshot}:{}", text(tree));
    rustic(node, login, &["restore", &of, text(back.path())]).good();
    same(like, back.path());
}

/// Reads back every byte, by rustic and by restic.
fn whole(node: &Node, login: &Login) {
    rustic(node, login, &["check", "--read-data"]).good();
    login.whole();
}

#[test]
fn rustic_does_all_of_its_work_on_a_node() {
    let Some((node, acme)) = prepared("rustic_does_all_of_its_work_on_a_node", "10GiB") else {
        return;
    };
    rustic(&node, &acme, &["init"]).good();
    let [tree, old] = ["tree", "old"].map(|name| node.path(name));
    plant(&tree, 1);
    plant(&old, 1);
    let first = backup(&node, &acme, &tree);
    plant(&tree, 2);
    let second = backup(&node, &acme, &tree);
    whole(&node, &acme);
    restores(&node, &acme, &first, &tree, &old);
    restores(&node, &acme, &second, &tree, &tree);

    let prune = ["forget", "--keep-last", "1", "--prune", "--instant-delete"];
    rustic(&node, &acme, &prune).good();
    assert_eq!(acme.snapshots(), [second.as_str()]);
    whole(&node, &acme);
    restores(&node, &acme, "latest", &tree, &tree);
    let verified = node.json(&["verify", "acme"]);
    assert!(verified.to_string().contains("\"damaged\":0"), "{verified}");
}

#[test]
fn rustic_and_restic_read_what_the_other_wrote() {
    let Some((node, acme)) = prepared("rustic_and_restic_read_what_the_other_wrote", "10GiB")
    else {
        return;
    };
    acme.init();
    let [tree, old] = ["tree", "old"].map(|name| node.path(name));
    plant(&tree, 1);
    plant(&old, 1);
    let by_restic = acme.backup(&tree);
    plant(&tree, 2);
    let by_rustic = backup(&node, &acme, &tree);
    restores(&node, &acme, &by_restic, &tree, &old);
    acme.restores(&by_rustic, &tree, &tree);
    acme.restic(&["forget", "--keep-last", "1", "--group-by", "", "--prune"])
        .good();
    assert_eq!(acme.snapshots(), [by_rustic.as_str()]);
    whole(&node, &acme);
    restores(&node, &acme, &by_rustic, &tree, &tree);
}

#[test]
fn rustic_is_told_no_by_the_rules_that_hold_for_restic() {
    let Some((node, acme)) = prepared(
        "rustic_is_told_no_by_the_rules_that_hold_for_restic",
        "4MiB",
    ) else {
        return;
    };
    rustic(&node, &acme, &["init"]).good();
    let tree = node.path("tree");
    plant(&tree, 1);
    std::fs::create_dir(node.path("small")).unwrap();
    std::fs::write(node.path("small/words"), "few").unwrap();
    let small = backup(&node, &acme, &node.path("small"));
    std::fs::write(tree.join("film"), node::noise(1, 6 << 20)).unwrap();
    let over = rustic(&node, &acme, &["backup", text(&tree)]).bad();
    assert!(over.contains("507"), "{over}");
    assert_eq!(acme.snapshots(), [small.as_str()]);
    whole(&node, &acme);

    let append = node.scoped("acme", "main", "append");
    let refused = rustic(&node, &append, &["forget", &small]).bad();
    assert!(refused.contains("403"), "{refused}");
    let read = node.scoped("acme", "main", "read");
    restores(
        &node,
        &read,
        &small,
        &node.path("small"),
        &node.path("small"),
    );
    let refused = rustic(&node, &read, &["backup", text(&node.path("small"))]).bad();
    assert!(refused.contains("403"), "{refused}");
    node.json(&["tenant", "set", "acme", "--lease", "2020-01-01"]);
    // It takes any refusal at the beginning for a repository that is not there.
    rustic(&node, &acme, &["snapshots"]).bad();
    node.json(&["tenant", "set", "acme", "--lease", "never"]);
    assert_eq!(acme.snapshots(), [small.as_str()]);
}
