//! What clients of the register asked, what they were told, and when: all that an invariant may
//! judge by.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_actors::kernel::NodeId;

use super::{Kept, Value};
use crate::fleet::Log;
use crate::trace::Micros;
use crate::verdict::{Figures, Violation};

/// One request of a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) client: NodeId,
    /// What it wrote; none for a read.
    pub(super) value: Option<Value>,
    pub(super) began: Micros,
    /// When it was answered, and what; none as long as it was not.
    pub(super) told: Option<(Micros, Kept)>,
}

/// Who may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Everybody, and nobody can be sure of an answer.
    Trouble,
    /// These alone, who must answer.
    Core(Vec<NodeId>),
}

/// The history of one run. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct History(Arc<Mutex<Pages>>);

/// Its pages.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) requests: Vec<Request>,
    pub(super) phase: Phase,
    /// Clients that have read and written since there is a core.
    pub(super) settled: BTreeSet<NodeId>,
    pub(super) figures: Figures,
    pub(super) violations: Vec<Violation>,
    log: Log,
}

impl History {
    /// An empty history, told in this log.
    pub(super) fn new(log: Log) -> Self {
        Self(Arc::new(Mutex::new(Pages {
            requests: Vec::new(),
            phase: Phase::Trouble,
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

    /// A client asks; the number of its request.
    pub(super) fn begins(&self, client: NodeId, value: Option<Value>, now: Micros) -> usize {
        let mut pages = self.pages();
        pages
            .log
            .say(now, format_args!("{client} asks to {}", show(value)));
        pages.requests.push(Request {
            client,
            value,
            began: now,
            told: None,
        });
        pages.requests.len() - 1
    }

    /// A client is answered, or gives up.
    pub(super) fn ends(&self, request: usize, told: Option<Kept>, now: Micros) {
        let mut pages = self.pages();
        let Request { client, value, .. } = pages.requests[request];
        pages.requests[request].told = told.map(|kept| (now, kept));
        let what = show(value);
        if let Some(Kept { tag, value }) = told {
            let place = format!("{}.{}.{}", tag.round, tag.node, tag.life);
            let line = format_args!("{client} was told to {what}: {value} at {place}");
            pages.log.say(now, line);
            pages.figures.done += 1;
        } else {
            pages
                .log
                .say(now, format_args!("{client} gives up to {what}"));
            pages.figures.refused += 1;
        }
    }

    /// Adds a line to the trace.
    pub(super) fn say(&self, now: Micros, what: fmt::Arguments<'_>) {
        self.pages().log.say(now, what);
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

fn show(value: Option<Value>) -> String {
    value.map_or("read".to_owned(), |value| format!("write {value}"))
}
