//! A node: the machines of production on a disk that forgets and rots.

use std::collections::BTreeMap;

use bytes::Bytes;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::kernel::{
    Act, Acts, Epoch, ExtentId, Instant, Machine, NodeId, Now, RepositoryId, Ticket,
};
use holdfast_cluster::extents::{self, Ask, Copied, Listing, Record, Stage, Store};
use holdfast_cluster::repair::reconcile::{self, Attempt, News, Reconcile};

use super::Micros;

/// A file, as far as it matters: of what it holds, only whether that is what was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct File {
    pub(super) length: u64,
    pub(super) rotten: bool,
}

/// What a node wants of the world.
#[derive(Debug)]
pub(super) enum Wish {
    Store(extents::Effect),
    Reconcile(reconcile::Effect),
}

/// One node, with what outlives its lives.
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) store: Store,
    pub(super) reconcile: Reconcile,
    records: Vec<Record>,
    pub(super) files: BTreeMap<ExtentId, File>,
    pub(super) copies: BTreeMap<(ExtentId, Attempt), File>,
    /// What the catalog said last, as far as the machine knows.
    known: Rows,
    /// Rises with each start.
    pub(super) life: u64,
    pub(super) up: bool,
    /// Whether it hears of the catalog.
    pub(super) cut: bool,
    tickets: u64,
    /// Whose answer an answer of the store is.
    pub(super) placing: BTreeMap<Ticket, (ExtentId, Attempt)>,
    /// What the store said it has.
    pub(super) listing: Listing,
    /// When it wants to be woken.
    pub(super) alarm: Option<Instant>,
}

fn at(now: Micros) -> Now {
    Now {
        monotonic: Instant::from_micros(now),
        ..Now::default()
    }
}

impl Node {
    pub(super) fn new(id: NodeId) -> Self {
        Self {
            id,
            store: Store::default(),
            reconcile: Reconcile::new(id, 0),
            records: Vec::new(),
            files: BTreeMap::new(),
            copies: BTreeMap::new(),
            known: Rows::default(),
            life: 0,
            up: false,
            cut: false,
            tickets: 0,
            placing: BTreeMap::new(),
            listing: Listing::new(),
            alarm: None,
        }
    }

    pub(super) fn store(&mut self, now: Micros, event: extents::Event) -> Vec<Wish> {
        let mut acts = Acts::default();
        self.store.step(at(now), event, &mut acts);
        let mut wishes = Vec::new();
        for act in acts {
            match act {
                Act::Persist(record) => self.records.push(record),
                Act::Start(effect) | Act::Show(effect) => wishes.push(Wish::Store(effect)),
            }
        }
        wishes
    }

    pub(super) fn reconcile(&mut self, now: Micros, event: reconcile::Event) -> Vec<Wish> {
        let mut acts = Acts::default();
        self.reconcile.step(at(now), event, &mut acts);
        wishes(acts)
    }

    pub(super) fn wake(&mut self, now: Micros) -> Vec<Wish> {
        let mut acts = Acts::default();
        self.reconcile.wake(at(now), &mut acts);
        wishes(acts)
    }

    /// What later rows say that the machine does not know.
    pub(super) fn news(&mut self, rows: &Rows) -> News {
        let news = News::between(self.id, &self.known, rows);
        self.known = rows.clone();
        news
    }

    pub(super) fn known(&self) -> Rows {
        self.known.clone()
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket::new(self.tickets)
    }

    pub(super) fn create(
        &mut self,
        now: Micros,
        repository: RepositoryId,
        extent: ExtentId,
        epoch: Epoch,
    ) -> Vec<Wish> {
        let ask = Ask::Create {
            repository,
            extent,
            epoch,
        };
        let (ticket, bytes) = (self.ticket(), Bytes::new());
        self.store(now, extents::Event::Asked { ticket, ask, bytes })
    }

    pub(super) fn list(&mut self, now: Micros) -> Vec<Wish> {
        let ticket = self.ticket();
        self.store(now, extents::Event::Listed { ticket })
    }

    pub(super) fn place(&mut self, now: Micros, attempt: Attempt, copied: Copied) -> Vec<Wish> {
        let ticket = self.ticket();
        self.placing.insert(ticket, (copied.extent, attempt));
        let from = attempt.to_string();
        self.store(
            now,
            extents::Event::Copied {
                ticket,
                copied,
                from,
            },
        )
    }

    /// How much of an extent others can read here.
    pub(super) fn readable(&self, extent: ExtentId) -> Option<File> {
        let row = self.store.replica(extent).filter(|_| self.up)?;
        let file = self.files.get(&extent)?;
        let end = match row.stage {
            Stage::Open => file.length,
            Stage::Closed { durable } => durable,
            Stage::Sealed { length } => length,
        };
        Some(File {
            length: file.length.min(end),
            ..*file
        })
    }

    /// The power goes.
    pub(super) fn crash(&mut self) {
        self.up = false;
        self.life += 1;
        self.alarm = None;
        self.placing.clear();
    }

    /// It starts with what its journal and its files say, and with rows that it once had.
    pub(super) fn start(&mut self, draw: u64) {
        self.up = true;
        self.copies.clear();
        self.known = Rows::default();
        self.reconcile = Reconcile::new(self.id, draw);
        self.store = Store::default();
        let mut gone = Vec::new();
        for record in &self.records {
            self.store.apply(record);
            if let Record::Removed { extent } = record {
                gone.push(*extent);
            }
        }
        for extent in gone {
            if self.store.replica(extent).is_none() {
                self.files.remove(&extent);
            }
        }
        let rows: Vec<_> = self.store.replicas().collect();
        for (extent, row) in rows {
            match (row.stage, self.files.get(&extent)) {
                (Stage::Open, Some(file)) => self.store.found(extent, file.length),
                (Stage::Sealed { length }, Some(file)) if file.length == length => {}
                (Stage::Closed { .. }, Some(_)) => {}
                (_, Some(_) | None) => self.store.lost(extent),
            }
        }
    }
}

fn wishes(acts: Acts<Reconcile>) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for act in acts {
        match act {
            Act::Persist(never) => match never {},
            Act::Start(effect) | Act::Show(effect) => wishes.push(Wish::Reconcile(effect)),
        }
    }
    wishes
}
