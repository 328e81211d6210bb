//! A library, repositories, a catalog and a disk, all in memory, that can crash at any call.

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
use super::super::{Effect, Event, Restore, order};
use super::tapes::{Objects, SET};
use crate::format::{Object, Reel, Row, Sum};
use crate::naming;
use crate::ports::{Books, Failed, Item, Mount, Pieces, Repositories, Shelf, Station, Work};

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
    shelf: Mutex<BTreeMap<MediumId, Vec<Row>>>,
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
            shelf: Mutex::default(),
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
            world.0.shelf.lock().unwrap().insert(id, known);
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
            _ => None,
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
            stations: BTreeMap::from([(library(), Arc::new(station) as Arc<dyn Station>)]),
            repositories: Arc::new(repositories),
            books: Arc::new(books),
            folders: Arc::new(move |_| Ok(Arc::new(disk.clone()) as Arc<dyn Disk>)),
            clock: Arc::new(clock),
        }
    }

    /// Runs a restore to its end, or to the crash. `stop` is asked before each order.
    pub(super) async fn run(
        &self,
        id: RestoreId,
        stop: impl Fn(&Effect) -> bool,
    ) -> Option<RestoreEnd> {
        let rows = self.rows();
        let order = order(&rows, self, &|_| true, id).unwrap();
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

impl Clock for World {
    fn now(&self) -> Now {
        Now {
            wall: wall(),
            monotonic: Instant::default(),
        }
    }
}

impl Shelf for World {
    fn rows(&self, medium: MediumId) -> Result<Option<Vec<Row>>, Failed> {
        Ok(self.0.shelf.lock().unwrap().get(&medium).cloned())
    }
    fn add(&self, medium: MediumId, rows: &[Row]) -> Result<(), Failed> {
        let mut shelf = self.0.shelf.lock().unwrap();
        shelf.entry(medium).or_default().extend_from_slice(rows);
        Ok(())
    }
    fn clear(&self, medium: MediumId) -> Result<(), Failed> {
        self.0.shelf.lock().unwrap().remove(&medium);
        Ok(())
    }
}

impl Books for World {
    fn rows(&self) -> Arc<Rows> {
        Arc::new(Self::rows(self))
    }

    fn submit(&self, command: TapeCommand) -> Pending<Result<(), Failed>> {
        let world = self.clone();
        Box::pin(async move {
            world.0.gate.pass().await;
            let done = world.give(Actor::System, Command::Tape(command));
            world.0.gate.pass().await;
            done.map(drop).map_err(Failed::Refused)
        })
    }
}

/// A cartridge in the drive; it is in its place again when this is dropped.
struct Loaded {
    world: World,
    medium: MediumId,
}

impl Station for World {
    fn inventory(&self) -> Pending<Result<Vec<Seen>, Failed>> {
        Box::pin(async { Err(Failed::Other("nobody asks".to_owned())) })
    }

    fn mount(&self, slot: Element, _: Purpose) -> Pending<Result<Box<dyn Mount>, Failed>> {
        let world = self.clone();
        Box::pin(async move {
            world.0.gate.pass().await;
            let medium = MediumId::new(slot.0.into());
            if !world.0.reels.lock().unwrap().contains_key(&medium) {
                return Err(Failed::Other("the slot is empty".to_owned()));
            }
            world.0.loads.lock().unwrap().push(medium);
            Ok(Box::new(Loaded { world, medium }) as Box<dyn Mount>)
        })
    }
}

impl Mount for Loaded {
    fn is_worm(&self) -> bool {
        false
    }

    fn work(&mut self, work: Work) -> Pending<Result<(), Failed>> {
        let (world, medium) = (self.world.clone(), self.medium);
        let (tell, told) = oneshot::channel();
        let thread = std::thread::Builder::new();
        thread
            .spawn(move || {
                // Taken out while it works: nobody else waits for the lock meanwhile.
                let mut reel = world.0.reels.lock().unwrap().get(&medium).unwrap().clone();
                work(&mut reel);
                let _ = tell.send(());
            })
            .unwrap();
        Box::pin(async move { told.await.map_err(|_| Failed::Other("gone".to_owned())) })
    }

    fn dismount(self: Box<Self>) -> Pending<Result<(), Failed>> {
        Box::pin(async move {
            self.world.0.gate.pass().await;
            Ok(())
        })
    }
}

impl Repositories for World {
    fn view(&self, id: RepositoryId, _: Timestamp) -> Pending<Result<Vec<Item>, Failed>> {
        let world = self.clone();
        Box::pin(async move {
            world.0.gate.pass().await;
            let stored = world.0.stored.lock().unwrap();
            let stored = stored.get(&id).cloned().unwrap_or_default();
            let items = stored.into_iter().map(|(key, bytes)| Item {
                key,
                length: Size::bytes(bytes.len() as u64),
                sha256: Sum::of(&bytes),
            });
            Ok(items.collect())
        })
    }

    fn read(&self, _: RepositoryId, _: Item) -> Pending<Result<Box<dyn Pieces>, Failed>> {
        Box::pin(async { Err(Failed::Other("nobody reads".to_owned())) })
    }

    fn write(
        &self,
        id: RepositoryId,
        item: Item,
        mut from: Box<dyn Pieces>,
    ) -> Pending<Result<(), Failed>> {
        let world = self.clone();
        Box::pin(async move {
            world.0.gate.pass().await;
            let mut whole = Vec::new();
            while let Some(piece) = from.next().await? {
                assert!(piece.len() <= 1 << 20);
                whole.extend_from_slice(&piece);
            }
            world.0.was_shut.lock().unwrap().insert(world.is_shut());
            let mut stored = world.0.stored.lock().unwrap();
            let stored = stored.entry(id).or_default();
            stored.entry(item.key).or_insert_with(|| whole.into());
            Ok(())
        })
    }

    fn hide(&self, id: RepositoryId, key: Key) -> Pending<Result<(), Failed>> {
        let world = self.clone();
        Box::pin(async move {
            world.0.gate.pass().await;
            world.0.was_shut.lock().unwrap().insert(world.is_shut());
            let mut stored = world.0.stored.lock().unwrap();
            stored.entry(id).or_default().remove(&key);
            Ok(())
        })
    }
}

struct Open {
    world: World,
    entry: Entry,
}

impl World {
    fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&World, &mut BTreeMap<String, Entry>) -> io::Result<T> + Send + 'static,
    ) -> Pending<io::Result<T>> {
        let world = self.clone();
        Box::pin(async move {
            world.0.gate.pass().await;
            let mut disk = world.0.disk.lock().unwrap();
            work(&world, &mut disk)
        })
    }

    fn opened(&self, entry: Entry) -> Arc<dyn File> {
        let world = self.clone();
        Arc::new(Open { world, entry })
    }
}

impl Disk for World {
    fn create(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        let path = path.to_owned();
        assert!(holdfast_actors::ports::is_path(&path), "{path}");
        self.on_disk(move |world, disk| {
            if disk.contains_key(&path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let entry = disk.entry(path).or_default();
            Ok(world.opened(entry.clone()))
        })
    }

    fn open(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        let path = path.to_owned();
        self.on_disk(move |world, disk| {
            let entry = disk.get(&path).ok_or(io::ErrorKind::NotFound)?;
            Ok(world.opened(entry.clone()))
        })
    }

    fn list(&self, folder: &str) -> Pending<io::Result<Vec<String>>> {
        // A crash at each of 260 looks would show nothing that one does not.
        let disk = self.0.disk.lock().unwrap();
        let names = disk.keys().filter_map(|path| {
            let (of, name) = path.rsplit_once('/').unwrap_or(("", path));
            (of == folder).then(|| name.to_owned())
        });
        let names = names.collect();
        Box::pin(async move { Ok(names) })
    }

    fn rename(&self, from: &str, to: &str) -> Pending<io::Result<()>> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.on_disk(move |_, disk| {
            let entry = disk.remove(&from).ok_or(io::ErrorKind::NotFound)?;
            let is_named = false;
            disk.insert(to, Entry { is_named, ..entry });
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> Pending<io::Result<()>> {
        let path = path.to_owned();
        self.on_disk(move |_, disk| {
            disk.remove(&path);
            Ok(())
        })
    }

    fn sync_folder(&self, folder: &str) -> Pending<io::Result<()>> {
        let folder = folder.to_owned();
        self.on_disk(move |_, disk| {
            for (path, entry) in disk.iter_mut() {
                let of = path.rsplit_once('/').map_or("", |(of, _)| of);
                entry.is_named |= of == folder;
            }
            Ok(())
        })
    }

    fn storage(&self) -> Option<Storage> {
        None
    }
}

impl File for Open {
    fn write(&self, at: u64, parts: Vec<Bytes>) -> Pending<io::Result<()>> {
        let body = Arc::clone(&self.entry.body);
        self.world.on_disk(move |_, _| {
            let (bytes, at) = (parts.concat(), usize::try_from(at).unwrap());
            let mut body = body.lock().unwrap();
            let end = body.0.len().max(at + bytes.len());
            body.0.resize(end, 0);
            body.0[at..at + bytes.len()].copy_from_slice(&bytes);
            Ok(())
        })
    }

    fn sync(&self) -> Pending<io::Result<()>> {
        let body = Arc::clone(&self.entry.body);
        self.world.on_disk(move |_, _| {
            let mut body = body.lock().unwrap();
            body.1 = body.0.clone();
            Ok(())
        })
    }

    fn read(&self, at: u64, length: usize) -> Pending<io::Result<Bytes>> {
        let body = self.entry.body.lock().unwrap();
        let at = body.0.len().min(usize::try_from(at).unwrap());
        let end = body.0.len().min(at + length);
        let bytes = Bytes::copy_from_slice(&body.0[at..end]);
        Box::pin(async move { Ok(bytes) })
    }

    fn length(&self) -> Pending<io::Result<u64>> {
        let length = self.entry.body.lock().unwrap().0.len() as u64;
        Box::pin(async move { Ok(length) })
    }

    fn truncate(&self, _: u64) -> Pending<io::Result<()>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn reserve(&self, _: u64) -> Pending<io::Result<()>> {
        Box::pin(async { Ok(()) })
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
