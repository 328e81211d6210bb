//! Which node serves a tenant: the same whoever works it out from the same rows.
//!
//! A tenant stays where its data is written: with the node that owns a repository of its. Where
//! nobody writes, each node that works has its share of the names, and when one goes, only its own
//! names move. A node that drains, is down or was removed is nobody's home, so tenants leave it.
//!
//! A name that no tenant has is at home somewhere too, found by the same look-ups: where a request
//! goes does not tell whether there is such a tenant.

use super::Rows;
use super::nodes::{NodeState, Owner};
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

    /// Where the node `here` has a request of this user handled. Before a `+` stands the tenant.
    /// What is no tenant's name can be refused anywhere.
    pub fn way(&self, here: NodeId, user: &str) -> Way {
        let tenant = user.split_once('+').map_or(user, |(tenant, _)| tenant);
        let Ok(tenant) = TenantName::parse(tenant) else {
            return Way::Here;
        };
        match self.home(&tenant) {
            Some(home) if home == here => Way::Here,
            Some(home) => Way::Node(home),
            None if self.cluster.nodes.is_empty() => Way::Here,
            None => Way::Nowhere,
        }
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
