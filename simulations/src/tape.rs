//! A node with a tape library in a world of its own: real jobs and restores on the embedded library
//! in virtual time, people who meddle, and everything that may go wrong with robots and drives.
//!
//! The library outlives the node's lives, as real ones do. First there is work, which crashes cut
//! off; then peace, in which all that was begun comes to an end; then what is left is judged.

mod books;
mod desk;
mod judge;
mod life;
mod repositories;
mod robot;
mod shop;
mod watch;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdfast_actors::kernel::Timestamp;

use crate::dice::Dice;
use crate::disk::Disk;
use crate::index::Index;
use crate::invariants::panics;
use crate::ledger::Ledger;
use crate::plan::{self, End, Life, Plan};
use crate::runtime;
use crate::threads::Turns;
use crate::trace::Trace;
use crate::verdict::Verdict;
use crate::witness::Looker;
use crate::world::{Options, peace};
use books::Times;
use life::{Purpose, Stage};
use robot::Robots;
use shop::Shop;
use watch::Watch;

/// The world between two lives of the node.
struct World {
    plan: Plan,
    shape: plan::Tape,
    options: Options,
    disk: Disk,
    index: Index,
    dice: Dice,
    ledger: Ledger,
    robots: Robots,
    times: Times,
    shop: Arc<Mutex<Shop>>,
    wall: Timestamp,
    lives: u64,
}

/// Runs a plan to its end.
pub(crate) fn run(witness: Looker, plan: &Plan, shape: &plan::Tape, options: Options) -> Verdict {
    let before = panics::count();
    let mut world = World::new(plan, shape, options);
    world.ledger.book().witness = witness;
    for life in &plan.lives {
        world.live(life, Purpose::Work);
    }
    world.live(&peace(), Purpose::Peace);
    world.live(&peace(), Purpose::Judge);
    let mut book = world.ledger.book();
    panics::check(&mut book, before);
    book.verdict(plan.seed)
}

impl World {
    fn new(plan: &Plan, shape: &plan::Tape, options: Options) -> Self {
        let wall = Timestamp::from_millis(plan.wall);
        let trace = Trace::named(options.keeps_lines, "");
        let ledger = Ledger::new(trace, wall, Vec::new(), Vec::new());
        let watch = Watch::new(ledger.clone());
        let disk = Disk::default();
        disk.set_latency(Duration::from_micros(plan.disk_micros));
        Self {
            plan: plan.clone(),
            shape: shape.clone(),
            options,
            disk,
            index: Index::default(),
            dice: Dice::of_seed(plan.seed).fork("tape world"),
            robots: Robots::new(shape, watch, options.mutation),
            ledger,
            times: Times::default(),
            shop: Arc::default(),
            wall,
            lives: 0,
        }
    }

    /// One life of the node, and the time until the next.
    fn live(&mut self, life: &Life, purpose: Purpose) {
        self.lives += 1;
        let turns = Turns::default();
        let ways = self.robots.ways(turns.clone());
        let stage = Stage {
            shape: self.shape.clone(),
            cut: life.cut,
            purpose,
            disk: self.disk.clone(),
            index: self.index.clone(),
            dice: self.dice.fork(&format!("life {}", self.lives)),
            ledger: self.ledger.clone(),
            wall: self.wall,
            robots: self.robots.clone(),
            ways: ways.clone(),
            turns: turns.clone(),
            times: self.times.clone(),
            shop: Arc::clone(&self.shop),
            mutation: self.options.mutation,
        };
        let runtime = runtime::paused(&mut self.dice);
        runtime.block_on(stage.play());
        let entered = runtime.enter();
        ways.cut();
        self.end(life.end);
        drop(entered);
        drop(runtime);
        turns.join();
        let off = Duration::from_millis(life.off);
        self.ledger.book().pass(off);
        self.wall = self.wall + off;
    }

    /// Fences the life, and lets the disk judge.
    fn end(&mut self, end: End) {
        self.wall = self.ledger.book().life_ends();
        self.ledger
            .say(format_args!("{end:?} ends life {}", self.lives));
        match end {
            End::Power => {
                self.disk.crash(&mut self.dice);
                self.index.crash(&mut self.dice);
                if self.plan.tape.as_ref().is_some_and(|tape| tape.one_plug) {
                    self.robots.devices.with(|library| library.power_cycle());
                }
            }
            End::Kill => {
                self.disk.kill();
                self.index.kill();
            }
        }
        self.ledger.book().figures.crashes += 1;
    }
}
