//! One node in a world of its own, from a plan to a verdict.
//!
//! Each life of the node has a runtime of its own, whose time is paused and whose dice are seeded.
//! A crash is: fence, judge, drop. The disk's life ends first, so that no destructor reaches it;
//! the disk decides what it kept; then the runtime goes, and all tasks with it. At the end there is
//! a life of peace, in which everybody must get on, and one in which nobody works: what the last
//! power cut left is compared with what was promised.
//!
//! ractor keeps state per process, so worlds take turns.

mod crowd;
mod faults;
mod life;
pub(crate) mod many;
mod onlookers;
mod restarts;
mod scene;
mod tour;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use holdfast_actors::kernel::{Date, Timestamp};

use crate::calls;
use crate::catalog;
use crate::cluster;
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
use crate::tape;
use crate::trace::Trace;
use crate::verdict::Verdict;
use crate::witness::Witness;

pub(crate) use life::ports;
pub(crate) use scene::Scene;
use tour::Tour;

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
        return run_fleet(witness, plan, fleet, options);
    }
    if let Some(shape) = &plan.tape {
        return tape::run(witness, plan, shape, options);
    }
    let before = panics::count();
    let mut world = World::new(plan, options, "");
    world.ledger.book().witness = witness;
    for life in &plan.lives {
        world.live(life, life::Purpose::Work);
    }
    world.live(&peace(), life::Purpose::Peace);
    world.live(&peace(), life::Purpose::Judge);
    let mut book = world.ledger.book();
    panics::check(&mut book, before);
    book.verdict(plan.seed)
}

/// Runs the plan of a fleet.
fn run_fleet(
    witness: Option<Arc<dyn Witness>>,
    plan: &Plan,
    fleet: &plan::Fleet,
    options: Options,
) -> Verdict {
    match &fleet.members {
        Members::Register {
            replicas,
            clients,
            pause,
            writes,
        } => {
            let shape = register::Shape {
                replicas: *replicas,
                clients: *clients,
                pause: *pause,
                writes: *writes,
            };
            register::run(witness, plan, fleet, shape, options)
        }
        Members::Catalog {
            nodes,
            clients,
            pause,
        } => {
            let shape = catalog::Shape {
                nodes: *nodes,
                clients: *clients,
                pause: *pause,
            };
            catalog::run(witness, plan, fleet, shape, options)
        }
        Members::Calls { .. } | Members::Wire { .. } => {
            let shape = calls::Shape::of(&fleet.members);
            calls::run(witness, plan, fleet, shape, options)
        }
        Members::Cluster {
            nodes,
            joins,
            tenants,
            pause,
        } => {
            let shape = cluster::Shape {
                nodes: *nodes,
                joins: *joins,
                tenants: *tenants,
                pause: *pause,
            };
            cluster::run(witness, plan, fleet, shape, options)
        }
        Members::Holdfast { lives } => many::run(witness, plan, fleet, lives, options),
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
pub(crate) fn peace() -> Life {
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
struct World {
    plan: Plan,
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

impl World {
    /// The world of one node; its lines of the trace say its name if it has one.
    fn new(plan: &Plan, options: Options, name: &str) -> Self {
        let wall = Timestamp::from_millis(plan.wall);
        let tenants = plan.tenants.iter().enumerate();
        let accounts: Vec<_> = tenants
            .clone()
            .map(|(number, tenant)| Account::new(number, tenant, Date::of(wall)))
            .collect();
        let mut shelves = Vec::new();
        for (number, tenant) in tenants {
            let name = &accounts[number].name;
            let mut add = |subtenant, clients| {
                let row = Shelf::new(number, name, subtenant, clients, &plan.operators);
                shelves.push(row);
            };
            add(false, tenant.clients);
            if tenant.subtenant_clients > 0 {
                add(true, tenant.subtenant_clients);
            }
        }
        let mut dice = Dice::of_seed(plan.seed).fork("world");
        if !name.is_empty() {
            dice = dice.fork(name);
        }
        let trace = Trace::named(options.keeps_lines, name);
        let ledger = Ledger::new(trace, wall, accounts, shelves);
        let desk = Arc::new(Mutex::new(Desk::new(
            &ledger,
            dice.fork("operator"),
            &plan.operators,
        )));
        let (disk, index) = (Disk::default(), Index::default());
        Self {
            plan: plan.clone(),
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
        let (stage, rehearsed) = self.begin(life, purpose, None);
        let runtime = runtime::paused(&mut self.dice);
        runtime.block_on(stage.play(rehearsed));
        let entered = runtime.enter();
        self.end(life, life.end);
        drop(entered);
        drop(runtime);
        self.rest(Duration::from_millis(life.off));
    }

    /// A life begins: all it needs, and what a start from a copy of the disk came to.
    fn begin(
        &mut self,
        life: &Life,
        purpose: life::Purpose,
        tour: Option<Tour>,
    ) -> (life::Stage, Option<String>) {
        self.lives += 1;
        self.calm();
        if purpose == life::Purpose::Judge {
            self.decay();
        }
        let rehearsed = self.dice.one_in(3).then(|| self.rehearse());
        (self.stage(life, purpose, tour), rehearsed)
    }

    /// The disk has lain still for long enough that some of what it holds has rotted.
    fn decay(&mut self) {
        let mut dice = self.dice.fork("rot");
        faults::rot(&self.disk, &self.ledger, self.plan.rot, &mut dice);
    }

    /// What a start from a copy of the disk comes to; the copy is thrown away.
    fn rehearse(&mut self) -> String {
        let runtime = runtime::paused(&mut self.dice);
        let (disk, index) = (self.disk.copy(), self.index.copy());
        if self.options.mutation == Some(Mutation::ForgottenRecord) {
            life::forget(&disk);
        }
        let settings = life::settings(&self.plan);
        let ports = || life::ports(self.wall, &disk, &index, self.dice.fork("rehearsal"));
        let came_to = runtime.block_on(async { life::rehearse(settings, ports().1).await });
        disk.kill();
        drop(runtime);
        came_to
    }

    fn stage(&mut self, life: &Life, purpose: life::Purpose, tour: Option<Tour>) -> life::Stage {
        life::Stage {
            plan: self.plan.clone(),
            life: life.clone(),
            purpose,
            tour,
            mutation: self.options.mutation,
            disk: self.disk.clone(),
            index: self.index.clone(),
            dice: self.dice.fork(&format!("life {}", self.lives)),
            ledger: self.ledger.clone(),
            desk: Arc::clone(&self.desk),
            wall: self.wall,
        }
    }

    /// Fences the life and lets the disk judge; called inside of its runtime, before anything of it
    /// is dropped.
    fn end(&mut self, life: &Life, end: End) {
        self.wall = self.ledger.book().life_ends();
        self.ledger
            .say(format_args!("{end:?} ends life {}", self.lives));
        match end {
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
        self.ledger.book().figures.crashes += 1;
    }

    /// Time passes while the node is off.
    fn rest(&mut self, off: Duration) {
        self.ledger.book().pass(off);
        self.wall = self.wall + off;
    }

    /// No fault while the node starts.
    fn calm(&self) {
        self.disk.set_faults(faults::planted(self.options.mutation));
        // Nobody would ever answer whoever only rehearses a start.
        self.disk.set_hanging(false);
        self.disk
            .set_latency(Duration::from_micros(self.plan.disk_micros));
    }
}
