//! An office with a library; each kind of rule in a file of its own, in `orders` all of them
//! against any order of commands.

mod care;
mod classes;
mod door;
mod found;
mod golden;
mod jobs;
mod keys;
mod media;
mod orders;
mod places;
mod restores;
mod roles;
mod sets;
mod vaults;

use super::super::command::Command;
use super::super::fixture::{DAY, Office, grant, operator, remove_tenant};
use super::super::rows::Cartridge;
use super::super::{Class, restore, snapshot};
use super::*;
use crate::kernel::{Date, Size, Timestamp};
use crate::names::{RepositoryName, TenantName};
use crate::tape::Weekday;
use crate::tape::media::{Content, Expiry, Kind, Written};
use crate::tape::pool::Retention;

const BLANK: Label = Label {
    medium: None,
    expires: None,
    is_foreign: false,
    is_worm: false,
};

fn name(text: &str) -> TapeName {
    TapeName::parse(text).unwrap()
}

fn library(command: LibraryCommand) -> Command {
    Command::Tape(TapeCommand::Library(name("robot"), command))
}

fn pool(command: MediaPoolCommand) -> Command {
    Command::Tape(TapeCommand::Pool(name("gfs"), command))
}

fn job(command: JobCommand) -> Command {
    Command::Tape(TapeCommand::Job(name("nightly"), command))
}

fn medium(id: u128, command: MediumCommand) -> Command {
    Command::Tape(TapeCommand::Medium(MediumId::new(id), command))
}

fn set(id: u128, command: SetCommand) -> Command {
    Command::Tape(TapeCommand::Set(SetId::new(id), command))
}

fn barcode(number: u128) -> Barcode {
    Barcode::parse(&format!("HF{number:04}L9")).unwrap()
}

fn seen(slot: u16, barcode: Option<Barcode>) -> Seen {
    Seen {
        slot: Element(slot),
        barcode,
        new: MediumId::new(u128::from(slot)),
    }
}

fn head(objects: u64) -> Head {
    Head {
        objects,
        bytes: objects * 10,
        root: [0; 32],
    }
}

fn run(name: &str, view: u64) -> Run {
    Run {
        name: name.to_owned(),
        job: self::name("nightly"),
        repository: RepositoryId::new(2),
        tenant: TenantName::parse("Acme").unwrap(),
        called: RepositoryName::parse("main").unwrap(),
        view: Timestamp::from_millis(view),
        objects: 3,
        bytes: 30,
        done: None,
    }
}

/// An office with a library of four known, empty cartridges, a pool and a job.
struct Vault(Office);

impl Vault {
    fn open() -> Self {
        let mut office = Office::open();
        office.add_tenant("Acme");
        office.add_repository("Acme", "main", 0);
        let device = Device::Virtual {
            drives: 2,
            slots: 4,
            capacity: Size::mib(64),
        };
        office
            .ann(library(LibraryCommand::Add { node: None, device }))
            .unwrap();
        let rules = |set| SetRules {
            retention: Retention::usual(set),
            appends: set == MediaSet::Daily,
        };
        let sets = MediaSet::ALL.map(|set| (set, rules(set))).into();
        let add = MediaPoolCommand::Add {
            description: String::new(),
            is_worm: false,
            takes_free: true,
            sets,
            mixing: Mixing::Never,
        };
        office.ann(pool(add)).unwrap();
        let schedule = Schedule {
            daily: Weekday::ALL.into(),
            ..Schedule::default()
        };
        let add = JobCommand::Add {
            description: String::new(),
            sources: vec![Source::All],
            pool: name("gfs"),
            schedule,
        };
        office.ann(job(add)).unwrap();
        let mut vault = Self(office);
        vault.inventory(&[1, 2, 3, 4]);
        for id in 1..=4 {
            vault.identify(id, BLANK);
        }
        vault.0.events();
        vault
    }

    fn system(&mut self, command: Command) -> Result<Outcome, Refused> {
        self.0.system(command)
    }

    fn ann(&mut self, command: Command) -> Result<Outcome, Refused> {
        self.0.ann(command)
    }

    /// Cartridges in the slots of their numbers.
    fn inventory(&mut self, numbers: &[u16]) {
        let own = |it: &u16| seen(*it, Some(barcode(u128::from(*it))));
        self.sees(numbers.iter().map(own).collect());
    }

    fn sees(&mut self, all: Vec<Seen>) {
        let command = LibraryCommand::Inventory(all);
        self.system(library(command)).unwrap();
    }

    fn identify(&mut self, id: u128, label: Label) {
        let command = MediumCommand::Identified(label);
        self.system(medium(id, command)).unwrap();
    }

    fn pool(&self) -> PoolId {
        self.0.rows().tape.pools[&name("gfs")].id
    }

    fn open_set(&mut self, id: u128, of: MediaSet) {
        self.opens(id, of, Some(1), None).unwrap();
    }

    fn opens(
        &mut self,
        id: u128,
        of: MediaSet,
        owner: Option<u64>,
        one: Option<u64>,
    ) -> Result<Outcome, Refused> {
        let open = SetCommand::Open {
            pool: self.pool(),
            set: of,
            owner,
            one: one.map(RepositoryId::new),
        };
        self.system(set(id, open))
    }

    /// A set with this on its one cartridge.
    fn written(&mut self, id: u128, of: MediaSet, number: u128) {
        self.open_set(id, of);
        self.begin(id, number, BLANK).unwrap();
        self.commit(id, number, 3).unwrap();
    }

    fn commit(&mut self, id: u128, number: u128, objects: u64) -> Result<Outcome, Refused> {
        let (medium, head) = (MediumId::new(number), head(objects));
        self.system(set(id, SetCommand::Committed { medium, head }))
    }

    fn full(&mut self, id: u128, number: u128) -> Result<Outcome, Refused> {
        let medium = MediumId::new(number);
        self.system(set(id, SetCommand::Full { medium }))
    }

    fn ran(&mut self, id: u128, run: &str) -> Result<Outcome, Refused> {
        let run = run.to_owned();
        self.system(set(id, SetCommand::Ran { run }))
    }

    fn close(&mut self, id: u128) {
        self.system(set(id, SetCommand::Close)).unwrap();
    }

    /// The clock goes on by days, and an operator says that it is right.
    fn days(&mut self, days: u32) {
        self.0.now.wall = self.0.now.wall + DAY * days;
        self.0.pass(DAY / 24);
        let today = Date::of(self.0.now.wall);
        self.0.confirm(&today.to_string()).unwrap();
    }

    fn row(&self, id: u128) -> &Cartridge {
        &self.0.rows().tape.media[&MediumId::new(id)]
    }

    fn content(&self, id: u128) -> Content {
        self.row(id).medium.content
    }

    fn slot(&self, id: u128) -> Option<u16> {
        let row = self.0.rows().tape.media.get(&MediumId::new(id));
        row.and_then(|row| row.slot.as_ref())
            .map(|(_, slot)| slot.0)
    }

    fn is_closed(&self, id: u128) -> bool {
        let row = self.0.rows().tape.sets.get(&SetId::new(id));
        row.is_none_or(|row| row.closed.is_some())
    }

    fn begin(&mut self, id: u128, number: u128, label: Label) -> Result<Outcome, Refused> {
        let medium = MediumId::new(number);
        self.system(set(id, SetCommand::Begin { medium, label }))
    }
}

fn said(id: u128) -> Label {
    Label {
        medium: Some(MediumId::new(id)),
        ..BLANK
    }
}

/// The word for a refusal.
fn why(answer: Result<Outcome, Refused>) -> &'static str {
    answer.map_or_else(|refused| refused.reason(), |_| "done")
}

/// What a pool says of sets that are kept for so many days.
fn sets(of: &[MediaSet], days: u32) -> BTreeMap<MediaSet, SetRules> {
    let rules = SetRules {
        retention: Retention::Days(days),
        appends: true,
    };
    of.iter().map(|set| (*set, rules)).collect()
}

/// Changes the sets of a pool.
fn set_pool(sets: BTreeMap<MediaSet, SetRules>) -> Command {
    pool(MediaPoolCommand::Set {
        description: None,
        takes_free: None,
        sets: Some(sets),
        mixing: None,
    })
}
