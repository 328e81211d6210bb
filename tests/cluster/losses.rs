//! Nodes that are killed, stopped, or gone together.

use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::node::{Login, plant, same, text};
use crate::nodes::Cluster;
use crate::pulse::{Pulse, answered};
use crate::wire::{Reply, Wire};
use crate::work::Work;

/// How long a tenant may wait for the next node to take over, in seconds: a lease, and what a busy
/// machine adds.
const GAP_MAX: f64 = 10.0;
/// What restic is to send while a node is killed, in bytes.
const BULK: usize = 32 << 20;

/// Waits until restic is in the middle of a backup: packs arrived that were not there.
fn in_the_middle(cluster: &Cluster, wire: &Wire, before: &str) {
    cluster.until("packs arrive", |_| {
        let list = wire.attempt("GET", "/main/data/", b"");
        list.is_ok_and(|list| list.status == 200 && list.body.len() > before.len())
    });
}

#[test]
fn a_backup_goes_on_while_its_owner_is_killed_and_then_the_leader() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, BULK);
    for what in ["owner", "leader"] {
        let victim = match what {
            "owner" => cluster.owner(&acme),
            _ => cluster.leader(),
        };
        let gateway = cluster.login("acme", cluster.other_than(&[victim]));
        let (wire, pulse) = (Wire::new(&gateway), Pulse::new(&gateway));
        let before = answered(&wire, "/main/data/");
        thread::scope(|scope| {
            let _ending = pulse.ending();
            scope.spawn(|| pulse.beat());
            let backup = scope.spawn(|| work.back_up(&gateway));
            in_the_middle(&cluster, &wire, &before);
            assert!(
                !backup.is_finished(),
                "the backup was not met in its middle"
            );
            let killed = pulse.now();
            cluster.nodes[victim].kill();
            let gap = pulse.gap(killed);
            eprintln!("GAP after kill -9 of the {what}: {gap:.2} s");
            assert!(gap < GAP_MAX, "{gap} s");
            backup.join().unwrap();
        });
        cluster.start(victim);
        cluster.settle();
        pulse.holds_at(cluster.nodes[victim].port);
    }
    work.holds(&cluster, "acme");
    assert_eq!(cluster.trouble(), [""; 0]);
}

#[test]
fn an_owner_that_was_stopped_for_a_while_answers_nothing_stale() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    work.back_up(&acme);
    let owner = cluster.owner(&acme);
    let other = cluster.login("acme", cluster.other_than(&[owner]));
    let direct = Wire::new(&cluster.login("acme", owner));
    let pulse = Pulse::new(&other);
    let fresh = |when: &str, reply: &Reply, objects: &[String]| {
        let missing = objects.iter().find(|it| !reply.body.contains(it.as_str()));
        let is_fresh = reply.status != 200 || missing.is_none();
        assert!(is_fresh, "{when}: {missing:?} is not shown: {reply:?}");
    };
    thread::scope(|scope| {
        let _ending = pulse.ending();
        scope.spawn(|| pulse.beat());
        pulse.gap(pulse.now());
        let mut early = direct.connect().unwrap();
        let stopped = pulse.now();
        cluster.nodes[owner].freeze();
        let gap = pulse.gap(stopped);
        eprintln!("the leader is {:?}, the owner {owner}", cluster.led_by());
        eprintln!("GAP after SIGSTOP of the owner: {gap:.2} s");
        assert!(gap < GAP_MAX, "{gap} s");
        work.back_up(&other);
        // The one place that waits for a time: nothing happens to a node that is stopped.
        thread::sleep(Duration::from_secs_f64(
            (10.0 + stopped - pulse.now()).max(0.0),
        ));
        // What was asked while it slept is the first thing that it does when it wakes.
        let meanwhile = pulse.objects();
        let asked = direct.head("GET", "/pulse/data/", 0);
        early.more(asked.as_bytes()).unwrap();
        cluster.nodes[owner].thaw();
        if let Ok(reply) = early.answer() {
            fresh("first", &reply, &meanwhile);
        }
        for _ in 0..20 {
            let meanwhile = pulse.objects();
            if let Ok(reply) = direct.attempt("GET", "/pulse/data/", b"") {
                fresh("later", &reply, &meanwhile);
            }
        }
        cluster.settle();
        work.back_up(&cluster.login("acme", owner));
    });
    pulse.holds_at(cluster.nodes[owner].port);
    work.holds(&cluster, "acme");
    assert_eq!(cluster.trouble(), [""; 0]);
}

#[test]
fn nothing_acknowledged_is_lost_when_all_nodes_lose_power_at_once() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    work.back_up(&acme);
    let pulse = Pulse::new(&cluster.login("acme", 1));
    thread::scope(|scope| {
        let _ending = pulse.ending();
        scope.spawn(|| pulse.beat());
        pulse.gap(pulse.now());
        for node in &mut cluster.nodes {
            node.kill();
        }
        let lost = pulse.now();
        // A node is ready once it hears from a majority, so all of them start at once.
        cluster.start_all();
        let gap = pulse.gap(lost);
        eprintln!("GAP after kill -9 of all nodes, all of them started again: {gap:.2} s");
    });
    cluster.settle();
    for node in &cluster.nodes {
        pulse.holds_at(node.port);
    }
    work.back_up(&cluster.login("acme", 2));
    work.holds(&cluster, "acme");
    assert_eq!(cluster.trouble(), [""; 0]);
}

#[test]
fn without_a_majority_writes_are_refused_in_words_until_it_is_back() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    work.back_up(&acme);
    let pulse = Pulse::patient(&acme);
    thread::scope(|scope| {
        let _ending = pulse.ending();
        scope.spawn(|| pulse.beat());
        pulse.gap(pulse.now());
        let lost = pulse.now();
        cluster.nodes[1].kill();
        cluster.nodes[2].kill();
        cluster.until("writes are refused", |_| {
            let refusal = pulse.refusal(lost + 3.0);
            refusal.is_some_and(|told| told.starts_with("503 ") && told.len() > 20)
        });
        eprintln!("REFUSED without a majority: {:?}", pulse.last_refusal());
        assert_eq!(pulse.acknowledged(lost + 3.0), 0);
        let asked = cluster.watch.seconds();
        let said = cluster.nodes[0].plain(&["tenant", "add", "late"]);
        let took = cluster.watch.seconds() - asked;
        eprintln!("AN ORDER without a majority was answered after {took:.2} s");
        assert!(took < 7.0, "{took} s");
        assert_eq!(said.code, 6, "{said:?}");
        let told = "1 of 3 voters of the catalog answer, which is no majority";
        let missing = "no word from node-2 (n2), node-3 (n3); start 1 of them";
        assert!(
            said.err.contains(told) && said.err.contains(missing),
            "{said:?}"
        );
        let back = pulse.now();
        cluster.start(2);
        let gap = pulse.gap(back);
        eprintln!("GAP after the start of the second node of three: {gap:.2} s");
        work.back_up(&acme);
        cluster.start(1);
    });
    cluster.settle();
    pulse.holds_at(cluster.nodes[1].port);
    work.holds(&cluster, "acme");
    assert_eq!(cluster.trouble(), [""; 0]);
}

/// A login of the same tenant that may only read, for `main` at a node.
fn reader(cluster: &Cluster, tenant: &str, at: usize) -> Login {
    let made = cluster.any().json(&["password", tenant, "--scope", "read"]);
    Login {
        password: made["password"].as_str().unwrap().to_owned(),
        ..cluster.login(tenant, at)
    }
}

/// Has the latest snapshot restored without a lock, and compares every byte.
fn restored(login: &Login, tree: &Path) {
    let back = tempfile::tempdir_in(&login.base).unwrap();
    let words = ["--no-lock", "restore", "latest", "--target"];
    let words = [&words[..], &[text(back.path())]].concat();
    login.restic(&words).good();
    same(tree, &back.path().join(tree.strip_prefix("/").unwrap()));
}

#[test]
fn without_a_majority_whoever_may_only_read_restores_from_the_last_node() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let words = ["repository", "set", "acme", "main", "--min-copies", "3"];
    cluster.nodes[0].json(&words);
    acme.init();
    let tree = cluster.path("tree of acme");
    for (version, last) in [(1, "owner"), (2, "standby")] {
        plant(&tree, version);
        cluster.login("acme", 0).backup(&tree);
        let owner = cluster.owner(&acme);
        let last = match last {
            "owner" => owner,
            _ => cluster.other_than(&[owner]),
        };
        let (full, read) = (cluster.login("acme", last), reader(&cluster, "acme", last));
        let (wire, old) = (Wire::new(&full), Wire::new(&read));
        cluster.until("every gateway knows the login", |_| {
            let reply = old.attempt("GET", "/main/snapshots/", b"");
            reply.is_ok_and(|reply| reply.status == 200)
        });
        let lost = cluster.watch.seconds();
        for other in (0..3).filter(|at| *at != last) {
            cluster.nodes[other].kill();
        }
        cluster.until("what is read is said to be old", |_| {
            let reply = old.attempt("GET", "/main/snapshots/", b"");
            reply.is_ok_and(|it| it.status == 200 && !it.header("x-holdfast-as-of").is_empty())
        });
        let took = cluster.watch.seconds() - lost;
        eprintln!("READ without a majority, {took:.2} s after it was lost");
        restored(&read, &tree);
        for (method, path) in [("GET", "/main/snapshots/"), ("HEAD", "/main/config")] {
            let reply = wire.attempt(method, path, b"").unwrap();
            assert_eq!(reply.status, 503, "{reply:?}");
            let is_said = method == "HEAD" || reply.body.contains("restic --no-lock restore");
            assert!(is_said, "{reply:?}");
        }
        let lock = format!("/main/locks/{}", "0".repeat(64));
        for (method, path) in [("POST", lock.as_str()), ("DELETE", lock.as_str())] {
            let reply = old.attempt(method, path, b"x").unwrap();
            assert_eq!(reply.status, 503, "{reply:?}");
        }
        for other in (0..3).filter(|at| *at != last) {
            cluster.nodes[other].spawn();
        }
        for other in (0..3).filter(|at| *at != last) {
            cluster.nodes[other].ready();
        }
        cluster.settle();
        cluster.until("what is read is the latest again", |_| {
            let reply = old.attempt("GET", "/main/snapshots/", b"");
            reply.is_ok_and(|it| it.status == 200 && it.header("x-holdfast-as-of").is_empty())
        });
        full.backup(&tree);
        full.whole();
    }
    assert_eq!(cluster.trouble(), [""; 0]);
}
