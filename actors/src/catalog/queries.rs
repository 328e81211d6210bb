//! What the rows say when asked. Nothing here changes a row.

use super::rows::{
    ClockRow, Credential, Extent, Operator, Repository, Role, Rows, State, Subtenant, Tenant,
    TenantBy,
};
use crate::kernel::{Date, ExtentId, RepositoryId, Timestamp};
use crate::names::{RepositoryName, SubtenantName, TenantName};

impl Tenant {
    /// The state as people see it (5.4).
    pub fn state(&self, today: Date) -> State {
        match (&self.disabled, self.lease) {
            (Some(_), _) => State::Disabled,
            (None, Some(last)) if today > last => State::Expired,
            (None, _) => State::Enabled,
        }
    }
}

impl ClockRow {
    /// The day on which `wall` lies, going by the last confirmation.
    pub fn day(&self, wall: Timestamp) -> Date {
        let days = i64::from(Date::of(wall).days()).saturating_add(self.offset_days);
        Date::from_days(u32::try_from(days.max(0)).unwrap_or(u32::MAX))
    }

    /// The day to go by where nothing can be taken back: none while the clock is doubted.
    pub fn trusted_today(&self) -> Option<Date> {
        (!self.doubted).then_some(self.today)
    }

    /// The time to go by where nothing can be taken back: that of the last tick, so at most ten
    /// minutes old, and none while the clock is doubted.
    pub fn trusted(&self) -> Option<Timestamp> {
        let into_day = self.wall.since(Date::of(self.wall).start());
        (!self.doubted).then(|| self.day(self.wall).start() + into_day)
    }
}

impl Operator {
    /// Whether they count for the four-eyes rule: an admin who can log in.
    pub fn decides(&self) -> bool {
        self.role == Role::Admin && self.uid.is_some()
    }
}

impl Credential {
    /// Whether it is good on that day.
    pub fn is_good(&self, today: Date) -> bool {
        self.expires.is_none_or(|last| today <= last)
    }
}

impl Rows {
    /// Whether a repository was destroyed: ids are given out once, so one that was given out and is
    /// not there will never be.
    pub fn destroyed(&self, id: RepositoryId) -> bool {
        id.raw() <= self.last_id && !self.repositories.contains_key(&id)
    }

    /// Whether what cannot be taken back needs a second operator (2.3).
    pub fn four_eyes(&self) -> bool {
        self.operators.values().filter(|row| row.decides()).count() >= 2
    }

    /// The name of the tenant with this id.
    pub fn tenant_name(&self, id: u64) -> Option<&TenantName> {
        self.tenants.find(&TenantBy::Id(id))
    }

    /// The subtenants of a tenant, in the order of their names.
    pub fn subtenants_of(
        &self,
        tenant: &TenantName,
    ) -> impl Iterator<Item = (&SubtenantName, &Subtenant)> {
        let all = self.subtenants.range((tenant.clone(), None)..);
        let name = tenant.clone();
        all.take_while(move |((of, _), _)| *of == name)
            .map(|((_, name), row)| (name, row))
    }

    /// The extents of a repository, oldest first.
    pub fn extents_of(&self, id: RepositoryId) -> impl Iterator<Item = (ExtentId, &Extent)> {
        let all = (id, ExtentId::new(0))..=(id, ExtentId::new(u64::MAX));
        let all = self.extents.range(all);
        all.map(|(extent, row)| (*extent, row))
    }

    /// The repositories of a tenant that are served, in the order of their names.
    pub fn repositories_of(
        &self,
        tenant: u64,
    ) -> impl Iterator<Item = (RepositoryId, &Repository)> {
        let all = self.repositories.range((tenant, None)..);
        all.take_while(move |(_, row)| row.tenant == tenant)
            .map(|(id, row)| (*id, row))
    }

    /// The repository of this name that the tenant has and that was not removed.
    pub fn repository(&self, tenant: u64, name: &RepositoryName) -> Option<RepositoryId> {
        let found = self.repositories.find(&(tenant, Some(name.clone())));
        found.copied()
    }
}
