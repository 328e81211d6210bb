//! Tape devices that nobody here wrote, from the command line of a real node: Debian's `tgt` behind
//! an iSCSI portal on loopback.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;
#[path = "../tape/tests/support/tgt.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod tgt;

use node::{Node, text};
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
