//! What came of a run.

use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::trace::{Micros, Trace};

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The id of the invariant.
    pub invariant: &'static str,
    /// What was seen, and when.
    pub story: String,
}

/// More than so many of one run are counted out: the first ones tell the story.
const VIOLATIONS_MAX: usize = 20;

impl Violation {
    /// Adds one that was seen now to those of a run, unless there are enough.
    pub(crate) fn note(
        all: &mut Vec<Self>,
        invariant: &'static str,
        now: Micros,
        story: fmt::Arguments<'_>,
    ) {
        if all.len() < VIOLATIONS_MAX {
            let at = Duration::from_micros(now);
            let story = format!("at {at:?}: {story}");
            all.push(Self { invariant, story });
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.story)
    }
}

/// How much happened: a run in which little happens proves little.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// Requests that were done.
    pub done: u64,
    /// Requests that were refused or cut.
    pub refused: u64,
    /// Uploads acknowledged.
    pub stored: u64,
    /// Deletions acknowledged.
    pub deleted: u64,
    /// Whole backups that succeeded.
    pub backups: u64,
    /// Operators' commands that were accepted.
    pub commands: u64,
    /// Ends of a life of the node.
    pub crashes: u64,
    /// Quiet points at which everything was checked.
    pub checks: u64,
    /// Views of the past that were compared.
    pub views: u64,
    /// Objects that could not be read because they had rotted.
    pub rotten: u64,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.done += other.done;
        self.refused += other.refused;
        self.stored += other.stored;
        self.deleted += other.deleted;
        self.backups += other.backups;
        self.commands += other.commands;
        self.crashes += other.crashes;
        self.checks += other.checks;
        self.views += other.views;
        self.rotten += other.rotten;
    }
}

/// The end of a run.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The seed of its plan.
    pub seed: u64,
    /// What happened.
    pub trace: Trace,
    /// Which promises were broken; none in a good run.
    pub violations: Vec<Violation>,
    /// How much happened.
    pub figures: Figures,
}

impl Verdict {
    /// Whether no promise was broken.
    pub fn is_good(&self) -> bool {
        self.violations.is_empty()
    }

    /// Whether the invariant with this id was broken.
    pub fn breaks(&self, invariant: &str) -> bool {
        self.violations
            .iter()
            .any(|violation| violation.invariant == invariant)
    }
}
