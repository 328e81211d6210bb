//! A run of calls: trouble, then peace in which all must get on.

use holdfast_actors::kernel::NodeId;

use super::flaw::Flaw;
use super::history::History;
use super::invariants::{progress, told};
use super::node::CallsNode;
use crate::dice::Dice;
use crate::fleet::{Fleet, Timetable, member};
use crate::invariants::panics;
use crate::network::Spoil;
use crate::plan::{self, Members, Plan};
use crate::trace::{Micros, Trace};
use crate::verdict::Verdict;
use crate::wire::{self, Berth, Book};
use crate::witness::Looker;
use crate::world::Options;

const MILLI: Micros = 1_000;
/// How often it is looked whether all got on.
const LOOK: Micros = 100 * MILLI;
/// How long that may take.
const PATIENCE: Micros = 60_000 * MILLI;
/// How long there is peace at least: every actor that is watched ends meanwhile, and every
/// connection that is dead is noticed.
const PEACE: Micros = 6_000 * MILLI;

/// How many nodes there are, and how they call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shape {
    pub(crate) nodes: u32,
    /// On each node.
    pub(crate) callers: u32,
    /// Milliseconds between two calls of one at most.
    pub(crate) pause: u64,
    pub(crate) window: u16,
    /// What becomes of datagrams, for nodes whose link is that of production.
    pub(crate) wire: Option<Spoil>,
}

impl Shape {
    /// What a plan says; nobody if its members are of another kind.
    pub(crate) fn of(members: &Members) -> Self {
        match members {
            Members::Calls {
                nodes,
                callers,
                pause,
                window,
            } => Self {
                nodes: *nodes,
                callers: *callers,
                pause: *pause,
                window: *window,
                wire: None,
            },
            Members::Wire {
                nodes,
                callers,
                pause,
                window,
                lost,
                twice,
            } => Self {
                nodes: *nodes,
                callers: *callers,
                pause: *pause,
                window: *window,
                wire: Some(Spoil {
                    lost: *lost,
                    twice: *twice,
                }),
            },
            Members::Holdfast { .. }
            | Members::Register { .. }
            | Members::Catalog { .. }
            | Members::Cluster { .. } => Self::default(),
        }
    }
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
    let dice = Dice::of_seed(plan.seed).fork("calls world");
    let trace = Trace::new(options.keeps_lines);
    let mut fleet = Fleet::new(of.quantum, of.wire.clone(), dice.fork("fleet"), trace);
    let history = History::new(fleet.log.clone());
    let nodes: Vec<NodeId> = (0..shape.nodes).map(member).collect();
    let book = shape.wire.map(|spoil| {
        fleet.network.spoil(spoil);
        Book::new(history.clone())
    });
    for (number, node) in nodes.iter().copied().enumerate() {
        let program = CallsNode {
            node,
            nodes: nodes.clone(),
            shape,
            flaw: options.mutation.and_then(Flaw::of),
            history: history.clone(),
            witness: witness.clone(),
            berth: book
                .as_ref()
                .map(|book| berth(node, &nodes, (shape.pause, options), book)),
        };
        let drift = of.drifts.get(number).copied().unwrap_or(0);
        fleet.add(node, drift, Box::new(program));
        fleet.start(node);
    }
    let mut timetable = Timetable::new(of.mishaps.clone(), shape.nodes);
    timetable.run_until(&mut fleet, of.millis * MILLI);
    timetable.forget();
    fleet.mend(&nodes);
    let healed = fleet.now();
    history.pages().is_healed = true;
    if let Some(book) = &book {
        fleet.network.spoil(Spoil::default());
        book.pages().heal();
    }
    let least = healed + PEACE + 2 * of.wire.silence * MILLI;
    let settled = || {
        let is_heard = |book: &Book| wire::progress::is_settled(book, &nodes);
        progress::is_settled(&history.pages(), &nodes) && book.as_ref().is_none_or(is_heard)
    };
    while fleet.now() < least || (fleet.now() < healed + PATIENCE && !settled()) {
        let then = fleet.now() + LOOK;
        timetable.run_until(&mut fleet, then);
    }
    if let Some(book) = &book {
        drain(&mut fleet, &mut timetable, book);
        wire::progress::finish(book, &nodes, fleet.now());
    }
    let now = fleet.now();
    let mut pages = history.pages();
    progress::finish(&mut pages, &nodes, now);
    told::finish(&mut pages, healed, now);
    pages.figures.checks += 1;
    let panicked = panics::count() - before;
    if panicked > 0 {
        pages.breach(panics::ID, now, format_args!("{panicked} panics"));
    }
    let (figures, violations) = (pages.figures, pages.violations.clone());
    drop(pages);
    Verdict {
        seed: plan.seed,
        trace: Trace::merged(&[fleet.log.trace()]),
        violations,
        figures,
    }
}

/// Nobody sends any more, and what is under way comes.
fn drain(fleet: &mut Fleet, timetable: &mut Timetable, book: &Book) {
    book.pages().hush();
    let end = fleet.now() + PATIENCE;
    while fleet.now() < end && !wire::complete::is_settled(book) {
        let then = fleet.now() + LOOK;
        timetable.run_until(fleet, then);
    }
    wire::complete::finish(book, fleet.now());
}

/// The place of a node whose link is that of production.
fn berth(node: NodeId, nodes: &[NodeId], (pause, options): (u64, Options), book: &Book) -> Berth {
    let flaw = options.mutation.and_then(wire::Flaw::of);
    let berth = Berth::new(node, nodes, pause, book.clone(), flaw);
    #[expect(
        clippy::expect_used,
        reason = "no plan has more nodes than there are certificates, which a test reads"
    )]
    berth.expect("there is a certificate for every node")
}
