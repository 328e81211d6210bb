//! What is known of tapes: where they are, what may be done with them, what is on them. Where on a
//! tape each object is stands in its rows, which lie beside the catalog and on the tape itself.
//!
//! Invariant: a cartridge is in one place and of one media set at most, and what is named is there.

mod pins;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use imbl::{OrdMap, Vector};
use serde::{Deserialize, Serialize};

use super::restore::Restore;
use crate::kernel::{Date, NodeId, RepositoryId, RestoreId, Size, Timestamp};
use crate::names::{RepositoryName, TapeName, TenantName};
use crate::schema;
use crate::tape::changer::{Element, Intent};
use crate::tape::device::{Account, Serial, Target};
use crate::tape::key::Wrapped;
use crate::tape::{KeyId, MediaSet, Medium, MediumId, Pool, PoolId, Schedule, SetId, job};

/// All that is known of tapes. Since the eighth version of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tape {
    /// Libraries by name.
    #[serde(deserialize_with = "schema::map")]
    pub libraries: OrdMap<TapeName, Library>,
    /// Media pools by name.
    #[serde(deserialize_with = "schema::map")]
    pub pools: OrdMap<TapeName, MediaPool>,
    /// Cartridges, also those that are in no library now.
    #[serde(deserialize_with = "schema::map")]
    pub media: OrdMap<MediumId, Cartridge>,
    /// Media sets, as long as they have a cartridge.
    #[serde(deserialize_with = "schema::map")]
    pub sets: OrdMap<SetId, Set>,
    /// Tape jobs by name.
    #[serde(deserialize_with = "schema::map")]
    pub jobs: OrdMap<TapeName, TapeJob>,
    /// Restores, the last that have ended among them.
    #[serde(deserialize_with = "schema::map")]
    pub restores: OrdMap<RestoreId, Restore>,
    /// What came of reading cartridges back. Since the ninth version of the rows.
    #[serde(deserialize_with = "schema::map")]
    pub checks: OrdMap<MediumId, Check>,
    /// Media sets that cartridges left, which were written over or given up: how many. Runs of
    /// these sets may lack what was on them. Since the ninth version of the rows.
    #[serde(deserialize_with = "schema::map")]
    pub lacking: OrdMap<SetId, u32>,
    /// Keys that cartridges are encrypted with. Since the tenth version of the rows.
    #[serde(deserialize_with = "schema::map")]
    pub keys: OrdMap<KeyId, TapeKey>,
    /// The key of what a pool begins from now on. Since the tenth version of the rows.
    #[serde(deserialize_with = "schema::map")]
    pub encrypting: OrdMap<PoolId, KeyId>,
    /// The key of what is written on a cartridge. Since the tenth version of the rows.
    #[serde(deserialize_with = "schema::map")]
    pub encrypted: OrdMap<MediumId, KeyId>,
    /// The instants at which jobs that are under way read repositories: nothing that was visible
    /// then leaves its bin. Since the tenth version of the rows.
    #[serde(deserialize_with = "schema::map")]
    pub pins: OrdMap<RepositoryId, BTreeMap<TapeName, Timestamp>>,
    /// Vaults by name. Since the tenth version of the rows.
    #[serde(deserialize_with = "schema::map")]
    pub vaults: OrdMap<TapeName, Vault>,
    /// In which vault a cartridge is that is off line. Since the tenth version of the rows.
    #[serde(deserialize_with = "schema::map")]
    pub vaulted: OrdMap<MediumId, TapeName>,
    /// Into which vault the cartridges of a pool's set go that are exported. Since the tenth
    /// version of the rows.
    #[serde(deserialize_with = "schema::map")]
    pub vault_of: OrdMap<(PoolId, MediaSet), TapeName>,
    /// The tape classes of tenants by their ids; one that has none shares with nobody. Since the
    /// tenth version of the rows.
    #[serde(deserialize_with = "schema::map")]
    pub classes: OrdMap<u64, TapeName>,
    /// The class that a media set without an owner is for; none where everybody is mixed. Since
    /// the tenth version of the rows.
    #[serde(deserialize_with = "schema::map")]
    pub class_of: OrdMap<SetId, TapeName>,
}

/// A key, as far as the catalog may know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapeKey {
    /// Free text of the operator.
    pub description: String,
    /// How it goes on each cartridge that it encrypts.
    pub wrapped: Vec<Wrapped>,
    /// When it was made.
    pub made: Timestamp,
}

/// A place for cartridges that are off line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vault {
    /// Free text of the operator.
    pub description: String,
    /// When it was made known.
    pub made: Timestamp,
}

/// With whom the data of a tenant may be on one media set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// With everybody's.
    All,
    /// With that of tenants of this class.
    Class(TapeName),
    /// With nobody's; the tenant's id.
    Own(u64),
}

impl Share {
    /// The id of the tenant that a set like this is for.
    pub const fn owner(&self) -> Option<u64> {
        match self {
            Self::Own(tenant) => Some(*tenant),
            Self::All | Self::Class(_) => None,
        }
    }
}

impl Tape {
    /// With whom a tenant's data may be on a set of a pool with this rule.
    pub fn share(&self, mixing: Mixing, tenant: u64) -> Share {
        match (mixing, self.classes.get(&tenant)) {
            (Mixing::All, _) => Share::All,
            (Mixing::Class, Some(class)) => Share::Class(class.clone()),
            (Mixing::Class | Mixing::Never, _) => Share::Own(tenant),
        }
    }

    /// For whom a media set is.
    pub fn shared(&self, id: SetId, set: &Set) -> Share {
        match (set.owner, self.class_of.get(&id)) {
            (Some(tenant), _) => Share::Own(tenant),
            (None, Some(class)) => Share::Class(class.clone()),
            (None, None) => Share::All,
        }
    }

    /// What people know a cartridge by, and in which vault they find it.
    pub fn place(&self, id: MediumId) -> String {
        let row = self.media.get(&id);
        let label = row.map_or_else(|| id.to_string(), |row| row.label(id));
        match self.vaulted.get(&id) {
            Some(vault) => format!("{label} in vault {vault}"),
            None => label,
        }
    }

    /// The pool with this number, and its name.
    pub fn pool(&self, id: PoolId) -> Option<(&TapeName, &MediaPool)> {
        self.pools.iter().find(|(_, row)| row.id == id)
    }

    /// Puts the cartridges off line that are in libraries like this; how many they were.
    pub(in crate::catalog) fn put_away(&mut self, gone: impl Fn(&TapeName) -> bool) -> usize {
        let inside = |row: &Cartridge| row.slot.as_ref().is_some_and(|(at, _)| gone(at));
        let media = self.media.iter().filter(|(_, row)| inside(row));
        let ids: Vec<MediumId> = media.map(|(id, _)| *id).collect();
        for id in &ids {
            if let Some(row) = self.media.get_mut(id) {
                row.put_away();
            }
        }
        ids.len()
    }
}

impl Cartridge {
    /// What people know it by.
    pub fn label(&self, id: MediumId) -> String {
        let barcode = self.medium.barcode.as_ref();
        barcode.map_or_else(|| id.to_string(), ToString::to_string)
    }

    /// It is in no library.
    pub(in crate::catalog) fn put_away(&mut self) {
        self.slot = None;
        self.medium.is_online = false;
    }
}

/// A library: an arm, drives and places for cartridges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Library {
    /// The node that it hangs on; none where a node stands alone.
    pub node: Option<NodeId>,
    /// What it is.
    pub device: Device,
    /// When it was made known.
    pub made: Timestamp,
    /// What its arm was last told and nobody has seen done yet.
    pub intent: Option<Intent>,
}

/// What a library is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Device {
    /// The embedded one: its cartridges are directories of the node.
    Virtual {
        /// 1 to 64.
        drives: u16,
        /// 1 to 4,096; each has a cartridge from the beginning.
        slots: u16,
        /// Of each cartridge, at least 16 MiB.
        capacity: Size,
    },
    /// Devices of the node's kernel.
    Scsi {
        /// Its arm.
        changer: Serial,
        /// 1 to 64, no two of them the same.
        drives: Vector<Serial>,
    },
    /// The arm and all drives behind an iSCSI target.
    Iscsi {
        /// Where it is reached.
        portal: SocketAddr,
        /// Its name.
        target: Target,
        /// What proves to it who we are, if it wants a proof.
        account: Option<Account>,
    },
}

/// A media pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaPool {
    /// By which cartridges name it; never given to another pool.
    pub id: PoolId,
    /// Free text of the operator.
    pub description: String,
    /// What its sets do with cartridges.
    pub rules: Pool,
    /// Who may share a cartridge.
    pub mixing: Mixing,
    /// When it was made.
    pub made: Timestamp,
}

/// Whose data may be on one media set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mixing {
    /// One tenant's.
    #[default]
    Never,
    /// Everybody's.
    All,
    /// That of tenants of one class; of one without a class, its own.
    Class,
}

/// A cartridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cartridge {
    /// What it is, and what may be done with it.
    pub medium: Medium,
    /// The library and the slot where it belongs, as long as it is in one.
    pub slot: Option<(TapeName, Element)>,
    /// The media set that it was last begun for, and its place in it, from 1.
    pub of: Option<(SetId, u32)>,
    /// How often it was begun.
    pub generation: u64,
    /// What is committed on it.
    pub head: Head,
}

/// What came of reading a whole cartridge back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// When.
    pub at: Timestamp,
    /// Objects read.
    pub objects: u64,
    /// Those that are not what they were.
    pub damaged: u64,
}

/// What is on a cartridge for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The SHA-256 of all its rows as an index has them.
    pub root: [u8; 32],
}

/// A media set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// The pool that it takes cartridges from.
    pub pool: PoolId,
    /// Which of the pool's five.
    pub set: MediaSet,
    /// The id of the tenant that it is for; none where tenants are mixed.
    pub owner: Option<u64>,
    /// It holds this repository alone, whose objects are at its root.
    pub one: Option<RepositoryId>,
    /// Its cartridges in order.
    pub media: Vector<MediumId>,
    /// When it was begun.
    pub opened: Timestamp,
    /// The day on which it was closed: nothing is added any more.
    pub closed: Option<Date>,
    /// What was archived in it, in order.
    pub runs: Vector<Run>,
}

/// What one run of a job archived of one repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The name of its list on tape, unique in the set.
    pub name: String,
    /// The job.
    pub job: TapeName,
    /// The repository.
    pub repository: RepositoryId,
    /// Whose it was then.
    pub tenant: TenantName,
    /// How it was called then.
    pub called: RepositoryName,
    /// The repository is on tape as of then.
    pub view: Timestamp,
    /// Objects in it.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When all of them and its list were on tape for good; none as long as they are not.
    pub done: Option<Timestamp>,
}

/// A tape job (10.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapeJob {
    /// Free text of the operator.
    pub description: String,
    /// What it archives, in order.
    pub sources: Vec<Source>,
    /// The name of its media pool.
    pub pool: TapeName,
    /// When.
    pub schedule: Schedule,
    /// It writes when it is due.
    pub is_enabled: bool,
    /// How far it is.
    pub state: job::State,
    /// When it was made.
    pub made: Timestamp,
}

/// What a tape job archives (`R10.11`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// All tenants, those too that are made later (`R10.12`).
    All,
    /// All repositories of the tenant with this id, those too that are made later.
    Tenant(u64),
    /// One repository.
    Repository(RepositoryId),
}
