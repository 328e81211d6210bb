//! How long a tenant waits when the node that writes its repository is lost, or gives it up.
//!
//! `cargo bench --bench takeover -- --objects 1000000 --rounds 10`, with `--json` for programs.
//! Three nodes as processes on loopback, a repository with so many small objects, and a writer that
//! stores one more after the other through a gateway that stays. What is promised, with a million
//! objects: from `kill -9` of the owner to the next acknowledged write p50 at most 3 s and p99 at
//! most 5 s, also when the owner leads the catalog; a planned drain fails no request and keeps
//! nobody waiting for more than 300 ms.
//!
//! It ends with 0 if that held, with 1 if not. `--connections N` fill the repository at once.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use fill::fill;
use node::Login;
use nodes::Cluster;
use pulse::Pulse;

#[path = "../tests/cluster/fill.rs"]
mod fill;
#[path = "../tests/cluster/member.rs"]
#[expect(dead_code, reason = "tests use the rest of it")]
mod member;
#[path = "../tests/support/node.rs"]
#[expect(dead_code, reason = "tests use the rest of it")]
mod node;
#[path = "../tests/cluster/nodes.rs"]
#[expect(dead_code, reason = "tests use the rest of it")]
mod nodes;
#[path = "../tests/cluster/pulse.rs"]
#[expect(dead_code, reason = "tests use the rest of it")]
mod pulse;
#[path = "../tests/cluster/spaces.rs"]
#[expect(dead_code, reason = "tests use the rest of it")]
mod spaces;
#[path = "../tests/support/wire.rs"]
#[expect(dead_code, reason = "tests use the rest of it")]
mod wire;

const TENANT: &str = "acme";
/// The repository that is filled and written to.
const REPOSITORY: &str = "pulse";
/// What is promised, in seconds.
const KILL_P50: f64 = 3.0;
const KILL_P99: f64 = 5.0;
const DRAIN_MAX: f64 = 0.3;
/// How long the writer writes before something happens, and after it.
const AROUND: Duration = Duration::from_secs(2);
/// How long the cluster is left alone before a round: whoever came back begins to stand by.
const SETTLE: Duration = Duration::from_secs(3);

/// How long a leader is silent so that another is elected.
const SILENCE: Duration = Duration::from_millis(1_200);

/// What is asked for.
struct Wanted {
    objects: u64,
    rounds: usize,
    connections: u64,
    json: bool,
}

impl Wanted {
    fn read() -> Self {
        let words: Vec<String> = std::env::args().collect();
        let number = |name: &str, usual: u64| {
            let at = words.iter().position(|word| word == name);
            let value = at.and_then(|at| words.get(at + 1));
            value.map_or(usual, |value| value.parse().unwrap())
        };
        Self {
            objects: number("--objects", 2_000),
            rounds: number("--rounds", 1) as usize,
            connections: number("--connections", 16),
            json: words.iter().any(|word| word == "--json"),
        }
    }
}

/// What happens to the owner.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blow {
    /// It is killed, and does not lead the catalog.
    Owner,
    /// It is killed, and leads the catalog.
    Leader,
    /// It is drained.
    Drain,
}

/// What one round came to.
struct Round {
    /// In seconds.
    gap: f64,
    /// From what the next owner had the repository, and how many frames it read.
    from: Value,
    read: Value,
    refused: Option<String>,
}

/// Where the repository is at work.
fn owner(cluster: &Cluster) -> usize {
    let login = Login {
        repository: REPOSITORY.to_owned(),
        ..cluster.login(TENANT, cluster.running()[0])
    };
    cluster.owner(&login)
}

/// Has the owner lead the catalog, or not. A node that goes in order hands the lead to the first
/// of the others, so the last node is to be neither.
fn arrange(cluster: &mut Cluster, leads: bool) -> usize {
    for _ in 0..20 {
        let (owner, leader) = (owner(cluster), cluster.leader());
        if (owner == leader) == leads {
            return owner;
        }
        let moved = match leads {
            true if owner + 1 == cluster.nodes.len() => owner,
            true | false => leader,
        };
        if leads {
            cluster.nodes[moved].terminate();
            touch(cluster);
            cluster.start(moved);
        } else {
            // Longer than others wait for a leader, and shorter than an owner keeps its lease.
            cluster.nodes[moved].freeze();
            thread::sleep(SILENCE);
            cluster.nodes[moved].thaw();
        }
        cluster.settle();
        touch(cluster);
        thread::sleep(SETTLE);
    }
    panic!("the owner did not come to lead the catalog, or does not cease to");
}

/// Has somebody own the repository.
fn touch(cluster: &Cluster) {
    let gateway = cluster.login(TENANT, cluster.running()[0]);
    let wire = wire::Wire::new(&gateway);
    pulse::answered(&wire, &format!("/{REPOSITORY}/locks/"));
}

fn round(cluster: &mut Cluster, blow: Blow) -> Round {
    touch(cluster);
    let victim = match blow {
        Blow::Owner => arrange(cluster, false),
        Blow::Leader => arrange(cluster, true),
        Blow::Drain => owner(cluster),
    };
    let gateway = cluster.other_than(&[victim]);
    let pulse = Pulse::patient(&cluster.login(TENANT, gateway));
    let name = cluster.nodes[victim].name.clone();
    let gap = thread::scope(|scope| {
        let _ending = pulse.ending();
        scope.spawn(|| pulse.beat());
        thread::sleep(AROUND);
        let since = pulse.now();
        match blow {
            Blow::Owner | Blow::Leader => {
                cluster.nodes[victim].kill();
                pulse.gap(since)
            }
            Blow::Drain => {
                cluster.nodes[gateway].json(&["node", "drain", &name]);
                thread::sleep(AROUND);
                pulse.gap(pulse.now());
                pulse.longest_since(since)
            }
        }
    });
    let shown = shown(cluster);
    match blow {
        Blow::Owner | Blow::Leader => cluster.start(victim),
        Blow::Drain => drop(cluster.nodes[gateway].json(&["node", "undrain", &name])),
    }
    cluster.settle();
    thread::sleep(SETTLE);
    Round {
        gap,
        from: shown["came-back-from"].clone(),
        read: shown["frames-read-then"].clone(),
        refused: pulse.last_refusal(),
    }
}

/// What the repository's actor says of itself.
fn shown(cluster: &Cluster) -> Value {
    let at = owner(cluster);
    let words = ["repository", "show", TENANT, REPOSITORY];
    let id = cluster.nodes[at].json(&words)["id"].clone();
    let path = format!("show node/repositories/repository-{id}");
    cluster.nodes[at].json(&["shell", "-c", &path])
}

/// The value that so many of a hundred do not pass.
fn percentile(sorted: &[f64], of: f64) -> f64 {
    let at = (sorted.len() as f64 * of / 100.0).ceil() as usize;
    sorted[at.clamp(1, sorted.len()) - 1]
}

/// Says what rounds came to, and whether that is what is promised.
fn judge(what: &str, blow: Blow, rounds: &[Round], wanted: &Wanted) -> (bool, Value) {
    let mut gaps: Vec<f64> = rounds.iter().map(|round| round.gap).collect();
    gaps.sort_by(f64::total_cmp);
    let (p50, p99, most) = (
        percentile(&gaps, 50.0),
        percentile(&gaps, 99.0),
        percentile(&gaps, 100.0),
    );
    let refused: Vec<&String> = rounds.iter().filter_map(|it| it.refused.as_ref()).collect();
    let held = match blow {
        Blow::Owner | Blow::Leader => p50 <= KILL_P50 && p99 <= KILL_P99,
        Blow::Drain => most <= DRAIN_MAX && refused.is_empty(),
    };
    if !wanted.json {
        let verdict = if held { "PASS" } else { "FAIL" };
        println!("{verdict}  {what:<28} p50 {p50:.2} s, p99 {p99:.2} s, max {most:.2} s");
        for Round {
            gap, from, read, ..
        } in rounds
        {
            println!("      {gap:.2} s, came back from {from}, read {read} frames");
        }
        for refusal in &refused {
            println!("      refused: {refusal}");
        }
    }
    let figures = json!({
        "what": what, "held": held, "p50": p50, "p99": p99, "max": most, "gaps": gaps,
        "refused": refused,
        "from": rounds.iter().map(|it| it.from.clone()).collect::<Vec<_>>(),
        "frames-read": rounds.iter().map(|it| it.read.clone()).collect::<Vec<_>>(),
    });
    (held, figures)
}

fn main() -> ExitCode {
    let wanted = Wanted::read();
    let mut cluster = Cluster::of(3);
    let login = cluster.tenant(TENANT, 0);
    touch(&cluster);
    let at = owner(&cluster);
    let begun = cluster.watch.seconds();
    let login = Login {
        port: cluster.nodes[at].port,
        ..login
    };
    fill(&login, REPOSITORY, 0..wanted.objects, wanted.connections);
    let took = cluster.watch.seconds() - begun;
    if !wanted.json {
        let speed = wanted.objects as f64 / took;
        println!(
            "{} objects in {took:.0} s, {speed:.0} a second",
            wanted.objects
        );
    }
    // What is written by and by is not in the way of what is measured.
    thread::sleep(SETTLE * 3);
    let blows = [
        ("kill -9 of the owner", Blow::Owner),
        ("kill -9 of owner and leader", Blow::Leader),
        ("drain of the owner", Blow::Drain),
    ];
    let (mut held, mut figures) = (true, Vec::new());
    for (what, blow) in blows {
        let rounds = (0..wanted.rounds).map(|_| round(&mut cluster, blow));
        let rounds: Vec<Round> = rounds.collect();
        let (is_so, told) = judge(what, blow, &rounds, &wanted);
        held &= is_so;
        figures.push(told);
    }
    if wanted.json {
        let all = json!({
            "objects": wanted.objects, "filled-in-seconds": took, "held": held, "blows": figures,
        });
        println!("{all:#}");
    }
    if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
