//! What rows are found by, other than their keys.

use super::super::table::Row;
use super::{Extent, Repository, Subtenant, Tenant};
use crate::kernel::{ExtentId, RepositoryId};
use crate::names::{RepositoryName, SubtenantName, TenantName};

/// What a tenant is found by, other than its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TenantBy {
    /// Its id.
    Id(u64),
    /// Its name in small letters: names are unique whatever their case.
    Folded(String),
}

impl TenantBy {
    /// By a name in whatever case.
    pub fn name(name: &TenantName) -> Self {
        Self::Folded(name.as_str().to_ascii_lowercase())
    }
}

impl Row<TenantName> for Tenant {
    type By = TenantBy;

    fn by(&self, name: &TenantName) -> Vec<TenantBy> {
        vec![TenantBy::Id(self.id), TenantBy::name(name)]
    }
}

impl Row<(TenantName, SubtenantName)> for Subtenant {
    /// In a range, none stands before all of a tenant's.
    type By = (TenantName, Option<SubtenantName>);

    fn by(&self, (tenant, name): &(TenantName, SubtenantName)) -> Vec<Self::By> {
        vec![(tenant.clone(), Some(name.clone()))]
    }
}

impl Row<RepositoryId> for Repository {
    /// The tenant's id and the name, while it is served. In a range, none stands before all of a
    /// tenant's.
    type By = (u64, Option<RepositoryName>);

    fn by(&self, _: &RepositoryId) -> Vec<Self::By> {
        let served = self.removed.is_none();
        let by = served.then(|| (self.tenant, Some(self.name.clone())));
        by.into_iter().collect()
    }
}

impl Row<ExtentId> for Extent {
    type By = (RepositoryId, ExtentId);

    fn by(&self, id: &ExtentId) -> Vec<Self::By> {
        vec![(self.repository, *id)]
    }
}
