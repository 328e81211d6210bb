//! A node that is killed, ended, started twice, or finds its directory changed: nothing that was
//! acknowledged is lost, and what cannot be served is refused in words.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;
#[path = "support/wire.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod wire;

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use holdfast_actors::extent;
use holdfast_actors::kernel::RepositoryId;
use node::{HOLDFAST, Login, Node, Stopwatch, noise, plant, run, saved, skipped, text};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use wire::Wire;

/// How long a node may stay up before it is killed, in milliseconds.
const UPTIME_MAX: u64 = 2_500;

fn prepared() -> (Node, Login) {
    let node = Node::new();
    node.tenant("acme", "main", "10GiB");
    let acme = node.login("acme", "main");
    acme.init();
    (node, acme)
}

/// Tells the one who works to stop, also when the one who watches fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn nothing_that_restic_reported_saved_is_lost_by_kills_at_random_instants() {
    let rounds = if std::env::var_os("HOLDFAST_LONG").is_some() {
        200
    } else {
        20
    };
    let seed = std::env::var("HOLDFAST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or(2);
    eprintln!("HOLDFAST_SEED={seed}");
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let (mut node, acme) = prepared();
    let tree = node.path("tree");
    let wire = Wire::new(&acme);
    let (reported, ending) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let _ending = Ending(&ending);
        scope.spawn(|| {
            for version in 1.. {
                if ending.load(Ordering::Relaxed) {
                    break;
                }
                plant(&tree, version);
                let said = acme.restic_with(120, &["backup", "--json", text(&tree)], &[]);
                if said.code == 0 {
                    reported.lock().unwrap().push((version, saved(&said.out)));
                }
            }
        });
        for round in 0..rounds {
            // The one place that waits for a time: no level says when a machine dies.
            std::thread::sleep(Duration::from_millis(dice.random_range(0..UPTIME_MAX)));
            node.kill();
            let sure = reported.lock().unwrap().clone();
            node.start();
            let listed = wire.ask("GET", "/main/snapshots/", &[]);
            assert_eq!(listed.status, 200, "{listed:?}");
            for (version, snapshot) in sure {
                let is_there = listed.body.contains(&format!("\"{snapshot}"));
                assert!(
                    is_there,
                    "round {round}: version {version}, {snapshot} is gone"
                );
            }
        }
    });
    let reported = reported.into_inner().unwrap();
    eprintln!("{} snapshots were saved in {rounds} rounds", reported.len());
    assert!(reported.len() >= 2, "{reported:?}");
    acme.whole();
    let some = reported.len().div_ceil(6);
    let like = node.path("like");
    for (version, snapshot) in reported.iter().step_by(some) {
        plant(&like, *version);
        acme.restores(snapshot, &tree, &like);
    }
}

#[test]
fn a_node_that_is_told_to_end_does_so_within_ten_seconds_and_comes_back() {
    let (mut node, acme) = prepared();
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    let bytes = noise(1, 4 << 20);
    let path = format!("/main/data/{}", wire::name(&bytes));
    let wire = Wire::new(&acme);
    let mut open = wire.begin("POST", &path, &bytes[..1 << 20], bytes.len());
    open.more(&bytes[1 << 20..2 << 20]).unwrap();
    let watch = Stopwatch::start();
    let status = node.terminate();
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(watch.seconds() < 11.0, "{} s", watch.seconds());
    assert!(
        open.answer().map_or(true, |reply| reply.status != 200),
        "half a body is stored"
    );
    let asked = node.plain(&["status"]);
    assert_eq!(asked.code, 6, "{asked:?}");
    node.start();
    assert_eq!(wire.ask("HEAD", &path, &[]).status, 404);
    acme.restores("latest", &tree, &tree);
}

#[test]
fn one_process_serves_a_directory() {
    let node = Node::new();
    let listen = ["serve", "--listen", "127.0.0.1:0"];
    let second = node.plain(&listen);
    assert_eq!(second.code, 5, "{second:?}");
    assert!(second.err.contains("another process serves"), "{second:?}");
    node.plain(&["status"]).good();
}

#[test]
fn a_directory_of_a_newer_format_is_refused_and_left_as_it_is() {
    let mut node = Node::new();
    assert_eq!(node.terminate().code(), Some(0));
    let card = node.data.join("holdfast.json");
    let ours = fs::read_to_string(&card).unwrap();
    let newer = ours.replace("\"format\": 1", "\"format\": 2");
    assert_ne!(ours, newer);
    fs::write(&card, newer).unwrap();
    let refused = node.plain(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("has format 2"), "{refused:?}");
    fs::write(&card, ours).unwrap();
    node.start();
}

#[test]
fn deleting_the_index_loses_nothing() {
    let (mut node, acme) = prepared();
    let tree = node.path("tree");
    plant(&tree, 1);
    let first = acme.backup(&tree);
    acme.restic(&["forget", &first]).good();
    let before = acme.backup(&tree);
    let listed = node.json(&["repository", "show", "acme", "main"]);
    for hard in [true, false] {
        if hard {
            node.kill();
        } else {
            assert_eq!(node.terminate().code(), Some(0));
        }
        fs::remove_dir_all(node.data.join("index")).unwrap();
        node.start();
        acme.whole();
        assert_eq!(acme.snapshots().len(), 1);
        acme.restores(&before, &tree, &tree);
    }
    let after = node.json(&["repository", "show", "acme", "main"]);
    for figure in ["used", "objects", "bin"] {
        assert_eq!(listed[figure], after[figure], "{figure}: {listed} {after}");
    }
}

#[test]
fn a_lost_file_of_an_open_extent_is_refused_in_words_until_it_is_back() {
    let (mut node, acme) = prepared();
    let wire = Wire::new(&acme);
    assert_eq!(wire.store("main", b"acknowledged").status, 200);
    let path = format!("/main/data/{}", wire::name(b"acknowledged"));
    node.kill();
    let folder = node.data.join(extent::folder(RepositoryId::new(2)));
    let files = fs::read_dir(folder).unwrap().flatten();
    let open = files.map(|file| file.path()).max().unwrap();
    let away = node.path("away");
    fs::rename(&open, &away).unwrap();
    node.start();
    let part = "node/repositories/repository-2";
    // It is tried again a few times, and then not for a minute.
    let watch = Stopwatch::start();
    loop {
        let refused = wire.ask("GET", &path, &[]);
        assert_eq!(refused.status, 503, "{refused:?}");
        let tree = node.plain(&["shell", "-c", "tree"]).good();
        if tree.contains("out-of-service") {
            break;
        }
        assert!(watch.seconds() < 30.0, "{tree}");
    }
    assert!(node.logged().contains("is lost"), "{}", node.logged());
    let shown = node.json(&["repository", "show", "acme", "main"]);
    assert!(shown["used"].is_null(), "{shown}");
    let asked = node.plain(&["shell", "-c", &format!("restart {part}")]);
    assert_eq!(asked.code, 4, "it asks first: {asked:?}");
    fs::rename(&away, &open).unwrap();
    let again = ["shell", "-c", &format!("restart --yes {part}")];
    node.plain(&again).good();
    let back = wire.ask("GET", &path, &[]);
    assert_eq!((back.status, back.body.as_str()), (200, "acknowledged"));
}

#[test]
fn a_new_repository_is_no_reason_to_log() {
    let (node, _) = prepared();
    let logged = node.logged();
    assert!(!logged.contains("read the whole log"), "{logged}");
}

#[test]
fn a_read_only_data_directory_is_refused_in_words() {
    let mut node = Node::new();
    assert_eq!(node.terminate().code(), Some(0));
    let data = text(&node.data);
    // The mount is in a name space of its own, and ends with it.
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\" || exit 77
                  exec \"$2\" serve --data \"$1\" --listen 127.0.0.1:0";
    let refused = run(
        30,
        "unshare",
        &["-rm", "sh", "-c", script, "sh", data, HOLDFAST],
        &[],
    );
    if refused.code == 77 || refused.err.contains("unshare:") {
        return skipped(
            "a_read_only_data_directory_is_refused_in_words",
            "no mount name space",
        );
    }
    assert_eq!(refused.code, 1, "{refused:?}");
    let lines = refused
        .err
        .lines()
        .filter(|line| line.contains("ead-only"))
        .count();
    assert!(lines >= 1 && refused.err.contains(data), "{refused:?}");
    assert!(!refused.err.contains("panicked"), "{refused:?}");
    node.start();
}
