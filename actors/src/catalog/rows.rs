//! The rows of the catalog. [`Rows`] is cheap to clone: a snapshot for whoever reads.

mod balance;
mod by;
mod event;
mod home;
mod nodes;
mod placement;
mod pools;
mod restore;
mod scrub;
mod standing;
mod tape;

use std::fmt;
use std::time::Duration;

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};

use super::Outcome;
use super::command::Command;
use super::table::Table;
use crate::kernel::{
    CredentialId, Date, Epoch, ExtentId, Rate, RepositoryId, Sequence, Size, Space, Timestamp,
};
use crate::names::{OperatorName, RepositoryName, SubtenantName, TenantName};
use crate::schema;

pub use by::TenantBy;
pub use event::{Event, Severity};
pub use home::Way;
pub use nodes::{Cluster, Lease, Node, NodeState, Owner, Replicas, Room, Speaks, Token};
pub use placement::{COPIES, Lacking, Repair};
pub use pools::{Gateways, Pool};
pub use restore::{Destination, Restore, RestoreEnd, RestorePart};
pub use scrub::Scrub;
pub use standing::OnlyOn;
pub use tape::{
    Cartridge, Check, Device, Head, Library, MediaPool, Mixing, Run, Set, Share, Source, Tape,
    TapeJob, TapeKey, Vault,
};

/// All that the catalog holds, as of one command.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rows {
    /// The last command taken in.
    pub index: Sequence,
    /// The last id given out, of whatever kind; ids are never used again.
    pub last_id: u64,
    /// The catalog's own time.
    pub clock: ClockRow,
    /// The notice that tenants see while the service is in maintenance (R17.6).
    pub maintenance: Option<String>,
    /// Who operates the service.
    #[serde(deserialize_with = "schema::map")]
    pub operators: OrdMap<OperatorName, Operator>,
    /// Requests that wait for a second operator, or were decided lately.
    #[serde(deserialize_with = "schema::map")]
    pub approvals: OrdMap<u64, Approval>,
    /// Tenants by name.
    pub tenants: Table<TenantName, Tenant>,
    /// Subtenants by tenant and name.
    pub subtenants: Table<(TenantName, SubtenantName), Subtenant>,
    /// Logins of tenants and subtenants.
    #[serde(deserialize_with = "schema::map")]
    pub credentials: OrdMap<CredentialId, Credential>,
    /// Repositories by id, those of removed tenants included as long as their data stays.
    pub repositories: Table<RepositoryId, Repository>,
    /// Extents by id.
    pub extents: Table<ExtentId, Extent>,
    /// The newest events, in order.
    #[serde(deserialize_with = "schema::map")]
    pub events: OrdMap<Sequence, Event>,
    /// The last answer given to each client, so that a repeated command is answered and not done
    /// again.
    #[serde(deserialize_with = "schema::map")]
    pub answers: OrdMap<u64, Answered>,
    /// Extents that are not sealed and whose file is durable: one that is missing was lost. Since
    /// the second version of the rows.
    #[serde(deserialize_with = "schema::set")]
    pub begun: OrdSet<ExtentId>,
    /// What reading repositories back brought. Since the second version of the rows.
    #[serde(deserialize_with = "schema::map")]
    pub scrubs: OrdMap<RepositoryId, Scrub>,
    /// By how much the wall clock jumped since the day was last confirmed, in either direction,
    /// less what was forgiven meanwhile. Since the third version of the rows.
    pub unseen: Duration,
    /// How long the node ran for which no stop was forgiven yet. Since the fourth version.
    pub ran: Duration,
    /// The cluster that keeps the catalog. Since the fourth version.
    pub cluster: Cluster,
    /// Its gateways by pools. Since the sixth version.
    pub gateways: Gateways,
    /// How many copies repositories wanted that do with fewer, because a catalog was begun anew on
    /// fewer nodes. Since the seventh version.
    #[serde(deserialize_with = "schema::map")]
    pub eased: OrdMap<RepositoryId, u32>,
    /// What is known of tapes. Since the eighth version.
    pub tape: Tape,
}

/// The last answer to one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The client's own number of the command.
    pub sequence: u64,
    /// The command's place in the log.
    pub index: Sequence,
    /// What came of it.
    pub outcome: Outcome,
}

/// The catalog's time (architecture, section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockRow {
    /// The day by which leases end. Never goes back, but by an operator's confirmation.
    pub today: Date,
    /// The wall clock at the last tick.
    pub wall: Timestamp,
    /// How many days the confirmed day is ahead of the wall clock's; 0 while that clock is right.
    pub offset_days: i64,
    /// Set while jumps of more than a day together that no monotonic clock saw wait to be
    /// confirmed: nothing irreversible happens meanwhile.
    pub doubted: bool,
}

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything.
    Admin,
    /// Tapes, and looking.
    TapeOperator,
    /// Looking.
    Viewer,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admin => "admin",
            Self::TapeOperator => "tape-operator",
            Self::Viewer => "viewer",
        })
    }
}

/// One operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// What they may do.
    pub role: Role,
    /// Which local user they are, by uid; the admin socket tells it.
    pub uid: Option<u32>,
}

/// A request under the four-eyes rule (2.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who asked.
    pub by: OperatorName,
    /// When.
    pub at: Timestamp,
    /// What will be done when it is granted.
    pub command: Command,
    /// The same as a sentence, for people.
    pub text: String,
    /// Where it stands.
    pub state: ApprovalState,
    /// Who decided; none while it waits, and when nobody did.
    pub decided_by: Option<OperatorName>,
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalState {
    /// Nobody has decided.
    Pending,
    /// A second operator agreed, and it was done.
    Approved,
    /// Somebody said no.
    Rejected,
    /// Nobody decided in its window.
    Lapsed,
}

/// A tenant's contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Part of paths and of other rows; survives a new tenant of the same name.
    pub id: u64,
    /// Free text of the operator.
    pub description: String,
    /// Set while the tenant is disabled: by whom and why.
    pub disabled: Option<String>,
    /// The last day on which it is served; none for ever (R6.30).
    pub lease: Option<Date>,
    /// Days after the lease's end on which reading is still allowed.
    pub restore_grace: u32,
    /// Days after the lease's end before which nobody may purge.
    pub purge_hold: u32,
    /// Most uploads at once, and most downloads at once (15.4).
    pub tasks: u32,
    /// Bytes per second; none for no limit (R15.21).
    pub bandwidth: Option<Rate>,
    /// Days that a deleted object is kept, 0 to 99 (9.2).
    pub bin_days: u32,
    /// Bytes in the bin that are not charged; none for as much as the quota.
    pub bin_limit: Option<Size>,
    /// How many days before its end the last warning about the lease was given (6.5).
    pub warned: Option<u32>,
    /// Whether the end of the lease was announced.
    pub ended: bool,
    /// When its last session ended, and how.
    pub last_session: Option<(Timestamp, SessionResult)>,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionResult {
    /// It stored a snapshot.
    Success,
    /// It stored none, and nothing failed.
    None,
    /// A refusal or a broken transfer was the last it saw.
    Failed,
}

/// A person or machine of a tenant, with a slice of its quota (section 7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subtenant {
    /// Its own part of each repository it may use.
    pub space: Space,
    /// Free text.
    pub description: String,
    /// Set while disabled: why.
    pub disabled: Option<String>,
    /// Made by hand, or by the system for a machine in a policy (R7.1, R7.2).
    pub mode: SubtenantMode,
    /// The repositories it may use, each with its limit; none for all of the tenant's quota.
    #[serde(deserialize_with = "schema::map")]
    pub slices: OrdMap<RepositoryId, Option<Size>>,
}

/// How a subtenant came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubtenantMode {
    /// Made by an operator or the tenant.
    Standalone,
    /// Made by the system for a machine.
    Managed,
}

/// What a credential allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Read; locks may be added and deleted.
    Read,
    /// Read and add; only locks may be deleted.
    Append,
    /// Read, add and delete.
    Full,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Append => "append",
            Self::Full => "full",
        })
    }
}

/// One login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Whose.
    pub tenant: TenantName,
    /// Of which subtenant, if of one.
    pub subtenant: Option<SubtenantName>,
    /// What it allows.
    pub scope: Scope,
    /// How a password is checked.
    pub verifier: Verifier,
    /// Made when.
    pub made: Timestamp,
    /// The last day on which it is good.
    pub expires: Option<Date>,
    /// Set for a credential that reads one repository as of an instant, and nothing else.
    pub view: Option<View>,
    /// Free text: which machine it is for.
    pub label: String,
}

/// A repository as of an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Which repository.
    pub repository: RepositoryId,
    /// As of when.
    pub at: Timestamp,
}

/// What is kept of a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verifier {
    /// SHA-256 of a generated password, which has 256 bits of its own.
    Generated([u8; 32]),
    /// argon2id in PHC form, for a password that somebody chose.
    Chosen(String),
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Generated(_) => "Generated",
            Self::Chosen(_) => "Chosen",
        })
    }
}

/// A cloud repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Whose, by id: a new tenant of the same name does not get it.
    pub tenant: u64,
    /// Its name, unique inside the tenant.
    pub name: RepositoryName,
    /// The most it may hold (R6.1).
    pub quota: Size,
    /// Days within which every instant stays restorable, whoever asks otherwise.
    pub hold_days: u32,
    /// Copies without which nothing is acknowledged.
    pub min_copies: u32,
    /// The epoch of its owner.
    pub epoch: Epoch,
    /// When it was made.
    pub made: Timestamp,
    /// Set when it was removed: it is not served, and its data waits for a purge.
    pub removed: Option<Removal>,
    /// When all of it was last read back and compared.
    pub verified: Option<Timestamp>,
}

/// What remains to be known of a repository that is not served any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Whose it was; that name may belong to another tenant by now.
    pub tenant: TenantName,
    /// When it was removed.
    pub at: Timestamp,
    /// The first day on which its data may be destroyed: bin and holds reach up to it.
    pub purge_from: Date,
    /// Set once its data was ordered to be destroyed, which its owner does from that day on.
    pub purge: bool,
}

/// One append-only file of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Whose.
    pub repository: RepositoryId,
    /// The one epoch that ever writes to it.
    pub epoch: Epoch,
    /// Its final length in bytes once it is sealed.
    pub sealed: Option<u64>,
}

/// The state of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Served.
    Enabled,
    /// Shut out by an operator or by the system.
    Disabled,
    /// Its lease has ended.
    Expired,
}
