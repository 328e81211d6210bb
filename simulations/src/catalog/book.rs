//! What clients asked and were told, and what replicas showed: all that an invariant may judge by.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::kernel::{Epoch, NodeId};

use super::Value;
use super::invariants::{day, equal, leaders, lease, time};
use crate::fleet::Log;
use crate::trace::Micros;
use crate::verdict::{Figures, Violation};

/// One request of a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    /// What it wrote; none for a read.
    pub(super) writes: Option<Value>,
    pub(super) began: Micros,
    /// When it was answered, and what it read or wrote; none as long as it was not.
    pub(super) told: Option<(Micros, Value)>,
    /// It was refused, and did nothing.
    pub(super) refused: bool,
}

/// A lease that a life believes to hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Belief {
    pub(super) epoch: Epoch,
    /// Until when, in the world's time.
    pub(super) until: Micros,
}

/// The book of one run. Cheap to clone.
#[derive(Clone)]
pub(super) struct Book(Arc<Mutex<Pages>>);

/// Its pages.
pub(super) struct Pages {
    pub(super) requests: Vec<Request>,
    pub(super) values: Value,
    /// Since when nothing goes wrong; whoever has written and read since, with the rows he saw.
    pub(super) calm: u32,
    pub(super) settled: BTreeMap<NodeId, Rows>,
    pub(super) beliefs: BTreeMap<NodeId, Belief>,
    /// Who led in each term.
    pub(super) leaders: BTreeMap<u64, BTreeSet<NodeId>>,
    /// What the rows were at a place of the log, in short.
    pub(super) states: BTreeMap<u64, (NodeId, u64)>,
    /// The catalog's time at a place of the log.
    pub(super) times: BTreeMap<u64, Duration>,
    /// What clocks have shown, and which day the catalog took from that.
    pub(super) clocks: day::Clocks,
    /// What becomes of a node's disk at its next start.
    pub(super) images: BTreeMap<NodeId, Image>,
    /// Who was told that he has forgotten what he had acknowledged: he lives no more.
    pub(super) forgot: BTreeSet<NodeId>,
    pub(super) figures: Figures,
    pub(super) violations: Vec<Violation>,
    log: Log,
}

/// What becomes of a disk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Image {
    /// It is kept as it is, beside it.
    Taken,
    /// It becomes what was kept.
    Restored,
}

impl Book {
    pub(super) fn new(log: Log) -> Self {
        Self(Arc::new(Mutex::new(Pages {
            requests: Vec::new(),
            values: 0,
            calm: 0,
            settled: BTreeMap::new(),
            beliefs: BTreeMap::new(),
            leaders: BTreeMap::new(),
            states: BTreeMap::new(),
            times: BTreeMap::new(),
            clocks: day::Clocks::default(),
            images: BTreeMap::new(),
            forgot: BTreeSet::new(),
            figures: Figures::default(),
            violations: Vec::new(),
            log,
        })))
    }

    /// Opens it. Never held over an await.
    pub(super) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client asks; the number of its request.
    pub(super) fn begins(&self, on: NodeId, writes: Option<Value>, now: Micros) -> usize {
        let mut pages = self.pages();
        pages
            .log
            .say(now, format_args!("on {on}: {}", show(writes)));
        pages.requests.push(Request {
            writes,
            began: now,
            told: None,
            refused: false,
        });
        pages.requests.len() - 1
    }

    /// A client is answered, or gives up.
    pub(super) fn ends(&self, on: NodeId, number: usize, told: Option<Value>, now: Micros) {
        let mut pages = self.pages();
        let what = show(pages.requests[number].writes);
        pages.requests[number].told = told.map(|value| (now, value));
        match told {
            Some(value) => {
                pages.figures.done += 1;
                pages
                    .log
                    .say(now, format_args!("on {on}: told to {what}: {value}"));
            }
            None => {
                pages.figures.refused += 1;
                pages
                    .log
                    .say(now, format_args!("on {on}: gives up to {what}"));
            }
        }
    }

    /// Adds a line to the trace.
    pub(super) fn say(&self, now: Micros, what: fmt::Arguments<'_>) {
        self.pages().log.say(now, what);
    }

    /// A replica shows these rows.
    pub(super) fn shows(&self, node: NodeId, rows: &Rows, now: Micros) {
        let mut pages = self.pages();
        let (index, time) = (rows.index, rows.cluster.now);
        pages
            .log
            .say(now, format_args!("{node} shows {index} at {time:?}"));
        time::check(&mut pages, node, rows, now);
        day::check(&mut pages, node, rows, now);
        lease::check(&mut pages, node, rows, now);
        equal::check(&mut pages, node, rows, now);
    }

    /// A replica says that it leads.
    pub(super) fn leads(&self, node: NodeId, term: u64, now: Micros) {
        let mut pages = self.pages();
        let first = pages.leaders.entry(term).or_default().insert(node);
        if first {
            pages
                .log
                .say(now, format_args!("{node} leads in term {term}"));
            leaders::check(&mut pages, term, now);
        }
    }
}

impl Pages {
    /// Writes down a broken promise.
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
}

fn show(writes: Option<Value>) -> String {
    writes.map_or("read".to_owned(), |value| format!("write {value}"))
}
