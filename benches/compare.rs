//! What we promise about speed and memory, measured in one run beside a peer.
//!
//! Holdfast and rustic-server stand side by side on loopback with TLS, and the same clients do the
//! same things to both, in turn: A B A B. Figures are medians, and what is promised are ratios, so
//! that a slow or busy machine changes little. Holdfast syncs what it acknowledges; the peer is
//! taken as it comes. Without the peer, Holdfast's own figures are measured alone.
//!
//! `cargo bench --bench compare -- --help` tells how to widen it.

#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures with the real clock, on threads of its own"
)]

#[path = "compare/client.rs"]
mod client;
#[path = "compare/copies.rs"]
mod copies;
#[path = "compare/limit.rs"]
mod limit;
#[path = "compare/load.rs"]
mod load;
#[path = "compare/memory.rs"]
mod memory;
#[path = "compare/plan.rs"]
mod plan;
#[path = "compare/report.rs"]
mod report;
#[path = "compare/restic.rs"]
mod restic;
#[path = "compare/server.rs"]
mod server;
#[path = "compare/tree.rs"]
mod tree;

use std::io;

use clap::Parser as _;

use plan::{Part, Plan};
use report::{Goal, Report};
use server::{Make, Program, Server};
use tree::Shape;

fn main() -> io::Result<()> {
    let plan = Plan::parse();
    let peer = server::peer();
    if peer.is_none() {
        eprintln!("{}", server::ADVICE);
    }
    let mut report = Report::new(&plan, peer.is_some());
    let programs: Vec<Program> = [Some(Program::holdfast(plan.program.as_deref())), peer]
        .into_iter()
        .flatten()
        .collect();
    let measured = measure(&plan, &programs, &mut report);
    // What was measured before something failed is still true.
    report.print(plan.json)?;
    measured
}

fn measure(plan: &Plan, programs: &[Program], report: &mut Report) -> io::Result<()> {
    let sizes = plan.sizes();
    if plan.wants(Part::Big) {
        let shape = Shape::Big { bytes: sizes.big };
        trees(plan, programs, "big files", shape, report)?;
    }
    if plan.wants(Part::Small) {
        let shape = Shape::Small { files: sizes.small };
        trees(plan, programs, "small files", shape, report)?;
    }
    if plan.wants(Part::List) {
        lists(plan, programs, report)?;
    }
    if plan.wants(Part::Many) {
        many(plan, &programs[0], report)?;
    }
    if plan.wants(Part::Upload) {
        uploads(plan, programs, report)?;
    }
    if plan.wants(Part::Idle) {
        idle(plan, &programs[0], report)?;
    }
    if plan.wants(Part::Memory) {
        memory(plan, &programs[0], report)?;
    }
    if plan.wants(Part::Copies) {
        copies::measure(plan, &programs[0], report)?;
    }
    Ok(())
}

/// Backs up and restores one tree with the same restic.
fn trees(
    plan: &Plan,
    programs: &[Program],
    what: &str,
    shape: Shape,
    report: &mut Report,
) -> io::Result<()> {
    let base = tempfile::tempdir_in(&plan.folder)?;
    let tree = base.path().join("tree");
    let made = tree::make(&tree, shape)?;
    let mut backup = report.row(&format!("{what}: backup"), "s", Goal::AtMost(1.0));
    let mut restore = report.row(&format!("{what}: restore"), "s", Goal::AtMost(1.0));
    for _ in 0..plan.rounds() {
        for program in programs {
            plan.progress(format_args!("{what}, {}", program.make.name()));
            let server = Server::start(program, &plan.folder)?;
            let client = restic::Client::new(&server)?;
            client.run(&["init"])?;
            tree::settle_disk();
            backup.add(program.make, client.timed(&["backup", tree::text(&tree)?])?);
            tree::settle_disk();
            let target = server.path("restored");
            let words = ["restore", "latest", "--target", tree::text(&target)?];
            restore.add(program.make, client.timed(&words)?);
            let back = tree::measure(&target)?;
            if back != made {
                let text = format!("{made:?} went in and {back:?} came back");
                return Err(io::Error::other(text));
            }
        }
    }
    report.take(backup);
    report.take(restore);
    Ok(())
}

/// Lists one kind of many objects by a raw client.
fn lists(plan: &Plan, programs: &[Program], report: &mut Report) -> io::Result<()> {
    let objects = plan.sizes().objects;
    let mut row = report.row(
        &format!("list of {objects} objects"),
        "s",
        Goal::AtMost(0.5),
    );
    let mut servers = Vec::new();
    for program in programs {
        plan.progress(format_args!("{objects} objects, {}", program.make.name()));
        let server = Server::start(program, &plan.folder)?;
        load::many_objects(&server, objects)?;
        servers.push(server);
    }
    tree::settle_disk();
    for _ in 0..plan.rounds().max(5) {
        for server in &servers {
            row.add(server.make, load::list(server, objects)?);
        }
    }
    report.take(row);
    Ok(())
}

/// A repository of very many objects: its list, and how long it takes until a node that was started
/// gives one, with its index and without.
fn many(plan: &Plan, program: &Program, report: &mut Report) -> io::Result<()> {
    let objects = plan.sizes().many;
    plan.progress(format_args!("{objects} objects in one repository"));
    let mut server = Server::start(program, &plan.folder)?;
    load::many_objects(&server, objects)?;
    let goal = if plan.full {
        Goal::Under(5.0)
    } else {
        Goal::None
    };
    let mut list = report.row(&format!("{objects} objects: list"), "s", Goal::None);
    let mut start = report.row(&format!("{objects} objects: start to list"), "s", goal);
    let mut rebuild = report.row(
        &format!("{objects} objects: without index"),
        "s",
        Goal::None,
    );
    let mut resident = report.row(&format!("{objects} objects: memory"), "MiB", Goal::None);
    for _ in 0..plan.rounds() {
        list.add(Make::Holdfast, load::list(&server, objects)?);
        server.terminate()?;
        let started = server.serve()?;
        start.add(Make::Holdfast, started + load::list(&server, objects)?);
        resident.add(Make::Holdfast, memory::peak(&server)?);
        server.terminate()?;
        std::fs::remove_dir_all(server.data().join("index"))?;
        let started = server.serve()?;
        rebuild.add(Make::Holdfast, started + load::list(&server, objects)?);
    }
    for row in [list, start, rebuild, resident] {
        report.take(row);
    }
    Ok(())
}

/// Uploads large objects over four connections, beside what the machine could do at all.
fn uploads(plan: &Plan, programs: &[Program], report: &mut Report) -> io::Result<()> {
    let objects = plan.sizes().uploads;
    let mut beside = report.row("raw upload", "MB/s", Goal::None);
    let mut within = report.row("raw upload, of the limit", "MB/s", Goal::AtLeast(0.6));
    let mut two_ends = report.row("raw upload, of both ends", "MB/s", Goal::None);
    for _ in 0..plan.rounds() {
        for program in programs {
            plan.progress(format_args!("raw upload, {}", program.make.name()));
            let server = Server::start(program, &plan.folder)?;
            tree::settle_disk();
            let rate = load::upload(&server, objects)?;
            beside.add(program.make, rate);
            if program.make == Make::Holdfast {
                within.add(Make::Holdfast, rate);
                two_ends.add(Make::Holdfast, rate);
            }
        }
        plan.progress(format_args!("what this machine can do"));
        tree::settle_disk();
        within.beside(limit::rate(&plan.folder, objects, limit::Ends::One)?);
        tree::settle_disk();
        two_ends.beside(limit::rate(&plan.folder, objects, limit::Ends::Both)?);
    }
    report.take(beside);
    report.take(within);
    report.take(two_ends);
    Ok(())
}

/// A node that knows many tenants and does nothing.
fn idle(plan: &Plan, program: &Program, report: &mut Report) -> io::Result<()> {
    let tenants = plan.sizes().tenants;
    plan.progress(format_args!("{tenants} tenants"));
    let mut server = Server::start(program, &plan.folder)?;
    memory::add_tenants(&server, tenants)?;
    let (full, name) = (plan.full, format!("idle, {tenants} tenants"));
    let goal = |most| if full { Goal::Under(most) } else { Goal::None };
    let mut start = report.row(&format!("{name}: start"), "s", goal(2.0));
    let mut resident = report.row(&format!("{name}: memory"), "MiB", goal(100.0));
    for _ in 0..plan.rounds() {
        server.terminate()?;
        start.add(Make::Holdfast, server.serve()?);
        resident.add(Make::Holdfast, memory::resident(&server)?);
    }
    report.take(start);
    report.take(resident);
    Ok(())
}

/// Many uploads at once.
fn memory(plan: &Plan, program: &Program, report: &mut Report) -> io::Result<()> {
    let (count, bytes) = plan.sizes().at_once;
    plan.progress(format_args!("{count} uploads at once"));
    let server = Server::start(program, &plan.folder)?;
    load::at_once(&server, count, bytes)?;
    let name = format!("{count} uploads of {} MiB: peak", bytes >> 20);
    let goal = if plan.full {
        Goal::Under(200.0)
    } else {
        Goal::None
    };
    let mut peak = report.row(&name, "MiB", goal);
    peak.add(Make::Holdfast, memory::peak(&server)?);
    report.take(peak);
    Ok(())
}
