//! Debian's restic and the tenant's own client at work on a real node: all that a tenant does with
//! them in a year, and what their logins do not allow.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;

use std::fs;

use node::{KEY, Login, Node, plant, text};

/// A node with `acme` and a prepared repository of its.
fn prepared() -> (Node, Login) {
    let node = Node::new();
    node.tenant("acme", "main", "10GiB");
    let acme = node.login("acme", "main");
    acme.init();
    (node, acme)
}

#[test]
fn restic_does_all_of_its_work_on_a_node() {
    let (node, acme) = prepared();
    let [tree, old] = ["tree", "old"].map(|name| node.path(name));
    plant(&tree, 1);
    let first = acme.backup(&tree);
    plant(&old, 1);
    plant(&tree, 2);
    let second = acme.backup(&tree);
    assert_eq!(acme.snapshots().len(), 2);

    let found = acme.restic(&["find", "only in 1.txt"]).good();
    assert!(
        found.contains(&first) && !found.contains(&second),
        "{found}"
    );
    let file = tree.join("only in 1.txt");
    let dumped = acme.restic(&["dump", &first, text(&file)]).good();
    assert_eq!(
        dumped,
        fs::read_to_string(old.join("only in 1.txt")).unwrap()
    );
    acme.restores(&first, &tree, &old);
    acme.restores(&second, &tree, &tree);

    node.repository("acme", "copy", "10GiB");
    let copy = acme.on("copy");
    let from = acme.url();
    let other = [("RESTIC_FROM_PASSWORD", KEY)];
    let init = ["init", "--copy-chunker-params", "--from-repo", &from];
    copy.restic_with(60, &init, &other).good();
    copy.restic_with(60, &["copy", "--from-repo", &from], &other)
        .good();
    assert_eq!(copy.snapshots().len(), 2);
    copy.restores("latest", &tree, &tree);
    copy.whole();

    let key = node.path("second key");
    fs::write(&key, "another password").unwrap();
    acme.restic(&["key", "add", "--new-password-file", text(&key)])
        .good();
    let with = [("RESTIC_PASSWORD", "another password")];
    acme.restic_with(60, &["snapshots"], &with).good();
    acme.restic(&["rebuild-index"]).good();
    acme.whole();

    acme.restic(&["forget", "--keep-last", "1", "--prune"])
        .good();
    let left = acme.snapshots();
    assert_eq!(left.len(), 1);
    assert!(left[0].starts_with(&second), "{left:?}");
    acme.whole();
    acme.restores("latest", &tree, &tree);
    let verified = node.json(&["verify", "acme"]);
    assert!(verified.to_string().contains("\"damaged\":0"), "{verified}");
}

#[test]
fn subtenants_are_apart_from_each_other_and_from_their_tenant() {
    let (node, acme) = prepared();
    let logins = ["mail", "web"].map(|name| {
        node.json(&["subtenant", "add", "acme", name, "--repository", "main"]);
        let login = node.login(&format!("acme+{name}"), "main");
        login.init();
        login
    });
    let tree = node.path("tree");
    for (version, login) in (1..).zip(&logins) {
        plant(&tree, version);
        login.backup(&tree);
    }
    for (version, login) in (1..).zip(&logins) {
        plant(&tree, version);
        assert_eq!(login.snapshots().len(), 1);
        login.restores("latest", &tree, &tree);
        login.whole();
    }
    assert_eq!(acme.snapshots().len(), 0);
    let strange = node.known("acme+mail", &logins[1].password, "main");
    strange.restic(&["snapshots"]).bad();
}

#[test]
fn an_append_only_login_backs_up_and_deletes_nothing() {
    let (node, acme) = prepared();
    let append = node.scoped("acme", "main", "append");
    let tree = node.path("tree");
    plant(&tree, 1);
    append.backup(&tree);
    plant(&tree, 2);
    append.backup(&tree);
    append.restores("latest", &tree, &tree);
    let forget = ["forget", "--keep-last", "1", "--prune"];
    // restic asks again for most of a minute.
    let refused = append.restic_with(5, &forget, &[]);
    assert!(
        refused.code != 0 && refused.err.contains("403 Forbidden"),
        "{refused:?}"
    );
    assert_eq!(acme.snapshots().len(), 2);
    acme.whole();
}

#[test]
fn a_read_only_login_restores_and_stores_nothing() {
    let (node, acme) = prepared();
    let read = node.scoped("acme", "main", "read");
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    read.restores("latest", &tree, &tree);
    plant(&tree, 2);
    for words in [["backup", text(&tree)], ["forget", "latest"]] {
        // restic asks again for most of a minute.
        let refused = read.restic_with(5, &words, &[]);
        assert!(
            refused.code != 0 && refused.err.contains("403 Forbidden"),
            "{refused:?}"
        );
    }
    assert_eq!(acme.snapshots().len(), 1);
    acme.whole();
}

#[test]
fn restic_and_the_agent_read_what_the_other_wrote() {
    let (node, acme) = prepared();
    let [tree, old, back] = ["tree", "old", "back"].map(|name| node.path(name));
    plant(&tree, 1);
    plant(&old, 1);
    let saved = acme
        .agent(&["backup", "--no-cache", "--json", text(&tree)])
        .json();
    let by_agent = saved["snapshot"].as_str().unwrap();
    acme.restores(by_agent, &tree, &old);
    plant(&tree, 2);
    let by_restic = acme.backup(&tree);
    let of = format!("{by_restic}:{}", text(&tree));
    acme.agent(&["restore", "--no-cache", &of, "--to", text(&back)])
        .good();
    node::same(&tree, &back);
    acme.agent(&["check", "--no-cache", "--read-data"]).good();
    acme.restic(&["forget", "--keep-last", "1", "--prune"])
        .good();
    acme.agent(&["check", "--no-cache", "--read-data"]).good();
    acme.whole();
}
