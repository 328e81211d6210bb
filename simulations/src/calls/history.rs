//! What callers asked and were told, what services did, and which actors came and went.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_actors::kernel::NodeId;
use holdfast_cluster::calls::{CallError, Passing};

use crate::fleet::Log;
use crate::trace::Micros;
use crate::verdict::{Figures, Violation};

/// The number of a question, never asked twice.
pub(super) type Number = u64;

/// One question.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) caller: NodeId,
    pub(super) to: NodeId,
    /// How often a service took it up.
    pub(super) executed: u32,
    /// What its caller was told; none as long as it was told nothing.
    pub(super) told: Option<Result<(), CallError>>,
}

/// One watch of an actor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watching {
    pub(super) watcher: NodeId,
    pub(super) node: NodeId,
    pub(super) since: Micros,
}

/// How an actor that is watched came to its end, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Death {
    pub(super) node: NodeId,
    pub(super) at: Micros,
    pub(super) failed: bool,
}

/// The history of one run. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct History(Arc<Mutex<Pages>>);

/// Its pages.
#[derive(Debug)]
pub(crate) struct Pages {
    pub(super) questions: BTreeMap<Number, Question>,
    /// Calls under way at a node, from a node, of a service.
    pub(super) under_way: BTreeMap<(NodeId, NodeId, &'static str), u16>,
    pub(super) watches: BTreeMap<u64, Watching>,
    pub(super) deaths: Vec<Death>,
    /// Who has answered whom since all is healed.
    pub(super) answered: BTreeSet<(NodeId, NodeId)>,
    pub(super) is_healed: bool,
    pub(super) figures: Figures,
    pub(super) violations: Vec<Violation>,
    last: u64,
    log: Log,
}

impl History {
    /// An empty history, told in this log.
    pub(crate) fn new(log: Log) -> Self {
        Self(Arc::new(Mutex::new(Pages {
            questions: BTreeMap::new(),
            under_way: BTreeMap::new(),
            watches: BTreeMap::new(),
            deaths: Vec::new(),
            answered: BTreeSet::new(),
            is_healed: false,
            figures: Figures::default(),
            violations: Vec::new(),
            last: 0,
            log,
        })))
    }

    /// Opens it. Never held over an await.
    pub(crate) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    /// A number that nobody has had.
    pub(super) const fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Somebody asks.
    pub(super) fn asks(&mut self, caller: NodeId, to: NodeId, now: Micros) -> Number {
        let number = self.number();
        self.log
            .say(now, format_args!("{caller} calls {to}: {number}"));
        let question = Question {
            caller,
            to,
            executed: 0,
            told: None,
        };
        self.questions.insert(number, question);
        number
    }

    /// A caller is told what became of its question.
    pub(super) fn told(&mut self, number: Number, told: Result<(), CallError>, now: Micros) {
        match &told {
            Ok(()) => self.figures.done += 1,
            Err(_) => self.figures.refused += 1,
        }
        self.log.say(now, format_args!("{number} is told {told:?}"));
        let Some(question) = self.questions.get_mut(&number) else {
            return;
        };
        if told.is_ok() && self.is_healed {
            self.answered.insert((question.to, question.caller));
        }
        question.told = Some(told);
        super::invariants::nothing::check(self, number, now);
    }

    /// A watcher begins to wait; the number of its watch.
    pub(super) fn watches(&mut self, watcher: NodeId, node: NodeId, now: Micros) -> u64 {
        let number = self.number();
        self.log
            .say(now, format_args!("{watcher} watches {node}: {number}"));
        let watching = Watching {
            watcher,
            node,
            since: now,
        };
        self.watches.insert(number, watching);
        number
    }

    /// A watcher hears of an end.
    pub(super) fn hears(&mut self, number: u64, passing: Passing, now: Micros) {
        self.log
            .say(now, format_args!("{number} hears {passing:?}"));
        if let Some(watching) = self.watches.remove(&number) {
            super::invariants::told::check(self, watching, passing, now);
        }
    }

    /// An actor that may be watched has ended.
    pub(super) fn dies(&mut self, node: NodeId, failed: bool, now: Micros) {
        self.log.say(
            now,
            format_args!("the lodger of {node} ends, failed: {failed}"),
        );
        let at = now;
        self.deaths.push(Death { node, at, failed });
    }

    /// A node is gone, and with it all who asked and watched there.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.watches.retain(|_, watching| watching.watcher != node);
        self.figures.crashes += 1;
    }

    /// Adds a line to the trace.
    pub(crate) fn say(&self, now: Micros, what: fmt::Arguments<'_>) {
        self.log.say(now, what);
    }

    /// Writes down a broken promise.
    pub(crate) fn breach(
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
