//! Tape on a real node: Debian's restic fills a repository, a job writes it to the embedded
//! library, and what comes back is what restic stored.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;
#[path = "support/tape.rs"]
mod tape;

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use node::{KEY, Node, plant, run, same, text};
use serde_json::{Value, json};
use tape::{archived, log, prepared, whole};

#[test]
fn a_lost_repository_comes_back_from_tape_and_goes_on() {
    let (node, acme) = prepared();
    let [tree, old] = ["tree", "old"].map(|name| node.path(name));
    plant(&tree, 1);
    plant(&old, 1);
    let first = acme.backup(&tree);
    let job = archived(&node, "daily");
    assert_eq!(
        (&job["running"], &job["waits"]),
        (&Value::Null, &Value::Null),
        "{job}"
    );
    plant(&tree, 2);
    acme.backup(&tree);
    archived(&node, "daily");
    let runs = log(&node);
    assert_eq!(runs.len(), 2, "{runs:?}");
    assert!(runs.iter().all(|run| !run["done"].is_null()), "{runs:?}");

    let all = acme.snapshots();
    let forget = [
        &["forget", "--prune"],
        &all.iter().map(String::as_str).collect::<Vec<_>>()[..],
    ];
    acme.restic(&forget.concat()).good();
    assert_eq!(acme.snapshots().len(), 0);
    let restored = node.json(&["tape", "restore", "run", "acme", "main", "--original"]);
    assert_eq!(restored["state"], "complete", "{restored}");
    assert_eq!(restored["shut-out"], json!(["acme"]));
    assert_eq!(acme.snapshots().len(), 2);
    acme.whole();
    acme.restores(&first, &tree, &old);
    // It goes on: nothing that is there is sent again.
    plant(&tree, 3);
    acme.backup(&tree);
    assert_eq!(acme.snapshots().len(), 3);
    acme.whole();

    // As of the first run there was one snapshot.
    let (then, now) = (node.path("then"), node.path("now"));
    let name = runs[0]["name"].as_str().unwrap();
    let to = [
        "tape",
        "restore",
        "run",
        "acme",
        "main",
        "--run",
        name,
        "--to",
        text(&then),
    ];
    node.json(&to);
    whole(&then, 1);
    node.json(&["tape", "restore", "run", "acme", "main", "--to", text(&now)]);
    whole(&now, 2);
    let there = fs::read_dir(&now).unwrap().count();
    let again = ["tape", "restore", "run", "acme", "main", "--to", text(&now)];
    let refused = node.plain(&again).bad();
    assert!(refused.contains("is not empty"), "{refused}");
    assert_eq!(fs::read_dir(&now).unwrap().count(), there);
}

#[test]
fn what_is_archived_goes_into_another_repository_and_stays_out_of_the_tenants_sight() {
    let (node, acme) = prepared();
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    archived(&node, "weekly");
    node.repository("acme", "copy", "1GiB");
    let into = [
        "tape",
        "restore",
        "run",
        "acme",
        "main",
        "--into",
        "acme/copy",
    ];
    node.json(&into);
    let copy = acme.on("copy");
    copy.whole();
    copy.restores("latest", &tree, &tree);
    // Nothing that a tenant can ask says a word of tape.
    let told = acme.agent(&["account"]);
    let told = told.good().to_lowercase();
    assert!(!told.contains("tape"), "{told}");
}

#[test]
fn a_job_and_a_restore_outlive_their_node() {
    let (mut node, acme) = prepared();
    let tree = node.path("tree");
    fs::create_dir_all(&tree).unwrap();
    let noise: Vec<u8> = (0..48_u64 << 20)
        .map(|at| u8::try_from((at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 51) & 0xff).unwrap())
        .collect();
    fs::write(tree.join("film"), noise).unwrap();
    acme.backup(&tree);
    node.json(&["tape", "job", "run", "nightly"]);
    until(&node, |job| !job["running"].is_null());
    node.kill();
    node.start();
    until(&node, |job| job["running"].is_null());
    let runs = log(&node);
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert!(!runs[0]["done"].is_null(), "{runs:?}");
    let to = node.path("to");
    let restore = ["tape", "restore", "run", "acme", "main", "--to", text(&to)];
    node.json(&restore);
    whole(&to, 1);
    let back = node.path("back");
    let with = [("RESTIC_PASSWORD", KEY), ("RESTIC_REPOSITORY", text(&to))];
    let words = ["--no-cache", "restore", "latest", "--target", text(&back)];
    run(60, "restic", &words, &with).good();
    same(&tree, &back.join(tree.strip_prefix("/").unwrap()));
}

/// Waits until the job is as it is to be.
fn until(node: &Node, is_so: impl Fn(&Value) -> bool) {
    for _ in 0..1_200 {
        if is_so(&node.json(&["tape", "job", "show", "nightly"])) {
            return;
        }
        sleep(Duration::from_millis(50));
    }
    panic!("the job is not as it is to be within a minute");
}

#[test]
fn a_cartridge_is_erased_when_it_may_be_written_over_and_not_before() {
    let (node, acme) = prepared();
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    archived(&node, "daily");
    let cartridges = log(&node)[0]["cartridges"].clone();
    let barcode = cartridges[0].as_str().unwrap();
    let data = node.path(&format!("data/tape/libraries/shelf/{barcode}/data"));
    let erase = ["tape", "media", "erase", barcode];
    let told = node.plain(&erase).bad();
    assert!(told.contains("--confirm"), "{told}");
    let erase = [&erase[..], &["--confirm", barcode]].concat();
    let refused = node.plain(&erase);
    assert_eq!(refused.code, 4);
    assert!(refused.bad().contains("is kept until"));
    assert!(fs::metadata(&data).unwrap().len() > 0);
    node.json(&["tape", "media", "verify", barcode]);

    node.json(&["tape", "media", "free", barcode, "--confirm", barcode]);
    let erased = node.json(&[&erase[..], &["--long"]].concat());
    assert_eq!(erased["content"], "empty", "{erased}");
    assert_eq!(
        (&erased["pool"], &erased["objects"]),
        (&Value::Null, &0.into())
    );
    assert_eq!(erased["verified"], Value::Null, "{erased}");
    assert_eq!(fs::metadata(&data).unwrap().len(), 0);
    // One that is blank may be erased, and is used again.
    let again = node.json(&erase);
    assert_eq!(again["content"], "empty", "{again}");
    archived(&node, "weekly");
}

#[test]
fn cartridges_go_out_by_the_door_and_a_restore_names_them_until_they_are_back() {
    let (node, acme) = prepared();
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    archived(&node, "daily");
    let cartridges = log(&node)[0]["cartridges"].clone();
    let barcode = cartridges[0].as_str().unwrap();
    let shown = node.json(&["tape", "media", "show", barcode]);
    assert_eq!(shown["content"], "written", "{shown}");
    let door = node.json(&["tape", "library", "export", "shelf", barcode]);
    let there: Vec<&Value> = door.as_array().unwrap().iter().collect();
    assert!(
        there.iter().any(|place| place["barcode"] == barcode),
        "{door}"
    );
    let shown = node.json(&["tape", "media", "show", barcode]);
    assert_eq!(shown["online"], false, "{shown}");
    // Nothing is written behind what was let go, also when it is back.
    assert_eq!(shown["content"], "closed", "{shown}");
    let to = node.path("to");
    let restore = ["tape", "restore", "run", "acme", "main", "--to", text(&to)];
    let told = node.plain(&restore).bad();
    assert!(told.contains(barcode), "{told}");
    assert!(!to.join("config").exists());
    let again = node.plain(&["tape", "library", "export", "shelf", barcode]);
    assert!(again.bad().contains("is not in library"));

    let back = node.json(&["tape", "library", "import", "shelf"]);
    assert_eq!(back.as_array().unwrap().len(), 8, "{back}");
    node.json(&restore);
    whole(&to, 1);
}

#[test]
fn what_a_node_lost_of_its_cartridges_they_tell_again() {
    let (mut node, acme) = prepared();
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    archived(&node, "daily");
    node.terminate();
    let rows = node.data.join("tape/rows");
    assert!(fs::read_dir(&rows).unwrap().count() > 0);
    fs::remove_dir_all(&rows).unwrap();
    node.start();
    let barcode = log(&node)[0]["cartridges"][0].clone();
    let barcode = barcode.as_str().unwrap();
    let blind = node.plain(&["tape", "media", "verify", barcode]).bad();
    assert!(blind.contains("this node knows 0"), "{blind}");
    let told = node.json(&["tape", "recover-catalog", "shelf"]);
    assert_eq!(told[0]["read"], "index", "{told}");
    assert_eq!(told[0]["runs"], 1, "{told}");
    let to = node.path("to");
    let restore = ["tape", "restore", "run", "acme", "main", "--to", text(&to)];
    node.json(&restore);
    whole(&to, 1);
    // What is new is added to it, and nothing is written twice.
    plant(&tree, 2);
    acme.backup(&tree);
    archived(&node, "daily");
    let log = log(&node);
    assert_eq!(log[0]["cartridges"], log[1]["cartridges"], "{log:?}");
}
