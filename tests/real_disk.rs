//! A node on a disk that fills up, under a tracer that sees each system call, and under a load that
//! would not fit into memory.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;
#[path = "support/wire.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod wire;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use node::{Login, Node, noise, plant, run, skipped, text};
use wire::{Reply, Wire};

/// A small file system in memory, gone when this is dropped.
struct Mount(PathBuf);

impl Mount {
    /// None where nobody may mount.
    fn new(at: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        let how = format!("size={size},mode=0700");
        let said = run(
            10,
            "mount",
            &["-t", "tmpfs", "-o", &how, "tmpfs", text(&at)],
            &[],
        );
        if said.err.contains("must be superuser") || said.err.contains("permission denied") {
            return None;
        }
        said.good();
        Some(Self(at))
    }

    fn resize(&self, size: &str) {
        let how = format!("remount,size={size}");
        run(10, "mount", &["-o", &how, text(&self.0)], &[]).good();
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run(10, "umount", &["--lazy", text(&self.0)], &[]);
    }
}

fn tenant(node: &Node) -> Login {
    node.tenant("acme", "main", "100GiB");
    node.login("acme", "main")
}

/// A node on a small disk with a backup in it, filled with objects until one was refused.
struct Full {
    mount: Mount,
    node: Node,
    acme: Login,
    wire: Wire,
    tree: PathBuf,
    /// The names of the objects.
    kept: Vec<String>,
}

impl Full {
    /// None where nobody may mount.
    fn new() -> Option<Self> {
        let base = tempfile::tempdir().unwrap();
        // Room for the journal and for some data; a sixteenth is kept back.
        let mount = Mount::new(base.path().join("small"), "160m")?;
        let data = mount.0.join("data");
        let node = Node::at(base, data);
        let acme = tenant(&node);
        acme.init();
        let tree = node.path("tree");
        plant(&tree, 1);
        acme.backup(&tree);
        let wire = Wire::new(&acme);
        let mut kept = Vec::new();
        let full = (0..200).find_map(|number| {
            let bytes = noise(number, 4 << 20);
            let reply = wire.store("main", &bytes);
            if reply.status == 200 {
                kept.push(wire::name(&bytes));
            }
            (reply.status != 200).then_some(reply)
        });
        storage_full(&full.expect("the disk never filled"));
        Some(Self {
            mount,
            node,
            acme,
            wire,
            tree,
            kept,
        })
    }

    fn delete(&self, name: &str) -> Reply {
        self.wire.ask("DELETE", &format!("/main/data/{name}"), &[])
    }

    fn post(&self, folder: &str, bytes: &[u8]) -> Reply {
        let path = format!("/main/{folder}/{}", wire::name(bytes));
        self.wire.ask("POST", &path, bytes)
    }

    /// All objects are there, and every byte on the disk is what it was.
    fn is_whole(&self) {
        for name in &self.kept {
            let there = self.wire.ask("HEAD", &format!("/main/data/{name}"), &[]);
            assert_eq!(there.status, 200, "{name}");
        }
        let verified = self.node.json(&["verify", "acme", "main"]).to_string();
        assert!(verified.contains("\"damaged\":0"), "{verified}");
    }

    fn restart(&mut self) {
        self.node.kill();
        self.node.start();
    }
}

fn storage_full(reply: &Reply) {
    let reason = reply.header("x-holdfast-reason");
    assert_eq!((reply.status, reason), (507, "storage-full"), "{reply:?}");
}

#[test]
fn a_full_disk_refuses_what_is_new_and_tears_nothing() {
    let Some(mut full) = Full::new() else {
        return skipped(
            "a_full_disk_refuses_what_is_new_and_tears_nothing",
            "no tmpfs",
        );
    };
    eprintln!("full after {} objects of 4 MiB", full.kept.len());
    full.node.plain(&["status"]).good();
    full.acme.restores("latest", &full.tree, &full.tree);
    full.is_whole();
    full.restart();
    full.is_whole();
    full.mount.resize("400m");
    let stored = full.wire.store("main", &noise(900, 4 << 20));
    assert_eq!(stored.status, 200, "{stored:?}");
    plant(&full.tree, 2);
    full.acme.backup(&full.tree);
    full.acme.whole();
    full.acme.restores("latest", &full.tree, &full.tree);
}

#[test]
fn on_a_full_disk_a_tenant_prunes_and_what_was_deleted_stays_deleted() {
    const NAME: &str = "on_a_full_disk_a_tenant_prunes_and_what_was_deleted_stays_deleted";
    let Some(mut full) = Full::new() else {
        return skipped(NAME, "no tmpfs");
    };
    let gone: Vec<String> = full.kept.drain(..3).collect();
    for name in &gone {
        let deleted = full.delete(name);
        assert_eq!(deleted.status, 200, "{deleted:?}");
    }
    let (index, data) = (noise(901, 1 << 20), noise(902, 4 << 20));
    assert_eq!(full.post("index", &index).status, 200);
    full.restart();
    storage_full(&full.post("data", &data));
    for name in &gone {
        let there = full.wire.ask("HEAD", &format!("/main/data/{name}"), &[]);
        assert_eq!(there.status, 404, "{name} came back");
    }
    full.is_whole();
    // What restic does not know are no packs of its own.
    for name in full.kept.split_off(0) {
        assert_eq!(full.delete(&name).status, 200);
    }
    let index = format!("/main/index/{}", wire::name(&index));
    assert_eq!(full.wire.ask("DELETE", &index, &[]).status, 200);
    // Half of the reserve is for what a prune writes.
    let snapshot = full.acme.snapshots().remove(0);
    full.acme.restic(&["forget", &snapshot, "--prune"]).good();
    assert_eq!(full.acme.snapshots(), Vec::<String>::new());
    full.acme.whole();
}

#[test]
fn a_disk_without_a_single_byte_left_tears_nothing_and_is_used_again_later() {
    const NAME: &str = "a_disk_without_a_single_byte_left_tears_nothing_and_is_used_again_later";
    let Some(mut full) = Full::new() else {
        return skipped(NAME, "no tmpfs");
    };
    let foreign = full.mount.0.join("foreign");
    fill(&foreign);
    let victim = full.kept.pop().unwrap();
    for _ in 0..2 {
        // Larger than what is left of a block that has been begun.
        let lock = noise(1, 16 << 10);
        storage_full(&full.post("locks", &lock));
        for _ in 0..3 {
            let deleted = full.delete(&victim);
            assert!([503, 507].contains(&deleted.status), "{deleted:?}");
        }
        full.node.plain(&["status"]).good();
        full.is_whole();
        full.restart();
        fill(&foreign);
    }
    storage_full(&full.delete(&victim));
    fs::remove_file(&foreign).unwrap();
    let deleted = full.delete(&victim);
    assert_eq!(deleted.status, 200, "{deleted:?}");
    full.restart();
    full.is_whole();
    full.acme.whole();
    full.mount.resize("400m");
    plant(&full.tree, 2);
    full.acme.backup(&full.tree);
    full.acme.restores("latest", &full.tree, &full.tree);
}

/// Takes all that is left of a disk.
fn fill(path: &Path) {
    let mut file = fs::File::options();
    let mut file = file.append(true).create(true).open(path).unwrap();
    for size in [1 << 20, 4_096, 1] {
        let zeros = vec![0; size];
        while file.write(&zeros).is_ok_and(|written| written > 0) {}
    }
}

#[test]
fn no_success_leaves_before_its_bytes_are_on_disk() {
    const NAME: &str = "no_success_leaves_before_its_bytes_are_on_disk";
    let mut node = Node::new();
    let acme = tenant(&node);
    acme.init();
    let wire = Wire::new(&acme);
    assert_eq!(wire.store("main", b"warm").status, 200);
    assert_eq!(node.terminate().code(), Some(0));
    let trace = node.path("trace");
    let allowed = run(10, "strace", &["-o", "/dev/null", "true"], &[]);
    if allowed.err.contains("not permitted") {
        return skipped(NAME, "ptrace is not allowed");
    }
    allowed.good();
    let kinds = "trace=fdatasync,fsync,sendto,sendmsg,write,writev,pwrite64,pwritev,pwritev2";
    let tracer = [
        "strace",
        "-f",
        "-s",
        "0",
        "-y",
        "-o",
        text(&trace),
        "-e",
        kinds,
    ];
    // What is traced ends with the tracer.
    let traced = ["setpriv", "--pdeathsig", "KILL"];
    let words = tracer.into_iter().chain(traced).map(str::to_owned);
    let words: Vec<String> = words.chain(node.serving()).collect();
    node.start_as(&words);
    for number in 0..10 {
        let stored = wire.store("main", &noise(number, 300_000));
        assert_eq!(stored.status, 200, "{stored:?}");
    }
    node.kill();

    let text = fs::read_to_string(&trace).unwrap();
    let (mut written, mut durable, mut answers) = (0, 0, 0);
    let mut syncing = BTreeMap::new();
    for (thread, call) in text.lines().filter_map(|line| line.split_once(' ')) {
        let name = call.trim_start().trim_start_matches("<... ");
        let is_sync = name.starts_with("fdatasync") || name.starts_with("fsync");
        if is_sync && call.contains("/extents/") {
            syncing.insert(thread, written);
        }
        if is_sync && !call.contains("unfinished") {
            durable = durable.max(syncing.remove(thread).unwrap_or_default());
        } else if call.contains("/extents/") && name.contains("write") {
            written += 1;
        } else if call.contains("<TCP:") || call.contains("<socket:") {
            answers += 1;
            assert_eq!(
                written, durable,
                "the client hears of what is not on disk: {call}"
            );
        }
    }
    assert!(
        written >= 10 && answers >= 20,
        "{written} writes, {answers} sends"
    );
}

#[test]
fn sixteen_large_uploads_at_once_fit_into_little_memory() {
    let node = Node::new();
    let acme = tenant(&node);
    let wire = Wire::new(&acme);
    let bodies: Vec<Vec<u8>> = (0..4).map(|number| noise(number, 64 << 20)).collect();
    std::thread::scope(|scope| {
        for number in 0..16_usize {
            let (wire, body) = (&wire, &bodies[number % 4]);
            scope.spawn(move || assert_eq!(wire.store("main", body).status, 200));
        }
    });
    let status = fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    eprintln!("the node's peak was {} MiB", kib / 1024);
    assert!(kib < 200 * 1024, "{kib} KiB");
}
