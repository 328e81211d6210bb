//! One node in a world of its own, from a plan to a verdict.
//!
//! Each life of the node has a runtime of its own, whose time is paused and whose dice are seeded.
//! A crash is: fence, judge, drop. The disk's life ends first, so that no destructor reaches it;
//! the disk decides what it kept; then the runtime goes, and all tasks with it. At the end there is
//! a life of peace, in which everybody must get on, and one in which nobody works: what the last
//! power cut left is compared with what was promised.
//!
//! ractor keeps state per process, so worlds take turns.

mod faults;
mod life;
mod scene;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use holdfast_actors::kernel::{Date, Timestamp};
use tokio::runtime::Runtime;

use crate::dice::Dice;
use crate::disk::Disk;
use crate::index::Index;
use crate::invariants::panics;
use crate::ledger::{Account, Ledger, Shelf};
use crate::mutation::Mutation;
use crate::office::Desk;
use crate::plan::{self, End, Life, Loss, Members, Plan};
use crate::register;
use crate::runtime;
use crate::trace::Trace;
use crate::verdict::Verdict;
use crate::witness::Witness;

pub(crate) use scene::Scene;

/// Two worlds at once would share ractor's state and the count of panics.
static TURN: Mutex<()> = Mutex::new(());

/// How a plan is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// A planted bug.
    pub mutation: Option<Mutation>,
    /// Whether the lines of the trace are kept.
    pub keeps_lines: bool,
}

/// Runs a plan to its end. The same plan gives the same trace, whatever ran before.
pub fn run(plan: &Plan, options: Options) -> Verdict {
    run_before(None, plan, options)
}

/// The same before a witness, if there is one. It changes nothing.
pub fn run_before(witness: Option<Arc<dyn Witness>>, plan: &Plan, options: Options) -> Verdict {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(fleet) = &plan.fleet {
        return many(plan, fleet, options);
    }
    let before = panics::count();
    let mut world = World::new(plan, options);
    world.ledger.book().witness = witness;
    for life in &plan.lives {
        world.live(life, life::Purpose::Work);
    }
    world.live(&peace(), life::Purpose::Peace);
    world.live(&peace(), life::Purpose::Judge);
    let mut book = world.ledger.book();
    panics::check(&mut book, before);
    Verdict {
        seed: plan.seed,
        trace: book.trace.clone(),
        violations: book.violations.clone(),
        figures: book.figures,
    }
}

/// Runs the plan of a fleet.
fn many(plan: &Plan, fleet: &plan::Fleet, options: Options) -> Verdict {
    match &fleet.members {
        Members::Register {
            replicas,
            clients,
            pause,
        } => {
            let shape = register::Shape {
                replicas: *replicas,
                clients: *clients,
                pause: *pause,
            };
            register::run(plan, fleet, shape, options)
        }
        Members::Holdfast { .. } => unreachable!("later"),
    }
}

/// Lets virtual time pass.
pub(crate) async fn pass(millis: u64) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the world outside of the node has no shell"
    )]
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// A life without any fault.
fn peace() -> Life {
    Life {
        rounds: vec![0],
        cut: None,
        end: End::Power,
        off: 0,
        index: Loss::None,
        faults: crate::plan::Faults::default(),
        steps: Vec::new(),
    }
}

/// The world between two lives of the node.
struct World<'a> {
    plan: &'a Plan,
    options: Options,
    disk: Disk,
    index: Index,
    dice: Dice,
    ledger: Ledger,
    desk: Arc<Mutex<Desk>>,
    /// What the node's wall clock shows.
    wall: Timestamp,
    lives: u64,
}

impl<'a> World<'a> {
    fn new(plan: &'a Plan, options: Options) -> Self {
        let wall = Timestamp::from_millis(plan.wall);
        let tenants = plan.tenants.iter().enumerate();
        let accounts: Vec<_> = tenants
            .clone()
            .map(|(number, tenant)| Account::new(number, tenant, Date::of(wall)))
            .collect();
        let mut shelves = Vec::new();
        for (number, tenant) in tenants {
            let name = &accounts[number].name;
            shelves.push(Shelf::new(number, name, false, tenant.clients));
            if tenant.subtenant_clients > 0 {
                shelves.push(Shelf::new(number, name, true, tenant.subtenant_clients));
            }
        }
        let dice = Dice::of_seed(plan.seed).fork("world");
        let trace = Trace::new(options.keeps_lines);
        let ledger = Ledger::new(trace, wall, accounts, shelves);
        let desk = Arc::new(Mutex::new(Desk::new(&ledger, dice.fork("operator"))));
        let (disk, index) = (Disk::default(), Index::default());
        Self {
            plan,
            options,
            disk,
            index,
            dice,
            ledger,
            desk,
            wall,
            lives: 0,
        }
    }

    /// One life of the node, and the time until the next.
    fn live(&mut self, life: &Life, purpose: life::Purpose) {
        self.lives += 1;
        self.calm();
        let rehearsed = self.dice.one_in(3).then(|| self.rehearse());
        let runtime = runtime::paused(&mut self.dice);
        let stage = self.stage(life, purpose);
        runtime.block_on(stage.play(rehearsed));
        self.end(life, runtime);
    }

    /// What a start from a copy of the disk comes to; the copy is thrown away.
    fn rehearse(&mut self) -> String {
        let runtime = runtime::paused(&mut self.dice);
        let (disk, index) = (self.disk.copy(), self.index.copy());
        if self.options.mutation == Some(Mutation::ForgottenRecord) {
            life::forget(&disk);
        }
        let ports = || life::ports(self.wall, &disk, &index, self.dice.fork("rehearsal"));
        let came_to = runtime.block_on(async { life::rehearse(ports().1).await });
        disk.kill();
        drop(runtime);
        came_to
    }

    fn stage(&mut self, life: &Life, purpose: life::Purpose) -> life::Stage {
        life::Stage {
            plan: self.plan.clone(),
            life: life.clone(),
            purpose,
            mutation: self.options.mutation,
            disk: self.disk.clone(),
            index: self.index.clone(),
            dice: self.dice.fork(&format!("life {}", self.lives)),
            ledger: self.ledger.clone(),
            desk: Arc::clone(&self.desk),
            wall: self.wall,
        }
    }

    /// Fences the life, lets the disk judge, and drops all that still runs of it.
    fn end(&mut self, life: &Life, runtime: Runtime) {
        let entered = runtime.enter();
        let wall = self.ledger.book().life_ends();
        drop(entered);
        self.ledger
            .say(format_args!("{:?} ends life {}", life.end, self.lives));
        match life.end {
            End::Power => {
                self.disk.crash(&mut self.dice);
                self.index.crash(&mut self.dice);
            }
            End::Kill => {
                self.disk.kill();
                self.index.kill();
            }
        }
        match life.index {
            Loss::None => {}
            Loss::Last(batches) => self.index.shorten(batches),
            Loss::All => self.index.empty(),
        }
        drop(runtime);
        let off = Duration::from_millis(life.off);
        let mut book = self.ledger.book();
        book.figures.crashes += 1;
        book.pass(off);
        self.wall = wall + off;
    }

    /// No fault while the node starts.
    fn calm(&self) {
        self.disk.set_faults(faults::planted(self.options.mutation));
        self.disk
            .set_latency(Duration::from_micros(self.plan.disk_micros));
    }
}
