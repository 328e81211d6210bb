//! One repository on one simulated node, over all its lives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::{
    Epoch, ExtentId, Machine as _, RepositoryId, Size, Space, Timestamp,
};
use holdfast_actors::object::{Hash, Key, Kind};
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::repository::{
    Hands, Message, Moment, Promises, Reader, Recovered, RecoveryError, Register, Repository,
    Settings, Tenure, present, recover, recover_by_index, recover_with,
};
use holdfast_actors::shell::{self, Directory, Fault, Handle, Path};
use holdfast_simulations::clock::Clock;
use holdfast_simulations::dice::Dice;
use holdfast_simulations::disk::{Disk, Faults};
use holdfast_simulations::entropy::Entropy;
use holdfast_simulations::index::Index;
use sha2::{Digest, Sha256};
use tokio::runtime::{Builder, RngSeed};

use crate::clients;
use crate::standing_by::Follower;

pub(crate) const ID: RepositoryId = RepositoryId::new(1);
/// How many different objects there are.
pub(crate) const OBJECTS: u64 = 24;

/// The catalog's part: it forgets nothing.
#[derive(Debug, Default)]
pub(crate) struct Catalog(Mutex<Rows>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    last: u64,
    extents: BTreeMap<ExtentId, Option<u64>>,
    begun: BTreeSet<ExtentId>,
    writers: BTreeMap<ExtentId, Epoch>,
    /// Which were said to be kept, each time.
    pub(crate) kept: Vec<ExtentId>,
}

impl Catalog {
    pub(crate) fn extents(&self) -> Vec<(ExtentId, Option<u64>)> {
        let rows = self.0.lock().unwrap();
        rows.extents
            .iter()
            .map(|(id, sealed)| (*id, *sealed))
            .collect()
    }

    pub(crate) fn rows(&self) -> Rows {
        self.0.lock().unwrap().clone()
    }

    /// Takes it back to what it was.
    pub(crate) fn reset(&self, rows: Rows) {
        *self.0.lock().unwrap() = rows;
    }
}

impl Register for Catalog {
    fn acquire(&self, _: RepositoryId) -> Pending<Result<Epoch, Fault>> {
        let mut rows = self.0.lock().unwrap();
        rows.last += 1;
        let epoch = Epoch::new(rows.last);
        Box::pin(async move { Ok(epoch) })
    }

    fn release(&self, _: RepositoryId, _: Epoch) -> Pending<Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }

    fn tenure(&self, _: Epoch) -> Tenure {
        Tenure::Held
    }

    fn extents(&self, _: RepositoryId) -> Vec<(ExtentId, Option<u64>)> {
        Self::extents(self)
    }

    fn open(&self, _: RepositoryId, epoch: Epoch) -> Pending<Result<ExtentId, Fault>> {
        let mut rows = self.0.lock().unwrap();
        rows.last += 1;
        let id = ExtentId::new(rows.last);
        rows.extents.insert(id, None);
        rows.writers.insert(id, epoch);
        Box::pin(async move { Ok(id) })
    }

    fn begin(&self, extent: ExtentId, _: Epoch) -> Pending<Result<(), Fault>> {
        self.0.lock().unwrap().begun.insert(extent);
        Box::pin(async { Ok(()) })
    }

    fn begun(&self, _: RepositoryId) -> Vec<ExtentId> {
        self.0.lock().unwrap().begun.iter().copied().collect()
    }

    fn writer(&self, extent: ExtentId) -> Option<Epoch> {
        self.0.lock().unwrap().writers.get(&extent).copied()
    }

    fn seal(&self, extent: ExtentId, _: Epoch, length: u64) -> Pending<Result<(), Fault>> {
        let mut rows = self.0.lock().unwrap();
        rows.begun.remove(&extent);
        rows.extents.insert(extent, Some(length));
        Box::pin(async { Ok(()) })
    }

    fn keep(&self, extent: ExtentId, _: Epoch) -> Pending<Result<(), Fault>> {
        self.0.lock().unwrap().kept.push(extent);
        Box::pin(async { Ok(()) })
    }

    fn forget(&self, extent: ExtentId, _: Epoch) -> Pending<Result<(), Fault>> {
        let mut rows = self.0.lock().unwrap();
        rows.extents.remove(&extent);
        Box::pin(async { Ok(()) })
    }
}

/// What clients were told: which of the two states each object may be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Present,
    Absent,
    Either,
}

/// The world.
pub(crate) struct World {
    pub(crate) disk: Disk,
    pub(crate) index: Index,
    pub(crate) dice: Dice,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) told: Arc<Mutex<BTreeMap<u64, Told>>>,
    /// Bytes of an upload that is given up, before anything else is done.
    pub(crate) fill: u64,
    /// Objects that one client stores in this order, and nothing else happens.
    pub(crate) script: Vec<u64>,
    /// What is wrong with the disk while clients work.
    pub(crate) faults: Faults,
    /// Days that what was deleted stays.
    pub(crate) bin_days: u32,
    pub(crate) wall: Timestamp,
    /// Whether somebody follows its log, and who.
    pub(crate) is_followed: bool,
    pub(crate) follower: Arc<Follower>,
}

/// All objects, with their bytes.
static CONTENTS: LazyLock<Vec<(Key, Bytes)>> = LazyLock::new(|| (0..OBJECTS).map(make).collect());

/// The bytes of an object.
pub(crate) fn content(number: u64) -> Bytes {
    CONTENTS[number as usize].1.clone()
}

/// The name of an object; small ones are locks now and then.
pub(crate) fn key(number: u64) -> Key {
    CONTENTS[number as usize].0
}

fn make(number: u64) -> (Key, Bytes) {
    const SIZES: [usize; 8] = [0, 1, 900, 20_000, 262_143, 262_144, 262_145, 700_000];
    let mut bytes = vec![0; SIZES[(number % 8) as usize]];
    Dice::of_seed(number).fill(&mut bytes);
    // No two of one length are the same, but for the empty ones, which are in spaces of their own.
    if let Some(first) = bytes.first_mut() {
        *first = number as u8;
    }
    let name: [u8; 32] = Sha256::digest(&bytes).into();
    let lock = number.is_multiple_of(5) && bytes.len() <= 16 << 10;
    let key = Key {
        space: Space::new(number / 8),
        kind: if lock { Kind::Lock } else { Kind::Data },
        name: Hash::new(name),
    };
    (key, Bytes::from(bytes))
}

impl World {
    pub(crate) fn of_seed(seed: u64) -> Self {
        let disk = Disk::default();
        disk.set_latency(Duration::from_micros(700));
        Self {
            disk,
            index: Index::default(),
            dice: Dice::of_seed(seed),
            catalog: Arc::default(),
            told: Arc::default(),
            fill: 0,
            script: Vec::new(),
            faults: Faults::default(),
            bin_days: 7,
            wall: Timestamp::parse("2026-03-10T12:00:00Z").unwrap(),
            is_followed: false,
            follower: Arc::default(),
        }
    }

    pub(crate) fn ports(&self) -> Ports {
        Ports {
            clock: Arc::new(Clock::starting_at(self.wall)),
            entropy: Arc::new(Entropy::new(self.dice.fork("entropy"))),
            disk: self.disk.port(),
            index: self.index.port(),
            directory: Arc::new(Directory::default()),
        }
    }

    /// Recovers, checks what is there, and lets clients work for a while at most.
    pub(crate) fn live(&mut self, duration: Duration) -> Result<(), String> {
        let seed = RngSeed::from_bytes(&self.dice.below(u64::MAX).to_le_bytes());
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).rng_seed(seed);
        let runtime = runtime.build().unwrap();
        let ended = runtime.block_on(self.life(duration));
        runtime.shutdown_background();
        self.wall = self.wall + duration;
        ended
    }

    /// Whatever still runs of this life can do nothing more, and the disk judges.
    pub(crate) fn crash(&mut self) {
        self.disk.crash(&mut self.dice);
        self.index.crash(&mut self.dice);
    }

    async fn life(&mut self, duration: Duration) -> Result<(), String> {
        let ports = self.ports();
        self.disk.set_faults(Faults::default());
        let machine = self.recover_twice(&ports).await?;
        self.check(&machine, &ports).await?;
        let handle = self.start(machine, &ports).await;
        self.disk.set_faults(self.faults.clone());
        if self.fill > 0 {
            clients::fill(&handle, self.fill).await;
        }
        let work = clients::work(self, handle, &ports);
        let (follower, catalog) = (Arc::clone(&self.follower), Arc::clone(&self.catalog));
        let dice = self.dice.fork("follower");
        let follow = async {
            if self.is_followed {
                follower
                    .follow(ports.clone(), catalog, dice, duration)
                    .await;
            }
            std::future::pending::<()>().await;
        };
        let both = async {
            tokio::select! {
                worked = work => worked,
                () = follow => Ok(()),
            }
        };
        // Cut off in the middle of whatever goes on.
        let worked = tokio::time::timeout(duration, both).await;
        worked.unwrap_or(Ok(()))
    }

    pub(crate) async fn recover(
        &self,
        ports: &Ports,
    ) -> Result<(Repository, Recovered), RecoveryError> {
        let mut machine = self.empty().await;
        let extents = self.catalog.extents();
        let recovered = recover(&ports.disk, ID, &extents, &mut machine).await?;
        Ok((machine, recovered))
    }

    /// Recovers by what the index has.
    pub(crate) async fn recover_by_index(
        &self,
        ports: &Ports,
    ) -> Result<(Repository, Recovered), RecoveryError> {
        let extents = self.catalog.extents();
        let mut machine = self.empty().await;
        present(&ports.disk, ID, &self.catalog.begun(ID)).await?;
        let recovered = recover_by_index(ports, ID, &extents, &mut machine).await?;
        Ok((machine, recovered))
    }

    async fn empty(&self) -> Repository {
        let epoch = self.catalog.acquire(ID).await.unwrap();
        let quota = Size::gib(1);
        let settings = Settings {
            quota,
            bin_days: self.bin_days,
            trusted: Some(self.wall),
            ..Settings::default()
        };
        Repository::new(ID, epoch, settings)
    }

    /// Recovers as if the first recovery had been cut off before it sealed anything, and again
    /// once all is sealed: the outcome is the same each time.
    async fn recover_twice(&self, ports: &Ports) -> Result<Repository, String> {
        let fail = |error: RecoveryError| format!("not recovered: {error}");
        let (first, found) = self.recover(ports).await.map_err(fail)?;
        let (second, again) = self.recover_by_index(ports).await.map_err(fail)?;
        if found != again {
            return Err(format!("{found:?} and then {again:?}"));
        }
        self.step_in(ports, &first, &found).await?;
        for (extent, length) in found.open {
            self.catalog
                .seal(extent, Epoch::default(), length)
                .await
                .unwrap();
        }
        let (third, found) = self.recover_by_index(ports).await.map_err(fail)?;
        if !found.open.is_empty() {
            return Err("an extent stayed open".to_owned());
        }
        let state = |machine: &Repository| format!("{:?}", machine.state());
        if state(&first) != state(&second) || state(&first) != state(&third) {
            return Err("two recoveries of one disk differ".to_owned());
        }
        Ok(third)
    }

    /// Has whoever followed the log step in, now and then: nothing else comes of it.
    async fn step_in(
        &self,
        ports: &Ports,
        by_log: &Repository,
        found: &Recovered,
    ) -> Result<(), String> {
        let is_now = self.catalog.rows().last.is_multiple_of(2);
        let Some(standby) = is_now.then(|| self.follower.take()).flatten() else {
            return Ok(());
        };
        let (known, mut machine) = (format!("{standby:?}"), self.empty().await);
        let extents = self.catalog.extents();
        let stood = recover_with(ports, ID, &extents, Some(standby), &mut machine).await;
        let again = stood.map_err(|error| format!("not recovered {known}: {error}"))?;
        self.follower.stepped_in(machine.origin().0);
        let state = |machine: &Repository| format!("{:?}", machine.state());
        if state(by_log) != state(&machine) || *found != again {
            let (by_log, by_standby) = (state(by_log), state(&machine));
            return Err(format!("{known} makes {by_standby} of {by_log}"));
        }
        Ok(())
    }

    /// A reader of what is stored.
    pub(crate) fn reader(&self, ports: &Ports) -> Reader {
        Reader::new(Arc::clone(&ports.disk), ID, self.catalog.clone())
    }

    /// Compares what is there with what was promised.
    async fn check(&self, machine: &Repository, ports: &Ports) -> Result<(), String> {
        let reader = self.reader(ports);
        let held = machine.state().snapshot();
        let mut live = Size::ZERO;
        for number in 0..OBJECTS {
            let key = key(number);
            let told = self.told.lock().unwrap().get(&number).copied();
            let told = told.unwrap_or(Told::Absent);
            let object = held.object(&key, Moment::Now);
            match (told, object) {
                (Told::Present, None) => return Err(format!("{key:?} is lost")),
                (Told::Absent, Some(_)) => return Err(format!("{key:?} came back")),
                (Told::Present | Told::Absent | Told::Either, _) => {}
            }
            let now = object.map_or(Told::Absent, |_| Told::Present);
            self.told.lock().unwrap().insert(number, now);
            let Some(object) = object else { continue };
            clients::compare(&reader, object, number).await?;
            if key.kind != Kind::Lock {
                live += object.size;
            }
        }
        let figures = machine.state().total();
        if figures.live != live {
            return Err(format!("{figures:?}, and {live:?} are there"));
        }
        Ok(())
    }

    /// Starts what was recovered.
    pub(crate) async fn start(&self, machine: Repository, ports: &Ports) -> Handle<Message> {
        let register: Arc<dyn Register> = self.catalog.clone();
        // Both are of one owner.
        let epoch = Epoch::new(machine.observe()["epoch"].as_u64().unwrap());
        let reader = self.reader(ports);
        let promises = Promises::default();
        let hands = Hands::new(ID, epoch, register, reader, &promises, Box::new(|_, _| ()));
        let path = Path::node().child("repositories").child(ID);
        shell::spawn(path, machine, hands, ports.clone(), None)
            .await
            .unwrap()
    }
}
