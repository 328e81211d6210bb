//! What the catalog can be asked to do. It decides nothing.
//!
//! Variants are part of the journal's format: new ones go to the end of their enum, and none is
//! ever taken out or moved.

mod extent;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use extent::ExtentCommand;

pub use super::cluster::{
    ClusterCommand, LeaseCommand, NewNode, NodeCommand, ReplicaCommand, Turned, TurnedCause,
};
pub use super::contract::{Contract, ContractChange};
pub use super::pools::{PoolCommand, TermsChange};
use super::rows::{Role, Scope, SubtenantMode, Verifier, View};
pub use super::service::ServiceCommand;
pub use super::tape::TapeCommand;
use crate::gateways::{PoolName, Terms};
use crate::kernel::{CredentialId, Date, Epoch, RepositoryId, Size, Timestamp};
use crate::names::{OperatorName, RepositoryName, SubtenantName, TenantName};

/// One command with all that deciding it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Who waits for the answer: a number drawn at random by whoever submits one command after the
    /// other. Answers to 0 are not remembered: for whoever would not ask again.
    pub client: u64,
    /// Rises with each command of that client. A command sent again under its number is answered
    /// as before and not done again.
    pub sequence: u64,
    /// On whose behalf.
    pub by: Actor,
    /// The wall clock of the node that submits.
    pub at: Timestamp,
    /// What to do.
    pub command: Command,
}

/// On whose behalf a command is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    /// An operator, recognised by the admin socket.
    Operator(OperatorName),
    /// A tenant, by the login it uses: its scope decides what it may do.
    Tenant(TenantName, CredentialId),
    /// The node itself.
    System,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(name) => write!(f, "operator {name}"),
            Self::Tenant(name, _) => write!(f, "tenant {name}"),
            Self::System => f.write_str("system"),
        }
    }
}

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// About the catalog's time.
    Clock(ClockCommand),
    /// About a tenant.
    Tenant(TenantName, TenantCommand),
    /// About a subtenant.
    Subtenant(TenantName, SubtenantName, SubtenantCommand),
    /// About a login.
    Credential(CredentialCommand),
    /// About an operator.
    Operator(OperatorName, OperatorCommand),
    /// Decides the request with this id.
    Approval(u64, ApprovalCommand),
    /// About a repository.
    Repository(RepositoryCommand),
    /// About an extent, by the owner of its repository.
    Extent(ExtentCommand),
    /// About the whole service.
    Service(ServiceCommand),
    /// About the nodes that keep the catalog together.
    Cluster(ClusterCommand),
    /// About a pool of gateways.
    Pool(PoolName, PoolCommand),
    /// About tapes.
    Tape(TapeCommand),
}

/// The catalog's time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClockCommand {
    /// Time passed, and small jumps are not added up. Nobody gives it; journals that hold it are
    /// decided again as they once were.
    Tick {
        /// The wall clock now.
        wall: Timestamp,
        /// How long ago the tick before was taken in, by the monotonic clock; none at boot.
        elapsed: Option<Duration>,
    },
    /// An operator says which day it is: ends the doubt, and may move the day back.
    Confirm {
        /// The day in UTC.
        today: Date,
    },
    /// Time passed, and every jump counts. The system's.
    Pass {
        /// The wall clock now.
        wall: Timestamp,
        /// How long ago the last one was taken in, by the monotonic clock; none at boot.
        elapsed: Option<Duration>,
    },
}

impl ClockCommand {
    /// Whether it is the system's alone.
    pub(super) fn is_systems(&self) -> bool {
        matches!(self, Self::Tick { .. } | Self::Pass { .. })
    }
}

/// What an operator does with a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TenantCommand {
    /// Makes it; answers [`super::Outcome::Tenant`].
    Add(Contract),
    /// Changes its contract.
    Set(ContractChange),
    /// Shuts it out at once (5.4).
    Disable {
        /// Why, at most 1 KiB; the tenant is told.
        reason: String,
    },
    /// Lets it in again.
    Enable,
    /// Takes the account away (5.5). Its data stays until it is purged, and is never reachable by a
    /// later tenant of the same name. Needs a second operator.
    Remove {
        /// Why.
        reason: Option<String>,
    },
    /// Orders the data of a tenant to be destroyed whose lease ended and whose purge hold is over;
    /// if there is no tenant of that name, the data of former ones. Needs a second operator.
    Purge {
        /// Why.
        reason: Option<String>,
    },
    /// Makes it with what is agreed about gateways; answers [`super::Outcome::Tenant`].
    AddWith(Box<Contract>, Terms),
    /// Changes its contract, and what is agreed about gateways.
    SetWith(Box<ContractChange>, TermsChange),
}

/// Where a subtenant may write: repositories of its tenant by name, each with a limit; none for as
/// much as the tenant's quota (R7.4).
pub type Slices = BTreeMap<RepositoryName, Option<Size>>;

/// What an operator, or the tenant itself, does with a subtenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubtenantCommand {
    /// Makes it; answers [`super::Outcome::Subtenant`].
    Add {
        /// Free text, at most 1 KiB.
        description: String,
        /// A managed one is made by the system only (R7.2).
        mode: SubtenantMode,
        /// Exactly one for a standalone subtenant (R7.1).
        slices: Slices,
        /// Whether it is born disabled (R7.9).
        disabled: bool,
    },
    /// Changes it; what is none stays as it is.
    Set {
        /// Free text, at most 1 KiB.
        description: Option<String>,
        /// All its slices from now on.
        slices: Option<Slices>,
    },
    /// Shuts it out at once.
    Disable {
        /// Why, at most 1 KiB.
        reason: String,
    },
    /// Lets it in again.
    Enable,
    /// Takes the account away; its data stays (R7.10).
    Remove,
}

/// A login to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCredential {
    /// Whose.
    pub tenant: TenantName,
    /// Of which subtenant, if of one.
    pub subtenant: Option<SubtenantName>,
    /// What it allows.
    pub scope: Scope,
    /// How its password is checked.
    pub verifier: Verifier,
    /// The last day on which it is good.
    pub expires: Option<Date>,
    /// Which machine it is for, at most 128 bytes.
    pub label: String,
    /// Set for one that reads a repository as of an instant and nothing else; its scope is read.
    pub view: Option<View>,
}

/// What is done with logins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CredentialCommand {
    /// Makes one; answers [`super::Outcome::Credential`]. A tenant may, for its subtenants.
    Add(NewCredential),
    /// Ends one at once.
    Revoke {
        /// Which.
        credential: CredentialId,
    },
    /// Gives a login another password: a tenant its own or a subtenant's. Whoever submits has
    /// checked the current one (5.6).
    ChangePassword {
        /// Which.
        credential: CredentialId,
        /// How the new password is checked.
        verifier: Verifier,
    },
}

/// What is done with operators. While four eyes are asked for, what touches an admin needs a second
/// one: else a thief would make himself the second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperatorCommand {
    /// Makes one. The first is made by the system, and is an admin.
    Add {
        /// What they may do.
        role: Role,
        /// Which local user they are; no two operators are the same.
        uid: Option<u32>,
    },
    /// Changes one; what is none stays as it is.
    Set {
        /// What they may do.
        role: Option<Role>,
        /// Which local user they are.
        uid: Option<u32>,
    },
    /// Takes one away; their open requests are rejected.
    Remove,
}

/// How a request is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApprovalCommand {
    /// Does it now, for the one who asked; never by the same operator. The answer is that of the
    /// command.
    Grant,
    /// Does not do it.
    Reject {
        /// Why.
        reason: Option<String>,
    },
}

/// What is done with repositories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RepositoryCommand {
    /// Makes one; answers [`super::Outcome::Repository`].
    Add {
        /// For whom.
        tenant: TenantName,
        /// Its name, unique inside the tenant.
        name: RepositoryName,
        /// The most it may hold: 1 MiB to 2,097,151 GiB. (R6.2 begins at 1 GiB; we allow less.)
        quota: Size,
        /// Days within which every instant stays restorable, at most 9999.
        hold_days: u32,
        /// Copies without which nothing is acknowledged, 1 to 16.
        min_copies: u32,
    },
    /// Changes one; what is none stays as it is.
    Set {
        /// Whose.
        tenant: TenantName,
        /// Which.
        name: RepositoryName,
        /// See `Add`. Below what is used, it refuses new writes and nothing else.
        quota: Option<Size>,
        /// See `Add`. Fewer days are refused, whoever asks.
        hold_days: Option<u32>,
        /// See `Add`.
        min_copies: Option<u32>,
    },
    /// Serves one no more; its data waits for a purge. Needs a second operator.
    Remove {
        /// Whose.
        tenant: TenantName,
        /// Which.
        name: RepositoryName,
        /// Why.
        reason: Option<String>,
    },
    /// Orders the data of one that was removed to be destroyed once bin and holds are over. Needs a
    /// second operator.
    Purge {
        /// Which; it has no name any more.
        repository: RepositoryId,
        /// Why.
        reason: Option<String>,
    },
    /// Makes the caller the one writer; answers [`super::Outcome::Epoch`]. The system's.
    Acquire {
        /// Which.
        repository: RepositoryId,
    },
    /// The owner destroyed the data and dropped all extents: the row goes. The system's.
    Purged {
        /// Which.
        repository: RepositoryId,
        /// Of the owner.
        epoch: Epoch,
    },
    /// All that a repository holds was read back and compared.
    Verified {
        /// Which.
        repository: RepositoryId,
        /// How many objects were read.
        objects: u64,
        /// How many of them are not what they were.
        damaged: u64,
    },
    /// Shows a repository again as of an instant; the owner does it behind this command.
    Restore {
        /// Whose.
        tenant: TenantName,
        /// Which.
        name: RepositoryName,
        /// As of when.
        to: Timestamp,
        /// Why.
        reason: Option<String>,
    },
    /// All that a repository holds was read back in its turn. The system's.
    Scrubbed {
        /// Which.
        repository: RepositoryId,
        /// How many objects were read.
        objects: u64,
        /// How many of them are not what they were.
        damaged: u64,
        /// Which, as a number that two readings share if they found the same.
        finding: u64,
    },
}
