//! What clients sent and were told: all that an invariant may judge by.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_actors::object::Hash;

use crate::fleet::Log;
use crate::trace::Micros;
use crate::verdict::{Figures, Violation};

/// One object that a client sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Thing {
    /// Of which its bytes are made.
    pub(super) number: u64,
    pub(super) length: usize,
    /// When it was known to be there.
    pub(super) stored: Option<Micros>,
    /// When its deletion began first, and when it was known to be done.
    pub(super) deleting: Option<Micros>,
    pub(super) deleted: Option<Micros>,
}

/// The book of one run. Cheap to clone.
#[derive(Clone)]
pub(super) struct Book(Arc<Mutex<Pages>>);

/// Its pages.
pub(super) struct Pages {
    /// What each tenant sent, by name.
    pub(super) things: Vec<BTreeMap<Hash, Thing>>,
    /// How many things there were.
    pub(super) count: u64,
    /// Whether nothing goes wrong, and how often that began.
    pub(super) calm: u32,
    pub(super) is_calm: bool,
    /// Tenants that got on since.
    pub(super) settled: BTreeSet<usize>,
    pub(super) figures: Figures,
    pub(super) violations: Vec<Violation>,
    pub(super) log: Log,
}

impl Book {
    pub(super) fn new(tenants: usize, log: Log) -> Self {
        Self(Arc::new(Mutex::new(Pages {
            things: vec![BTreeMap::new(); tenants],
            count: 0,
            calm: 0,
            is_calm: false,
            settled: BTreeSet::new(),
            figures: Figures::default(),
            violations: Vec::new(),
            log,
        })))
    }

    /// Opens it. Never held over an await.
    pub(super) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line to the trace.
    pub(super) fn say(&self, now: Micros, what: fmt::Arguments<'_>) {
        self.pages().log.say(now, what);
    }
}

impl Pages {
    /// A broken promise.
    pub(super) fn breach(
        &mut self,
        invariant: &'static str,
        now: Micros,
        story: fmt::Arguments<'_>,
    ) {
        self.log
            .say(now, format_args!("BROKEN {invariant}: {story}"));
        Violation::note(&mut self.violations, invariant, now, story);
    }

    /// Things of a tenant that are there for certain, and nobody has begun to delete.
    pub(super) fn standing(&self, tenant: usize) -> Vec<(Hash, Thing)> {
        let things = self.things[tenant].iter();
        let stands = |thing: &Thing| thing.stored.is_some() && thing.deleting.is_none();
        let standing = things.filter(|(_, thing)| stands(thing));
        standing
            .map(|(hash, thing)| (*hash, thing.clone()))
            .collect()
    }
}
