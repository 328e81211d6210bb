//! Tape devices that nobody here wrote, from the command line of a real node: Debian's `tgt` behind
//! an iSCSI portal on loopback.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;
#[path = "../tape/tests/support/tgt.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod tgt;

use node::{KEY, Node, plant, run, same, text};
use serde_json::json;
use tgt::{TARGET, Tgt};

#[test]
fn a_target_is_found_becomes_a_library_and_tells_its_cartridges() {
    let Some(tgt) = Tgt::start() else {
        return;
    };
    assert!(tgt.admin("--op new --mode account --user north --password backup-to-tape"));
    assert!(tgt.admin("--op bind --mode account --tid 1 --user north"));
    let node = Node::new();
    let portal = tgt.portal.to_string();
    let secret = node.path("chap");
    std::fs::write(&secret, "wrong-secret").unwrap();
    let proof = ["--user", "north", "--secret-file", text(&secret)];
    let reach = ["--portal", &portal];
    let scan = [&["tape", "scan"][..], &reach, &proof].concat();
    let told = node.plain(&scan).bad();
    assert!(told.contains("name or secret are wrong"), "{told}");
    std::fs::write(&secret, "backup-to-tape\n").unwrap();
    let found = node.json(&scan);
    let serials: Vec<&str> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["serial"].as_str().unwrap())
        .filter(|serial| ["CHG00001", "DRV00001", "DRV00002"].contains(serial))
        .collect();
    assert_eq!(serials, ["CHG00001", "DRV00001", "DRV00002"]);

    let to = ["--target", TARGET];
    let add = ["tape", "library", "add", "far"];
    let made = node.json(&[&add[..], &reach, &to, &proof].concat());
    assert_eq!(made["device"], "iscsi");
    let seen = node.json(&["tape", "library", "inventory", "far"]);
    let labels: Vec<&str> = seen
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["barcode"].as_str().unwrap())
        .collect();
    for label in ["VT0001L6", "WRM001LW", "CLN001CU"] {
        assert!(labels.contains(&label), "{labels:?}");
    }
    let shown = node.json(&["tape", "media", "show", "VT0001L6"]);
    // The target says of every tape that it can be written once.
    assert_eq!(
        (&shown["content"], &shown["kind"]),
        (&json!("empty"), &json!("worm")),
        "its tape was read: {shown}"
    );
    assert_eq!(
        node.json(&["tape", "drive", "list"])
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let none = ["--changer", "NONE", "--drive", "NEITHER"];
    node.json(&[&["tape", "library", "add", "near"][..], &none].concat());
    let told = node.plain(&["tape", "library", "inventory", "near"]).bad();
    assert!(
        told.contains("there is no tape device 'NONE' here"),
        "{told}"
    );
}

/// The words of a line.
fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[test]
fn a_job_writes_to_the_tapes_of_a_target_and_restic_reads_what_comes_back() {
    let Some(tgt) = Tgt::start() else {
        return;
    };
    let node = Node::new();
    node.tenant("acme", "main", "1GiB");
    let acme = node.login("acme", "main");
    acme.init();
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    let portal = tgt.portal.to_string();
    let add = format!("tape library add far --portal {portal} --target {TARGET}");
    node.json(&words(&add));
    node.json(&words("tape library inventory far"));
    // The target says of every tape that it can be written once.
    node.json(&words("tape pool add once --worm"));
    let job = "tape job add nightly --pool once --all --yearly jan:1 --no-daily";
    node.json(&words(job));
    let ran = node.json(&words("tape job run nightly --set yearly --wait"));
    assert_eq!(
        (&ran["running"], &ran["waits"]),
        (&json!(null), &json!(null)),
        "{ran}"
    );
    let log = node.json(&words("tape job log nightly"));
    assert_eq!(log.as_array().unwrap().len(), 1, "{log}");
    assert!(!log[0]["done"].is_null(), "{log}");
    let to = node.path("to");
    let restored = node.json(&["tape", "restore", "run", "acme", "main", "--to", text(&to)]);
    assert_eq!(restored["state"], "complete", "{restored}");
    let with = [("RESTIC_PASSWORD", KEY), ("RESTIC_REPOSITORY", text(&to))];
    let check = ["--no-cache", "check", "--read-data"];
    run(60, "restic", &check, &with).good();
    let back = node.path("back");
    let restore = ["--no-cache", "restore", "latest", "--target", text(&back)];
    run(60, "restic", &restore, &with).good();
    same(&tree, &back.join(tree.strip_prefix("/").unwrap()));
}
