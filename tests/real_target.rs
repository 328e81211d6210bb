//! Tape devices that nobody here wrote, from the command line of a real node: Debian's `tgt` behind
//! an iSCSI portal on loopback, and behind the kernel of User-Mode Linux.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "../tape/tests/kernel/devices.rs"]
mod devices;
#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;
#[path = "../tape/tests/support/tgt.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod tgt;
#[path = "../tape/tests/kernel/uml.rs"]
mod uml;

use std::time::Duration;

use node::{KEY, Node, plant, run, same, text};
use serde_json::json;
use tgt::{TARGET, Tgt};
use uml::{Guest, Outcome};

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
    let add = format!(
        "tape library add far --portal {} --target {TARGET}",
        tgt.portal
    );
    archives_and_restores(&Node::new(), &add);
}

#[test]
fn a_job_writes_to_the_drives_of_the_kernel_and_restic_reads_what_comes_back() {
    let test = "a_job_writes_to_the_drives_of_the_kernel_and_restic_reads_what_comes_back";
    if uml::inside().is_some() {
        return in_the_guest();
    }
    let Some(guest) = Guest::find() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    match guest.boot(folder.path(), test) {
        Outcome::Passed => {}
        Outcome::Forbidden(why) => tgt::skipped(&why),
        Outcome::Failed(told) => panic!("inside:\n{told}"),
    }
}

/// A node of the guest with the tape devices of its kernel.
fn in_the_guest() {
    let _tgt = devices::attached();
    let node = Node::new();
    let found = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(100));
        let found = node.json(&words("tape scan"));
        let all = found.as_array().unwrap();
        let is_whole = all.len() == 3 && all.iter().all(|it| it["trouble"].is_null());
        is_whole.then(|| all.clone())
    });
    let found = found.expect("all devices");
    assert_eq!(found[1]["changer"], "CHG00001", "{found:?}");
    let add = "tape library add robot --changer CHG00001 --drive DRV00001 --drive DRV00002";
    archives_and_restores(&node, add);
    // What the library holds is nobody else's.
    let held = node.json(&words("tape scan"));
    let trouble = held[0]["trouble"].as_str().unwrap();
    assert!(
        trouble.contains("(holdfast), which has /dev/sg"),
        "{trouble}"
    );
}

/// A node archives a tenant's repository to a new library, and restic reads what comes back.
fn archives_and_restores(node: &Node, add: &str) {
    node.tenant("acme", "main", "1GiB");
    let acme = node.login("acme", "main");
    acme.init();
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    let library = node.json(&words(add));
    let name = library["name"].as_str().unwrap();
    node.json(&["tape", "library", "inventory", name]);
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
