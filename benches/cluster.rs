//! How fast three nodes agree and call each other: commands of the replicated catalog over
//! loopback, each synced by a majority, beside what one disk syncs alone; how soon another node
//! leads a large catalog; and calls of 256 bytes.
//!
//! `cargo bench --bench cluster`, with `-- --full` for the catalog of 10,000 tenants that is
//! promised, `-- --calls` for the calls alone, and `-- --json` for programs. All three nodes share
//! the machine; each has a runtime with one thread. Promised: 8,000 commands a second with 64 in
//! flight, 99 of 100 within 15 ms with 16 in flight, 3,000 a second when every sync takes 5 ms
//! longer, a new leader of 10,000 tenants with 5 repositories each within 3 s; 250,000 calls a
//! second with 64 in flight, 99 of 100 within 3 ms beside bulk, and within 1 ms beside a service
//! that is flooded.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(
    clippy::disallowed_methods,
    reason = "a bench reads the clock and spawns what it measures"
)]

#[path = "cluster/calls.rs"]
mod calls;
#[path = "cluster/fleet.rs"]
#[expect(dead_code, reason = "another bench uses the rest of it")]
mod fleet;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use holdfast::clock::SystemClock;
use holdfast_actors::catalog::command::{
    Actor, Command, Contract, ContractChange, OperatorCommand, RepositoryCommand, Submission,
    TenantCommand,
};
use holdfast_actors::catalog::rows::Role;
use holdfast_actors::catalog::{Catalog, SubmitError};
use holdfast_actors::kernel::{Rate, Size, Timestamp};
use holdfast_actors::names::{OperatorName, RepositoryName, TenantName};
use holdfast_actors::ports::Clock as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use fleet::Member;

/// How long each figure is measured.
const WHILE: Duration = Duration::from_secs(4);
/// Tenants of a large catalog, and repositories of each.
const LARGE: (u64, u64) = (10_000, 5);
/// The same without `--full`.
const SMALL: (u64, u64) = (500, 5);
/// Commands in flight while a large catalog is made.
const FILLING: u64 = 256;

fn main() {
    let has = |word: &str| std::env::args().any(|it| it == word);
    let (tenants, each) = if has("--full") { LARGE } else { SMALL };
    let folder = tempfile::tempdir_in("target").unwrap();
    if has("--calls") {
        return report(&calls::measure(folder.path()), has("--json"));
    }
    let mut rows = agreeing(&folder.path().join("plain"));
    rows.extend(slowly(&folder.path().join("slow")));
    rows.extend(calls::measure(&folder.path().join("calls")));
    rows.push(leading(&folder.path().join("large"), tenants, each));
    report(&rows, has("--json"));
}

/// Commands a second, on the disk as it is.
fn agreeing(folder: &Path) -> Vec<Value> {
    std::fs::create_dir_all(folder).unwrap();
    let syncs = syncs(folder);
    let members = fleet::start(folder, Duration::ZERO);
    let mut rows = vec![row("one disk, syncs/s", syncs, None)];
    tenants(&members[0], 64, 0);
    let leader = leader(&members);
    let follower = members.iter().find(|it| it.node != leader.node).unwrap();
    let goals = [
        (64, Some(">= 8000"), None),
        (16, None, Some("<= 15")),
        (1, None, None),
    ];
    for (in_flight, rate, late) in goals {
        let round = round(leader, in_flight);
        rows.push(row(
            &format!("commands/s, {in_flight} in flight"),
            round.rate,
            rate,
        ));
        rows.push(row(
            &format!("p50 ms, {in_flight} in flight"),
            round.p50,
            None,
        ));
        rows.push(row(
            &format!("p99 ms, {in_flight} in flight"),
            round.p99,
            late,
        ));
        if in_flight == 64 {
            rows.push(row(
                "commands for each sync of one disk",
                round.rate / syncs,
                None,
            ));
        }
    }
    let round = round(follower, 64);
    rows.push(row(
        "commands/s, 64 in flight, asked of a follower",
        round.rate,
        None,
    ));
    rows.push(row(
        "p99 ms, 64 in flight, asked of a follower",
        round.p99,
        None,
    ));
    rows
}

/// Commands a second where each sync takes 5 ms longer.
fn slowly(folder: &Path) -> Vec<Value> {
    let members = fleet::start(folder, Duration::from_millis(5));
    tenants(&members[0], 64, 0);
    let round = round(leader(&members), 64);
    let name = "commands/s, 64 in flight, syncs 5 ms slower";
    vec![row(name, round.rate, Some(">= 3000"))]
}

/// Seconds from the death of a leader to the next command that is agreed on.
fn leading(folder: &Path, count: u64, each: u64) -> Value {
    let mut members = fleet::start(folder, Duration::ZERO);
    tenants(&members[0], count, each);
    let led = leader(&members).node;
    let at = members.iter().position(|it| it.node == led).unwrap();
    members.remove(at).kill();
    let start = Instant::now();
    let other = &members[0];
    other.run(async { while change(&other.catalog(), u64::MAX, 0, 0).await.is_err() {} });
    let name = format!("s until another leads {count} tenants x {each}");
    row(&name, start.elapsed().as_secs_f64(), Some("<= 3"))
}

/// Who gives all commands.
fn ann() -> Actor {
    Actor::Operator(OperatorName::parse("ann").unwrap())
}

fn leader(members: &[Member]) -> &Member {
    members
        .iter()
        .find(|it| it.replica.leads().is_some())
        .unwrap()
}

/// What one disk syncs in a second, a block of 4 KiB each, with nobody else.
fn syncs(folder: &Path) -> f64 {
    let mut file = File::create(folder.join("alone")).unwrap();
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < WHILE / 4 {
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

fn name(number: u64) -> TenantName {
    TenantName::parse(&format!("t{number}")).unwrap()
}

/// Makes tenants with repositories.
fn tenants(on: &Member, count: u64, each: u64) {
    let (catalog, next) = (on.catalog(), Arc::new(AtomicU64::new(0)));
    on.run(async {
        let name = OperatorName::parse("ann").unwrap();
        let (role, uid) = (Role::Admin, Some(0));
        let hire = Command::Operator(name, OperatorCommand::Add { role, uid });
        catalog
            .order(SystemClock::new().now().wall, hire)
            .await
            .unwrap();
        let mut makers = JoinSet::new();
        for _ in 0..FILLING {
            makers.spawn(make(catalog.clone(), Arc::clone(&next), count, each));
        }
        while let Some(made) = makers.join_next().await {
            made.unwrap();
        }
    });
}

async fn make(catalog: Catalog, next: Arc<AtomicU64>, count: u64, each: u64) {
    let clock = SystemClock::new();
    loop {
        let number = next.fetch_add(1, Relaxed);
        if number >= count {
            return;
        }
        let add = Command::Tenant(name(number), TenantCommand::Add(Contract::default()));
        order(&catalog, clock.now().wall, add).await;
        for repository in 0..each {
            let add = Command::Repository(RepositoryCommand::Add {
                tenant: name(number),
                name: RepositoryName::parse(&format!("r{repository}")).unwrap(),
                quota: Size::bytes(1 << 40),
                hold_days: 7,
                min_copies: 1,
            });
            order(&catalog, clock.now().wall, add).await;
        }
    }
}

/// Gives a command until it is known to be done; one that was done is refused the second time.
async fn order(catalog: &Catalog, at: Timestamp, command: Command) {
    let submission = Submission {
        client: 0,
        sequence: 0,
        by: ann(),
        at,
        command,
    };
    loop {
        match catalog.submit(submission.clone()).await {
            Ok(_) => return,
            Err(SubmitError::Gone(_)) => {}
            Err(SubmitError::Refused(refused)) => {
                assert!(refused.reason().ends_with("exists"), "{refused}");
                return;
            }
        }
    }
}

struct Round {
    rate: f64,
    p50: f64,
    p99: f64,
}

/// A small command: another bandwidth for a tenant.
async fn change(catalog: &Catalog, client: u64, sequence: u64, tenant: u64) -> Result<(), String> {
    let change = ContractChange {
        bandwidth: Some(Rate::per_second(Size::bytes(
            1_000_000 + sequence % 1_000_000,
        ))),
        ..ContractChange::default()
    };
    let submission = Submission {
        client,
        sequence,
        by: ann(),
        at: SystemClock::new().now().wall,
        command: Command::Tenant(name(tenant), TenantCommand::Set(change)),
    };
    let submitted = catalog.submit(submission).await;
    submitted.map(|_| ()).map_err(|error| error.to_string())
}

/// So many callers, each of whom asks again when it was answered.
fn round(on: &Member, in_flight: u64) -> Round {
    let catalog = on.catalog();
    let (start, mut took) = (Instant::now(), Vec::new());
    on.run(async {
        let mut callers = JoinSet::new();
        for caller in 0..in_flight {
            callers.spawn(call(catalog.clone(), caller, start));
        }
        while let Some(called) = callers.join_next().await {
            took.extend(called.unwrap());
        }
    });
    sorted(took, start)
}

fn sorted(mut took: Vec<f64>, start: Instant) -> Round {
    let rate = took.len() as f64 / start.elapsed().as_secs_f64();
    took.sort_by(f64::total_cmp);
    let part = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    let (p50, p99) = (part(0.5), part(0.99));
    Round { rate, p50, p99 }
}

async fn call(catalog: Catalog, caller: u64, start: Instant) -> Vec<f64> {
    let clock = SystemClock::new();
    // A client's numbers rise through all rounds: no caller is answered a thousand times in 1 ms.
    let mut sequence = clock.now().wall.as_millis() * 1_000;
    let mut took = Vec::new();
    while start.elapsed() < WHILE {
        let asked = Instant::now();
        sequence += 1;
        change(&catalog, caller + 1, sequence, caller)
            .await
            .unwrap();
        took.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    took
}

fn row(name: &str, figure: f64, promised: Option<&str>) -> Value {
    json!({ "what": name, "figure": figure, "promised": promised })
}

fn report(rows: &[Value], is_json: bool) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    if is_json {
        println!("{}", json!({ "load": load, "rows": rows }));
        return;
    }
    println!("{:<52} {:>14} {:>12}", "WHAT", "FIGURE", "PROMISED");
    for row in rows {
        let what = row["what"].as_str().unwrap();
        let figure = row["figure"].as_f64().unwrap();
        let promised = row["promised"].as_str().unwrap_or("-");
        let places = if figure < 10.0 { 2 } else { 0 };
        println!("{what:<52} {figure:>14.places$} {promised:>12}");
    }
    println!("load of the machine at the end: {}", load.join(" "));
}
