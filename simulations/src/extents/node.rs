//! A node with replicas: the machines of production on a disk that forgets what was not synced.

use std::collections::BTreeMap;

use bytes::Bytes;
use holdfast_actors::extent::{self, Append, Extent, Trouble};
use holdfast_actors::kernel::{Act, Acts, ExtentId, Machine, Ticket};
use holdfast_cluster::extents::{Ask, Effect, Event, Record, Refusal, Store, Tell};

use super::{Flaw, Micros, instant};
use crate::dice::Dice;

/// The bytes of one append.
pub(super) const WORD: u64 = 8;

/// What a node wants to happen later, or says to a caller.
#[derive(Debug)]
pub(super) enum Wish {
    /// The disk ends what it does with an extent.
    Disk(ExtentId, Work),
    /// The answer to a call.
    Tell(Ticket, Result<Tell, Refusal>),
}

/// What a disk does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    Make,
    Write,
    Sync,
    Cut(u64),
}

/// A file: its bytes, and how many of them survive a power cut.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) bytes: Vec<u8>,
    synced: usize,
}

/// One node.
pub(super) struct Node {
    pub(super) store: Store,
    /// What its journal holds.
    records: Vec<Record>,
    pub(super) files: BTreeMap<ExtentId, File>,
    actors: BTreeMap<ExtentId, Extent>,
    /// Writes under way, and how far a sync under way reaches.
    writing: BTreeMap<ExtentId, (u64, Vec<Bytes>)>,
    syncing: BTreeMap<ExtentId, usize>,
    /// Rises with each start, so that what the disk did for an earlier life is not heard.
    pub(super) life: u64,
    pub(super) up: bool,
    flaw: Option<Flaw>,
    wishes: Vec<Wish>,
}

impl Node {
    pub(super) fn new(flaw: Option<Flaw>) -> Self {
        Self {
            store: Store::default(),
            records: Vec::new(),
            files: BTreeMap::new(),
            actors: BTreeMap::new(),
            writing: BTreeMap::new(),
            syncing: BTreeMap::new(),
            life: 0,
            up: true,
            flaw,
            wishes: Vec::new(),
        }
    }

    /// Somebody asks.
    pub(super) fn ask(&mut self, now: Micros, ticket: Ticket, ask: Ask, bytes: Bytes) -> Vec<Wish> {
        if let (Ask::Fence { extent, .. }, Some(Flaw::NoFence)) = (&ask, self.flaw) {
            let durable = self.files.get(extent).map_or(0, |file| file.synced as u64);
            return vec![Wish::Tell(ticket, Ok(Tell::Fenced { durable }))];
        }
        self.step(now, Event::Asked { ticket, ask, bytes });
        std::mem::take(&mut self.wishes)
    }

    /// The catalog has sealed an extent.
    pub(super) fn seal(&mut self, now: Micros, extent: ExtentId, length: u64) -> Vec<Wish> {
        self.step(now, Event::Sealed { extent, length });
        std::mem::take(&mut self.wishes)
    }

    /// The disk ends what it did, well or not.
    pub(super) fn done(
        &mut self,
        now: Micros,
        extent: ExtentId,
        work: Work,
        result: Result<(), Trouble>,
    ) -> Vec<Wish> {
        match work {
            Work::Make => {
                if result.is_ok() {
                    self.files.insert(extent, File::default());
                }
                self.step(now, Event::Made { extent, result });
            }
            Work::Write => {
                let (offset, parts) = self.writing.remove(&extent).unwrap_or_default();
                if let (Some(file), true) = (self.files.get_mut(&extent), result.is_ok()) {
                    file.bytes.resize(offset as usize, 0);
                    parts
                        .iter()
                        .for_each(|part| file.bytes.extend_from_slice(part));
                }
                self.tell(now, extent, extent::Event::Written { result });
            }
            Work::Sync => {
                let reach = self.syncing.remove(&extent).unwrap_or_default();
                if let (Some(file), true) = (self.files.get_mut(&extent), result.is_ok())
                    && self.flaw != Some(Flaw::NoSync)
                {
                    file.synced = file.synced.max(reach);
                }
                self.tell(now, extent, extent::Event::Synced { result });
            }
            Work::Cut(length) => {
                let done = result.is_ok();
                if let (Some(file), true) = (self.files.get_mut(&extent), done) {
                    file.bytes.truncate(length as usize);
                    file.synced = file.synced.min(length as usize);
                }
                self.step(
                    now,
                    Event::Cut {
                        extent,
                        length,
                        done,
                    },
                );
            }
        }
        std::mem::take(&mut self.wishes)
    }

    /// The power goes: of what was not synced, a part stays, and rubbish may stand behind it.
    pub(super) fn crash(&mut self, dice: &mut Dice) {
        (self.life, self.up) = (self.life + 1, false);
        self.actors.clear();
        self.writing.clear();
        self.syncing.clear();
        for file in self.files.values_mut() {
            let loose = (file.bytes.len() - file.synced) as u64;
            let kept = file.synced as u64 + dice.below(loose + 1);
            let kept = kept - kept % WORD;
            file.bytes.truncate((kept as usize).max(file.synced));
            if dice.one_in(3) {
                file.bytes.extend([0xff; WORD as usize]);
            }
        }
    }

    /// The node starts, with what its journal and its files say.
    pub(super) fn start(&mut self) {
        self.up = true;
        self.store = Store::default();
        let forgets = self.flaw == Some(Flaw::Forgetful);
        for record in &self.records {
            if !(forgets && matches!(record, Record::Fenced { .. })) {
                self.store.apply(record);
            }
        }
        for (extent, file) in &mut self.files {
            let words = file.bytes.chunks_exact(WORD as usize);
            let sound = words.take_while(|word| *word != [0xff; WORD as usize]);
            let length = sound.count() * WORD as usize;
            file.bytes.truncate(length);
            file.synced = length;
            if !forgets {
                self.store.found(*extent, length as u64);
                continue;
            }
            let row = self.store.replicas().find(|(id, _)| id == extent);
            if let Some((_, row)) = row {
                let actor = Extent::new(*extent, row.epoch, length as u64);
                self.actors.insert(*extent, actor);
            }
        }
    }

    fn step(&mut self, now: Micros, event: Event) {
        let mut acts = Acts::default();
        let now_ = holdfast_actors::kernel::Now {
            monotonic: instant(now),
            ..Default::default()
        };
        self.store.step(now_, event, &mut acts);
        for act in acts {
            match act {
                Act::Persist(record) => self.records.push(record),
                Act::Start(effect) | Act::Show(effect) => self.perform(now, effect),
            }
        }
    }

    fn perform(&mut self, now: Micros, effect: Effect) {
        match effect {
            Effect::Make { extent, epoch, .. } => {
                self.actors.insert(extent, Extent::new(extent, epoch, 0));
                self.wishes.push(Wish::Disk(extent, Work::Make));
            }
            Effect::Append {
                ticket,
                extent,
                epoch,
                offset,
                bytes,
            } => {
                let append = Append {
                    ticket,
                    epoch,
                    offset,
                    parts: vec![bytes],
                    durable: false,
                };
                self.tell(now, extent, extent::Event::Append(append));
            }
            Effect::Sync { ticket, extent } => {
                self.tell(now, extent, extent::Event::Settle { ticket });
            }
            Effect::Close { extent } => {
                let ticket = Ticket::default();
                self.tell(now, extent, extent::Event::Seal { ticket });
            }
            Effect::Read { ticket, .. } => self.wishes.push(Wish::Tell(ticket, Ok(Tell::Bytes))),
            Effect::Cut { extent, length, .. } => {
                self.wishes.push(Wish::Disk(extent, Work::Cut(length)));
            }
            Effect::Unlink { extent, .. } => drop(self.files.remove(&extent)),
            // Nobody copies or lists here, or writes so much that a snapshot is due.
            Effect::Fail { .. }
            | Effect::List { .. }
            | Effect::Place { .. }
            | Effect::Keep { .. } => {}
            Effect::Answer { ticket, answer } => self.wishes.push(Wish::Tell(ticket, answer)),
        }
    }

    /// Tells the actor of a replica, and does what it wants.
    fn tell(&mut self, now: Micros, extent: ExtentId, event: extent::Event) {
        let Some(actor) = self.actors.get_mut(&extent) else {
            return;
        };
        let mut acts = Acts::default();
        actor.step(Default::default(), event, &mut acts);
        for act in acts {
            let effect = match act {
                Act::Persist(never) => match never {},
                Act::Start(effect) | Act::Show(effect) => effect,
            };
            match effect {
                extent::Effect::Write { offset, parts } => {
                    self.writing.insert(extent, (offset, parts));
                    self.wishes.push(Wish::Disk(extent, Work::Write));
                }
                extent::Effect::Sync => {
                    let reach = self.files.get(&extent).map_or(0, |file| file.bytes.len());
                    self.syncing.insert(extent, reach);
                    self.wishes.push(Wish::Disk(extent, Work::Sync));
                }
                extent::Effect::Answer { ticket, result } => {
                    let answer = result.map(|()| Tell::Done).map_err(Refusal::from);
                    self.wishes.push(Wish::Tell(ticket, answer));
                }
                extent::Effect::Sealed { sealed, .. } => {
                    let durable = sealed.durable;
                    self.step(now, Event::Closed { extent, durable });
                }
            }
        }
    }
}
