//! Tape on a real node: cartridges that are read back, copied and encrypted, drives that are out of
//! service, and restores past a quota.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;
#[path = "support/tape.rs"]
mod tape;

use std::fs;
use std::path::{Path, PathBuf};

use node::{Node, plant, run, text};
use serde_json::json;
use tape::{archived, log, prepared, whole};

/// The tape files of a cartridge, untarred; the first of them apart.
fn untarred(node: &Node, barcode: &str) -> (Vec<PathBuf>, PathBuf) {
    let (files, to) = (node.path("files"), node.path("untarred"));
    node.json(&["tape", "media", "copy", barcode, "--to", text(&files)]);
    fs::create_dir(&to).unwrap();
    let entries = fs::read_dir(&files).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    names.sort();
    for file in &names {
        let options = ["-b", "512", "--exclude=.pad", "-C", text(&to), "-xf"];
        run(30, "tar", &[&options[..], &[text(file)]].concat(), &[]).good();
    }
    (names, to)
}

#[test]
fn a_cartridge_is_read_back_and_copied_and_tar_and_restic_read_the_copy() {
    let (node, acme) = prepared();
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    archived(&node, "monthly");
    let cartridges = log(&node)[0]["cartridges"].clone();
    let barcode = cartridges[0].as_str().unwrap();
    let found = node.json(&["tape", "media", "verify", barcode]);
    let found = &found[0];
    assert_eq!(found["damaged"], 0, "{found}");
    assert!(found["objects"].as_u64() >= Some(6), "{found}");
    let shown = node.json(&["tape", "media", "show", barcode]);
    assert!(shown["verified"].is_string(), "{shown}");
    assert_eq!(
        (&shown["damaged"], &shown["retired"]),
        (&0.into(), &false.into())
    );

    let (_, untarred) = untarred(&node, barcode);
    // One repository alone on its set lies at the root: what tar brought is the repository.
    whole(&untarred, 1);
    let files = node.path("files");
    let again = node.plain(&["tape", "media", "copy", barcode, "--to", text(&files)]);
    assert!(again.bad().contains("is not empty"));

    // Whoever changes cartridges by hand is found out before anything is read of the wrong one.
    let all = node.json(&["tape", "media", "list"]);
    let all = all.as_array().unwrap().iter();
    let mut all = all.filter_map(|it| it["barcode"].as_str());
    let blank = all.find(|it| *it != barcode).unwrap();
    let told = node.plain(&["tape", "media", "verify", blank]).bad();
    assert!(told.contains("no label of ours"), "{told}");

    // A bit that falls over on tape is found by name.
    let data = node.path(&format!("data/tape/libraries/shelf/{barcode}/data"));
    let mut bytes = fs::read(&data).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&data, bytes).unwrap();
    let found = node.plain(&["tape", "media", "verify", barcode]);
    assert_eq!(found.code, 1);
    let told = found.bad();
    assert!(
        told.contains("cartridge-damaged") || told.contains("are damaged"),
        "{told}"
    );
    // It stays known, and nothing is written on it any more.
    let shown = node.json(&["tape", "media", "show", barcode]);
    assert!(shown["damaged"].as_u64() >= Some(1), "{shown}");
    assert_eq!(shown["retired"], true, "{shown}");
}

#[test]
fn an_encrypted_cartridge_is_for_who_has_its_key_and_age_opens_that() {
    let (mut node, acme) = prepared();
    let [tree, passphrase, identity] = ["tree", "passphrase", "identity"].map(|it| node.path(it));
    plant(&tree, 1);
    acme.backup(&tree);
    fs::write(&passphrase, "what only we know\n").unwrap();
    run(30, "age-keygen", &["-o", text(&identity)], &[]).good();
    let recipient = run(30, "age-keygen", &["-y", text(&identity)], &[]).good();
    let add = [
        "tape",
        "key",
        "add",
        "--passphrase-file",
        text(&passphrase),
        "--recipient",
        recipient.trim(),
    ];
    let key = node.json(&add);
    assert_eq!(key["wrapped"], json!(["passphrase", "recipients"]), "{key}");
    let id = key["id"].as_str().unwrap();
    let pool = node.json(&["tape", "pool", "set", "gfs", "--key", id]);
    assert_eq!(pool["key"], id, "{pool}");
    archived(&node, "weekly");
    let cartridges = log(&node)[0]["cartridges"].clone();
    let barcode = cartridges[0].as_str().unwrap();
    let shown = node.json(&["tape", "media", "show", barcode]);
    assert_eq!(shown["key"], id, "{shown}");
    let found = node.json(&["tape", "media", "verify", barcode]);
    assert_eq!(found[0]["damaged"], 0, "{found}");
    let told = node.plain(&["tape", "key", "remove", id]).bad();
    assert!(told.contains("is needed by media pool 'gfs'"), "{told}");

    // It comes back to the tenant as it was.
    let back = node.path("back");
    node.json(&[
        "tape",
        "restore",
        "run",
        "acme",
        "main",
        "--to",
        text(&back),
    ]);
    whole(&back, 1);

    // Without Holdfast: tar, age, and the scripts that stand on the cartridge.
    let (files, untarred) = untarred(&node, barcode);
    let wrapped = untarred.join(format!("KEYS/{id}.recipients.age"));
    let opened = run(
        30,
        "age",
        &["-d", "-i", text(&identity), text(&wrapped)],
        &[],
    )
    .good();
    let opened_file = node.path("opened");
    fs::write(&opened_file, opened).unwrap();
    let with_key = ["--key", text(&opened_file)];
    let script = |name: &str, words: &[&str]| {
        let script = untarred.join(name);
        run(60, "python3", &[&[text(&script)], words].concat(), &[])
    };
    let recovered = node.path("recovered");
    let mut words = vec!["--to", text(&recovered)];
    words.extend(files.iter().map(|file| text(file)));
    assert!(script("recover.py", &words).bad().contains("age -d KEYS/"));
    script("recover.py", &[&with_key[..], &words].concat()).good();
    whole(&recovered, 1);
    script("decrypt.py", &[&with_key[..], &[text(&untarred)]].concat()).good();
    whole(&untarred, 1);

    forgotten(&mut node, (id, barcode), &passphrase);
}

/// A node that lost its keys says which it needs, and gets it from the catalog's copy.
fn forgotten(node: &mut Node, (id, barcode): (&str, &str), passphrase: &Path) {
    let wrong = node.path("wrong");
    fs::write(&wrong, "what nobody knows\n").unwrap();
    node.kill();
    fs::remove_file(node.path(&format!("data/tape/keys/{id}"))).unwrap();
    node.start();
    let verify = ["tape", "media", "verify", barcode];
    let told = node.plain(&verify).bad();
    assert!(told.contains(&format!("tape key open {id}")), "{told}");
    let open = ["tape", "key", "open", id, "--passphrase-file"];
    let told = node.plain(&[&open[..], &[text(&wrong)]].concat());
    assert_eq!(told.code, 4);
    node.json(&[&open[..], &[text(passphrase)]].concat());
    assert_eq!(node.json(&verify)[0]["damaged"], 0);
}

#[test]
fn a_drive_out_of_service_is_passed_over_until_it_is_put_back() {
    let (node, acme) = prepared();
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    let drive = |what: &'static str, number: &'static str| ["tape", "drive", what, "shelf", number];
    let off = node.json(&drive("disable", "0"));
    assert_eq!(off["holds"]["health"], "Disabled", "{off}");
    archived(&node, "daily");
    node.json(&drive("disable", "1"));
    let cartridges = log(&node)[0]["cartridges"].clone();
    let verify = ["tape", "media", "verify", cartridges[0].as_str().unwrap()];
    let told = node.plain(&verify).bad();
    assert!(told.contains("no drive is in service"), "{told}");
    let on = node.json(&drive("enable", "1"));
    assert_eq!(on["holds"]["health"], "Well", "{on}");
    assert_eq!(node.json(&verify)[0]["damaged"], 0);
    let told = node.plain(&drive("unload", "1")).bad();
    assert!(told.contains("no cartridge in the drive"), "{told}");
    let told = node.plain(&drive("show", "7")).bad();
    assert!(told.contains("has no drive 7"), "{told}");
}

#[test]
fn a_restore_passes_the_quota_if_it_is_told_to_and_the_tenant_does_not() {
    let (node, acme) = prepared();
    let tree = node.path("tree");
    fs::create_dir(&tree).unwrap();
    let draw = ["if=/dev/urandom", "bs=1M", "count=3", "status=none"];
    let grow = |name: &str| {
        let file = format!("of={}", text(&tree.join(name)));
        run(30, "dd", &[&draw[..], &[&file]].concat(), &[]).good();
    };
    grow("one");
    acme.backup(&tree);
    archived(&node, "weekly");
    let held = acme.snapshots();
    acme.restic(&["forget", "--prune", &held[0]]).good();
    let quota = ["repository", "set", "acme", "main", "--quota", "1MiB"];
    node.json(&quota);
    let restore = ["tape", "restore", "run", "acme", "main", "--original"];
    let told = node.plain(&restore).bad();
    assert!(told.contains("does not suffice"), "{told}");
    let past = [&restore[..], &["--override-quota"]].concat();
    let restored = node.json(&past);
    assert_eq!(restored["state"], "complete", "{restored}");
    assert_eq!(acme.snapshots().len(), 1);
    acme.whole();
    let events = node.plain(&["events"]).good();
    assert!(events.contains("from tape, past quotas"), "{events}");
    grow("two");
    let two = tree.join("two");
    let sum = run(30, "sha256sum", &[text(&two)], &[]).good();
    let url = acme.url();
    let url = format!("{}data/{}", url.trim_start_matches("rest:"), &sum[..64]);
    let certificate = node.certificate();
    let data = format!("@{}", text(&two));
    let post = [
        "-sS",
        "--cacert",
        text(&certificate),
        "--data-binary",
        &data,
        &url,
    ];
    let more = run(
        30,
        "curl",
        &[&post[..], &["-w", "%{http_code}"]].concat(),
        &[],
    )
    .good();
    assert!(more.contains("507"), "{more}");
}
