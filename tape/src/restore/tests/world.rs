//! A library, repositories, a catalog and a disk, all in memory, that can crash at any call.

mod ports;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use holdfast_actors::catalog::command::{
    Actor, Command, Contract, OperatorCommand, RepositoryCommand, Submission, TapeCommand,
    TenantCommand,
};
use holdfast_actors::catalog::rows::{
    Cartridge, Destination, Head, Restore as Row_, RestoreEnd, RestorePart, Role, Rows, Run, Set,
};
use holdfast_actors::catalog::tape::{RestoreCommand, Seen};
use holdfast_actors::catalog::{self, Keeper, Outcome, Refused};
use holdfast_actors::kernel::{
    Act, Acts, Instant, Machine, Now, RepositoryId, RestoreId, Size, Space, Ticket, Timestamp,
};
use holdfast_actors::names::{OperatorName, RepositoryName, TapeName, TenantName};
use holdfast_actors::object::Key;
use holdfast_actors::ports::{Clock, Disk, File, Pending, Storage};
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::drive::Purpose;
use holdfast_actors::tape::media::{Content, Expiry, Kind, Written};
use holdfast_actors::tape::{Barcode, MediaSet, Medium as MediumRow, MediumId, PoolId, SetId};
use tokio::sync::{Notify, oneshot};

use super::super::hands::{Tools, Worker};
use super::super::{Effect, Event, Restore, order, shelved};
use super::tapes::{Objects, SET};
use crate::format::{Keys, Object, Reel, Row, Sum};
use crate::naming;
use crate::ports::{Books, Failed, Item, Mount, Pieces, Repositories, Station, Stations, Work};
use crate::shelf::tests::Memory;
use crate::threads::Native;

/// Where the world crashes: at the call of this number.
#[derive(Default)]
pub(super) struct Gate {
    calls: AtomicUsize,
    crash_at: AtomicUsize,
    crashed: Notify,
}

impl Gate {
    pub(super) fn set(&self, crash_at: usize) {
        self.calls.store(0, Ordering::SeqCst);
        self.crash_at.store(crash_at, Ordering::SeqCst);
    }

    async fn pass(&self) {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if call == self.crash_at.load(Ordering::SeqCst) {
            self.crashed.notify_one();
        }
        if self.crash_at.load(Ordering::SeqCst).wrapping_sub(1) < call {
            std::future::pending::<()>().await;
        }
    }
}

/// Everything that outlives a crash.
pub(super) struct Inner {
    pub(super) gate: Gate,
    keeper: Mutex<Keeper>,
    pub(super) reels: Mutex<BTreeMap<MediumId, Reel>>,
    pub(super) shelf: Memory,
    pub(super) stored: Mutex<BTreeMap<RepositoryId, BTreeMap<Key, Bytes>>>,
    pub(super) loads: Mutex<Vec<MediumId>>,
    /// Whether the tenant was shut out at each write or deletion.
    pub(super) was_shut: Mutex<BTreeSet<bool>>,
    disk: Mutex<BTreeMap<String, Entry>>,
    sequence: AtomicUsize,
}

#[derive(Clone, Default)]
struct Entry {
    body: Arc<Mutex<(Vec<u8>, Vec<u8>)>>,
    is_named: bool,
}

#[derive(Clone)]
pub(super) struct World(pub(super) Arc<Inner>);

fn name() -> TenantName {
    TenantName::parse("acme").unwrap()
}

fn library() -> TapeName {
    TapeName::parse("vault").unwrap()
}

fn wall() -> Timestamp {
    Timestamp::parse("2026-11-23T10:00:00Z").unwrap()
}

impl World {
    /// A tenant with two repositories, and cartridges with their rows.
    pub(super) fn new(tapes: Vec<(Reel, Vec<Row>)>) -> Self {
        let world = Self(Arc::new(Inner {
            gate: Gate::default(),
            keeper: Mutex::new(Keeper::new(Rows::default())),
            reels: Mutex::default(),
            shelf: Memory::default(),
            stored: Mutex::default(),
            loads: Mutex::default(),
            was_shut: Mutex::default(),
            disk: Mutex::default(),
            sequence: AtomicUsize::default(),
        }));
        let ann = OperatorName::parse("ann").unwrap();
        let add = OperatorCommand::Add {
            role: Role::Admin,
            uid: Some(1),
        };
        world
            .give(Actor::System, Command::Operator(ann, add))
            .unwrap();
        let add = TenantCommand::Add(Contract::default());
        world.ann(Command::Tenant(name(), add)).unwrap();
        for called in ["one", "two", "new"] {
            let add = RepositoryCommand::Add {
                tenant: name(),
                name: RepositoryName::parse(called).unwrap(),
                quota: Size::mib(16),
                hold_days: 0,
                min_copies: 1,
            };
            world.ann(Command::Repository(add)).unwrap();
        }
        let mut rows = world.rows();
        let set = Set {
            pool: PoolId::new(1),
            set: MediaSet::Daily,
            owner: None,
            one: None,
            media: (1..=tapes.len() as u128).map(MediumId::new).collect(),
            opened: wall(),
            closed: None,
            runs: Default::default(),
        };
        rows.tape.sets.insert(SetId::new(SET), set);
        for (number, (reel, known)) in (1..).zip(tapes) {
            let id = MediumId::new(number);
            rows.tape.media.insert(id, cartridge(number, &known));
            world.0.reels.lock().unwrap().insert(id, reel);
            world.0.shelf.put(id, known);
        }
        world.set_rows(rows);
        world
    }

    pub(super) fn rows(&self) -> Rows {
        self.0.keeper.lock().unwrap().rows().clone()
    }

    pub(super) fn set_rows(&self, rows: Rows) {
        *self.0.keeper.lock().unwrap() = Keeper::new(rows);
    }

    /// The repository of this name.
    pub(super) fn id(&self, called: &str) -> RepositoryId {
        let rows = self.rows();
        let owner = rows.tenants.get(&name()).unwrap().id;
        let called = RepositoryName::parse(called).unwrap();
        rows.repository(owner, &called).unwrap()
    }

    /// Notes that a run is on tape.
    pub(super) fn ran(&self, run: &str, called: &str, all: &Objects) {
        let mut rows = self.rows();
        let set = rows.tape.sets.get_mut(&SetId::new(SET)).unwrap();
        set.runs.push_back(Run {
            name: run.to_owned(),
            job: TapeName::parse("nightly").unwrap(),
            repository: self.id(called),
            tenant: name(),
            called: RepositoryName::parse(called).unwrap(),
            view: wall(),
            objects: all.len() as u64,
            bytes: all.values().map(|bytes| bytes.len() as u64).sum(),
            done: Some(wall()),
        });
        self.set_rows(rows);
    }

    /// Puts objects into a repository, as if the tenant had.
    pub(super) fn put(&self, called: &str, objects: &Objects) {
        let mut stored = self.0.stored.lock().unwrap();
        let stored = stored.entry(self.id(called)).or_default();
        for (object, bytes) in objects {
            stored.insert(naming::key(Space::TENANT, object).unwrap(), bytes.clone());
        }
    }

    /// What a repository shows.
    pub(super) fn shown(&self, called: &str) -> Objects {
        let stored = self.0.stored.lock().unwrap();
        let stored = stored.get(&self.id(called)).cloned().unwrap_or_default();
        let objects = stored.into_iter();
        objects
            .map(|(key, bytes)| (naming::object(key).unwrap(), bytes))
            .collect()
    }

    pub(super) fn ann(&self, command: Command) -> Result<Outcome, Refused> {
        self.give(
            Actor::Operator(OperatorName::parse("ann").unwrap()),
            command,
        )
    }

    fn give(&self, by: Actor, command: Command) -> Result<Outcome, Refused> {
        let sequence = self.0.sequence.fetch_add(1, Ordering::SeqCst) as u64 + 1;
        let (ticket, at) = (Ticket::new(sequence), wall());
        let submission = Submission {
            client: 7,
            sequence,
            by,
            at,
            command,
        };
        let mut acts = Acts::default();
        let event = catalog::Event::Submit { ticket, submission };
        let now = Now {
            wall: at,
            monotonic: Instant::default(),
        };
        self.0.keeper.lock().unwrap().step(now, event, &mut acts);
        let answer = acts.iter().find_map(|act| match act {
            Act::Show(catalog::Effect::Answer { answer, .. }) => Some(answer.clone()),
            Act::Show(catalog::Effect::Publish(_)) | Act::Start(_) | Act::Persist(_) => None,
        });
        answer.unwrap().map(|(outcome, _)| outcome)
    }

    /// Asks for a restore; its number.
    pub(super) fn ask(&self, parts: &[(&str, Destination)], past_quota: bool) -> RestoreId {
        let parts = parts.iter().map(|(run, to)| RestorePart {
            set: SetId::new(SET),
            run: (*run).to_owned(),
            to: to.clone(),
        });
        let last = self.rows().tape.restores.keys().next_back().copied();
        let id = last.unwrap_or_default().next();
        let ask = RestoreCommand::Ask {
            parts: parts.collect(),
            past_quota,
        };
        self.ann(Command::Tape(TapeCommand::Restore(id, ask)))
            .unwrap();
        id
    }

    pub(super) fn row(&self, id: RestoreId) -> Row_ {
        self.rows().tape.restores[&id].clone()
    }

    pub(super) fn is_shut(&self) -> bool {
        self.rows().tenants.get(&name()).unwrap().disabled.is_some()
    }

    fn tools(&self) -> Tools {
        let (repositories, books) = (self.clone(), self.clone());
        let (station, disk, clock) = (self.clone(), self.clone(), self.clone());
        Tools {
            stations: Stations::from_iter([(library(), Arc::new(station) as Arc<dyn Station>)]),
            repositories: Arc::new(repositories),
            books: Arc::new(books),
            folders: Arc::new(move |_| Ok(Arc::new(disk.clone()) as Arc<dyn Disk>)),
            clock: Arc::new(clock),
            threads: Arc::new(Native),
            keys: Keys::default(),
        }
    }

    /// Runs a restore to its end, or to the crash. `stop` is asked before each order.
    pub(super) async fn run(
        &self,
        id: RestoreId,
        stop: impl Fn(&Effect) -> bool,
    ) -> Option<RestoreEnd> {
        let rows = self.rows();
        let known = shelved(&rows, &self.0.shelf, id).await.unwrap();
        let order = order(&rows, &known, &|_| true, id).unwrap();
        let is_begun = rows.tape.restores[&id].begun.is_some();
        let worker = Worker::new(id, &order, is_begun, self.tools());
        let mut machine = Restore::new(order);
        let mut event = Event::Start;
        let now = Now {
            wall: wall(),
            monotonic: Instant::default(),
        };
        loop {
            let mut acts = Acts::default();
            machine.step(now, event, &mut acts);
            let effects: Vec<Effect> = acts
                .into_iter()
                .map(|act| match act {
                    Act::Show(effect) | Act::Start(effect) => effect,
                    Act::Persist(never) => match never {},
                })
                .collect();
            let [effect] = effects.as_slice() else {
                assert!(effects.is_empty(), "one at a time: {effects:?}");
                return self.row(id).end.map(|(_, end)| end);
            };
            if stop(effect) {
                machine.step(now, Event::Stop, &mut Acts::default());
            }
            event = tokio::select! {
                event = worker.perform(effect.clone()) => event,
                () = self.0.gate.crashed.notified() => return None,
            };
        }
    }

    /// What is durable on the disk.
    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let disk = self.0.disk.lock().unwrap();
        let named = disk.iter().filter(|(_, entry)| entry.is_named);
        named
            .map(|(path, entry)| (path.clone(), entry.body.lock().unwrap().1.clone()))
            .collect()
    }

    /// Loses what was not synced.
    pub(super) fn crash(&self) {
        let mut disk = self.0.disk.lock().unwrap();
        disk.retain(|_, entry| entry.is_named);
        for entry in disk.values() {
            let mut body = entry.body.lock().unwrap();
            body.0 = body.1.clone();
        }
        self.0.gate.set(0);
    }
}

fn cartridge(number: u128, known: &[Row]) -> Cartridge {
    let barcode = Barcode::parse(&format!("VT{number:04}L6")).unwrap();
    Cartridge {
        medium: MediumRow {
            barcode: Some(barcode),
            kind: Kind::Standard,
            content: Content::Written(Written {
                is_closed: false,
                expires: Expiry::Never,
                last: wall(),
            }),
            pool: Some(PoolId::new(1)),
            set: Some(MediaSet::Daily),
            is_online: true,
            is_protected: false,
            is_write_protected: false,
            is_retired: false,
            write_errors: 0,
        },
        slot: Some((library(), Element(number as u16))),
        of: Some((SetId::new(SET), number as u32)),
        generation: 1,
        head: Head {
            objects: known.len() as u64,
            bytes: 0,
            root: [0; 32],
        },
    }
}

/// The objects of a folder in restic's layout, and whatever else is in it.
pub(super) fn in_folder(files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Bytes> {
    files
        .into_iter()
        .map(|(path, body)| (path, body.into()))
        .collect()
}

/// The paths of what a repository shows.
pub(super) fn by_path(objects: &Objects) -> BTreeMap<String, Bytes> {
    let paths = objects.iter();
    paths
        .map(|(object, bytes): (&Object, _)| (object.to_string(), bytes.clone()))
        .collect()
}
