//! The shapes of answers: what `--json` prints. A field is named as its flag; a size is a number of
//! bytes, a day and an instant are text, and what has no value is null.

mod cluster;
mod pools;
mod restores;
mod tape;
mod tenancy;

use holdfast_actors::catalog::rows::{self, Rows, Severity};
use holdfast_actors::kernel::{Sequence, Size, Timestamp};
use holdfast_actors::names::{RepositoryName, TenantName};
use serde::{Serialize, Serializer};

use crate::commands::values::{Day, Moment, Month};

pub use cluster::{ClusterStatus, JoinToken, Member, NodeStatus, Share, TokenShown, Wait, speaks};
pub use pools::{Pool, PoolShown};
pub use restores::Restore;
pub use tape::{
    Cartridge, CartridgeCopied, CartridgeFound, CartridgeRecovered, CartridgeShown, Feed,
    MediaPool, RestorePlan, TapeClass, TapeDrive, TapeJob, TapeKey, TapeLibrary, TapePlace,
    TapeRun, Vault, label, waits,
};
pub use tenancy::{
    Approval, Credential, LastSession, Operator, Password, Slice, Subtenant, Tenant, TenantFigures,
    View, ViewLogin,
};

/// What came of an order that has nothing to show.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Settled {
    /// It is done.
    Done,
    /// It is done when a second operator agrees.
    Pending {
        /// The number of the request.
        approval: u64,
    },
}

/// A repository with its figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "the fields are named as the flags, which say what they are"
)]
pub struct Repository {
    pub id: u64,
    /// Whose; of a removed repository, whose it was.
    pub tenant: Option<TenantName>,
    pub name: RepositoryName,
    pub quota: Size,
    pub hold_days: u32,
    pub min_copies: u32,
    pub made: Moment,
    pub removed: Option<Moment>,
    /// When all of it was last read back and compared.
    pub verified: Option<Moment>,
    /// Of the objects read then, how many are not what they were.
    pub damaged: Option<u64>,
    /// None if they cannot be had now.
    #[serde(flatten)]
    pub figures: Option<Figures>,
    /// Why they cannot be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// What a repository holds, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Figures {
    /// Live objects: what the tenant sees.
    pub used: Size,
    /// What the quota is charged with.
    pub charged: Size,
    /// On disk, with all that is kept and not yet rewritten.
    pub stored: Size,
    /// About how much of that is of no use any more. It comes back once it is worth it.
    pub reclaimable: Size,
    /// Deleted objects that are kept.
    pub bin: Size,
    /// How many live objects.
    pub objects: u64,
}

/// What the bin of one repository holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Bin {
    /// Whose.
    pub tenant: TenantName,
    /// Which.
    pub repository: RepositoryName,
    /// What is in it.
    #[serde(flatten)]
    pub content: BinContent,
}

/// Deleted objects that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BinContent {
    /// How many.
    pub objects: u64,
    /// Their bytes.
    pub bin: Size,
    /// How many of these bytes the quota is charged with.
    pub charged: Size,
    /// The earliest deletion among them.
    pub oldest: Option<Moment>,
    /// The earliest instant that can be viewed.
    pub reach: Moment,
}

/// What was written or brought back.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Moved {
    /// How many objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: Size,
}

/// How much a tenant held in a month.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    /// Who.
    pub tenant: TenantName,
    /// When.
    pub month: Month,
    /// Bytes charged, times seconds; none if that cannot be had now.
    pub byte_seconds: Option<ByteSeconds>,
}

/// Bytes times seconds: a JSON number, with 53 significant bits where 64 do not hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSeconds(pub u128);

impl Serialize for ByteSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match u64::try_from(self.0) {
            Ok(exact) => serializer.serialize_u64(exact),
            Err(_) => serializer.serialize_f64(self.0 as f64),
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields are those of the catalog's row")]
pub struct Event {
    pub sequence: u64,
    pub at: Moment,
    pub code: u32,
    pub severity: Severity,
    pub actor: String,
    pub tenant: Option<TenantName>,
    pub text: String,
    pub reason: Option<String>,
}

impl Event {
    /// The event as the rows have it.
    pub fn of(sequence: Sequence, row: &rows::Event) -> Self {
        Self {
            sequence: sequence.raw(),
            at: Moment(row.at),
            code: row.code,
            severity: row.severity,
            actor: row.actor.clone(),
            tenant: row.tenant.clone(),
            text: row.text.clone(),
            reason: row.reason.clone(),
        }
    }
}

/// The maintenance mode.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Maintenance {
    /// Whether it is on.
    pub maintenance: bool,
    /// What tenants are told.
    pub text: Option<String>,
}

/// The catalog's time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Clock {
    /// The day by which leases end.
    pub today: Day,
    /// The node's wall clock.
    pub wall: Moment,
    /// Whether a jump waits to be confirmed; nothing irreversible happens meanwhile.
    pub doubted: bool,
}

impl Clock {
    /// The clock as the rows have it, and what the wall says now.
    pub fn of(rows: &Rows, wall: Timestamp) -> Self {
        Self {
            today: Day(rows.clock.today),
            wall: Moment(wall),
            doubted: rows.clock.doubted,
        }
    }
}

/// A certificate in use, or about to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Certificate {
    /// SHA-256 of the certificate in hexadecimal, as people compare it.
    pub thumbprint: String,
    /// Whose.
    pub subject: String,
    /// The names and addresses it is good for.
    pub names: Vec<String>,
    /// The first moment at which it is good.
    pub not_before: Moment,
    /// The last.
    pub not_after: Moment,
    /// Whether the node signed it itself.
    pub self_signed: bool,
    /// The thumbprint of the certificate that follows, for clients to pin beside this one.
    pub next: Option<String>,
    /// When that one is served.
    pub switch: Option<Moment>,
    /// The certificate with its chain; never the key.
    pub pem: String,
}

/// What reading back a repository brought.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verified {
    /// Whose.
    pub tenant: TenantName,
    /// Which.
    pub repository: RepositoryName,
    /// What was found.
    #[serde(flatten)]
    pub found: Findings,
}

/// What was read back and compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Findings {
    /// Objects read.
    pub objects: u64,
    /// Their bytes.
    pub bytes: Size,
    /// Objects that are not what they were.
    pub damaged: u64,
    /// Objects that nobody could read, because the nodes that hold them do not answer now.
    pub unread: u64,
}

/// How the node is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// What the node says of itself.
    #[serde(flatten)]
    pub node: Node,
    /// Its time.
    #[serde(flatten)]
    pub clock: Clock,
    /// Whether the maintenance mode is on.
    pub maintenance: bool,
    /// How many tenants.
    pub tenants: usize,
    /// How many repositories are served.
    pub repositories: usize,
    /// Requests that wait for a second operator.
    pub approvals: usize,
    /// When the repository was read back, or made if it never was, for which that is longest ago.
    pub verified: Option<Moment>,
    /// Objects of all repositories that were not what they had been when they were last read back.
    pub damaged: u64,
    /// How often an actor broke one of its invariants since the node's start.
    pub violations: u64,
    /// How the cluster is; none of a node that stands alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterStatus>,
    /// What needs somebody's attention, a sentence each.
    pub trouble: Vec<String>,
}

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Node {
    /// Its name.
    pub node: String,
    /// The program's version.
    pub version: String,
    /// Where clients connect.
    pub listen: Vec<String>,
    /// Where metrics are served.
    pub metrics: Option<String>,
    /// SHA-256 of its certificate.
    pub thumbprint: String,
    /// Bytes free on the file system of its directory, if that says.
    pub free: Option<Size>,
    /// How many of them are kept back from new data.
    pub reserve: Option<Size>,
    /// Set while the node hears no majority of its cluster, and shows what it knew then to logins
    /// that may only read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reads_as_of: Option<Moment>,
}
