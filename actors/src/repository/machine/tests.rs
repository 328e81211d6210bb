//! Scripts of what callers say, and what they hear; the disk and the catalog are played here.

mod bin;
mod checkpoints;
mod emptying;
mod extents;
mod model;
mod quota;
mod reserve;
mod resuming;
mod strays;
mod yielding;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::extent::Trouble;
use crate::kernel::{Act, CredentialId, Space, Ticket};
use crate::object::{Hash, Hashing, Key};
use crate::ports::Storage;
use crate::repository::audit::Audit;
use crate::repository::entry::Place;
use crate::repository::event::{Begin, Finish, Frame, Grow, Held, Resume, Written};
use crate::repository::report::Report;
use crate::repository::snapshot::Snapshot;
use crate::repository::uploads::UploadId;

const START: &str = "2026-03-10T12:00:00Z";

/// A repository and the world around it.
struct World {
    machine: Repository,
    now: Now,
    tickets: u64,
    extents: u64,
    /// What callers heard.
    answers: BTreeMap<Ticket, Result<Option<UploadId>, Denied>>,
    shown: Option<Snapshot>,
    reported: Option<Report>,
    held: BTreeMap<Ticket, Option<Held>>,
    /// Everything that was persisted, for a recovery.
    records: Vec<Record>,
    appended: Vec<(UploadId, Place)>,
    sealed: Vec<ExtentId>,
    /// How the next writes of frames come out; well, if nothing is said.
    writes: VecDeque<Trouble>,
    /// What the disk says, and what other repositories have promised of it.
    storage: Option<Storage>,
    elsewhere: Size,
    /// What the others were told.
    promised: Size,
    /// Whether extents can be made; `None` while nobody answers.
    openable: Option<Result<(), Denied>>,
    /// How often an extent was asked for while nobody answers.
    asked: u32,
    rested: Vec<u64>,
    /// How often it said that it ends.
    yielded: u32,
    /// What the index was told, and whether it takes it; `None` while it does not answer.
    checkpoints: Vec<String>,
    indexed: Option<bool>,
    /// What the log was asked, and which extents were to go.
    audits: Vec<Audit>,
    discards: Vec<ExtentId>,
    kept: BTreeMap<ExtentId, bool>,
    /// What was to be written again.
    copies: Vec<(UploadId, Place)>,
}

fn key(kind: Kind, letter: u8) -> Key {
    let name = match kind {
        Kind::Config => Hash::ZERO,
        Kind::Data | Kind::Index | Kind::Key | Kind::Lock | Kind::Snapshot => {
            Hash::new([letter; 32])
        }
    };
    Key {
        space: Space::TENANT,
        kind,
        name,
    }
}

fn data(letter: u8) -> Key {
    key(Kind::Data, letter)
}

fn settings(quota: u64) -> Settings {
    Settings {
        quota: Size::bytes(quota),
        bin_days: 7,
        trusted: Timestamp::parse(START),
        ..Settings::default()
    }
}

impl World {
    fn new(settings: Settings) -> Self {
        let (id, epoch) = (RepositoryId::new(1), Epoch::new(7));
        let wall = Timestamp::parse(START).unwrap();
        Self {
            machine: Repository::new(id, epoch, settings),
            now: Now {
                monotonic: Instant::default() + Duration::from_secs(1),
                wall,
            },
            tickets: 0,
            extents: 0,
            answers: BTreeMap::new(),
            shown: None,
            reported: None,
            held: BTreeMap::new(),
            records: Vec::new(),
            appended: Vec::new(),
            sealed: Vec::new(),
            writes: VecDeque::new(),
            storage: None,
            elsewhere: Size::ZERO,
            promised: Size::ZERO,
            openable: Some(Ok(())),
            asked: 0,
            rested: Vec::new(),
            yielded: 0,
            checkpoints: Vec::new(),
            indexed: Some(true),
            audits: Vec::new(),
            discards: Vec::new(),
            kept: BTreeMap::new(),
            copies: Vec::new(),
        }
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket::new(self.tickets)
    }

    fn feed(&mut self, event: Event) {
        let mut acts = Acts::default();
        self.machine.step(self.now, event, &mut acts);
        self.perform(acts);
    }

    fn perform(&mut self, acts: Acts<Repository>) {
        let mut events = Vec::new();
        for act in acts {
            match act {
                Act::Persist(record) => self.records.push(record),
                Act::Start(effect) | Act::Show(effect) => events.extend(self.effect(effect)),
            }
        }
        for event in events {
            self.feed(event);
        }
    }

    fn effect(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Open => {
                self.asked += 1;
                return self.open();
            }
            Effect::Append {
                ticket,
                upload,
                place,
                parts,
            } => {
                self.appended.push((upload, place));
                let extent = place.extent;
                let length = Size::bytes(parts[1].len() as u64);
                let result = self.writes.pop_front().map_or(Ok(()), Err);
                return Some(Event::Written(Written {
                    ticket,
                    upload,
                    extent,
                    length,
                    result,
                }));
            }
            Effect::Promise(size) => self.promised = size,
            Effect::Seal { extent } => self.sealed.push(extent),
            Effect::Checkpoint(checkpoint) => {
                self.checkpoints.push(format!("{checkpoint:?}"));
                return self.indexed.map(|done| Event::Checkpointed { done });
            }
            Effect::Yielded => self.yielded += 1,
            Effect::Rest { seen, .. } => self.rested.push(seen),
            Effect::Audit(audit) => self.audits.push(audit),
            Effect::Copy { upload, place } => self.copies.push((upload, place)),
            Effect::Discard(discard) => {
                self.discards.push(discard.until);
                self.kept = discard.kept;
            }
            Effect::Begun { ticket, upload } => {
                self.answers.insert(ticket, Ok(Some(upload)));
            }
            Effect::Held { ticket, held } => drop(self.held.insert(ticket, held)),
            Effect::Done { ticket } => drop(self.answers.insert(ticket, Ok(None))),
            Effect::Deny { ticket, denied } => drop(self.answers.insert(ticket, Err(denied))),
            Effect::Show { snapshot, .. } => self.shown = Some(snapshot),
            Effect::Tell { report, .. } => self.reported = Some(report),
        }
        None
    }

    fn open(&mut self) -> Option<Event> {
        let opened = self.openable?;
        self.extents += u64::from(opened.is_ok());
        let id = ExtentId::new(self.extents);
        Some(Event::Opened(opened.map(|()| id)))
    }

    fn answer(&mut self, ticket: Ticket) -> Result<Option<UploadId>, Denied> {
        self.answers.remove(&ticket).expect("an answer")
    }

    fn begin(&mut self, key: Key, size: u64) -> Result<UploadId, Denied> {
        self.begin_by(CredentialId::new(1), key, size)
    }

    fn begin_by(&mut self, by: CredentialId, key: Key, size: u64) -> Result<UploadId, Denied> {
        let (ticket, size) = (self.ticket(), Size::bytes(size));
        let (storage, elsewhere) = (self.storage, self.elsewhere);
        self.feed(Event::Begin(Begin {
            ticket,
            key,
            size,
            by,
            storage,
            elsewhere,
        }));
        self.answer(ticket).map(|upload| upload.expect("an upload"))
    }

    fn grow(&mut self, upload: UploadId, more: u64) -> Result<(), Denied> {
        let (ticket, more) = (self.ticket(), Size::bytes(more));
        let (storage, elsewhere) = (self.storage, self.elsewhere);
        self.feed(Event::Grow(Grow {
            ticket,
            upload,
            more,
            storage,
            elsewhere,
        }));
        self.answer(ticket).map(drop)
    }

    fn frame(&mut self, upload: UploadId, length: u64) -> Result<(), Denied> {
        self.frame_on(upload, length, None)
    }

    fn frame_on(
        &mut self,
        upload: UploadId,
        length: u64,
        hashed: Option<Hashing>,
    ) -> Result<(), Denied> {
        let ticket = self.ticket();
        let bytes = Bytes::from(vec![0; length as usize]);
        self.feed(Event::Frame(Frame {
            ticket,
            upload,
            bytes,
            hashed,
        }));
        self.answer(ticket).map(drop)
    }

    /// Goes on with an upload by a login.
    fn resume(&mut self, key: Key, size: u64, by: u64) -> Option<Held> {
        let (ticket, by) = (self.ticket(), CredentialId::new(by));
        let size = Size::bytes(size);
        self.feed(Event::Resume(Resume {
            ticket,
            key,
            size,
            by,
        }));
        match self.answers.remove(&ticket) {
            Some(answer) => panic!("{answer:?}"),
            None => self.held.remove(&ticket).expect("an answer"),
        }
    }

    fn finish(&mut self, upload: UploadId, hash: Hash) -> Result<(), Denied> {
        let ticket = self.ticket();
        self.feed(Event::Finish(Finish {
            ticket,
            upload,
            hash,
        }));
        self.answer(ticket).map(drop)
    }

    /// A whole upload of zeros, which are taken to hash to the name.
    fn put(&mut self, key: Key, size: u64) -> Result<(), Denied> {
        let upload = self.begin(key, size)?;
        self.send(upload, key, size, |_, _| Ok(()))
    }

    /// The same, of which nobody says before how long it is.
    fn pour(&mut self, key: Key, size: u64) -> Result<(), Denied> {
        let upload = self.begin(key, 0)?;
        self.send(upload, key, size, |world, more| world.grow(upload, more))
    }

    fn send(
        &mut self,
        upload: UploadId,
        key: Key,
        size: u64,
        ahead: impl Fn(&mut Self, u64) -> Result<(), Denied>,
    ) -> Result<(), Denied> {
        let mut left = size;
        while left > 0 {
            let length = left.min(crate::repository::FRAME_BYTES as u64);
            ahead(self, length)?;
            self.frame(upload, length)?;
            left -= length;
        }
        self.finish(upload, key.name)
    }

    fn delete(&mut self, key: Key) -> Result<(), Denied> {
        let (ticket, by) = (self.ticket(), CredentialId::new(1));
        self.feed(Event::Delete(Delete { ticket, key, by }));
        self.answer(ticket).map(drop)
    }

    fn restore(&mut self, to: Timestamp) -> Result<(), Denied> {
        let ticket = self.ticket();
        self.feed(Event::Restore(Restore { ticket, to }));
        self.answer(ticket).map(drop)
    }

    /// Time passes, and the alarm goes off whenever it is due.
    fn wait(&mut self, duration: Duration) {
        let end = self.now.monotonic + duration;
        while let Some(due) = self.machine.deadline().filter(|due| *due <= end) {
            let step = self.now.monotonic.until(due);
            self.pass(step);
            let mut acts = Acts::default();
            self.machine.wake(self.now, &mut acts);
            self.perform(acts);
            let next = self.machine.deadline();
            assert!(
                next.is_none_or(|next| next > due),
                "the alarm goes off for ever"
            );
        }
        let rest = self.now.monotonic.until(end);
        self.pass(rest);
    }

    fn pass(&mut self, duration: Duration) {
        self.now.monotonic = self.now.monotonic + duration;
        self.now.wall = self.now.wall + duration;
    }

    fn set(&mut self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.machine.settings.clone();
        change(&mut settings);
        self.feed(Event::Settings(settings));
    }

    /// The catalog says that the wall clock is right.
    fn trust(&mut self) {
        let now = self.now.wall;
        self.set(|settings| settings.trusted = Some(now));
    }

    fn figures(&self) -> crate::repository::Figures {
        self.machine.state().total()
    }

    fn charged(&self) -> u64 {
        self.machine.charged().as_bytes()
    }

    /// The same repository, made again from what was persisted.
    fn recovered(&self) -> Repository {
        let settings = self.machine.settings.clone();
        let mut again = Repository::new(self.machine.id, self.machine.epoch, settings);
        for record in &self.records {
            again.recover(record.sequence, record.place, &record.entry);
        }
        again.recovered(self.machine.tail.sequence(), BTreeMap::new());
        again
    }
}

fn days_long(count: u32) -> Duration {
    days(count)
}

const HOUR: Duration = Duration::from_secs(3_600);
