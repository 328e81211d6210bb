//! What chatterers sent and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_actors::kernel::NodeId;
use holdfast_cluster::quic::Class;

use crate::calls::History;
use crate::trace::Micros;

/// From whom to whom, for what.
pub(super) type Way = (NodeId, NodeId, Class);

/// Which frame of a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    /// The life of its sender.
    pub(super) life: u64,
    /// Deaths of which the sender was told on this way, and in this life, before it sent the frame.
    pub(super) deaths: u64,
    /// Of the frames of this life on this way.
    pub(super) number: u64,
}

/// The book of one run. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    history: History,
    pages: Arc<Mutex<Pages>>,
}

/// Its pages.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    /// The present life of each node that is up.
    pub(super) lives: BTreeMap<NodeId, u64>,
    /// Frames that were sent, and neither came nor were told to be lost, and since when.
    pub(super) under_way: BTreeMap<Way, BTreeMap<Mark, Micros>>,
    /// The last frame that came, in the present life of who took it, and whether the connection
    /// has died since.
    pub(super) last: BTreeMap<Way, (Mark, bool)>,
    /// Deaths of which the present life of who sends on a way was told.
    deaths: BTreeMap<Way, u64>,
    /// Ways on which a frame came since all is healed.
    pub(super) came: BTreeSet<Way>,
    pub(super) is_healed: bool,
    pub(super) is_hushed: bool,
}

impl Book {
    /// An empty book; what is said goes into this history.
    pub(crate) fn new(history: History) -> Self {
        Self {
            history,
            pages: Arc::default(),
        }
    }

    /// Opens it. Never held over an await.
    pub(crate) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line to the trace.
    pub(super) fn say(&self, now: Micros, what: fmt::Arguments<'_>) {
        self.history.pages().say(now, what);
    }

    /// Writes down a broken promise.
    pub(super) fn breach(&self, invariant: &'static str, now: Micros, story: fmt::Arguments<'_>) {
        self.history.pages().breach(invariant, now, story);
    }
}

impl Pages {
    /// A life of a node begins.
    pub(super) fn begins(&mut self, node: NodeId, life: u64) {
        self.lives.insert(node, life);
    }

    /// It ends: it hears nothing more, and nobody is told what became of what it sent.
    pub(super) fn ends(&mut self, node: NodeId) {
        self.lives.remove(&node);
        self.last.retain(|(_, to, _), _| *to != node);
        self.under_way.retain(|(from, _, _), _| *from != node);
        self.deaths.retain(|(from, _, _), _| *from != node);
    }

    /// All is healed from now on.
    pub(crate) fn heal(&mut self) {
        self.is_healed = true;
    }

    /// Nobody sends any more from now on.
    pub(crate) fn hush(&mut self) {
        self.is_hushed = true;
    }

    /// Deaths of which the present life of who sends on a way was told.
    pub(super) fn deaths(&self, way: Way) -> u64 {
        self.deaths.get(&way).copied().unwrap_or_default()
    }

    /// A frame is handed to the link, which takes it.
    pub(super) fn sends(&mut self, way: Way, mark: Mark, now: Micros) {
        self.under_way.entry(way).or_default().insert(mark, now);
    }

    /// Who sent on a way hears that its connection died: nobody knows what became of the rest.
    pub(super) fn hears_of_death(&mut self, (node, peer, class): Way) {
        self.under_way.remove(&(node, peer, class));
        *self.deaths.entry((node, peer, class)).or_default() += 1;
        if let Some((_, has_died)) = self.last.get_mut(&(peer, node, class)) {
            *has_died = true;
        }
    }

    /// A frame came; what came last before, and whether the connection had died since.
    pub(super) fn comes(&mut self, way: Way, mark: Mark) -> Option<(Mark, bool)> {
        if let Some(under_way) = self.under_way.get_mut(&way) {
            under_way.remove(&mark);
        }
        if self.is_healed {
            self.came.insert(way);
        }
        self.last.insert(way, (mark, false))
    }
}
