//! What the catalog is told of tapes, and asked to do with them (domain, 10).
//!
//! Invariants: nothing is written over before its time, whoever asks; a set that is closed stays
//! as it is.

mod care;
mod door;
mod found;
mod jobs;
mod keys;
mod library;
mod medium;
mod pool;
mod refused;
mod restores;
mod set;
mod vault;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::draft::Draft;
use super::rows::{Device, Head, Mixing, Run, Source};
use super::{Outcome, Refused};
use crate::kernel::{NodeId, RepositoryId, RestoreId};
use crate::names::TapeName;
use crate::tape::changer::{self, Element};
use crate::tape::key::Wrapped;
use crate::tape::media::Label;
use crate::tape::pool::SetRules;
use crate::tape::{Barcode, KeyId, MediaSet, MediumId, PoolId, Schedule, SetId, job};

pub use found::{IMPORTED, Told};
pub use refused::TapeRefused;
pub use restores::{NAMED_MAX, RestoreCommand};

/// The role of nodes that libraries hang on.
pub const TAPE: &str = "tape";

/// What is done with tapes. Part of the journal's format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TapeCommand {
    /// A library.
    Library(TapeName, LibraryCommand),
    /// A media pool.
    Pool(TapeName, MediaPoolCommand),
    /// A tape job.
    Job(TapeName, JobCommand),
    /// A cartridge.
    Medium(MediumId, MediumCommand),
    /// A media set. The system's, but for closing it.
    Set(SetId, SetCommand),
    /// A restore.
    Restore(RestoreId, RestoreCommand),
    /// A key that cartridges are encrypted with.
    Key(KeyId, KeyCommand),
    /// A vault.
    Vault(TapeName, VaultCommand),
    /// The tape class of the tenant with this id; without one, it shares with nobody.
    Class(u64, Option<TapeName>),
}

/// What is done with a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyCommand {
    /// Makes it known.
    Add {
        /// Free text, at most 1 KiB.
        description: String,
        /// How it goes on cartridges: at least once, and each by its own name.
        wrapped: Vec<Wrapped>,
    },
    /// Forgets it; refused while a pool or a cartridge needs it.
    Remove,
}

/// What is done with a vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VaultCommand {
    /// Makes it known.
    Add {
        /// Free text, at most 1 KiB.
        description: String,
    },
    /// Forgets it; refused while it has cartridges, or a pool names it.
    Remove,
}

/// What is done with a library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LibraryCommand {
    /// Makes it known.
    Add {
        /// The node that it hangs on; none where a node stands alone.
        node: Option<NodeId>,
        /// What it is.
        device: Device,
    },
    /// Forgets it; its cartridges are off line then. Refused while a job uses it.
    Remove,
    /// The arm is about to be told of a move, or one was settled. The system's.
    Noted(changer::Record),
    /// Where everything is. The system's.
    Inventory(Vec<Seen>),
    /// Lets cartridges go by its door; refused while one of them is used.
    Export(BTreeSet<MediumId>),
    /// Takes in what stands behind its door.
    Import,
}

/// A cartridge as the robot sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The slot where it is, or where it belongs if it is in a drive or on the arm.
    pub slot: Element,
    /// None if the reader cannot read it.
    pub barcode: Option<Barcode>,
    /// A number drawn for it, which it gets if nobody knows it yet.
    pub new: MediumId,
}

/// What is done with a media pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaPoolCommand {
    /// Makes it.
    Add {
        /// Free text, at most 1 KiB.
        description: String,
        /// For cartridges that can be written once.
        is_worm: bool,
        /// Takes what it lacks from the Free pool (`R10.4`).
        takes_free: bool,
        /// The sets that are on, at least one.
        sets: BTreeMap<MediaSet, SetRules>,
        /// Whose data may be on one set.
        mixing: Mixing,
    },
    /// Changes it, for what is begun from now on; what is none stays as it is.
    Set {
        /// See `Add`.
        description: Option<String>,
        /// See `Add`.
        takes_free: Option<bool>,
        /// See `Add`.
        sets: Option<BTreeMap<MediaSet, SetRules>>,
        /// See `Add`.
        mixing: Option<Mixing>,
    },
    /// Takes it away; refused while it has cartridges, or a job uses it.
    Remove,
    /// Has what it begins from now on encrypted with a key, or not any more.
    Encrypt(Option<KeyId>),
    /// Into which vaults the cartridges of its sets go that are exported; into none any more where
    /// it says none, and as before where it says nothing.
    Vaults(BTreeMap<MediaSet, Option<TapeName>>),
}

/// What is done with a tape job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobCommand {
    /// Makes it; it is disabled at first.
    Add {
        /// Free text, at most 1 KiB.
        description: String,
        /// At least one.
        sources: Vec<Source>,
        /// The name of its pool.
        pool: TapeName,
        /// When; only sets that the pool has.
        schedule: Schedule,
    },
    /// Changes it; what is none stays as it is.
    Set {
        /// See `Add`.
        description: Option<String>,
        /// See `Add`.
        sources: Option<Vec<Source>>,
        /// See `Add`.
        schedule: Option<Schedule>,
    },
    /// Has it write when it is due, or not any more.
    Enable(bool),
    /// Takes it away; refused while a run is under way.
    Remove,
    /// How far it is from now on. The system's.
    Keep(Box<job::State>),
    /// Tells operators how a run goes, as an event (`R10.22`). The system's.
    Notify(MediaSet, job::Occasion),
}

/// What is done with a cartridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediumCommand {
    /// What it said of itself in a drive. The system's.
    Identified(Label),
    /// It could not be written. The system's.
    Failed,
    /// Protects it, or not any more (10.8).
    Protect(bool),
    /// Forgets what is on it, so that it may be written over (10.10). What is not ours needs a
    /// second operator.
    MarkFree,
    /// Puts one that is free into a pool, or back among the free ones.
    Move(Option<TapeName>),
    /// It is not used any more.
    Retire,
    /// All of it was read back.
    Verified {
        /// Objects read.
        objects: u64,
        /// Those that are not what they were.
        damaged: u64,
    },
    /// A drive is about to erase it. It said this of itself there, and must still agree.
    Erase(Label),
    /// Puts it back from the drive that it was left in (10.10).
    Eject,
    /// Puts one that is off line into a vault, or out of the one where it is (10.10).
    Vault(Option<TapeName>),
}

/// What is done with a media set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SetCommand {
    /// Begins it.
    Open {
        /// The pool.
        pool: PoolId,
        /// Which of the pool's five.
        set: MediaSet,
        /// The id of the tenant that it is for; none where tenants are mixed.
        owner: Option<u64>,
        /// It holds this repository alone.
        one: Option<RepositoryId>,
    },
    /// A cartridge is about to be written from its beginning: what was on it is lost. It said this
    /// of itself in the drive, and must still agree.
    Begin {
        /// Which.
        medium: MediumId,
        /// What it said.
        label: Label,
    },
    /// A run begins; one that was begun under this name goes on.
    Run(Run),
    /// Something is on tape for good.
    Committed {
        /// The cartridge.
        medium: MediumId,
        /// All that is on it.
        head: Head,
    },
    /// All of a run is on tape for good.
    Ran {
        /// Its name.
        run: String,
    },
    /// A cartridge is full.
    Full {
        /// Which.
        medium: MediumId,
    },
    /// Nothing is added any more; what is on its cartridges is kept from today on. An operator's,
    /// too.
    Close,
    /// Begins one that the tenants of a class share.
    Share {
        /// The pool; it mixes by class.
        pool: PoolId,
        /// Which of the pool's five.
        set: MediaSet,
        /// The class.
        class: TapeName,
        /// It holds this repository alone.
        one: Option<RepositoryId>,
    },
    /// A cartridge of it was read that the catalog had lost.
    Found(Box<Told>),
}

impl TapeCommand {
    /// Whether the system gives it; what it archived as a whole it closes itself.
    pub(super) fn is_given_by_system(&self) -> bool {
        self.is_systems() || matches!(self, Self::Set(_, SetCommand::Close))
    }

    /// Whether it is the system's alone.
    pub(super) fn is_systems(&self) -> bool {
        match self {
            Self::Library(_, command) => {
                matches!(
                    command,
                    LibraryCommand::Noted(_) | LibraryCommand::Inventory(_)
                )
            }
            Self::Pool(..) | Self::Key(..) | Self::Vault(..) | Self::Class(..) => false,
            Self::Job(_, command) => {
                matches!(command, JobCommand::Keep(_) | JobCommand::Notify(..))
            }
            Self::Medium(_, command) => {
                matches!(
                    command,
                    MediumCommand::Identified(_) | MediumCommand::Failed
                )
            }
            Self::Set(_, command) => !matches!(command, SetCommand::Close),
            Self::Restore(_, command) => command.is_systems(),
        }
    }

    /// Whether whoever handles media may give it (10.12).
    pub(super) fn is_handling(&self) -> bool {
        match self {
            Self::Medium(..) | Self::Set(..) => !self.is_systems(),
            Self::Job(_, command) => matches!(command, JobCommand::Enable(_)),
            Self::Library(_, command) => {
                matches!(command, LibraryCommand::Export(_) | LibraryCommand::Import)
            }
            Self::Vault(..) => true,
            Self::Pool(..) | Self::Restore(..) | Self::Key(..) | Self::Class(..) => false,
        }
    }
}

impl Draft<'_> {
    pub(super) fn tape(&mut self, command: &TapeCommand) -> Result<Outcome, Refused> {
        match command {
            TapeCommand::Library(name, command) => self.tape_library(name, command)?,
            TapeCommand::Pool(name, command) => self.media_pool(name, command)?,
            TapeCommand::Job(name, command) => self.tape_job(name, command)?,
            TapeCommand::Medium(id, command) => self.medium(*id, command)?,
            TapeCommand::Set(id, command) => self.set(*id, command)?,
            TapeCommand::Restore(id, command) => self.restore(*id, command)?,
            TapeCommand::Key(id, command) => self.tape_key(*id, command)?,
            TapeCommand::Vault(name, command) => self.vault(name, command)?,
            TapeCommand::Class(tenant, class) => self.set_class(*tenant, class.as_ref())?,
        }
        Ok(Outcome::Done)
    }
}

fn in_use(what: &'static str, name: &TapeName, by: String) -> Refused {
    let name = name.clone();
    TapeRefused::InUse { what, name, by }.into()
}

#[cfg(test)]
mod tests;
