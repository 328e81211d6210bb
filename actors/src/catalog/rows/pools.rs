//! Gateways by pools, and which of them each tenant may use.
//!
//! Invariant: a node is in one pool at most, and every pool that is named here is there.

use std::collections::BTreeSet;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use super::Rows;
use super::nodes::{Node, NodeState};
use crate::gateways::{Doors, GATEWAY, PoolName, Terms};
use crate::kernel::{NodeId, Timestamp};
use crate::names::TenantName;
use crate::schema;

/// Pools of gateways. Since the sixth version of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gateways {
    /// The pools.
    #[serde(deserialize_with = "schema::map")]
    pub pools: OrdMap<PoolName, Pool>,
    /// The pool of each gateway that is in one.
    #[serde(deserialize_with = "schema::map")]
    pub members: OrdMap<NodeId, PoolName>,
    /// What was agreed with tenants, by their id; whoever is not here uses gateways in no pool.
    #[serde(deserialize_with = "schema::map")]
    pub terms: OrdMap<u64, Terms>,
}

/// A pool of gateways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Free text of the operator.
    pub description: String,
    /// When it was made.
    pub made: Timestamp,
}

impl Gateways {
    /// The gateways of a pool.
    pub fn of(&self, pool: &PoolName) -> impl Iterator<Item = NodeId> {
        let members = self.members.iter();
        let own = members.filter(move |(_, of)| *of == pool);
        own.map(|(node, _)| *node)
    }

    /// What was agreed with a tenant.
    pub fn terms(&self, tenant: u64) -> Terms {
        self.terms.get(&tenant).cloned().unwrap_or_default()
    }
}

impl Rows {
    /// Nodes of the cluster that take tenants, whether they are there now or not.
    pub fn gateways(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        let nodes = self.cluster.nodes.iter();
        let of_cluster = nodes.filter(|(_, row)| row.state != NodeState::Removed);
        let takes = of_cluster.filter(|(_, row)| row.roles.contains(GATEWAY));
        takes.map(|(id, row)| (*id, row))
    }

    /// Gateways in no pool.
    pub fn free_gateways(&self) -> impl Iterator<Item = NodeId> {
        let all = self.gateways().map(|(id, _)| id);
        all.filter(|id| !self.gateways.members.contains_key(id))
    }

    /// Whether there are gateways, and all of them are in pools (R3.43).
    pub fn is_all_pooled(&self) -> bool {
        !self.gateways.members.is_empty() && self.free_gateways().next().is_none()
    }

    /// Tenants that use gateways in no pool, by name.
    pub fn unpooled_tenants(&self) -> impl Iterator<Item = &TenantName> {
        let tenants = self.tenants.iter();
        let without = tenants.filter(|(_, row)| {
            let terms = self.gateways.terms.get(&row.id);
            terms.is_none_or(|terms| terms.pools.is_empty())
        });
        without.map(|(name, _)| name)
    }

    /// Tenants that were given a pool, by name.
    pub fn tenants_of_pool(&self, pool: &PoolName) -> impl Iterator<Item = &TenantName> {
        let terms = self.gateways.terms.iter();
        let given = terms.filter(move |(_, terms)| terms.pools.contains(pool));
        let names: BTreeSet<&TenantName> =
            given.filter_map(|(id, _)| self.tenant_name(*id)).collect();
        names.into_iter()
    }

    /// Pools of which a gateway is there: it holds its lease, and does not drain.
    pub fn pools_up(&self) -> BTreeSet<PoolName> {
        let members = self.gateways.members.iter();
        let up = members.filter(|(node, _)| {
            let row = self.cluster.nodes.get(*node);
            let works = row.is_some_and(|row| row.state == NodeState::Active);
            works && self.cluster.is_leased(**node)
        });
        up.map(|(_, pool)| pool.clone()).collect()
    }

    /// By which gateways a tenant comes in.
    pub fn doors(&self, tenant: u64) -> Doors {
        let terms = self.gateways.terms(tenant);
        let is_cut = !terms.pools.is_empty() && terms.pools.is_disjoint(&self.pools_up());
        Doors {
            terms,
            members: self.gateways.members.clone(),
            is_cut,
        }
    }
}
