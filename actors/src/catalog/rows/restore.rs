//! Restores from tape: asked for by operators, done by the node that the library hangs on, kept
//! until newer ones need their place.
//!
//! A restore that has no end is under way, also after a crash: whoever starts goes on with it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::kernel::{RepositoryId, Timestamp};
use crate::names::TenantName;
use crate::tape::SetId;

/// A restore (10.11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// Who asked for it, as words.
    pub by: String,
    /// When.
    pub asked: Timestamp,
    /// What is brought back, and where to.
    pub parts: Vec<RestorePart>,
    /// More than the quota may be stored (`R10.35`).
    pub past_quota: bool,
    /// An operator wants it to end.
    pub is_stopping: bool,
    /// When it began to write; all that it needs was found then.
    pub begun: Option<Timestamp>,
    /// Whom it shut out: they are let in again when it ends, unless somebody else shut them out
    /// meanwhile (`R10.31`, `R10.36`).
    pub shut: BTreeSet<TenantName>,
    /// When and how it ended.
    pub end: Option<(Timestamp, RestoreEnd)>,
}

/// One run that is brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePart {
    /// The media set.
    pub set: SetId,
    /// The name of the run in it.
    pub run: String,
    /// Where to.
    pub to: Destination,
}

/// Where a run is brought back to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Destination {
    /// The repository that it was taken from: it shows exactly the run afterwards (A).
    Original,
    /// Another repository, or the same: what it lacks is added, nothing is taken away (B).
    Repository(RepositoryId),
    /// A folder of the node that the library hangs on, absent or empty before (C).
    Folder(String),
}

/// How a restore ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestoreEnd {
    /// All is there.
    Complete,
    /// All is there but what could not be read of any cartridge.
    Incomplete {
        /// So many objects.
        lost: u64,
        /// The first of them, and why, a line each.
        named: Vec<String>,
    },
    /// Nothing was touched: cartridges have to be put in first, by their labels (`R10.33`).
    Offline(Vec<String>),
    /// An operator stopped it; what came is there.
    Stopped,
    /// It could not go on; why, as a sentence.
    Failed(String),
}
