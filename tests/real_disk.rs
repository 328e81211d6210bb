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
use std::path::PathBuf;

use node::{Login, Node, noise, plant, run, skipped, text};
use wire::Wire;

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

#[test]
fn a_full_disk_refuses_what_is_new_and_tears_nothing() {
    let base = tempfile::tempdir().unwrap();
    // Room for the journal with its reserve, and for a little more.
    let Some(mount) = Mount::new(base.path().join("small"), "420m") else {
        return skipped(
            "a_full_disk_refuses_what_is_new_and_tears_nothing",
            "no tmpfs",
        );
    };
    let data = mount.0.join("data");
    let mut node = Node::at(base, data);
    let acme = tenant(&node);
    acme.init();
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    let wire = Wire::new(&acme);
    let mut kept = Vec::new();
    let full = (0..200).find_map(|number| {
        let bytes = noise(number, 8 << 20);
        let reply = wire.store("main", &bytes);
        if reply.status == 200 {
            kept.push(wire::name(&bytes));
        }
        (reply.status != 200).then_some(reply)
    });
    let full = full.expect("the disk never filled");
    assert_eq!(
        (full.status, full.header("x-holdfast-reason")),
        (507, "storage-full"),
        "{full:?}"
    );
    eprintln!("full after {} objects of 8 MiB", kept.len());

    node.plain(&["status"]).good();
    let back = node.path("back");
    // There is no room for a lock either.
    acme.restic(&["--no-lock", "restore", "latest", "--target", text(&back)])
        .good();
    node::same(&tree, &back.join(tree.strip_prefix("/").unwrap()));
    for again in 0..2 {
        for name in &kept {
            let there = wire.ask("HEAD", &format!("/main/data/{name}"), &[]);
            assert_eq!(there.status, 200, "{name} after {again} restarts");
        }
        let verified = node.json(&["verify", "acme", "main"]).to_string();
        assert!(verified.contains("\"damaged\":0"), "{verified}");
        if again == 0 {
            node.kill();
            node.start();
        }
    }
    mount.resize("900m");
    assert_eq!(wire.store("main", &noise(900, 8 << 20)).status, 200);
    for name in &kept {
        assert_eq!(
            wire.ask("DELETE", &format!("/main/data/{name}"), &[])
                .status,
            200
        );
    }
    plant(&tree, 2);
    acme.backup(&tree);
    acme.whole();
    acme.restores("latest", &tree, &tree);
    drop(node);
    drop(mount);
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
