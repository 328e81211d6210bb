//! Which node serves a tenant: the same whoever works it out from the same rows.
//!
//! A tenant stays where its data is written: with the node that owns a repository of its. Where
//! nobody writes, each node that works has its share of the names, and when one goes, only its own
//! names move. A node that drains, is down or was removed is nobody's home, so tenants leave it.
//!
//! A name that no tenant has is at home somewhere too, found by the same look-ups: where a request
//! goes does not tell whether there is such a tenant.

use std::collections::BTreeSet;

use imbl::ordmap::DiffItem;

use super::Rows;
use super::nodes::{Cluster, NodeState, Owner};
use crate::kernel::{NodeId, RepositoryId};
use crate::names::TenantName;

/// Where a request is to be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// On the node that has it.
    Here,
    /// On another.
    Node(NodeId),
    /// Nowhere, as long as no node works.
    Nowhere,
}

/// No tenant has this id: the catalog counts from 1.
const NOBODY: u64 = 0;

impl Rows {
    /// The node that serves a tenant, whether there is such a tenant or not; none if no node works,
    /// and on a node that stands alone.
    pub fn home(&self, tenant: &TenantName) -> Option<NodeId> {
        let id = self.tenants.get(tenant).map_or(NOBODY, |row| row.id);
        let writers = self
            .repositories_of(id)
            .filter_map(|(repository, _)| Some((repository, self.writer(repository)?)));
        let first = writers.min_by_key(|(repository, _)| *repository);
        let share = self.cluster.home(number(tenant));
        first.map(|(_, node)| node).or(share)
    }

    /// Where the node `here` of a cluster has a request of this user handled. Before a `+` stands
    /// the tenant. What is no tenant's name can be refused anywhere. A node that does not hold its
    /// lease may have old rows, so it lets nobody in and turns nobody away.
    pub fn way(&self, here: NodeId, holds: bool, user: &str) -> Way {
        let tenant = user.split_once('+').map_or(user, |(tenant, _)| tenant);
        let Ok(tenant) = TenantName::parse(tenant) else {
            return Way::Here;
        };
        match self.home(&tenant) {
            Some(home) if home == here && holds => Way::Here,
            Some(home) if home == here => Way::Nowhere,
            Some(home) => Way::Node(home),
            None => Way::Nowhere,
        }
    }

    /// The node that serves a repository; none as long as no node does, and where one stands alone.
    pub fn home_of(&self, id: RepositoryId) -> Option<NodeId> {
        let row = self.repositories.get(&id)?;
        let removed = row.removed.as_ref().map(|removal| &removal.tenant);
        self.home(removed.or_else(|| self.tenant_name(row.tenant))?)
    }

    /// Whether a node serves a repository: it is at home there. One that stands alone serves all.
    pub fn serves(&self, node: Option<NodeId>, id: RepositoryId) -> bool {
        node.is_none_or(|node| self.home_of(id) == Some(node))
    }

    /// Whether a node is to know what another writes to a repository: it would be at home there if
    /// the owner were gone.
    pub fn stands_by(&self, node: NodeId, id: RepositoryId) -> bool {
        self.next_home(id) == Some(node)
    }

    /// Where a repository would be at home if its owner were gone; none if it has no owner.
    pub(in crate::catalog) fn next_home(&self, id: RepositoryId) -> Option<NodeId> {
        let owner = self.cluster.owners.get(&id)?.node;
        let row = self.repositories.get(&id);
        let row = row.filter(|row| row.removed.is_none())?;
        let tenant = self.tenant_name(row.tenant)?;
        self.cluster.next_home(number(tenant), owner)
    }

    /// Repositories whose home may be another than it was in these older rows.
    pub fn moved(&self, old: &Self) -> BTreeSet<RepositoryId> {
        let (now, before) = (&self.cluster, &old.cluster);
        if now.working().ne(before.working()) {
            return self.repositories.keys().copied().collect();
        }
        if now.owners.ptr_eq(&before.owners) {
            return BTreeSet::new();
        }
        let changed = before.owners.diff(&now.owners).map(|item| match item {
            DiffItem::Add(id, _) | DiffItem::Remove(id, _) => *id,
            DiffItem::Update { new: (id, _), .. } => *id,
        });
        let tenants: BTreeSet<u64> = changed
            .filter_map(|id| self.repositories.get(&id).map(|row| row.tenant))
            .collect();
        let theirs = |tenant| self.repositories_of(tenant).map(|(id, _)| id);
        tenants.into_iter().flat_map(theirs).collect()
    }

    /// The node that owns a repository, if the lease under which it does still runs and the node
    /// keeps what it has.
    fn writer(&self, repository: RepositoryId) -> Option<NodeId> {
        let Owner { node, lease } = *self.cluster.owners.get(&repository)?;
        let held = self.cluster.leases.get(&node)?;
        let row = self.cluster.nodes.get(&node)?;
        let is_held = held.epoch == lease && held.until > self.cluster.now;
        (is_held && row.state == NodeState::Active).then_some(node)
    }
}

impl Cluster {
    /// Nodes that may be somebody's home.
    fn working(&self) -> impl Iterator<Item = NodeId> + '_ {
        let nodes = self.nodes.keys().copied();
        nodes.filter(|node| self.is_taking(*node))
    }
}

/// A number for a name, which stays the same in all versions: FNV-1a.
fn number(tenant: &TenantName) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let bytes = tenant.as_str().bytes();
    bytes.fold(BASIS, |number, byte| {
        (number ^ u64::from(byte)).wrapping_mul(PRIME)
    })
}

#[cfg(test)]
mod tests;
