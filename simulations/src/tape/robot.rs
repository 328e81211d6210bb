//! The library of a world: it outlives its nodes, takes as long as real devices, and is watched.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holdfast_actors::catalog::rows;
use holdfast_actors::names::TapeName;
use holdfast_actors::tape::changer::Element;
use holdfast_tape::library::{
    Cartridge, FIRST_DRIVE, FIRST_SLOT, InMemory, Kind, Library, Memory, Object, Plan, Port,
    Shared, Size, Store, Unit,
};
use holdfast_tape::ports::{Failed, Reach};
use holdfast_tape::scsi::{Answer, Data, Patience, Scsi};
use holdfast_tape::station::{Connect, Fleet, Reset, Way};
use holdfast_tape::threads::wait;
use tokio::sync::Notify;

use super::judge::{self, Seen};
use super::watch::Watch;
use crate::mutation::Mutation;
use crate::plan;
use crate::threads::Turns;

/// Slots: for what three tenants write at most in three runs that each begin a cartridge.
pub(super) const SLOTS: u16 = 14;
/// Places behind the door.
const DOORS: u16 = 2;
/// The end of a tape is near when so much of it is left.
const WARNING: u64 = 4 << 20;
/// Moves a cartridge.
const MOVE: u8 = 0xa5;

/// What is on a cartridge, wherever it is: the world reads it past all drives.
#[derive(Clone, Debug)]
pub(super) struct Reel(Arc<Mutex<Content>>);

#[derive(Debug)]
struct Content {
    barcode: String,
    on_tape: InMemory,
    watch: Watch,
    /// A planted bug: nothing becomes durable any more.
    lies: bool,
    /// Counts its changes.
    version: u64,
}

impl Reel {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is on it for good.
    pub(super) fn copy(&self) -> InMemory {
        self.content().on_tape.clone()
    }

    /// How often that changed.
    pub(super) fn version(&self) -> u64 {
        self.content().version
    }

    /// The same, as far as its label.
    pub(super) fn head(&self) -> InMemory {
        judge::head(&mut self.content().on_tape).unwrap_or_default()
    }
}

impl Store for Reel {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.content().on_tape.write(at, bytes)
    }

    fn read(&mut self, at: u64, length: u32) -> io::Result<Vec<u8>> {
        self.content().on_tape.read(at, length)
    }

    fn commit(&mut self, kept: usize, new: &[Object]) -> io::Result<()> {
        let mut content = self.content();
        let content = &mut *content;
        let before = content.on_tape.objects()?.len();
        if kept < before {
            content.watch.cut(&content.barcode, kept as u64);
        }
        let new = if content.lies { &[] } else { new };
        content.version += 1;
        content.on_tape.commit(kept.min(before), new)
    }

    fn wipe(&mut self, from: u64) -> io::Result<()> {
        self.content().on_tape.wipe(from)
    }

    fn objects(&mut self) -> io::Result<Vec<Object>> {
        self.content().on_tape.objects()
    }

    fn remember(&mut self, _: &Memory) -> io::Result<()> {
        Ok(())
    }
}

/// What a new cartridge is that holds so much.
pub(super) fn memory(kib: u64) -> Memory {
    Memory {
        kind: Kind::Data,
        capacity: kib << 10,
        warning: WARNING,
        protected: false,
        loads: 0,
        attributes: BTreeMap::new(),
    }
}

/// The library, its cartridges, and who watches it.
#[derive(Clone)]
pub(super) struct Robots {
    pub(super) devices: Shared,
    reels: Arc<Mutex<BTreeMap<String, Reel>>>,
    pub(super) watch: Watch,
    /// What was judged before.
    seen: Arc<Mutex<Seen>>,
    shape: plan::Tape,
    mutation: Option<Mutation>,
}

impl Robots {
    /// A library with blank cartridges.
    pub(super) fn new(shape: &plan::Tape, watch: Watch, mutation: Option<Mutation>) -> Self {
        let size = Size {
            drives: usize::from(shape.drives),
            slots: SLOTS,
            doors: DOORS,
        };
        let robots = Self {
            devices: Shared::new(Library::new(size, Plan::default())),
            reels: Arc::default(),
            seen: Arc::default(),
            watch,
            shape: shape.clone(),
            mutation,
        };
        for number in 0..shape.cartridges {
            robots.add(FIRST_SLOT + number, shape.capacity_kib);
        }
        robots
    }

    fn reels(&self) -> MutexGuard<'_, BTreeMap<String, Reel>> {
        self.reels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A human puts a new cartridge there; whether there was room.
    pub(super) fn add(&self, element: u16, kib: u64) -> bool {
        let number = self.reels().len() + 1;
        let barcode = format!("SM{number:04}L9");
        let reel = Reel(Arc::new(Mutex::new(Content {
            barcode: barcode.clone(),
            on_tape: InMemory::default(),
            watch: self.watch.clone(),
            version: 0,
            lies: self.mutation == Some(Mutation::LyingTape) && number.is_multiple_of(2),
        })));
        let made = Cartridge::open(&barcode, memory(kib), Box::new(reel.clone()));
        let Ok(cartridge) = made else { return false };
        let is_in = self
            .devices
            .with(|library| library.insert(element, cartridge).is_none());
        if is_in {
            self.reels().insert(barcode, reel);
        }
        is_in
    }

    /// Lets so many things go wrong from now on.
    pub(super) fn spoil(&self, seed: u64, count: usize, barcodes: &[String], drives: usize) {
        let plan = Plan::drawn(seed, count, barcodes, drives);
        self.watch.say(format_args!("faults: {:?}", plan.faults()));
        self.devices.with(|library| *library.plan() = plan);
    }

    /// What is on a cartridge.
    pub(super) fn reel(&self, barcode: &str) -> Option<Reel> {
        self.reels().get(barcode).cloned()
    }

    /// Where all cartridges are.
    pub(super) fn places(&self) -> BTreeMap<u16, String> {
        self.devices.with(|library| library.places())
    }

    /// All cartridges there ever were.
    pub(super) fn barcodes(&self) -> Vec<String> {
        self.reels().keys().cloned().collect()
    }

    /// The ways of one life of a node.
    pub(super) fn ways(&self, turns: Turns) -> Ways {
        Ways {
            robots: self.clone(),
            life: Arc::default(),
            turns,
        }
    }
}

/// How one life of a node reaches the library.
#[derive(Clone)]
pub(super) struct Ways {
    robots: Robots,
    life: Arc<Life>,
    turns: Turns,
}

#[derive(Debug, Default)]
struct Life {
    is_over: AtomicBool,
    resets: Notify,
}

impl Ways {
    /// Nothing of this life reaches the library any more.
    pub(super) fn cut(&self) {
        self.life.is_over.store(true, Ordering::Relaxed);
    }

    fn connect(&self, unit: Unit) -> Connect {
        let ways = self.clone();
        Box::new(move || {
            Ok(Box::new(Line {
                port: ways.robots.devices.port(unit),
                ways: ways.clone(),
                unit,
            }))
        })
    }
}

impl Reach for Ways {
    fn fleet(&self, _: &TapeName, _: &rows::Library) -> Result<Fleet, Failed> {
        let drive = |number: u16| {
            let unit = Unit::Drive(usize::from(number));
            (Element(FIRST_DRIVE + number), self.connect(unit))
        };
        Ok(Fleet {
            changer: self.connect(Unit::Changer),
            drives: (0..self.robots.shape.drives).map(drive).collect(),
        })
    }
}

/// A way to one device.
struct Line {
    port: Port,
    ways: Ways,
    unit: Unit,
}

impl Line {
    fn is_cut(&self) -> bool {
        self.ways.life.is_over.load(Ordering::Relaxed)
    }

    /// Has the device do it, and lets as much time pass as that takes.
    fn perform(&mut self, cdb: &[u8], data: Data<'_>, patience: Patience) -> Answer {
        let (library, unit) = (self.ways.robots.devices.clone(), self.unit);
        let spent = || library.with(|library| library.spent(unit));
        let before = spent();
        let answer = self.port.execute(cdb, data, patience);
        let cost = spent().saturating_sub(before);
        if library.with(|library| library.is_hung(unit)) {
            wait(&self.ways.turns, self.ways.life.resets.notified());
            return lost("the device was reset");
        }
        self.pass(cost.min(patience.limit()));
        if self.is_cut() {
            return lost("the node is down");
        }
        if cost > patience.limit() {
            return lost("it took too long");
        }
        answer
    }

    fn pass(&self, time: Duration) {
        #[expect(
            clippy::disallowed_methods,
            reason = "the world's devices have no shell"
        )]
        let sleep = tokio::time::sleep(time);
        wait(&self.ways.turns, sleep);
    }
}

fn lost(why: &str) -> Answer {
    Answer::Lost { why: why.into() }
}

impl Scsi for Line {
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, patience: Patience) -> Answer {
        if self.is_cut() {
            return lost("the node is down");
        }
        let (watch, bug) = (self.ways.robots.watch.clone(), self.ways.robots.mutation);
        watch.ahead(self.unit, cdb);
        let answer = self.perform(cdb, data, patience);
        if self.is_cut() {
            return answer;
        }
        watch.behind(self.unit, cdb, &answer);
        match (&answer, bug) {
            (Answer::Lost { .. }, Some(Mutation::GuessedPosition)) => Answer::Good { residual: 0 },
            (Answer::Good { .. }, Some(Mutation::RepeatedMove)) if cdb[0] == MOVE => {
                watch.ahead(self.unit, cdb);
                // It finds nothing to move any more.
                self.perform(cdb, Data::None, patience);
                answer
            }
            _ => answer,
        }
    }
}

impl Way for Line {
    fn is_over(&self) -> bool {
        false
    }

    fn reset(&self) -> Reset {
        let (ways, unit) = (self.ways.clone(), self.unit);
        Arc::new(move || {
            if !ways.life.is_over.load(Ordering::Relaxed) {
                ways.robots.devices.with(|library| library.reset(unit));
                ways.life.resets.notify_waiters();
            }
        })
    }
}
