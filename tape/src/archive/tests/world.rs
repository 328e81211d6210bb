//! A service without devices: reels, repositories that are lists, and the real catalog.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use holdfast_actors::catalog::command::{
    Actor, Command, Contract, OperatorCommand, RepositoryCommand, Submission, TenantCommand,
};
use holdfast_actors::catalog::decide;
use holdfast_actors::catalog::rows::{Device, Mixing, Role, Rows, Share, Source as Archived};
use holdfast_actors::catalog::tape::{
    JobCommand, LibraryCommand, MediaPoolCommand, MediumCommand, Seen, TapeCommand,
};
use holdfast_actors::kernel::{
    Act, Acts, Date, Instant, Machine as _, Now, RepositoryId, Size, Space, Timestamp,
};
use holdfast_actors::names::{OperatorName, RepositoryName, TapeName, TenantName};
use holdfast_actors::object::{Hash, Key, Kind};
use holdfast_actors::ports::Pending;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::job::Outcome;
use holdfast_actors::tape::media::Label as Said;
use holdfast_actors::tape::pool::{Retention, SetRules};
use holdfast_actors::tape::{Barcode, MediaSet, MediumId, Schedule, SetId, Weekday};

use super::super::hands::Means;
use super::super::{Archive, Effect, Event, Order, Site};
use super::cloud::{Cloud, Stored};
use super::shop::{Counted, Shop, Slot, Still};
use crate::format::{self, Keys, Reel, Settings, Signer, Sum};
use crate::ports::{Books, Failed, Item, Stations};
use crate::shelf::tests::Memory;

pub(super) const KIB: usize = 1024;

pub(super) fn ready<T: Send + 'static>(value: T) -> Pending<T> {
    Box::pin(std::future::ready(value))
}

pub(super) fn tape(text: &str) -> TapeName {
    TapeName::parse(text).unwrap()
}

/// The catalog.
pub(super) struct Office {
    rows: Mutex<Arc<Rows>>,
    at: Mutex<Timestamp>,
}

impl Office {
    pub(super) fn rows(&self) -> Arc<Rows> {
        Arc::clone(&self.rows.lock().unwrap())
    }

    fn give(&self, by: Actor, command: Command) -> Result<(), Failed> {
        let at = *self.at.lock().unwrap();
        let submission = Submission {
            client: 0,
            sequence: 0,
            by,
            at,
            command,
        };
        let mut rows = self.rows.lock().unwrap();
        let (next, _) = decide(&rows, &submission)?;
        *rows = Arc::new(next);
        Ok(())
    }

    pub(super) fn ann(&self, command: Command) {
        let ann = Actor::Operator(OperatorName::parse("ann").unwrap());
        self.give(ann, command).unwrap();
    }

    pub(super) fn system(&self, command: TapeCommand) {
        self.give(Actor::System, Command::Tape(command)).unwrap();
    }
}

impl Books for Office {
    fn rows(&self) -> Arc<Rows> {
        self.rows()
    }

    fn submit(&self, command: TapeCommand) -> Pending<Result<(), Failed>> {
        ready(self.give(Actor::System, Command::Tape(command)))
    }
}

pub(super) struct World {
    pub(super) office: Arc<Office>,
    pub(super) cloud: Arc<Cloud>,
    pub(super) shop: Arc<Shop>,
    pub(super) shelf: Arc<Memory>,
    entropy: Arc<Counted>,
    pub(super) settings: Settings,
    pub(super) keys: Keys,
    pub(super) now: Timestamp,
    pub(super) mixing: Mixing,
    /// Whose the runs of sets were when they began.
    pub(super) began: Mutex<BTreeMap<(SetId, String), Share>>,
    drawn: u64,
}

pub(super) struct Plan {
    pub(super) tapes: u16,
    pub(super) near_end: usize,
    pub(super) hard_end: usize,
    pub(super) mixing: Mixing,
    pub(super) appends: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            tapes: 6,
            near_end: 24,
            hard_end: 80,
            mixing: Mixing::Never,
            appends: true,
        }
    }
}

impl World {
    pub(super) fn new(plan: &Plan) -> Self {
        let now = Timestamp::parse("2026-11-23T02:00:00Z").unwrap();
        let mut rows = Rows::default();
        rows.clock.today = Date::of(now);
        rows.clock.wall = now;
        let mut world = Self {
            office: Arc::new(Office {
                rows: Mutex::new(Arc::new(rows)),
                at: Mutex::new(now),
            }),
            cloud: Arc::default(),
            shop: Arc::default(),
            shelf: Arc::default(),
            entropy: Arc::new(Counted(Mutex::new(1000))),
            settings: Settings {
                archive_max: 1 << 20,
                commit_every: 1 << 20,
                finish_max: 64 << 10,
                rows_max: 1000,
            },
            keys: Keys::default(),
            now,
            mixing: plan.mixing,
            began: Mutex::default(),
            drawn: 0,
        };
        world.furnish(plan);
        world
    }

    fn furnish(&mut self, plan: &Plan) {
        let ann = OperatorCommand::Add {
            role: Role::Admin,
            uid: Some(1000),
        };
        let name = OperatorName::parse("ann").unwrap();
        self.office
            .give(Actor::System, Command::Operator(name, ann))
            .unwrap();
        let device = Device::Virtual {
            drives: 1,
            slots: plan.tapes,
            capacity: Size::mib(64),
        };
        let add = LibraryCommand::Add { node: None, device };
        let library = |command| TapeCommand::Library(tape("robot"), command);
        self.office.ann(Command::Tape(library(add)));
        let rules = |set| SetRules {
            retention: Retention::usual(set),
            appends: plan.appends && set == MediaSet::Daily,
        };
        let pool = MediaPoolCommand::Add {
            description: String::new(),
            is_worm: false,
            takes_free: true,
            sets: MediaSet::ALL.map(|set| (set, rules(set))).into(),
            mixing: plan.mixing,
        };
        self.office
            .ann(Command::Tape(TapeCommand::Pool(tape("gfs"), pool)));
        let job = JobCommand::Add {
            description: String::new(),
            sources: vec![Archived::All],
            pool: tape("gfs"),
            schedule: Schedule {
                daily: Weekday::ALL.into(),
                ..Schedule::default()
            },
        };
        self.office
            .ann(Command::Tape(TapeCommand::Job(tape("nightly"), job)));
        let seen = |slot: u16| Seen {
            slot: Element(slot),
            barcode: Some(Barcode::parse(&format!("HF{slot:04}L9")).unwrap()),
            new: MediumId::new(u128::from(slot)),
        };
        let seen = (1..=plan.tapes).map(seen).collect();
        self.office.system(library(LibraryCommand::Inventory(seen)));
        let blank = Said {
            medium: None,
            expires: None,
            is_foreign: false,
            is_worm: false,
        };
        for slot in 1..=plan.tapes {
            let id = MediumId::new(u128::from(slot));
            let said = MediumCommand::Identified(blank);
            self.office.system(TapeCommand::Medium(id, said));
            let slot_of = Slot {
                reel: Reel::new(plan.near_end, plan.hard_end),
                fails_after: None,
                writes: 0,
            };
            let mut slots = self.shop.slots.lock().unwrap();
            slots.insert(slot, Arc::new(Mutex::new(slot_of)));
        }
    }

    /// Makes a tenant with a repository.
    pub(super) fn repository(&mut self, of: &str, name: &str) -> RepositoryId {
        let tenant = TenantName::parse(of).unwrap();
        if self.office.rows().tenants.get(&tenant).is_none() {
            let add = TenantCommand::Add(Contract::default());
            self.office.ann(Command::Tenant(tenant.clone(), add));
        }
        let add = RepositoryCommand::Add {
            tenant,
            name: RepositoryName::parse(name).unwrap(),
            quota: Size::gib(10),
            hold_days: 0,
            min_copies: 1,
        };
        self.office.ann(Command::Repository(add));
        let rows = self.office.rows();
        let newest = rows.repositories.keys().max().copied();
        newest.unwrap()
    }

    /// Stores an object of so many bytes.
    pub(super) fn store(&mut self, id: RepositoryId, kind: Kind, length: usize) {
        self.drawn += 1;
        let seed = self.drawn.to_le_bytes();
        let bytes: Vec<u8> = seed.iter().copied().cycle().take(length).collect();
        let bytes = Bytes::from(bytes);
        let sum = Sum::of(&bytes);
        let name = match kind {
            Kind::Config => Hash::ZERO,
            Kind::Data | Kind::Index | Kind::Key | Kind::Lock | Kind::Snapshot => {
                Hash::new(*sum.as_bytes())
            }
        };
        let item = Item {
            key: Key {
                space: Space::TENANT,
                kind,
                name,
            },
            length: Size::bytes(length as u64),
            sha256: sum,
        };
        let stored = Stored {
            item,
            bytes,
            added: self.now,
            hidden: None,
        };
        self.cloud
            .stored
            .lock()
            .unwrap()
            .entry(id)
            .or_default()
            .push(stored);
    }

    pub(super) fn fill(&mut self, id: RepositoryId, objects: usize, length: usize) {
        self.store(id, Kind::Config, 155);
        for _ in 0..objects {
            self.store(id, Kind::Data, length);
        }
        self.store(id, Kind::Snapshot, 300);
    }

    /// New objects in every repository, and one more repository.
    pub(super) fn fill_more(&mut self, objects: usize) {
        let ids: Vec<RepositoryId> = self.office.rows().repositories.keys().copied().collect();
        for id in ids {
            for _ in 0..objects {
                self.store(id, Kind::Data, 150 * KIB);
            }
        }
        let name = format!("more-{}", self.drawn);
        let id = self.repository(
            if objects.is_multiple_of(2) {
                "Zeta"
            } else {
                "Acme Ltd"
            },
            &name,
        );
        self.fill(id, objects, 90 * KIB);
    }

    /// Hides the eldest packs.
    pub(super) fn prune(&mut self, id: RepositoryId, count: usize) {
        let now = self.now;
        let mut stored = self.cloud.stored.lock().unwrap();
        let packs = stored.get_mut(&id).unwrap().iter_mut();
        let packs = packs.filter(|it| it.item.key.kind == Kind::Data && it.hidden.is_none());
        packs.take(count).for_each(|it| it.hidden = Some(now));
    }

    pub(super) fn pass(&mut self, millis: u64) {
        self.now = Timestamp::from_millis(self.now.as_millis() + millis);
        *self.office.at.lock().unwrap() = self.now;
        let mut rows = self.office.rows.lock().unwrap();
        let rows = Arc::make_mut(&mut rows);
        rows.clock.today = Date::of(self.now);
        rows.clock.wall = self.now;
    }

    pub(super) fn order(&self, set: MediaSet) -> Order {
        Order {
            job: tape("nightly"),
            set,
            since: self.now,
        }
    }

    pub(super) fn site(&self) -> Site {
        Site {
            stations: Stations::from_iter([(tape("robot"), Arc::clone(&self.shop) as _)]),
            repositories: Arc::clone(&self.cloud) as _,
            books: Arc::clone(&self.office) as _,
            shelf: Arc::clone(&self.shelf) as _,
            signer: Signer::from_seed(&[7; 32]).unwrap(),
            cluster: format::Text::parse("test").unwrap(),
            settings: self.settings,
            keys: self.keys.clone(),
        }
    }

    pub(super) fn with<T>(&self, slot: u16, what: impl FnOnce(&mut Slot) -> T) -> T {
        let slot = Arc::clone(&self.shop.slots.lock().unwrap()[&slot]);
        what(&mut slot.lock().unwrap())
    }

    /// Makes an attempt; none if it crashed before its effect of that number.
    pub(super) fn attempt(&mut self, order: &Order, crash: Option<usize>) -> Option<Outcome> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(self.run(order, crash))
    }

    async fn run(&mut self, order: &Order, crash: Option<usize>) -> Option<Outcome> {
        let site = self.site();
        let mut machine = Archive::new(order.clone(), site.house());
        let mut means = Means::new(site, Arc::clone(&self.entropy) as _, Arc::new(Still));
        let mut event = Event::Start;
        for number in 0..10_000 {
            self.pass(1);
            let now = Now {
                monotonic: Instant::default(),
                wall: self.now,
            };
            let mut acts = Acts::default();
            machine.step(now, event, &mut acts);
            assert_eq!(machine.broken(), None);
            let mut acts = acts.into_iter();
            let Some(Act::Start(effect)) = acts.next() else {
                panic!("nothing is wanted: {}", machine.observe());
            };
            assert!(acts.next().is_none());
            if let Effect::End(outcome) = effect {
                return Some(outcome);
            }
            if crash == Some(number) {
                return None;
            }
            event = means.perform(effect).await.unwrap();
        }
        panic!("no end: {}", machine.observe());
    }
}
