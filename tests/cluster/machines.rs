//! Machines that are not well: cables that are pulled, disks that fill up, clocks that step.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use holdfast::clock::SystemClock;
use holdfast_actors::kernel::Date;
use holdfast_actors::ports::Clock as _;

use crate::node::{run, skipped, text};
use crate::nodes::Cluster;
use crate::pulse::Pulse;
use crate::spaces::Spaces;
use crate::wire::{Wire, name};
use crate::work::Work;

/// How long a tenant may wait for the next node to take over, in seconds.
const GAP_MAX: f64 = 15.0;

#[test]
fn a_cable_that_is_pulled_in_a_network_of_real_kernels_costs_a_moment_and_no_byte() {
    let spaces = match Spaces::new(3) {
        Ok(spaces) => spaces,
        Err(why) => return skipped("cables", &format!("no networks of their own: {why}")),
    };
    let mut cluster = Cluster::apart(3, spaces);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    work.back_up(&acme);
    for what in ["owner", "leader"] {
        let victim = match what {
            "owner" => cluster.owner(&acme),
            _ => cluster.leader(),
        };
        let gateway = cluster.login("acme", cluster.other_than(&[victim]));
        let pulse = Pulse::new(&gateway);
        thread::scope(|scope| {
            let _ending = pulse.ending();
            scope.spawn(|| pulse.beat());
            pulse.gap(pulse.now());
            let pulled = pulse.now();
            cluster.spaces().cable(victim, false);
            let gap = pulse.settled(pulled);
            eprintln!("GAP after the cable of the {what} is pulled: {gap:.2} s");
            assert!(gap < GAP_MAX, "{gap} s");
            work.back_up(&gateway);
            cluster.spaces().cable(victim, true);
        });
        cluster.settle();
        pulse.holds_at(cluster.nodes[victim].port);
    }
    work.holds(&cluster, "acme");
    assert_eq!(cluster.trouble(), [""; 0]);
}

/// A small file system in memory, gone when this is dropped.
struct Mount(PathBuf);

impl Mount {
    /// Why not, where nobody may mount.
    fn new(at: PathBuf, size: &str) -> Result<Self, String> {
        fs::create_dir(&at).unwrap();
        let mount = Self(at);
        let how = format!("size={size},mode=0700");
        let words = ["-t", "tmpfs", "-o", &how, "tmpfs", text(&mount.0)];
        let said = run(10, "mount", &words, &[]);
        match said.code {
            0 => Ok(mount),
            _ => Err(said.err),
        }
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

#[test]
fn a_node_whose_disk_is_full_holds_nobody_up_and_has_its_copies_when_there_is_space() {
    let mut cluster = Cluster::of(2);
    let small = match Mount::new(cluster.path("n3"), "192m") {
        Ok(mount) => mount,
        Err(why) => return skipped("a full disk in a cluster", &why),
    };
    let third = cluster.join();
    cluster.settle();
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 24 << 20);
    // More than the small disk holds.
    for _ in 0..9 {
        work.back_up(&acme);
    }
    let status = |cluster: &Cluster| cluster.any().json(&["status"])["cluster"].clone();
    let full = cluster.any().json(&["status"]).to_string();
    assert!(full.contains("is full"), "{full}");
    small.resize("2g");
    cluster.until("all copies are there", |cluster| {
        let events = cluster.any().json(&["events"]).to_string();
        status(cluster)["under-replicated"] == 0 && events.contains("has room again")
    });
    assert!(cluster.nodes[third].runs());
    work.holds(&cluster, "acme");
    let events = cluster.any().json(&["events"]).to_string();
    assert!(events.contains("gets no new data"), "{events}");
}

/// The library that stands before the clock, where it is installed.
fn faketime() -> Option<String> {
    let library = fs::read_dir("/usr/lib").unwrap().flatten();
    let library = library.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
    let library = library.into_iter().find(|path| path.exists())?;
    Some(text(&library).to_owned())
}

#[test]
fn wall_clocks_that_step_on_nodes_end_no_lease_and_bring_none_back() {
    let Some(library) = faketime() else {
        return skipped("clocks of a cluster", "libfaketime is not installed");
    };
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    work.back_up(&acme);
    let today = Date::of(SystemClock::new().now().wall);
    let ends = Date::from_days(today.days() + 2).to_string();
    cluster
        .any()
        .json(&["tenant", "set", "acme", "--lease", &ends]);
    for at in 0..3 {
        let file = cluster.path(&format!("clock of {at}"));
        fs::write(&file, "+0\n").unwrap();
        let node = &mut cluster.nodes[at];
        node.terminate();
        node.environment = vec![
            ("LD_PRELOAD".to_owned(), library.clone()),
            ("FAKETIME_TIMESTAMP_FILE".to_owned(), text(&file).to_owned()),
            ("FAKETIME_NO_CACHE".to_owned(), "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC".to_owned(), "1".to_owned()),
            ("NO_FAKE_STAT".to_owned(), "1".to_owned()),
        ];
        cluster.start(at);
        cluster.settle();
    }
    let set = |cluster: &Cluster, at: usize, step: &str| {
        let next = cluster.path("clock");
        fs::write(&next, format!("{step}\n")).unwrap();
        fs::rename(&next, cluster.path(&format!("clock of {at}"))).unwrap();
    };
    let writes = |cluster: &Cluster, what: &str| {
        let wire = Wire::new(&cluster.login("acme", 1));
        let path = format!("/main/data/{}", name(what.as_bytes()));
        wire.attempt("POST", &path, what.as_bytes()).unwrap().status
    };
    // One clock that is wrong moves nothing, whoever leads.
    for at in 0..3 {
        for step in ["+5d", "-5d", "+0"] {
            set(&cluster, at, step);
            work.back_up(&cluster.login("acme", 1));
            assert_eq!(writes(&cluster, &format!("{step} on {at}")), 200);
        }
    }
    // A majority of them says which day it is, and what has ended stays so.
    set(&cluster, 0, "+5d");
    set(&cluster, 1, "+5d");
    let tries = AtomicUsize::new(0);
    cluster.until("the lease ends", |cluster| {
        let number = tries.fetch_add(1, Ordering::Relaxed);
        writes(cluster, &format!("{number} in five days")) == 403
    });
    set(&cluster, 0, "+0");
    set(&cluster, 1, "+0");
    cluster.settle();
    assert_eq!(writes(&cluster, "back again"), 403);
    let later = Date::from_days(today.days() + 30).to_string();
    cluster
        .any()
        .json(&["tenant", "set", "acme", "--lease", &later]);
    cluster.until("the tenant is served", |cluster| {
        writes(cluster, "at last") == 200
    });
    work.holds(&cluster, "acme");
    assert_eq!(cluster.trouble(), [""; 0]);
}
