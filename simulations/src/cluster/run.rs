//! A run of the cluster: trouble, a calm in which all must get on, the power of all, a calm again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use holdfast_actors::kernel::{NodeId, Timestamp};

use super::Flaw;
use super::book::Book;
use super::invariants::{copies, drained, equal, mended, progress};
use super::node::Node;
use crate::dice::Dice;
use crate::disk::Disk;
use crate::fleet::{Fleet, Timetable, member};
use crate::index::Index;
use crate::invariants::panics;
use crate::plan::{self, End, Plan, Rot};
use crate::trace::{Micros, Trace};
use crate::verdict::{Figures, Verdict, Violation};
use crate::witness::Looker;
use crate::world::Options;

const MILLI: Micros = 1_000;
const SECOND: Micros = 1_000 * MILLI;
/// How often it is looked whether all tenants got on.
const LOOK: Micros = 100 * MILLI;

/// How many nodes and tenants there are, and how often their clients ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) nodes: u32,
    /// How many more may join.
    pub(crate) joins: u32,
    pub(crate) tenants: u32,
    pub(crate) pause: u64,
}

struct World {
    fleet: Fleet,
    timetable: Timetable,
    book: Book,
    nodes: Vec<NodeId>,
    disks: BTreeMap<NodeId, Disk>,
    flaw: Option<Flaw>,
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
    let mut world = World::new(&witness, plan, of, shape, options);
    world
        .timetable
        .run_until(&mut world.fleet, of.millis * MILLI);
    if world.calm() {
        // What was acknowledged must be on the disks.
        for node in &world.nodes {
            world.fleet.crash(*node, Some(End::Power));
        }
        let now = world.fleet.now();
        equal::check(&mut world.book.pages(), &world.disks, now);
        world.calm();
    }
    let now = world.fleet.now();
    let mut pages = world.book.pages();
    let panicked = panics::count() - before;
    if panicked > 0 {
        pages.breach(panics::ID, now, format_args!("{panicked} panics"));
    }
    let (figures, violations): (Figures, Vec<Violation>) =
        (pages.figures, pages.violations.clone());
    drop(pages);
    Verdict {
        seed: plan.seed,
        trace: Trace::merged(&[world.fleet.log.trace()]),
        violations,
        figures,
    }
}

impl World {
    fn new(
        witness: &Looker,
        plan: &Plan,
        of: &plan::Fleet,
        shape: Shape,
        options: Options,
    ) -> Self {
        let dice = Dice::of_seed(plan.seed).fork("cluster world");
        let trace = Trace::new(options.keeps_lines);
        let mut fleet = Fleet::new(of.quantum, of.wire.clone(), dice.fork("fleet"), trace);
        let first = shape.nodes as usize;
        let book = Book::new(shape.tenants as usize, first, fleet.log.clone());
        let flaw = options.mutation.and_then(Flaw::of);
        let all = shape.nodes + shape.joins;
        let nodes: Vec<NodeId> = (0..all).map(member).collect();
        let mut disks = BTreeMap::new();
        for (number, node) in nodes.iter().copied().enumerate() {
            let dice = dice.fork(&format!("disk of {node}"));
            // Some disks are slower than others.
            let micros = plan.disk_micros << dice.fork("speed").below(3);
            let drift = of.drifts.get(number).copied().unwrap_or(0);
            let disk = Disk::default();
            disks.insert(node, disk.clone());
            let program = Node {
                node,
                all: nodes.clone(),
                first,
                tenants: shape.tenants,
                pause: shape.pause,
                wall: Timestamp::from_millis(plan.wall),
                drift,
                flaw,
                disk,
                index: Index::default(),
                latency: Duration::from_micros(micros),
                dice,
                book: book.clone(),
                witness: witness.clone(),
                clock: None,
                time: None,
            };
            fleet.add(node, drift, Box::new(program));
        }
        nodes.iter().take(first).for_each(|node| fleet.start(*node));
        Self {
            timetable: Timetable::new(of.mishaps.clone(), all),
            fleet,
            book,
            nodes,
            disks,
            flaw,
        }
    }

    /// Nothing goes wrong any more, and everybody must get on; whether they do.
    fn calm(&mut self) -> bool {
        self.timetable.forget();
        let began = self.fleet.now();
        self.fleet.mend(&self.nodes);
        self.fleet.log.say(began, format_args!("a calm begins"));
        {
            let mut pages = self.book.pages();
            (pages.calm, pages.is_calm) = (pages.calm + 1, true);
            pages.settled.clear();
            // Whose lease has ended gets another, without end.
            let tenants: BTreeSet<usize> = pages.terms.iter().map(|term| term.tenant).collect();
            let known = pages.lasts.keys().copied().collect();
            for tenant in tenants.union(&known) {
                pages.lets(*tenant, None);
            }
        }
        let deadline = began + progress::PATIENCE;
        while self.fleet.now() < deadline && !self.is_settled() {
            let then = self.fleet.now() + LOOK;
            self.timetable.run_until(&mut self.fleet, then);
        }
        let deadline = self.fleet.now() + drained::PATIENCE;
        while self.fleet.now() < deadline && !self.is_over() {
            let then = self.fleet.now() + LOOK;
            self.timetable.run_until(&mut self.fleet, then);
        }
        let deadline = self.fleet.now() + mended::PATIENCE;
        while self.fleet.now() < deadline && !self.is_mended() {
            let then = self.fleet.now() + SECOND;
            self.timetable.run_until(&mut self.fleet, then);
            self.rot_on();
        }
        let now = self.fleet.now();
        let mut pages = self.book.pages();
        pages.is_calm = false;
        pages.figures.checks += 1;
        progress::check(&mut pages, now);
        drained::check(&mut pages, now);
        copies::check(&mut pages, now);
        mended::check(&mut pages, &self.disks, now);
        pages.settled.len() == pages.things.len()
    }

    /// A planted bug: what was mended rots again.
    fn rot_on(&mut self) {
        if self.flaw == Some(Flaw::EndlessRot)
            && let Some(node) = self.nodes.first().copied()
        {
            let (bits, sectors) = (50, 0);
            self.fleet.rot(node, Rot { bits, sectors });
        }
    }

    fn is_settled(&self) -> bool {
        let pages = self.book.pages();
        pages.settled.len() == pages.things.len()
    }

    /// Whether nothing is rotten, and nothing lacks copies for it.
    fn is_mended(&self) -> bool {
        let is_over = mended::is_over(&self.book.pages(), &self.disks);
        is_over && self.is_over()
    }

    /// Whether all that was ordered is done, and nothing lacks copies.
    fn is_over(&self) -> bool {
        let pages = self.book.pages();
        drained::is_over(&pages) && copies::lacking(&pages.rows) == 0
    }
}
