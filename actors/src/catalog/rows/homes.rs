//! Which node of a cluster looks after which repository.

use std::collections::BTreeSet;

use super::Rows;
use super::nodes::{Cluster, Owner};
use crate::kernel::{NodeId, RepositoryId};
use crate::names::TenantName;

impl Rows {
    /// Whether a node serves a repository: it is at home there. One that stands alone serves all.
    pub fn serves(&self, node: Option<NodeId>, id: RepositoryId) -> bool {
        let Some(node) = node else { return true };
        let tenant = self.repositories.get(&id).and_then(|row| {
            let removed = row.removed.as_ref().map(|removal| &removal.tenant);
            removed.or_else(|| self.tenant_name(row.tenant))
        });
        tenant.is_some_and(|tenant| self.home(tenant) == Some(node))
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
        let owner = |cluster: &Cluster, id: &RepositoryId| cluster.owners.get(id).copied();
        let changed = now.owners.keys().chain(before.owners.keys());
        let changed = changed.filter(|id| owner(now, id) != owner(before, id));
        let tenants: BTreeSet<u64> = changed
            .filter_map(|id| self.repositories.get(id).map(|row| row.tenant))
            .collect();
        let theirs = |tenant| self.repositories_of(tenant).map(|(id, _)| id);
        tenants.into_iter().flat_map(theirs).collect()
    }
}

impl Cluster {
    /// Nodes that may be somebody's home.
    fn working(&self) -> impl Iterator<Item = NodeId> + '_ {
        let nodes = self.nodes.keys().copied();
        nodes.filter(|node| self.is_taking(*node))
    }

    /// Whether an owner may still write, by the catalog's time.
    pub fn owns(&self, owner: Owner) -> bool {
        let lease = self.leases.get(&owner.node);
        lease.is_some_and(|lease| lease.epoch == owner.lease && lease.until > self.now)
    }
}

// Stands in for the real one.
impl Rows {
    pub fn home(&self, tenant: &TenantName) -> Option<NodeId> {
        let id = self.tenants.get(tenant).map(|row| row.id);
        let owned = id.into_iter().flat_map(|id| self.repositories_of(id));
        let owner = owned.filter_map(|(id, _)| self.cluster.owners.get(&id));
        let mut owner =
            owner.filter(|owner| self.cluster.owns(**owner) && self.cluster.is_taking(owner.node));
        if let Some(owner) = owner.next() {
            return Some(owner.node);
        }
        let number = tenant
            .as_str()
            .bytes()
            .fold(7_u64, |n, b| n.wrapping_mul(0x100_0000_01b3) ^ u64::from(b));
        self.cluster.home(number)
    }
}
