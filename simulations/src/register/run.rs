//! A run of the register: trouble, the disks, a core in which all must get on, the disks again.

use std::time::Duration;

use holdfast_actors::kernel::NodeId;

use super::client::ClientNode;
use super::history::{History, Phase};
use super::invariants::{self, kept, progress};
use super::machine::Replica;
use super::replica::{ReplicaNode, recover, restore};
use super::{Flaw, Kept};
use crate::dice::Dice;
use crate::disk::Disk;
use crate::fleet::{Fleet, Timetable, member};
use crate::invariants::panics;
use crate::plan::{self, End, Plan};
use crate::runtime;
use crate::trace::{Micros, Trace};
use crate::verdict::{Figures, Verdict, Violation};
use crate::witness::Looker;
use crate::world::Options;
use crate::yardstick::Distance;

const MILLI: Micros = 1_000;
/// How often it is looked whether all clients got on.
const LOOK: Micros = 50 * MILLI;

/// How many replicas and clients there are, and how often clients ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) replicas: u32,
    pub(crate) clients: u32,
    pub(crate) pause: u64,
    pub(crate) writes: u64,
}

/// The world of one run.
struct World {
    fleet: Fleet,
    timetable: Timetable,
    history: History,
    replicas: Vec<NodeId>,
    clients: Vec<NodeId>,
    disks: Vec<Disk>,
    flaw: Option<Flaw>,
    dice: Dice,
}

/// Runs a plan to its end.
pub(crate) fn run(
    witness: Looker,
    plan: &Plan,
    of: &plan::Fleet,
    shape: Shape,
    options: Options,
) -> Verdict {
    let before = panics::count();
    let mut world = World::new(witness, plan, of, shape, options);
    world
        .timetable
        .run_until(&mut world.fleet, of.millis * MILLI);
    world.check();
    // In the middle of everything, and then when everybody has got on.
    world.judge();
    world.heal();
    world.check();
    world.judge();
    let now = world.fleet.now();
    let mut pages = world.history.pages();
    let panicked = panics::count() - before;
    if panicked > 0 {
        pages.breach(panics::ID, now, format_args!("{panicked} panics"));
    }
    pages.figures.stored = writes(&pages);
    let (figures, violations): (Figures, Vec<Violation>) =
        (pages.figures, pages.violations.clone());
    drop(pages);
    Verdict {
        seed: plan.seed,
        // Within a turn of the fleet its nodes speak one after the other.
        trace: Trace::merged(&[world.fleet.log.trace()]),
        violations,
        figures,
    }
}

/// Writes that were acknowledged.
fn writes(pages: &super::history::Pages) -> u64 {
    let told = pages.requests.iter().filter(|it| it.told.is_some());
    told.filter(|it| it.value.is_some()).count() as u64
}

/// Runs a plan without its last two phases; how far it came.
pub(crate) fn travel(witness: Looker, plan: &Plan, of: &plan::Fleet, shape: Shape) -> Distance {
    let mut world = World::new(witness, plan, of, shape, Options::default());
    world
        .timetable
        .run_until(&mut world.fleet, of.millis * MILLI);
    let figures = world.history.pages().figures;
    Distance {
        simulated: Duration::from_micros(world.fleet.now()),
        turns: world.fleet.turns(),
        frames: world.fleet.network.counts().arrived,
        requests: figures.done,
        lines: world.fleet.log.trace().count(),
    }
}

impl World {
    fn new(witness: Looker, plan: &Plan, of: &plan::Fleet, shape: Shape, options: Options) -> Self {
        let dice = Dice::of_seed(plan.seed).fork("register world");
        let trace = Trace::new(options.keeps_lines);
        let mut fleet = Fleet::new(of.quantum, of.wire.clone(), dice.fork("fleet"), trace);
        let history = History::new(fleet.log.clone());
        let flaw = options.mutation.and_then(Flaw::of);
        let all = shape.replicas + shape.clients;
        let nodes: Vec<NodeId> = (0..all).map(member).collect();
        let (replicas, clients) = nodes.split_at(shape.replicas as usize);
        let mut disks = Vec::new();
        for (number, node) in replicas.iter().copied().enumerate() {
            let disk = Disk::default();
            disks.push(disk.clone());
            let dice = dice.fork(&format!("disk of {node}"));
            // Some disks are much slower than others.
            let micros = plan.disk_micros << dice.fork("speed").below(5);
            let replica = ReplicaNode {
                node,
                replicas: replicas.to_vec(),
                flaw,
                disk,
                latency: Duration::from_micros(micros),
                dice,
                history: history.clone(),
                witness: witness.clone(),
            };
            let drift = of.drifts.get(number).copied().unwrap_or(0);
            fleet.add(node, drift, Box::new(replica));
        }
        for client in clients.iter().copied() {
            let program = ClientNode {
                replicas: replicas.to_vec(),
                pause: shape.pause,
                writes: shape.writes,
                history: history.clone(),
            };
            fleet.add(client, 0, Box::new(program));
        }
        nodes.iter().for_each(|node| fleet.start(*node));
        Self {
            timetable: Timetable::new(of.mishaps.clone(), all),
            fleet,
            history,
            replicas: replicas.to_vec(),
            clients: clients.to_vec(),
            disks,
            flaw,
            dice,
        }
    }

    fn check(&mut self) {
        let now = self.fleet.now();
        let mut pages = self.history.pages();
        pages.figures.checks += 1;
        invariants::check(&mut pages, now);
    }

    /// A majority that the dice draw is up and connected from now on; everybody must get on with
    /// it alone, whatever becomes of the others.
    fn heal(&mut self) {
        let mut dice = self.dice.fork("core");
        let mut core = self.replicas.clone();
        while core.len() > self.replicas.len() / 2 + 1 {
            let out = core.remove(dice.below(core.len() as u64) as usize);
            if dice.one_in(2) {
                self.fleet.crash(out, Some(End::Power));
            }
        }
        self.timetable.forget();
        self.fleet.mend(core.iter().chain(&self.clients));
        self.fleet
            .log
            .say(self.fleet.now(), format_args!("{core:?} are a core"));
        self.history.pages().phase = Phase::Core(core);
        let deadline = self.fleet.now() + progress::PATIENCE;
        while self.fleet.now() < deadline && !self.is_settled() {
            let then = self.fleet.now() + LOOK;
            self.timetable.run_until(&mut self.fleet, then);
        }
        let now = self.fleet.now();
        progress::check(&mut self.history.pages(), &self.clients, now);
    }

    fn is_settled(&self) -> bool {
        self.history.pages().settled.len() == self.clients.len()
    }

    /// All replicas lose power; what the disks hold is compared with what clients were told.
    fn judge(&mut self) {
        for node in &self.replicas {
            self.fleet.crash(*node, Some(End::Power));
        }
        let disks: Vec<_> = self.disks.iter().map(|disk| self.read(disk)).collect();
        let now = self.fleet.now();
        kept::check(&mut self.history.pages(), &disks, now);
    }

    /// What a disk holds, as a start would find it.
    fn read(&self, disk: &Disk) -> Option<Kept> {
        let disk = &disk.copy();
        disk.set_hanging(false);
        disk.set_latency(Duration::ZERO);
        let runtime = runtime::paused(&mut self.dice.fork("judge"));
        let recovered = runtime.block_on(recover(disk)).ok()?;
        let mut machine = Replica::new(self.replicas[0], self.replicas.clone(), self.flaw);
        restore(&mut machine, &recovered.records);
        Some(machine.kept())
    }
}
