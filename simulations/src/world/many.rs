//! Several nodes as in production, each on its own: what one of them does is nothing to the others.
//!
//! The nodes share the time, the thread and all that a process has only once; their tenants have
//! the same names on each, and clients go from one node to another from round to round. First all
//! live their lives, while things go wrong; then there is peace, in which everybody must get on
//! with every node; then nobody works, and what the last power cut left is judged.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::life::Purpose;
use super::{Options, Tour, World, faults, peace};
use crate::dice::Dice;
use crate::disk::Disk;
use crate::fleet::{Fleet, Main, Program, Stand, Timetable, member};
use crate::invariants::panics;
use crate::ledger::Ledger;
use crate::plan::{self, End, Life, Plan};
use crate::trace::{Micros, Trace};
use crate::verdict::Verdict;
use crate::witness::Looker;
use crate::yardstick::Distance;

const MILLI: Micros = 1_000;
/// How far the fleet runs before it is looked whether all is done.
const LOOK: Micros = 60_000_000;

/// The lives that a node has still to live.
type Queue = Arc<Mutex<VecDeque<(Life, Purpose)>>>;

/// One node over all its lives.
struct Holdfast {
    world: World,
    tour: Tour,
    queue: Queue,
    present: Option<Life>,
    rest: Micros,
}

/// All nodes of a run, and what befalls them.
struct Nodes {
    fleet: Fleet,
    timetable: Timetable,
    queues: Vec<Queue>,
    ledgers: Vec<Ledger>,
}

/// Runs a plan to its end.
pub(super) fn run(
    witness: Looker,
    plan: &Plan,
    of: &plan::Fleet,
    lives: &[Vec<Life>],
    options: Options,
) -> Verdict {
    let before = panics::count();
    let mut nodes = Nodes::new(&witness, plan, of, lives, options);
    let Nodes {
        fleet,
        timetable,
        queues,
        ledgers,
    } = &mut nodes;
    finish(fleet, timetable, queues, of.millis * MILLI);
    // Who sleeps wakes, and what hangs goes on: nothing goes wrong any more.
    timetable.forget();
    for purpose in [Purpose::Peace, Purpose::Judge] {
        for queue in &*queues {
            lock(queue).push_back((peace(), purpose));
        }
        finish(fleet, timetable, queues, 0);
    }
    verdict(plan, fleet, ledgers, before)
}

/// Runs a plan without what comes after the trouble; how far it came.
pub(crate) fn travel(
    witness: Looker,
    plan: &Plan,
    of: &plan::Fleet,
    lives: &[Vec<Life>],
) -> Distance {
    let mut nodes = Nodes::new(&witness, plan, of, lives, Options::default());
    for id in (0..lives.len() as u32).map(member) {
        nodes.fleet.start(id);
    }
    let end = of.millis * MILLI;
    nodes.timetable.run_until(&mut nodes.fleet, end);
    let (mut requests, mut lines) = (0, nodes.fleet.log.trace().count());
    for ledger in &nodes.ledgers {
        let book = ledger.book();
        requests += book.figures.done + book.figures.refused;
        lines += book.trace.count();
    }
    Distance {
        simulated: Duration::from_micros(nodes.fleet.now()),
        turns: nodes.fleet.turns(),
        frames: 0,
        requests,
        lines,
    }
}

impl Nodes {
    fn new(
        witness: &Looker,
        plan: &Plan,
        of: &plan::Fleet,
        lives: &[Vec<Life>],
        options: Options,
    ) -> Self {
        let dice = Dice::of_seed(plan.seed).fork("many");
        let trace = Trace::new(options.keeps_lines);
        let mut fleet = Fleet::new(of.quantum, of.wire.clone(), dice.fork("fleet"), trace);
        let (mut queues, mut ledgers) = (Vec::new(), Vec::new());
        let nodes = lives.len() as u64;
        for (number, (lives, id)) in lives.iter().zip((0..).map(member)).enumerate() {
            let world = World::new(plan, options, &id.to_string());
            world.ledger.book().witness.clone_from(witness);
            ledgers.push(world.ledger.clone());
            let work = lives.iter().map(|life| (life.clone(), Purpose::Work));
            let queue: Queue = Arc::new(Mutex::new(work.collect()));
            queues.push(Arc::clone(&queue));
            let tour = Tour {
                node: number as u64,
                nodes,
                dice: dice.fork("tour"),
            };
            let holdfast = Holdfast {
                world,
                tour,
                queue,
                present: None,
                rest: 0,
            };
            let drift = of.drifts.get(number).copied().unwrap_or(0);
            fleet.add(id, drift, Box::new(holdfast));
        }
        Self {
            fleet,
            timetable: Timetable::new(of.mishaps.clone(), nodes as u32),
            queues,
            ledgers,
        }
    }
}

/// Lets all nodes live what they have to live, at least until then.
fn finish(fleet: &mut Fleet, timetable: &mut Timetable, queues: &[Queue], until: Micros) {
    for id in (0..queues.len() as u32).map(member) {
        fleet.start(id);
    }
    let is_done = |fleet: &Fleet| fleet.is_quiet() && queues.iter().all(|it| lock(it).is_empty());
    while fleet.now() < until || !is_done(fleet) {
        let then = fleet.now() + LOOK;
        timetable.run_until(fleet, then);
    }
}

fn lock(queue: &Queue) -> std::sync::MutexGuard<'_, VecDeque<(Life, Purpose)>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What came of all nodes together.
fn verdict(plan: &Plan, fleet: &Fleet, ledgers: &[Ledger], before: u64) -> Verdict {
    if let Some(ledger) = ledgers.first() {
        panics::check(&mut ledger.book(), before);
    }
    let mut traces = vec![fleet.log.trace()];
    let mut verdict = Verdict {
        seed: plan.seed,
        trace: Trace::new(false),
        violations: Vec::new(),
        figures: crate::verdict::Figures::default(),
    };
    for ledger in ledgers {
        let book = ledger.book();
        traces.push(book.trace.clone());
        verdict.violations.extend(book.violations.iter().cloned());
        verdict.figures += book.figures;
    }
    verdict.trace = Trace::merged(&traces);
    verdict
}

impl Program for Holdfast {
    fn live(&mut self, stand: Stand) -> Option<Main> {
        let (life, purpose) = lock(&self.queue).pop_front()?;
        let now = self.world.ledger.now();
        let off = Duration::from_micros(stand.time.world().saturating_sub(now));
        self.world.rest(off);
        let tour = Tour {
            dice: self.tour.dice.fork(&format!("life {}", self.world.lives)),
            ..self.tour.clone()
        };
        let (stage, rehearsed) = self.world.begin(&life, purpose, Some(tour));
        self.present = Some(life);
        Some(Box::pin(stage.play(rehearsed)))
    }

    fn over(&mut self, end: Option<End>) {
        let Some(life) = self.present.take() else {
            return;
        };
        self.world.end(&life, end.unwrap_or(life.end));
        self.rest = life.off * MILLI;
    }

    fn rest(&self) -> Micros {
        self.rest
    }

    fn disk(&self) -> Option<&Disk> {
        Some(&self.world.disk)
    }

    fn rot(&mut self, rot: plan::Rot) {
        let mut dice = self
            .world
            .dice
            .fork(&format!("rot at {}", self.world.ledger.now()));
        faults::rot(&self.world.disk, &self.world.ledger, rot, &mut dice);
    }

    fn step_wall(&mut self, by: i64) {
        let mut book = self.world.ledger.book();
        let now = book.now();
        book.trace
            .say(now, format_args!("the wall clock steps by {by} ms"));
        book.step_wall(by);
    }
}
