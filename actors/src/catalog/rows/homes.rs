//! Which node of a cluster looks after which repository.

use std::collections::BTreeSet;

use imbl::ordmap::DiffItem;

use super::Rows;
use super::nodes::Cluster;
use crate::kernel::{NodeId, RepositoryId};

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
}

impl Cluster {
    /// Nodes that may be somebody's home.
    fn working(&self) -> impl Iterator<Item = NodeId> + '_ {
        let nodes = self.nodes.keys().copied();
        nodes.filter(|node| self.is_taking(*node))
    }
}
