//! A wall clock that is set forward and back under a running node: leases end and stay ended, and
//! nothing is destroyed before somebody confirmed the day.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;
#[path = "support/wire.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod wire;

use std::fs;
use std::path::PathBuf;

use holdfast::clock::SystemClock;
use holdfast_actors::extent;
use holdfast_actors::kernel::{Date, RepositoryId};
use holdfast_actors::ports::Clock as _;
use node::{Login, Node, Stopwatch, skipped};
use wire::Wire;

/// The node holds its clocks against each other each second; this is a little longer, in seconds.
const A_LOOK: f64 = 10.0;
/// A node that was started looks after bins and damage when a minute is over; a little longer.
const A_MINUTE: f64 = 75.0;

/// By which the loader is told of a library that goes before all others.
const PRELOAD: &str = "LD_PRELOAD";

/// A node whose wall clock is read through a file, and the machine's monotonic clock as it is.
struct Shifted {
    node: Node,
    file: PathBuf,
    faketime: String,
}

impl Shifted {
    /// None where the library that stands before the clock is missing.
    fn new() -> Option<Self> {
        let library = fs::read_dir("/usr/lib").unwrap().flatten();
        let library = library.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
        let library = library.into_iter().find(|path| path.exists())?;
        let mut node = Node::new();
        assert_eq!(node.terminate().code(), Some(0));
        let file = node.path("clock");
        let library = library.to_str().unwrap().to_owned();
        let mut shifted = Self {
            node,
            file,
            faketime: library,
        };
        shifted.set("+0");
        shifted.start();
        Some(shifted)
    }

    /// Sets the node's wall clock so far from the machine's: `+40d`, `-3d`.
    fn set(&self, offset: &str) {
        // A reader sees the old line or the new one.
        let next = self.file.with_extension("next");
        fs::write(&next, format!("{offset}\n")).unwrap();
        fs::rename(&next, &self.file).unwrap();
    }

    fn start(&mut self) {
        let (library, file) = (&self.faketime, self.file.display());
        let mut words: Vec<String> = vec!["env".to_owned()];
        words.push(format!("{PRELOAD}={library}"));
        words.push(format!("FAKETIME_TIMESTAMP_FILE={file}"));
        words.extend(
            [
                "FAKETIME_DONT_FAKE_MONOTONIC=1",
                "FAKETIME_NO_CACHE=1",
                "NO_FAKE_STAT=1",
            ]
            .map(str::to_owned),
        );
        words.extend(self.node.serving());
        self.node.start_as(&words);
    }

    fn restart(&mut self) {
        assert_eq!(self.node.terminate().code(), Some(0));
        self.start();
    }

    /// A tenant with a repository, and a login for it.
    fn acme(&self) -> (Login, Wire) {
        self.node.tenant("acme", "main", "10GiB");
        let acme = self.node.login("acme", "main");
        let wire = Wire::new(&acme);
        assert_eq!(wire.ask("POST", "/main/?create=true", b"").status, 200);
        (acme, wire)
    }

    fn clock(&self) -> (String, bool) {
        let shown = self.node.json(&["clock", "status"]);
        let today = shown["today"].as_str().unwrap().to_owned();
        (today, shown["doubted"].as_bool().unwrap())
    }

    fn state(&self) -> String {
        let shown = self.node.json(&["tenant", "show", "acme"]);
        shown["state"].as_str().unwrap().to_owned()
    }

    /// How many objects the bin has.
    fn bin(&self) -> u64 {
        let listed = self.node.json(&["bin", "list", "acme", "main"]);
        listed[0]["objects"].as_u64().unwrap()
    }

    /// How often it found that the clock had jumped.
    fn doubts(&self) -> usize {
        let events = self.node.json(&["events"]);
        let events = events.as_array().unwrap().iter();
        let doubts = events.filter(|event| event["code"] == 30010);
        doubts.count()
    }
}

/// The day that comes so many days after the machine's today.
fn day(ahead: u32) -> String {
    let today = Date::of(SystemClock::new().now().wall);
    today.plus(ahead).to_string()
}

/// Waits until something is so, at most for a time in seconds.
fn until(seconds: f64, what: &str, is_so: impl Fn() -> bool) {
    let watch = Stopwatch::start();
    while !is_so() {
        assert!(watch.seconds() < seconds, "{what}: not after {seconds} s");
    }
}

#[test]
fn a_clock_set_forward_ends_a_lease_and_one_set_back_revives_none() {
    let Some(mut shifted) = Shifted::new() else {
        let name = "a_clock_set_forward_ends_a_lease_and_one_set_back_revives_none";
        return skipped(name, "libfaketime is missing");
    };
    let (_, wire) = shifted.acme();
    shifted
        .node
        .json(&["tenant", "set", "acme", "--lease", &day(20)]);
    assert_eq!(wire.store("main", b"before").status, 200);
    let path = format!("/main/data/{}", wire::name(&[7; 1000]));
    let open = wire.begin("POST", &path, &[7; 10], 1000);
    let watch = Stopwatch::start();
    shifted.set("+40d");
    // Nobody gives a command: the node sees it by itself, and cuts what is under way.
    if let Ok(reply) = open.answer() {
        assert_eq!(
            (reply.status, reply.header("x-holdfast-reason")),
            (403, "lease-expired"),
            "{reply:?}"
        );
    }
    assert!(watch.seconds() < A_LOOK, "after {} s", watch.seconds());
    let refused = wire.ask("GET", "/main/data/", &[]);
    assert_eq!(
        (refused.status, refused.header("x-holdfast-reason")),
        (403, "lease-expired"),
        "{refused:?}"
    );
    assert_eq!(shifted.state(), "expired");
    assert_eq!(shifted.clock(), (day(40), true));
    shifted.set("-3d");
    until(A_LOOK, "it is seen", || shifted.doubts() == 2);
    assert_eq!(shifted.clock(), (day(40), true));
    assert_eq!(wire.store("main", b"after").status, 403);
    shifted.restart();
    assert_eq!(shifted.state(), "expired");
    assert_eq!(wire.store("main", b"after").status, 403);
    shifted.set("+0");
    shifted.node.json(&["clock", "confirm", "--today", &day(0)]);
    assert_eq!(shifted.state(), "enabled");
    assert_eq!(shifted.clock(), (day(0), false));
    assert_eq!(wire.store("main", b"after").status, 200);
}

#[test]
fn a_clock_set_forward_empties_no_bin_before_the_day_is_confirmed() {
    let Some(mut shifted) = Shifted::new() else {
        let name = "a_clock_set_forward_empties_no_bin_before_the_day_is_confirmed";
        return skipped(name, "libfaketime is missing");
    };
    let (_, wire) = shifted.acme();
    shifted
        .node
        .json(&["tenant", "set", "acme", "--bin-days", "7"]);
    assert_eq!(wire.store("main", b"precious").status, 200);
    let path = format!("/main/data/{}", wire::name(b"precious"));
    assert_eq!(wire.ask("DELETE", &path, &[]).status, 200);
    assert_eq!(shifted.bin(), 1);
    shifted.set("+40d");
    // A repository that is loaded looks through its bin at once.
    for _ in 0..2 {
        shifted.restart();
        assert_eq!(shifted.clock(), (day(40), true));
        assert_eq!(shifted.bin(), 1);
        shifted
            .node
            .json(&["tenant", "set", "acme", "--description", "any news"]);
        assert_eq!(shifted.bin(), 1);
    }
    shifted
        .node
        .json(&["clock", "confirm", "--today", &day(40)]);
    assert_eq!(shifted.clock(), (day(40), false));
    shifted.restart();
    until(A_MINUTE, "the bin is empty", || shifted.bin() == 0);
}

#[test]
fn each_repository_is_read_back_after_thirty_days_and_damage_is_told_once() {
    let Some(mut shifted) = Shifted::new() else {
        let name = "each_repository_is_read_back_after_thirty_days_and_damage_is_told_once";
        return skipped(name, "libfaketime is missing");
    };
    let (_, wire) = shifted.acme();
    for byte in [1, 2, 3] {
        assert_eq!(wire.store("main", &[byte; 5000]).status, 200);
    }
    assert_eq!(shifted.node.terminate().code(), Some(0));
    let folder = extent::folder(RepositoryId::new(2));
    let files = fs::read_dir(shifted.node.data.join(folder)).unwrap();
    let file = files.flatten().map(|file| file.path()).max().unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes
        .windows(9)
        .position(|window| window == [2; 9])
        .unwrap();
    // Sealed first, as it is after a clean start: what is open is cut where it is torn.
    shifted.start();
    assert_eq!(wire.ask("GET", "/main/data/", &[]).status, 200);
    bytes[at] ^= 1;
    fs::write(&file, bytes).unwrap();
    shifted.set("+31d");
    shifted.restart();
    shifted
        .node
        .json(&["clock", "confirm", "--today", &day(31)]);
    let status = |what: &str| shifted.node.json(&["status"])[what].clone();
    assert_eq!(status("damaged"), 0);
    until(A_MINUTE + 30.0, "it is read back", || {
        status("damaged") == 1
    });
    let shown = shifted.node.json(&["repository", "show", "acme", "main"]);
    assert_eq!(shown["damaged"], 1, "{shown}");
    assert!(
        shown["verified"].as_str().unwrap().starts_with(&day(31)),
        "{shown}"
    );
    assert_eq!(status("verified"), shown["verified"]);
    let events = shifted.node.json(&["events", "--tenant", "acme"]);
    let events = events.as_array().unwrap().iter();
    let told: Vec<_> = events.filter(|event| event["code"] == 30044).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["severity"], &told[0]["text"]),
        (
            &"error".into(),
            &"repository main: 1 of 3 objects are damaged".into()
        )
    );
}

#[test]
fn a_clock_set_back_keeps_a_bin_for_all_its_days() {
    let Some(mut shifted) = Shifted::new() else {
        let name = "a_clock_set_back_keeps_a_bin_for_all_its_days";
        return skipped(name, "libfaketime is missing");
    };
    let (_, wire) = shifted.acme();
    shifted
        .node
        .json(&["tenant", "set", "acme", "--bin-days", "7"]);
    assert_eq!(wire.store("main", b"precious").status, 200);
    shifted.set("-40d");
    shifted.restart();
    let path = format!("/main/data/{}", wire::name(b"precious"));
    assert_eq!(wire.ask("DELETE", &path, &[]).status, 200);
    shifted.set("+0");
    shifted.node.json(&["clock", "confirm", "--today", &day(0)]);
    shifted.restart();
    assert_eq!(shifted.clock(), (day(0), false));
    assert_eq!(shifted.bin(), 1, "its seven days count from the deletion");
}
