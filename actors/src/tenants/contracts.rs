//! The catalog cut up by tenant, so that no tenant's actor ever holds a row of another (I1).

use std::collections::{BTreeMap, BTreeSet};

use imbl::ordmap::DiffItem;

use crate::catalog::rows::{Rows, Subtenant};
use crate::gateways::{Doors, PoolName, Terms};
use crate::kernel::{CredentialId, RepositoryId};
use crate::names::{RepositoryName, SubtenantName, TenantName};
use crate::tenant::Contract;

/// The rows, with what a tenant's share of them is found by.
#[derive(Debug, Default)]
pub struct Contracts {
    rows: Rows,
    subtenants: BTreeMap<TenantName, BTreeMap<SubtenantName, Subtenant>>,
    credentials: BTreeMap<TenantName, BTreeSet<CredentialId>>,
    /// By the tenant's id: a new tenant of an old name has none of the old one's repositories.
    repositories: BTreeMap<u64, BTreeMap<RepositoryName, RepositoryId>>,
    names: BTreeMap<u64, TenantName>,
}

/// Whose contract a change of the catalog touches.
#[derive(Debug, PartialEq, Eq)]
pub enum Touched {
    /// Everybody's.
    All,
    /// Theirs.
    Some(BTreeSet<TenantName>),
}

impl Contracts {
    /// Takes newer rows in. Costs as much as has changed. Older ones change nothing.
    pub fn follow(&mut self, rows: Rows) -> Touched {
        if rows.index < self.rows.index {
            return Touched::Some(BTreeSet::new());
        }
        let old = std::mem::replace(&mut self.rows, rows.clone());
        let mut touched = BTreeSet::new();
        for (name, before, after) in changes(old.tenants.diff(&rows.tenants)) {
            if let Some(row) = before {
                self.names.remove(&row.id);
            }
            if let Some(row) = after {
                self.names.insert(row.id, name.clone());
            }
            touched.insert(name.clone());
        }
        for ((tenant, name), _, after) in changes(old.subtenants.diff(&rows.subtenants)) {
            let members = self.subtenants.entry(tenant.clone()).or_default();
            match after {
                Some(row) => drop(members.insert(name.clone(), row.clone())),
                None => drop(members.remove(name)),
            }
            touched.insert(tenant.clone());
        }
        for (id, before, after) in changes(old.credentials.diff(&rows.credentials)) {
            if let Some(row) = before {
                let of_tenant = self.credentials.entry(row.tenant.clone()).or_default();
                of_tenant.remove(id);
                touched.insert(row.tenant.clone());
            }
            if let Some(row) = after {
                let of_tenant = self.credentials.entry(row.tenant.clone()).or_default();
                of_tenant.insert(*id);
                touched.insert(row.tenant.clone());
            }
        }
        for (id, before, after) in changes(old.repositories.diff(&rows.repositories)) {
            if let Some(row) = before.filter(|row| row.removed.is_none()) {
                let of_tenant = self.repositories.entry(row.tenant).or_default();
                of_tenant.remove(&row.name);
                touched.extend(self.names.get(&row.tenant).cloned());
            }
            if let Some(row) = after.filter(|row| row.removed.is_none()) {
                let of_tenant = self.repositories.entry(row.tenant).or_default();
                of_tenant.insert(row.name.clone(), *id);
                touched.extend(self.names.get(&row.tenant).cloned());
            }
        }
        touched.extend(self.moved(&old, &rows));
        self.subtenants.retain(|_, members| !members.is_empty());
        self.credentials.retain(|_, ids| !ids.is_empty());
        self.repositories.retain(|_, ids| !ids.is_empty());
        let members = (&old.gateways.members, &rows.gateways.members);
        let is_general = !members.0.ptr_eq(members.1)
            || old.maintenance != rows.maintenance
            || old.clock.today != rows.clock.today;
        if is_general {
            Touched::All
        } else {
            Touched::Some(touched)
        }
    }

    /// Tenants for whom other gateways are open than before: what was agreed with them changed, or
    /// one of their pools is there again, or no more.
    fn moved(&self, old: &Rows, rows: &Rows) -> BTreeSet<TenantName> {
        let agreed = changes(old.gateways.terms.diff(&rows.gateways.terms));
        let mut moved: BTreeSet<u64> = agreed.map(|(id, ..)| *id).collect();
        let (before, now) = (old.pools_up(), rows.pools_up());
        let changed: BTreeSet<&PoolName> = before.symmetric_difference(&now).collect();
        if !changed.is_empty() {
            let has = |terms: &Terms| changed.iter().any(|pool| terms.pools.contains(*pool));
            let terms = rows.gateways.terms.iter();
            moved.extend(terms.filter(|(_, terms)| has(terms)).map(|(id, _)| *id));
        }
        let names = moved
            .into_iter()
            .filter_map(|id| self.names.get(&id).cloned());
        names.collect()
    }

    /// One tenant's contract; one without a row if there is no such tenant.
    pub fn of(&self, name: &TenantName) -> Contract {
        let row = self.rows.tenants.get(name);
        let repositories = row.and_then(|row| self.repositories.get(&row.id));
        Contract {
            row: row.cloned(),
            subtenants: self.subtenants.get(name).cloned().unwrap_or_default(),
            credentials: self.credentials.get(name).cloned().unwrap_or_default(),
            repositories: repositories.cloned().unwrap_or_default(),
            maintenance: self.rows.maintenance.clone(),
            today: self.rows.clock.today,
            doors: row.map_or_else(Doors::default, |row| self.rows.doors(row.id)),
        }
    }
}

/// The differences of two maps: each key with its value before and after.
pub(crate) fn changes<'a, K: 'a, V: 'a>(
    diff: impl Iterator<Item = DiffItem<'a, 'a, K, V>>,
) -> impl Iterator<Item = (&'a K, Option<&'a V>, Option<&'a V>)> {
    diff.map(|item| match item {
        DiffItem::Add(key, after) => (key, None, Some(after)),
        DiffItem::Update {
            old: (key, before),
            new: (_, after),
        } => (key, Some(before), Some(after)),
        DiffItem::Remove(key, before) => (key, Some(before), None),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::catalog::rows::{Cluster, Lease, Node, NodeState, Pool, Tenant};
    use crate::gateways::Door;
    use crate::kernel::{Epoch, NodeId, NodeName, Sequence, Timestamp};

    const NODE: NodeId = NodeId::new(1);

    fn name(text: &str) -> TenantName {
        TenantName::parse(text).unwrap()
    }

    fn tenant(id: u64) -> Tenant {
        Tenant {
            id,
            description: String::new(),
            disabled: None,
            lease: None,
            restore_grace: 0,
            purge_hold: 0,
            tasks: 1,
            bandwidth: None,
            bin_days: 0,
            bin_limit: None,
            warned: None,
            ended: false,
            last_session: None,
        }
    }

    /// Tenants `a`, which was given a pool of node 1, and `b`, as of one second.
    fn rows() -> Rows {
        let pool = PoolName::parse("west").unwrap();
        let node = Node {
            name: NodeName::parse("n").unwrap(),
            addresses: Vec::new(),
            key: [0; 32],
            roles: BTreeSet::new(),
            zone: String::new(),
            state: NodeState::Active,
            incarnation: 0,
            wall: None,
        };
        let lease = Lease {
            incarnation: 0,
            epoch: Epoch::new(1),
            until: Duration::from_secs(2),
        };
        let mut rows = Rows {
            index: Sequence::new(1),
            cluster: Cluster {
                now: Duration::from_secs(1),
                nodes: [(NODE, node)].into_iter().collect(),
                leases: [(NODE, lease)].into_iter().collect(),
                ..Cluster::default()
            },
            tenants: [(name("a"), tenant(1)), (name("b"), tenant(2))]
                .into_iter()
                .collect(),
            ..Rows::default()
        };
        let row = Pool {
            description: String::new(),
            made: Timestamp::default(),
        };
        rows.gateways.pools.insert(pool.clone(), row);
        rows.gateways.members.insert(NODE, pool.clone());
        let terms = Terms {
            pools: [pool].into(),
            fails_over: true,
        };
        rows.gateways.terms.insert(1, terms);
        rows
    }

    fn later(rows: &Rows, change: impl FnOnce(&mut Rows)) -> Rows {
        let mut rows = rows.clone();
        rows.index = rows.index.next();
        change(&mut rows);
        rows
    }

    #[test]
    fn who_has_a_pool_is_told_when_it_is_gone_and_when_it_is_back() {
        let (before, other) = (rows(), Some(NodeId::new(2)));
        let mut contracts = Contracts::default();
        contracts.follow(before.clone());
        assert_eq!(contracts.of(&name("a")).doors.door(other), Door::SpareLater);
        let same = later(&before, |_| {});
        assert_eq!(contracts.follow(same), Touched::Some(BTreeSet::new()));
        let gone = later(&before, |rows| rows.cluster.now = Duration::from_secs(2));
        let theirs = Touched::Some([name("a")].into());
        assert_eq!(contracts.follow(gone.clone()), theirs);
        assert_eq!(contracts.of(&name("a")).doors.door(other), Door::Spare);
        assert_eq!(contracts.of(&name("b")).doors.door(other), Door::Own);
        let back = later(&gone, |rows| rows.cluster.now = Duration::from_secs(1));
        assert_eq!(contracts.follow(back), theirs);
    }

    #[test]
    fn who_is_given_another_pool_is_told_and_all_when_a_pool_has_other_gateways() {
        let before = rows();
        let mut contracts = Contracts::default();
        contracts.follow(before.clone());
        let freed = later(&before, |rows| drop(rows.gateways.terms.remove(&1)));
        assert_eq!(
            contracts.follow(freed.clone()),
            Touched::Some([name("a")].into())
        );
        assert_eq!(
            contracts.of(&name("a")).doors.door(Some(NODE)),
            Door::Barred
        );
        let empty = later(&freed, |rows| drop(rows.gateways.members.remove(&NODE)));
        assert_eq!(contracts.follow(empty), Touched::All);
    }
}
