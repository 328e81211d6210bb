//! Three copies of everything, on three nodes that share this machine, beside one node: once with
//! the client at the node that writes its repository, and once at another, which passes all on.

use std::fs;
use std::io;

use super::plan::Plan;
use super::report::{Goal, Report};
use super::restic;
use super::server::{Make, Program, Server};
use super::tree::{self, Shape};

/// How many nodes hold a copy.
const NODES: u16 = 3;
/// Clock ticks of the kernel in a second.
const TICKS: f64 = 100.0;

/// Backs up one tree with the same restic to one node and to three, in turn.
pub(crate) fn measure(plan: &Plan, program: &Program, report: &mut Report) -> io::Result<()> {
    let base = tempfile::tempdir_in(&plan.folder)?;
    let (tree, bytes) = (base.path().join("tree"), plan.sizes().big);
    tree::make(&tree, Shape::Big { bytes })?;
    let mut backup = report.row("three copies: backup", "s", Goal::AtMost(1.4));
    let mut spent = report.row("three copies: server CPU", "s/GiB", Goal::None);
    let mut passed = report.row("three copies, passed on: backup", "s", Goal::None);
    let mut carried = report.row("three copies, passed on: server CPU", "s/GiB", Goal::None);
    let gibibytes = bytes as f64 / f64::from(1 << 30);
    for _ in 0..plan.rounds() {
        plan.progress(format_args!("backup to one node"));
        let alone = Server::start(program, &plan.folder)?;
        restic::Client::new(&alone)?.run(&["init"])?;
        let (took, cpu) = back_up(&alone, tree::text(&tree)?)?;
        drop(alone);
        for row in [&mut backup, &mut passed] {
            row.beside_a("one node", took);
        }
        for row in [&mut spent, &mut carried] {
            row.beside_a("one node", cpu / gibibytes);
        }
        let ways = [
            (true, &mut backup, &mut spent),
            (false, &mut passed, &mut carried),
        ];
        for (to_owner, backup, spent) in ways {
            let at = if to_owner { "" } else { ", not its owner" };
            plan.progress(format_args!("backup to three nodes{at}"));
            let mut cluster = Server::start_cluster(program, &plan.folder, NODES)?;
            restic::Client::new(&cluster)?.run(&["init"])?;
            cluster.reach(to_owner)?;
            let (took, cpu) = back_up(&cluster, tree::text(&tree)?)?;
            backup.add(Make::Holdfast, took);
            spent.add(Make::Holdfast, cpu / gibibytes);
        }
    }
    for row in [backup, spent, passed, carried] {
        report.take(row);
    }
    Ok(())
}

/// Seconds of a backup, and seconds that the processor worked for all nodes meanwhile.
fn back_up(server: &Server, tree: &str) -> io::Result<(f64, f64)> {
    let client = restic::Client::new(server)?;
    tree::settle_disk();
    let before = worked(server)?;
    let took = client.timed(&["backup", tree])?;
    Ok((took, worked(server)? - before))
}

fn worked(server: &Server) -> io::Result<f64> {
    let mut ticks = 0.0;
    for process in server.processes() {
        let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
        let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
        let times = fields.split_whitespace().skip(11).take(2);
        ticks += times.filter_map(|it| it.parse::<f64>().ok()).sum::<f64>();
    }
    Ok(ticks / TICKS)
}
