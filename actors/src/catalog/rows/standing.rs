//! What hangs on one node: what it is to take over, what lies badly, what would be lost with it.

use std::collections::BTreeSet;

use super::Rows;
use crate::kernel::{Epoch, ExtentId, NodeId, RepositoryId};

/// What would be lost with a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnlyOn {
    /// Extents of which no other copy counts.
    pub extents: u64,
    /// Whose they are.
    pub repositories: BTreeSet<RepositoryId>,
}

impl Rows {
    /// Repositories that this node is to take over though nobody asks for them: an extent of theirs
    /// is not sealed, a replica of it is lost or on a node that drains, and nobody else is there to
    /// seal it, so that it cannot be copied.
    pub fn forsaken(&self, node: NodeId) -> BTreeSet<RepositoryId> {
        let cluster = &self.cluster;
        let is_lost = |extent: &ExtentId| {
            let replicas = cluster.replicas.get(extent);
            let goes = |node: &NodeId| !cluster.counts(*node) || cluster.drains(*node);
            replicas.is_some_and(|it| it.whole.iter().any(goes))
        };
        let lost = self.begun.iter().filter(|extent| is_lost(extent));
        let repositories = lost.filter_map(|extent| Some(self.extents.get(extent)?.repository));
        let is_mine = |id: &RepositoryId| {
            let row = self.repositories.get(id);
            let is_there = row.is_some_and(|row| row.removed.is_none());
            is_there && self.serves(Some(node), *id) && !self.is_owned(*id)
        };
        repositories.filter(is_mine).collect()
    }

    /// Whether what an owner writes to under this epoch lies in part on a node that drains, or that
    /// is full while others are not. It had better begin anew elsewhere: only what is sealed can be
    /// moved, and one more write may find no space.
    pub fn stands_badly(&self, id: RepositoryId, epoch: Epoch) -> bool {
        let least = self.repositories.get(&id).map_or(1, |row| row.min_copies);
        let nodes = self.cluster.nodes.keys();
        let roomy = nodes.filter(|node| self.cluster.has_room(**node)).count();
        let can_move = roomy >= least as usize;
        let is_bad =
            |node: &NodeId| self.cluster.drains(*node) || can_move && self.cluster.is_full(*node);
        let is_written = |extent: &ExtentId| {
            let row = self.extents.get(extent);
            row.is_some_and(|row| row.repository == id && row.epoch == epoch)
        };
        let lies_badly = |extent: &ExtentId| {
            let replicas = self.cluster.replicas.get(extent);
            replicas.is_some_and(|it| it.whole.iter().any(is_bad))
        };
        self.begun
            .iter()
            .any(|extent| is_written(extent) && lies_badly(extent))
    }

    /// Whether the owner of a repository may be at work.
    fn is_owned(&self, id: RepositoryId) -> bool {
        let owner = self.cluster.owners.get(&id);
        owner.is_some_and(|owner| {
            let lease = self.cluster.leases.get(&owner.node);
            let same = lease.is_some_and(|lease| lease.epoch == owner.lease);
            same && self.cluster.is_leased(owner.node)
        })
    }

    /// Extents of which a node has a whole copy and no other node has one that counts.
    pub fn only_on(&self, node: NodeId) -> OnlyOn {
        let cluster = &self.cluster;
        let mut only = OnlyOn::default();
        for (extent, replicas) in &cluster.replicas {
            let mut others = replicas.whole.iter().filter(|it| **it != node);
            let is_only = replicas.whole.contains(&node) && !others.any(|it| cluster.counts(*it));
            if let Some(row) = self.extents.get(extent).filter(|_| is_only) {
                only.extents += 1;
                only.repositories.insert(row.repository);
            }
        }
        only
    }

    /// How many replicas a node still has or is to have: while there are any, it cannot go.
    pub fn holding(&self, node: NodeId) -> u64 {
        self.cluster.load.get(&node).copied().unwrap_or_default()
    }
}
