//! Why the catalog refuses a command about pools. It decides nothing.

use super::super::Class;
use crate::gateways::PoolName;
use crate::kernel::NodeId;
use crate::names::TenantName;

/// A command about pools, or about a tenant's, that was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolRefused {
    /// No such pool.
    #[error("there is no pool '{0}'")]
    NoPool(PoolName),
    /// Names of pools are unique.
    #[error("there is a pool '{0}' already")]
    Exists(PoolName),
    /// A gateway is in one pool at most (R3.40).
    #[error("{0} is in pool '{1}' already; take it out of that first")]
    Taken(NodeId, PoolName),
    /// It is in another pool, or in none.
    #[error("{0} is not in pool '{1}'")]
    NotIn(NodeId, PoolName),
    /// A pool has a gateway at least.
    #[error("{0} is the only gateway of pool '{1}'; add another first, or remove the pool")]
    Last(NodeId, PoolName),
    /// Tenants were given it.
    #[error(
        "pool '{pool}' is used by {}; give others first, or none: 'tenant set --pools'",
        users(tenant, *count)
    )]
    Used {
        /// Which.
        pool: PoolName,
        /// One of the tenants.
        tenant: TenantName,
        /// How many they are.
        count: usize,
    },
    /// Only gateways are in pools of gateways.
    #[error("{0} does not have the role gateway, and only gateways are in pools")]
    NoGateway(NodeId),
    /// Who has no pool would be served by nobody (R3.43).
    #[error(
        "every gateway is in a pool, so that a tenant without one is served by none; give it a \
         pool with '--pools', or take a gateway out of one"
    )]
    NoneFree,
}

/// Who uses a pool.
fn users(tenant: &TenantName, count: usize) -> String {
    match count {
        1 => format!("tenant '{tenant}'"),
        _ => format!("{count} tenants, '{tenant}' among them"),
    }
}

impl PoolRefused {
    /// What kind of refusal it is.
    pub const fn class(&self) -> Class {
        match self {
            Self::NoPool(..) => Class::NotFound,
            Self::Exists(..)
            | Self::Taken(..)
            | Self::NotIn(..)
            | Self::Last(..)
            | Self::Used { .. } => Class::Conflict,
            Self::NoGateway(..) | Self::NoneFree => Class::Rule,
        }
    }

    /// The word for it in answers to programs.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NoPool(..) => "no-pool",
            Self::Exists(..) => "pool-exists",
            Self::Taken(..) => "node-in-pool",
            Self::NotIn(..) => "node-not-in-pool",
            Self::Last(..) => "last-in-pool",
            Self::Used { .. } => "pool-in-use",
            Self::NoGateway(..) => "not-a-gateway",
            Self::NoneFree => "no-free-gateway",
        }
    }
}
