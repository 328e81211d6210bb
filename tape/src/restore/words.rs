//! What a restore is told, and what it wants done.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_actors::catalog::rows::RestoreEnd;
use holdfast_actors::kernel::{RepositoryId, Size, Space};
use holdfast_actors::names::TapeName;
use holdfast_actors::tape::MediumId;
use holdfast_actors::tape::changer::Element;

use super::plan::{Reading, Source, Tape};
use crate::format::{Object, Row, Sum};

/// What is to be restored, with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is brought back, and where to.
    pub parts: Vec<Part>,
    /// The cartridges of their sets.
    pub tapes: Vec<Tape>,
    /// More than the quota may be stored (`R10.35`).
    pub past_quota: bool,
}

/// One run of one part of a repository: the tenant's own, or a subtenant's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it is.
    pub source: Source,
    /// Objects that it found, and their bytes; none where only its list says how many are here.
    pub count: Option<(u64, u64)>,
    /// Where it is brought to.
    pub to: Target,
}

/// Where a run is brought to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A repository that shows exactly the run afterwards (A).
    Exactly {
        /// Which.
        id: RepositoryId,
        /// Which part of it.
        space: Space,
        /// The most it may hold.
        quota: Size,
    },
    /// A repository that gets what it lacks (B).
    Beside {
        /// Which.
        id: RepositoryId,
        /// Which part of it.
        space: Space,
        /// The most it may hold.
        quota: Size,
    },
    /// A folder (C).
    Folder(String),
}

/// What a destination holds of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its bytes.
    pub length: u64,
    /// Their sum; none where only the name is known.
    pub sha256: Option<Sum>,
}

/// What came of reading one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// It is at its destination.
    Stored,
    /// It could not be read there; why.
    Unread(String),
    /// The destination does not take it; why.
    Untaken(String),
    /// It was not come to.
    Skipped,
}

/// What happened. Each effect is answered by one event of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Begin.
    Start,
    /// An operator wants it to end.
    Stop,
    /// The cartridge is in a drive and is the right one, or why not.
    Mounted(Result<(), String>),
    /// It is back in its slot, or nobody knows where.
    Dismounted,
    /// The list of a part, or why it could not be read.
    Listed(usize, Result<BTreeSet<Object>, String>),
    /// What the destination of a part holds, or why nobody knows.
    Held(usize, Result<BTreeMap<Object, Held>, String>),
    /// It is noted that the restore begins to write, or why it must not.
    Begun(Result<(), String>),
    /// What came of each reading, and whether the cartridge can still be read.
    Read {
        /// In the order of the readings.
        got: Vec<Got>,
        /// The drive still has it.
        is_mounted: bool,
    },
    /// Objects were taken away, or why not.
    Hidden(Result<(), String>),
    /// A part is complete and durable, or why not.
    Finished(Result<(), String>),
    /// It is noted that the restore is over, or why not.
    Ended(Result<(), String>),
}

/// What is to be done, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Put this cartridge into a drive, and see that it is the one.
    Mount(MediumId, (TapeName, Element)),
    /// Give up waiting for a drive.
    Abort,
    /// Unload it.
    Dismount,
    /// Read the list of a part.
    List(usize, Row),
    /// See what the destination of a part holds.
    Look(usize),
    /// Note that it begins to write: tenants are shut out.
    Begin,
    /// Bring objects of this cartridge to their destinations.
    Read(Vec<Reading>),
    /// Take objects away from a repository that shall not show them.
    Hide(usize, Vec<Object>),
    /// Make the destination of a part durable.
    Finish(usize),
    /// Note that it is over: tenants are let in.
    End(RestoreEnd),
}
