//! What the rows say when asked. Nothing here changes a row.

use super::rows::{ClockRow, Credential, Extent, Operator, Role, Rows, State, Subtenant, Tenant};
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
    /// Whether what cannot be taken back needs a second operator (2.3).
    pub fn four_eyes(&self) -> bool {
        self.operators.values().filter(|row| row.decides()).count() >= 2
    }

    /// The name of the tenant with this id.
    pub fn tenant_name(&self, id: u64) -> Option<&TenantName> {
        self.tenants
            .iter()
            .find(|(_, row)| row.id == id)
            .map(|(name, _)| name)
    }

    /// The subtenants of a tenant, in the order of their names.
    pub fn subtenants_of<'a>(
        &'a self,
        tenant: &'a TenantName,
    ) -> impl Iterator<Item = (&'a SubtenantName, &'a Subtenant)> {
        let all = self.subtenants.iter();
        all.filter(move |((of, _), _)| of == tenant)
            .map(|((_, name), row)| (name, row))
    }

    /// The extents of a repository, oldest first.
    pub fn extents_of(&self, id: RepositoryId) -> impl Iterator<Item = (ExtentId, &Extent)> {
        let all = self.extents.iter();
        all.filter(move |(_, row)| row.repository == id)
            .map(|(extent, row)| (*extent, row))
    }

    /// The repository of this name that the tenant has and that was not removed.
    pub fn repository(&self, tenant: u64, name: &RepositoryName) -> Option<RepositoryId> {
        self.repositories
            .iter()
            .find(|(_, row)| row.tenant == tenant && row.name == *name && row.removed.is_none())
            .map(|(id, _)| *id)
    }
}
