//! Why the catalog refuses a command. It decides nothing.

use super::rows::Speaks;
use super::{AddressRefused, Class, PoolRefused, TapeRefused};
use crate::kernel::{
    CredentialId, Date, Epoch, ExtentId, NodeId, NodeName, RepositoryId, Size, Timestamp, Version,
};
use crate::names::{OperatorName, RepositoryName, SubtenantName, TenantName};

/// A command that was not done, and changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No such tenant, or not for this caller.
    #[error("there is no tenant '{0}'")]
    NoTenant(TenantName),
    /// No such subtenant.
    #[error("there is no subtenant '{1}' of tenant '{0}'")]
    NoSubtenant(TenantName, SubtenantName),
    /// No such login, or not for this caller.
    #[error("there is no {0}")]
    NoCredential(CredentialId),
    /// No such operator.
    #[error("there is no operator '{0}'")]
    NoOperator(OperatorName),
    /// No such request.
    #[error("there is no approval request {0}")]
    NoApproval(u64),
    /// The tenant has no repository of that name.
    #[error("tenant '{0}' has no repository '{1}'")]
    NoRepository(TenantName, RepositoryName),
    /// No repository has that id.
    #[error("there is no {0}")]
    NoRepositoryId(RepositoryId),
    /// No such extent.
    #[error("there is no {0}")]
    NoExtent(ExtentId),
    /// No such node, or it was removed.
    #[error("there is no {0}")]
    NoNode(NodeId),
    /// No such token, or it expired long ago.
    #[error("the join token is not known to the cluster")]
    NoToken,

    /// Names of tenants are unique, whatever their case.
    #[error("there is a tenant '{0}' already")]
    TenantExists(TenantName),
    /// Names of subtenants are unique inside the tenant, whatever their case.
    #[error("tenant '{0}' has a subtenant '{1}' already")]
    SubtenantExists(TenantName, SubtenantName),
    /// Names of operators are unique, whatever their case.
    #[error("there is an operator '{0}' already")]
    OperatorExists(OperatorName),
    /// Two operators who are one person would be two eyes, not four.
    #[error("operator '{1}' is the user with uid {0} already")]
    UidTaken(u32, OperatorName),
    /// Names of repositories are unique inside the tenant.
    #[error("tenant '{0}' has a repository '{1}' already")]
    RepositoryExists(TenantName, RepositoryName),
    /// The request was decided before.
    #[error("approval request {0} was decided before")]
    Decided(u64),
    /// Another writer owns the repository.
    #[error("{repository} belongs to {current}, not to {given}")]
    Fenced {
        /// Which.
        repository: RepositoryId,
        /// Under which the caller writes.
        given: Epoch,
        /// Of its owner.
        current: Epoch,
    },
    /// The extent was sealed before, at another length.
    #[error("{0} is sealed at {1} bytes")]
    Sealed(ExtentId, u64),
    /// An extent of a served repository is forgotten only when it is sealed.
    #[error("{0} is not sealed")]
    Open(ExtentId),
    /// The client has had later commands answered since.
    #[error("command {given} of a client that was answered command {last}")]
    Stale {
        /// The number of the command.
        given: u64,
        /// The number of the client's last.
        last: u64,
    },
    /// A node of this id is in already.
    #[error("{0} is in the cluster already")]
    NodeExists(NodeId),
    /// A node of this name is in already.
    #[error("{1} is called '{0}' already")]
    NodeName(NodeName, NodeId),
    /// A node with this key is in already.
    #[error("the key is that of {0}; is the data directory a copy?")]
    NodeKey(NodeId),
    /// A token of this secret was made before.
    #[error("the join token was made before")]
    TokenExists,
    /// The token lets one node in, and has.
    #[error("the join token was used by {0}")]
    TokenUsed(NodeId),
    /// Another life of the node holds its lease.
    #[error("{0} is at work in another place")]
    Leased(NodeId),
    /// The lease was taken by another life, or given back.
    #[error("the lease of {0} under {1} is lost")]
    LeaseLost(NodeId, Epoch),
    /// The node still holds replicas.
    #[error("{0} still holds {1} replicas")]
    Holds(NodeId, u64),
    /// Only a node that is down is replaced.
    #[error("{0} is not down; drain it, then remove it")]
    NotDown(NodeId),
    /// The repository still has extents.
    #[error("{0} still has extents")]
    NotEmpty(RepositoryId),
    /// Another node writes to the repository, and its lease runs.
    #[error("{0} is written by {1}")]
    Owned(RepositoryId, NodeId),
    /// The node does not take what would be given to it: it drains, is down, or has it.
    #[error("{0} does not take it")]
    NotTaken(NodeId),
    /// Too few nodes can hold a copy.
    #[error("{found} nodes can hold a copy, and {least} must")]
    TooFew {
        /// How many.
        found: usize,
        /// How many must.
        least: usize,
    },

    /// The token lets nobody in any more.
    #[error("the join token expired at {0}")]
    TokenExpired(Timestamp),
    /// A key whose node was removed is trusted no more.
    #[error("the key is that of {0}, which was removed from the cluster")]
    NodeKeyRemoved(NodeId),
    /// Nobody writes into the log what a node cannot read.
    #[error(
        "this needs version {needs} between nodes, and {node} '{name}' speaks {speaks} at most; \
         upgrade that node, or start it without --wire-version"
    )]
    NotSpoken {
        /// What the command needs.
        needs: Version,
        /// The first node that speaks less.
        node: NodeId,
        /// What people call it.
        name: NodeName,
        /// What it speaks.
        speaks: Version,
    },
    /// A node that does not speak what all others do by now has no part.
    #[error("{0} speaks {1} between nodes, and its cluster {2} by now; upgrade that node")]
    Unversed(NodeId, Speaks, Version),
    /// There is no cluster here.
    #[error("this node stands alone; a cluster begins with 'holdfast init --cluster'")]
    Alone,
    /// The caller may not do this.
    #[error("{0} may not do this")]
    NotAllowed(String),
    /// The login's scope does not reach this far.
    #[error("the login's scope does not allow this")]
    Scope,
    /// The tenant is disabled.
    #[error("tenant '{0}' is disabled")]
    Disabled(TenantName),
    /// The tenant's lease has ended.
    #[error("the lease of tenant '{0}' has ended")]
    LeaseExpired(TenantName),
    /// Nobody agrees with himself.
    #[error("operator '{0}' asked for it; somebody else has to agree")]
    OwnRequest(OperatorName),
    /// Somebody must be left who may do everything.
    #[error("operator '{0}' is the last admin")]
    LastAdmin(OperatorName),
    /// A hold only grows.
    #[error("a hold of {held} days cannot be shortened to {given}")]
    HoldShortened {
        /// What holds.
        held: u32,
        /// What was asked for.
        given: u32,
    },
    /// A managed subtenant belongs to its machine (R7.2, R7.10).
    #[error("subtenant '{0}' is managed")]
    Managed(SubtenantName),
    /// A standalone subtenant has exactly one slice (R7.1).
    #[error("a standalone subtenant has a slice of exactly one repository")]
    OneSlice,
    /// The lease runs, or has no end: its data is not to be purged.
    #[error("the lease of tenant '{0}' has not ended")]
    LeaseRuns(TenantName),
    /// A hold is not over; the first day after it.
    #[error("held until {0}")]
    Held(Date),
    /// Nobody knows for sure which day it is.
    #[error("the clock jumped by more than a day; confirm the date first")]
    ClockDoubted,
    /// Only what was removed can be purged, and only what was ordered to be.
    #[error("{0} was not ordered to be purged")]
    NotPurged(RepositoryId),
    /// A served repository is not purged.
    #[error("{0} was not removed")]
    NotRemoved(RepositoryId),
    /// A rule about pools of gateways says no.
    #[error(transparent)]
    Pool(#[from] PoolRefused),
    /// A rule about tapes says no.
    #[error(transparent)]
    Tape(#[from] TapeRefused),
    /// There is a bound to everything.
    #[error("there are {most} {what} already, and no more are taken")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        most: usize,
    },

    /// A number outside its range.
    #[error("{what} must be {least} to {most}, not {given}")]
    Range {
        /// Of what.
        what: &'static str,
        /// The number.
        given: u64,
        /// The lowest allowed.
        least: u64,
        /// The highest allowed.
        most: u64,
    },
    /// A quota outside its range.
    #[error("a quota must be {least} to {most}, not {given}")]
    Quota {
        /// The quota.
        given: Size,
        /// The lowest allowed.
        least: Size,
        /// The highest allowed.
        most: Size,
    },
    /// A text longer than allowed.
    #[error("{what} may have at most {most} bytes")]
    TooLong {
        /// Of what.
        what: &'static str,
        /// The bound in bytes.
        most: usize,
    },
    /// A rule about where nodes are reached says no.
    #[error(transparent)]
    Address(#[from] AddressRefused),
    /// A view reads, and reads the past.
    #[error("a view has the scope read and an instant in the past")]
    View,
}

impl Refused {
    /// What kind of refusal it is.
    pub const fn class(&self) -> Class {
        match self {
            Self::Pool(refused) => refused.class(),
            Self::Address(refused) => refused.class(),
            Self::Tape(refused) => refused.class(),
            Self::NoTenant(..)
            | Self::NoSubtenant(..)
            | Self::NoCredential(..)
            | Self::NoOperator(..)
            | Self::NoApproval(..)
            | Self::NoRepository(..)
            | Self::NoRepositoryId(..)
            | Self::NoNode(..)
            | Self::NoToken
            | Self::NoExtent(..) => Class::NotFound,
            Self::TenantExists(..)
            | Self::SubtenantExists(..)
            | Self::OperatorExists(..)
            | Self::UidTaken(..)
            | Self::RepositoryExists(..)
            | Self::Decided(..)
            | Self::Fenced { .. }
            | Self::Sealed(..)
            | Self::Open(..)
            | Self::Stale { .. }
            | Self::NodeExists(..)
            | Self::NodeName(..)
            | Self::NodeKey(..)
            | Self::TokenExists
            | Self::TokenUsed(..)
            | Self::Leased(..)
            | Self::LeaseLost(..)
            | Self::Owned(..)
            | Self::NotTaken(..)
            | Self::Holds(..)
            | Self::NotDown(..)
            | Self::NotEmpty(..) => Class::Conflict,
            Self::TokenExpired(..)
            | Self::NodeKeyRemoved(..)
            | Self::NotSpoken { .. }
            | Self::Unversed(..)
            | Self::Alone
            | Self::NotAllowed(..)
            | Self::Scope
            | Self::Disabled(..)
            | Self::LeaseExpired(..)
            | Self::OwnRequest(..)
            | Self::LastAdmin(..)
            | Self::HoldShortened { .. }
            | Self::Managed(..)
            | Self::OneSlice
            | Self::LeaseRuns(..)
            | Self::Held(..)
            | Self::ClockDoubted
            | Self::NotPurged(..)
            | Self::NotRemoved(..)
            | Self::TooFew { .. }
            | Self::TooMany { .. } => Class::Rule,
            Self::Range { .. } | Self::Quota { .. } | Self::TooLong { .. } | Self::View => {
                Class::Usage
            }
        }
    }

    /// The word for it in answers to programs.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NoTenant(..) => "no-tenant",
            Self::NoSubtenant(..) => "no-subtenant",
            Self::NoCredential(..) => "no-credential",
            Self::NoOperator(..) => "no-operator",
            Self::NoApproval(..) => "no-approval",
            Self::NoRepository(..) | Self::NoRepositoryId(..) => "no-repository",
            Self::NoExtent(..) => "no-extent",
            Self::NoNode(..) => "no-node",
            Self::NoToken => "no-token",
            Self::NodeExists(..) => "node-exists",
            Self::NodeName(..) => "node-name-taken",
            Self::NodeKey(..) => "node-key-taken",
            Self::NodeKeyRemoved(..) => "node-key-removed",
            Self::TokenExists => "token-exists",
            Self::TokenUsed(..) => "token-used",
            Self::TokenExpired(..) => "token-expired",
            Self::NotSpoken { .. } => "version-held",
            Self::Unversed(..) => "version-outdated",
            Self::Alone => "alone",
            Self::Leased(..) => "node-leased",
            Self::LeaseLost(..) => "node-lease-lost",
            Self::Owned(..) => "owned",
            Self::NotTaken(..) => "not-taken",
            Self::Holds(..) => "holds-replicas",
            Self::NotDown(..) => "not-down",
            Self::TooFew { .. } => "too-few-copies",
            Self::TenantExists(..) => "tenant-exists",
            Self::SubtenantExists(..) => "subtenant-exists",
            Self::OperatorExists(..) => "operator-exists",
            Self::UidTaken(..) => "uid-taken",
            Self::RepositoryExists(..) => "repository-exists",
            Self::Decided(..) => "already-decided",
            Self::Fenced { .. } => "fenced",
            Self::Sealed(..) => "sealed",
            Self::Open(..) => "not-sealed",
            Self::Stale { .. } => "stale",
            Self::NotEmpty(..) => "not-empty",
            Self::NotAllowed(..) => "not-allowed",
            Self::Scope => "scope",
            Self::Disabled(..) => "disabled",
            Self::LeaseExpired(..) => "lease-expired",
            Self::OwnRequest(..) => "own-request",
            Self::LastAdmin(..) => "last-admin",
            Self::HoldShortened { .. } => "hold-shortened",
            Self::Managed(..) => "managed",
            Self::OneSlice => "one-slice",
            Self::LeaseRuns(..) => "lease-runs",
            Self::Held(..) => "held",
            Self::ClockDoubted => "clock-doubted",
            Self::NotPurged(..) => "not-purged",
            Self::NotRemoved(..) => "not-removed",
            Self::Pool(refused) => refused.reason(),
            Self::Address(refused) => refused.reason(),
            Self::Tape(refused) => refused.reason(),
            Self::TooMany { .. } => "too-many",
            Self::Range { .. } => "out-of-range",
            Self::Quota { .. } => "quota-out-of-range",
            Self::TooLong { .. } => "too-long",
            Self::View => "view",
        }
    }
}
