//! A run of the catalog: trouble, a calm in which all must get on, in half of the runs a voter's
//! disk that is set back and a calm, the power of all, a calm again.

use std::time::Duration;

use holdfast_actors::kernel::{NodeId, Timestamp};

use super::Flaw;
use super::book::Book;
use super::invariants::{kept, linear, progress};
use super::node::Node;
use crate::dice::Dice;
use crate::disk::Disk;
use crate::fleet::{Fleet, Timetable, member};
use crate::invariants::panics;
use crate::plan::{self, End, Plan};
use crate::trace::{Micros, Trace};
use crate::verdict::{Figures, Verdict, Violation};
use crate::witness::Looker;
use crate::world::Options;

const MILLI: Micros = 1_000;
/// How often it is looked whether all clients got on.
const LOOK: Micros = 50 * MILLI;

/// How many nodes there are, how many clients each has, and how often these ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) nodes: u32,
    pub(crate) clients: u32,
    pub(crate) pause: u64,
}

pub(super) struct World {
    pub(super) fleet: Fleet,
    pub(super) timetable: Timetable,
    pub(super) book: Book,
    pub(super) nodes: Vec<NodeId>,
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
    world.calm();
    if Dice::of_seed(plan.seed).fork("set back").one_in(2) {
        world.set_back();
        world.calm();
    }
    // What was acknowledged must be on the disks.
    for node in world.nodes.clone() {
        world.fleet.crash(node, Some(End::Power));
    }
    world.calm();
    let now = world.fleet.now();
    let mut pages = world.book.pages();
    linear::check(&mut pages, now);
    let panicked = panics::count() - before;
    if panicked > 0 {
        pages.breach(panics::ID, now, format_args!("{panicked} panics"));
    }
    let told = pages.requests.iter().filter(|it| it.told.is_some());
    let stored = told.filter(|it| it.writes.is_some()).count() as u64;
    pages.figures.stored = stored;
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
        let dice = Dice::of_seed(plan.seed).fork("catalog world");
        let trace = Trace::new(options.keeps_lines);
        let mut fleet = Fleet::new(of.quantum, of.wire.clone(), dice.fork("fleet"), trace);
        let book = Book::new(fleet.log.clone());
        let flaw = options.mutation.and_then(Flaw::of);
        let nodes: Vec<NodeId> = (0..shape.nodes).map(member).collect();
        for (number, node) in nodes.iter().copied().enumerate() {
            let dice = dice.fork(&format!("disk of {node}"));
            // Some disks are slower than others.
            let micros = plan.disk_micros << dice.fork("speed").below(3);
            let drift = of.drifts.get(number).copied().unwrap_or(0);
            let program = Node {
                node,
                all: nodes.clone(),
                clients: shape.clients,
                pause: shape.pause,
                wall: Timestamp::from_millis(plan.wall),
                drift,
                flaw,
                disk: Disk::default(),
                former: None,
                latency: Duration::from_micros(micros),
                dice,
                book: book.clone(),
                witness: witness.clone(),
                clock: None,
                set: 0,
            };
            fleet.add(node, drift, Box::new(program));
        }
        nodes.iter().for_each(|node| fleet.start(*node));
        Self {
            timetable: Timetable::new(of.mishaps.clone(), shape.nodes),
            fleet,
            book,
            nodes,
        }
    }

    /// Nothing goes wrong any more, and everybody must get on.
    fn calm(&mut self) {
        self.timetable.forget();
        let began = self.fleet.now();
        self.fleet.mend(&self.nodes);
        self.fleet.log.say(began, format_args!("a calm begins"));
        {
            let mut pages = self.book.pages();
            pages.calm += 1;
            pages.settled.clear();
        }
        let deadline = began + progress::PATIENCE;
        while self.fleet.now() < deadline && !self.is_settled() {
            let then = self.fleet.now() + LOOK;
            self.timetable.run_until(&mut self.fleet, then);
        }
        let now = self.fleet.now();
        let mut pages = self.book.pages();
        pages.figures.checks += 1;
        progress::check(&mut pages, &self.nodes, now);
        kept::check(&mut pages, began, now);
    }

    fn is_settled(&self) -> bool {
        self.book.pages().settled.len() == self.nodes.len()
    }
}
