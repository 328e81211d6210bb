//! The catalog cut up by tenant, so that no tenant's actor ever holds a row of another (I1).

use std::collections::{BTreeMap, BTreeSet};

use imbl::ordmap::DiffItem;

use crate::catalog::rows::{Rows, Subtenant};
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
        self.subtenants.retain(|_, members| !members.is_empty());
        self.credentials.retain(|_, ids| !ids.is_empty());
        self.repositories.retain(|_, ids| !ids.is_empty());
        let is_general = old.maintenance != rows.maintenance || old.clock.today != rows.clock.today;
        if is_general {
            Touched::All
        } else {
            Touched::Some(touched)
        }
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
