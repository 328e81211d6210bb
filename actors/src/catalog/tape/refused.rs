//! Why the catalog refuses a command about tapes. It decides nothing.

use super::super::Class;
use crate::kernel::{NodeId, RepositoryId, RestoreId};
use crate::names::TapeName;
use crate::tape::device::Serial;
use crate::tape::{KeyId, MediaSet, MediumId, PoolId, SetId, media};

/// A command about tapes that was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TapeRefused {
    /// No such library.
    #[error("there is no tape library '{0}'")]
    NoLibrary(TapeName),
    /// No such pool.
    #[error("there is no media pool '{0}'")]
    NoPool(TapeName),
    /// No such job.
    #[error("there is no tape job '{0}'")]
    NoJob(TapeName),
    /// No such cartridge.
    #[error("there is no cartridge {0}")]
    NoMedium(MediumId),
    /// No such media set.
    #[error("there is no media set {0}")]
    NoSet(SetId),
    /// No pool has that number any more.
    #[error("there is no media pool with the number {}", .0.raw())]
    NoPoolId(PoolId),
    /// No tenant has that number.
    #[error("there is no tenant with the number {0}")]
    NoTenant(u64),
    /// The set has no run of that name.
    #[error("media set {0} has no run '{1}'")]
    NoRun(SetId, String),

    /// No such key.
    #[error("there is no key {0}; look with 'tape key list'")]
    NoKey(KeyId),
    /// A key that nobody could open any more is no key.
    #[error("a key is wrapped for a passphrase or for recipients, each once and in age's format")]
    NotWrapped,
    /// What is encrypted with it would be lost.
    #[error("key {0} is needed by {1}")]
    KeyInUse(KeyId, String),

    /// No such restore.
    #[error("there is no {0}; look with 'tape restore list'")]
    NoRestore(RestoreId),
    /// It is over.
    #[error("{0} has ended")]
    RestoreEnded(RestoreId),
    /// Somebody else asked for one under that number.
    #[error("{0} is not the next number of a restore: ask again")]
    RestoreTaken(RestoreId),
    /// Two parts would be mixed, or another restore is at work there.
    #[error("two restores to one place: let the first end, or choose another")]
    SamePlace,
    /// What is on it is being read.
    #[error(
        "cartridge {0} is needed by a restore that is under way: wait for its end, or stop it with \
         'tape restore stop'"
    )]
    Restoring(String),
    /// What is on it is being written, or will be.
    #[error(
        "cartridge {0} is being written by tape job '{1}': wait for the end of its run, or stop \
         that with 'tape job stop {1}'"
    )]
    Writing(String, TapeName),
    /// Only what is in a library goes out by its door.
    #[error("cartridge {0} is not in library '{1}'; look with 'tape media show {0}'")]
    Elsewhere(String, TapeName),
    /// A vault is a place for what is off line (10.10).
    #[error(
        "cartridge {0} is in library '{1}', and a vault is for cartridges that are off line: carry \
         it out first with 'tape library export {1} {0}'"
    )]
    Inside(String, TapeName),
    /// What comes back is what nobody knows.
    #[error("cartridge {0} is known, and is not what its label tells; take an inventory")]
    KnownMedium(String),
    /// Jobs write to pools of operators.
    #[error("media pool '{0}' is the system's: it takes in what is found, and nothing is written")]
    Service(TapeName),
    /// No such vault.
    #[error("there is no vault '{0}'; look with 'tape vault list'")]
    NoVault(TapeName),
    /// A restore of nothing.
    #[error("a restore has one run at least")]
    NoParts,

    /// Names of a kind are unique.
    #[error("there is a {0} '{1}' already")]
    Exists(&'static str, TapeName),
    /// A device is in one library, and one thing in it.
    #[error("device '{0}' is named twice")]
    Twice(Serial),
    /// Two libraries would command one device.
    #[error("a device of it is in tape library '{0}' already")]
    Shared(TapeName),
    /// Something still uses it.
    #[error("{what} '{name}' is used by {by}")]
    InUse {
        /// What kind of thing.
        what: &'static str,
        /// Which.
        name: TapeName,
        /// By whom, as words.
        by: String,
    },
    /// What is drawn for something new is drawn once.
    #[error("the number {0:032x} is taken: draw another")]
    Drawn(u128),
    /// A closed set is never resumed (10.8).
    #[error("media set {0} is closed: begin a new one")]
    Closed(SetId),
    /// Only the last cartridge of a set is written.
    #[error("cartridge {0} is not the one that media set {1} writes")]
    NotLast(MediumId, SetId),
    /// What is on tape for good does not become less.
    #[error(
        "cartridge {0} has {1} objects on it for good, and what is told now, {2}, does not follow"
    )]
    Fewer(MediumId, u64, u64),
    /// Another run has that name.
    #[error("media set {0} has another run '{1}' already")]
    RunTaken(SetId, String),
    /// A run is done once all of it is on tape.
    #[error("run '{1}' of media set {0} has {2} objects, and {3} are on its cartridges for good")]
    NotThere(SetId, String, u64, u64),

    /// A rule about the cartridge says no.
    #[error("cartridge {label}: {refused}")]
    Medium {
        /// Its barcode, else its number.
        label: String,
        /// Why.
        refused: media::Refused,
    },
    /// A cartridge with something on it stays in its pool.
    #[error("cartridge {0} has something on it; mark it free first: 'tape media free'")]
    NotFree(String),
    /// Sets and pools never take from each other (`R10.2`, `R10.4`).
    #[error("cartridge {0} is not for media set {1}: it is another pool's, set's, or kind")]
    NotTaken(String, SetId),
    /// What can be written once has pools of its own (`R10.4`).
    #[error("cartridge {0} and media pool '{1}' differ in whether they can be written over")]
    Kind(String, TapeName),
    /// Whose data a set is for is said when it is begun.
    #[error("media set {0} is not for {1}")]
    NotFor(SetId, RepositoryId),
    /// The pool keeps tenants apart.
    #[error("media pool '{0}' keeps tenants apart: a set is for one of them")]
    Mixed(TapeName),
    /// The pool has no such set.
    #[error("media pool '{0}' has no {1} set; switch it on with 'tape pool set'")]
    SetOff(TapeName, MediaSet),
    /// The library would hang on a node that takes none.
    #[error("{0} does not have the role tape; a node gets it with --role when it joins")]
    NotTape(NodeId),
    /// The library must hang on a node of the cluster, and on none where there is no cluster.
    #[error("name the node that the library hangs on, with --node, in a cluster and only there")]
    Node,
    /// The arm may be moving.
    #[error("the arm of library '{0}' is moving a cartridge, or nobody knows whether it did")]
    Moving(TapeName),

    /// A pool without sets writes nothing.
    #[error("a media pool has one media set at least")]
    NoSets,
    /// A job without sources writes nothing.
    #[error("a tape job has one source at least: --tenant, --repository, or --all")]
    NoSources,
    /// A job without days writes nothing.
    #[error("a tape job is due on one day at least; '--help' lists when")]
    NoDays,
}

impl TapeRefused {
    /// What kind of refusal it is.
    pub const fn class(&self) -> Class {
        match self {
            Self::NoLibrary(..)
            | Self::NoPool(..)
            | Self::NoJob(..)
            | Self::NoMedium(..)
            | Self::NoSet(..)
            | Self::NoRestore(..)
            | Self::NoPoolId(..)
            | Self::NoTenant(..)
            | Self::NoKey(..)
            | Self::NoVault(..)
            | Self::NoRun(..) => Class::NotFound,
            Self::Exists(..)
            | Self::InUse { .. }
            | Self::Shared(..)
            | Self::Drawn(..)
            | Self::Closed(..)
            | Self::NotThere(..)
            | Self::NotLast(..)
            | Self::Fewer(..)
            | Self::Moving(..)
            | Self::RestoreEnded(..)
            | Self::RestoreTaken(..)
            | Self::SamePlace
            | Self::Restoring(..)
            | Self::Writing(..)
            | Self::KeyInUse(..)
            | Self::RunTaken(..) => Class::Conflict,
            Self::Medium { .. }
            | Self::NotFree(..)
            | Self::NotTaken(..)
            | Self::Kind(..)
            | Self::NotFor(..)
            | Self::Mixed(..)
            | Self::SetOff(..)
            | Self::Elsewhere(..)
            | Self::Inside(..)
            | Self::KnownMedium(..)
            | Self::Service(..)
            | Self::NotTape(..) => Class::Rule,
            Self::Node
            | Self::NotWrapped
            | Self::Twice(..)
            | Self::NoSets
            | Self::NoSources
            | Self::NoDays
            | Self::NoParts => Class::Usage,
        }
    }

    /// The word for it in answers to programs.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NoLibrary(..) => "no-library",
            Self::NoPool(..) | Self::NoPoolId(..) => "no-media-pool",
            Self::NoTenant(..) => "no-tenant",
            Self::NoJob(..) => "no-tape-job",
            Self::NoMedium(..) => "no-cartridge",
            Self::NoSet(..) => "no-media-set",
            Self::NoRun(..) => "no-tape-run",
            Self::NoKey(..) => "no-tape-key",
            Self::NotWrapped => "tape-key-not-wrapped",
            Self::KeyInUse(..) => "tape-key-in-use",
            Self::Exists(..) => "tape-name-taken",
            Self::Shared(..) => "tape-device-shared",
            Self::Twice(..) => "tape-device-twice",
            Self::InUse { .. } => "tape-in-use",
            Self::Drawn(..) => "number-taken",
            Self::NotThere(..) => "not-on-tape-yet",
            Self::NotTaken(..) => "cartridge-not-taken",
            Self::Kind(..) => "cartridge-kind",
            Self::NotFor(..) => "not-for-media-set",
            Self::Mixed(..) => "tenants-apart",
            Self::Closed(..) => "media-set-closed",
            Self::NotLast(..) => "not-last-cartridge",
            Self::Fewer(..) => "fewer-on-tape",
            Self::RunTaken(..) => "tape-run-taken",
            Self::Medium { .. } => "cartridge-refused",
            Self::NotFree(..) => "cartridge-not-free",
            Self::SetOff(..) => "media-set-off",
            Self::NotTape(..) => "not-a-tape-node",
            Self::Node => "tape-node",
            Self::Moving(..) => "arm-moving",
            Self::NoSets => "no-media-sets",
            Self::NoSources => "no-tape-sources",
            Self::NoRestore(..) => "no-restore",
            Self::RestoreEnded(..) => "restore-ended",
            Self::RestoreTaken(..) => "restore-taken",
            Self::SamePlace => "restore-place-taken",
            Self::Restoring(..) => "cartridge-being-restored",
            Self::Writing(..) => "cartridge-being-written",
            Self::Elsewhere(..) => "cartridges-offline",
            Self::Inside(..) => "cartridge-in-library",
            Self::NoVault(..) => "no-vault",
            Self::KnownMedium(..) => "cartridge-known",
            Self::Service(..) => "service-pool",
            Self::NoParts => "no-restore-parts",
            Self::NoDays => "no-tape-days",
        }
    }
}
