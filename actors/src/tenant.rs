//! A tenant at work: who of it may do what now, how much at once, and how fast.
//!
//! `machine` decides; `admission` holds the rules in their order, `tasks` and
//! [`bandwidth`](crate::bandwidth) the shares. Contracts, lease and state come from the catalog and
//! are never changed here; quotas belong to repositories.

mod admission;
mod hands;
mod machine;
mod permit;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use crate::catalog::rows;
use crate::gateway::Admitted;
use crate::gateways::Doors;
use crate::kernel::{CredentialId, Date, NodeId, RepositoryId, Size, Space};
use crate::names::{RepositoryName, SubtenantName, TenantName};
use crate::recall::CutOff;
use crate::service::Intent;
use crate::session::Report;

pub use admission::{account, gateway, tenant_itself};
pub use hands::{Answer, Message, SessionSink, TenantHands};
pub use machine::{Effect, Event, Tenant};
pub use permit::Permit;
pub(crate) use permit::unavailable;
pub use tasks::{FREE_MAX, TASK_WAIT};

/// A request that was let in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PermitId(u64);

/// A session of one tenant, since the tenant was loaded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId(u64);

impl fmt::Debug for PermitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "permit-{}", self.0)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session-{}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// All that the catalog says of one tenant, and nothing of another.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Contract {
    /// The tenant's row; none once it was removed.
    pub row: Option<rows::Tenant>,
    /// Its subtenants.
    pub subtenants: BTreeMap<SubtenantName, rows::Subtenant>,
    /// Its credentials that are not revoked.
    pub credentials: BTreeSet<CredentialId>,
    /// Its repositories that are not removed.
    pub repositories: BTreeMap<RepositoryName, RepositoryId>,
    /// The notice while the service is in maintenance.
    pub maintenance: Option<String>,
    /// The day by which leases end.
    pub today: Date,
    /// By which gateways it comes in.
    pub doors: Doors,
}

impl fmt::Debug for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.row.as_ref().map(|row| row.state(self.today));
        write!(f, "Contract({state:?} on {:?}", self.today)?;
        if self.maintenance.is_some() {
            f.write_str(", in maintenance")?;
        }
        f.write_str(")")
    }
}

/// A request at the door.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Who asks, as the gateway let them in.
    pub admitted: Admitted,
    /// From where.
    pub peer: IpAddr,
    /// By which gateway; none where nodes stand alone.
    pub gateway: Option<NodeId>,
    /// For which repository, as sent; may be no name at all.
    pub repository: String,
    /// To do what.
    pub intent: Intent,
    /// Set if this node hears no majority of its cluster.
    pub cut_off: Option<CutOff>,
}

/// What a request that was let in may work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The repository.
    pub repository: RepositoryId,
    /// The part of it.
    pub space: Space,
    /// The most that the part may hold; none for as much as the quota.
    pub slice: Option<Size>,
    /// The last day of the tenant's lease; none if it has no end.
    pub lease: Option<Date>,
    /// Set if it may only see the repository as of an instant.
    pub view: Option<rows::View>,
    /// Set if it is to be shown what this node recalls of the repository, and nothing else.
    pub recalled: Option<CutOff>,
}

/// A session that is over, for the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionEnd {
    /// Whose.
    pub tenant: TenantName,
    /// Of which subtenant, if of one.
    pub subtenant: Option<SubtenantName>,
    /// With which login.
    pub credential: CredentialId,
    /// From where.
    pub peer: IpAddr,
    /// How it went.
    pub report: Report,
}
