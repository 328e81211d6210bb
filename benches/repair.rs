//! How much of their speed tenants keep while the copies of a lost node are made again.
//!
//! `cargo bench --bench repair -- --mib 1024 --seconds 20 --rounds 3`, with `--json` for programs.
//! Four nodes as processes on loopback, all on the disk of this machine, and a tenant that uploads
//! objects of 1 MiB over four connections. A round measures its speed alone, loses a node that
//! has copies of so many MiB, measures again for as long as copies are made, at most so many
//! seconds, and once more alone when all are there: a node fewer leaves the others more of this
//! machine, so what counts is the faster of both times alone. Each round has a cluster of its own,
//! so that none copies what another stored. Promised: 70 of 100 parts of the speed stay, in the
//! median of the rounds; there is one round if nothing is said.
//!
//! It ends with 0 if that held, with 1 if not, and with 2 if that is not known: in one of the
//! rounds copies were made too fast to be measured beside, so store more; or the tenant alone was
//! faster one time than the other, so the machine does something else.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::process::ExitCode;

use serde_json::json;

use load::{Load, OBJECT, Until, lose, repair};
use node::Login;
use nodes::Cluster;

#[path = "../tests/cluster/load.rs"]
mod load;
#[path = "../tests/cluster/member.rs"]
#[expect(dead_code, reason = "tests use the rest of it")]
mod member;
#[path = "../tests/support/node.rs"]
#[expect(dead_code, reason = "tests use the rest of it")]
mod node;
#[path = "../tests/cluster/nodes.rs"]
#[expect(dead_code, reason = "tests use the rest of it")]
mod nodes;
#[path = "../tests/cluster/spaces.rs"]
#[expect(dead_code, reason = "tests use the rest of it")]
mod spaces;
#[path = "../tests/support/wire.rs"]
#[expect(dead_code, reason = "tests use the rest of it")]
mod wire;

/// What tenants keep of their speed, as promised.
const KEPT: f64 = 0.7;
/// Uploads at once.
const CONNECTIONS: u64 = 4;
/// Seconds in which all copies are made when nobody uploads.
const REPAIRED: f64 = 600.0;
/// So many times as fast one time alone as the other, and the machine does something else.
const APART: f64 = 1.5;
/// Each slice of a measurement, in seconds.
const SLICE: f64 = 2.0;

/// What is asked for.
struct Wanted {
    mib: u64,
    seconds: f64,
    rounds: usize,
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
            mib: number("--mib", 256),
            seconds: number("--seconds", 10) as f64,
            rounds: number("--rounds", 1).max(1) as usize,
            json: words.iter().any(|word| word == "--json"),
        }
    }
}

/// What one round came to, in bytes a second.
struct Round {
    before: f64,
    beside: f64,
    after: f64,
    /// For how many seconds copies were made while the tenant uploaded.
    seconds: f64,
    /// What nodes were allowed to copy together at most.
    copying: u64,
}

impl Round {
    fn alone(&self) -> f64 {
        self.before.max(self.after)
    }

    fn kept(&self) -> f64 {
        self.beside / self.alone()
    }

    fn is_measured(&self) -> bool {
        let apart = self.alone() / self.before.min(self.after);
        self.seconds > 0.0 && apart <= APART
    }
}

/// A round on nodes that are new.
fn round(wanted: &Wanted) -> Round {
    let mut cluster = Cluster::of(4);
    let login = cluster.tenant("acme", 0);
    measured(&mut cluster, &login, &Load::new(), wanted)
}

fn measured(cluster: &mut Cluster, login: &Login, load: &Load, wanted: &Wanted) -> Round {
    load.store(
        login,
        CONNECTIONS,
        Until::Objects(wanted.mib * (1 << 20) / OBJECT as u64),
    );
    let before = load.store(login, CONNECTIONS, Until::Seconds(wanted.seconds));
    let owner = cluster.owner(login);
    let victim = cluster.other_than(&[0, owner]);
    lose(cluster, victim);
    // Until its owner has begun another extent: a takeover is not what is measured here.
    load.store(login, CONNECTIONS, Until::Seconds(SLICE));
    cluster.until("copies are to be made", |cluster| repair(cluster).0 > 0);
    let (mut slices, mut copying) = (Vec::new(), 0);
    while (slices.len() as f64) * SLICE < wanted.seconds {
        let slice = load.store(login, CONNECTIONS, Until::Seconds(SLICE));
        let (lacking, rate) = repair(cluster);
        if lacking == 0 {
            break;
        }
        slices.push(slice);
        copying = copying.max(rate);
    }
    cluster.until_within(REPAIRED, "all copies are there", |cluster| {
        repair(cluster).0 == 0
    });
    let after = load.store(login, CONNECTIONS, Until::Seconds(wanted.seconds));
    let count = slices.len() as f64;
    Round {
        before,
        after,
        beside: slices.iter().sum::<f64>() / count.max(1.0),
        seconds: count * SLICE,
        copying,
    }
}

fn main() -> ExitCode {
    let wanted = Wanted::read();
    let mut rounds = Vec::new();
    for number in 1..=wanted.rounds {
        let round = round(&wanted);
        if !wanted.json {
            show(number, &round);
        }
        rounds.push(round);
    }
    let is_measured = rounds.iter().all(Round::is_measured);
    let middle = median(rounds.iter().map(Round::kept).collect());
    let held = is_measured && middle >= KEPT;
    if wanted.json {
        let rows = rounds.iter().map(|round| {
            json!({
                "before": round.before, "beside": round.beside, "after": round.after,
                "kept": round.kept(), "measured": round.is_measured(),
                "seconds": round.seconds, "copy-rate": round.copying,
            })
        });
        let rows: Vec<_> = rows.collect();
        println!(
            "{:#}",
            json!({ "held": held, "measured": is_measured, "kept": middle, "rounds": rows })
        );
    } else {
        let verdict = match (is_measured, held) {
            (false, _) => "NOT MEASURED",
            (true, true) => "PASS",
            (true, false) => "FAIL",
        };
        let of = match wanted.rounds {
            1 => String::new(),
            rounds => format!(", in the median of {rounds} rounds"),
        };
        println!("{verdict}  tenants keep {middle:.2} of their speed (>= {KEPT}){of}");
    }
    match (is_measured, held) {
        (true, true) => ExitCode::SUCCESS,
        (true, false) => ExitCode::FAILURE,
        (false, _) => ExitCode::from(2),
    }
}

/// Says what a round came to, as soon as it is over.
fn show(number: usize, round: &Round) {
    let mib = |rate: f64| rate / f64::from(1 << 20);
    let is_measured = match round.is_measured() {
        true => "",
        false => ", not measured",
    };
    println!(
        "round {number}: {:.1} and {:.1} MiB/s alone, {:.1} beside copies at up to {:.1} for \
         {:.0} s: {:.2}{is_measured}",
        mib(round.before),
        mib(round.after),
        mib(round.beside),
        mib(round.copying as f64),
        round.seconds,
        round.kept()
    );
}

/// Of an even number, what is between the two in the middle.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let (below, above) = ((figures.len() - 1) / 2, figures.len() / 2);
    f64::midpoint(figures[below], figures[above])
}
