//! Cloud repositories: what a tenant may store, who writes it, and when its data may go.
//!
//! Invariants: a hold never gets shorter, by nobody. Data is destroyed only after a repository was
//! removed, its bin and holds are over by a day that is not doubted, and somebody ordered it.

use super::command::RepositoryCommand;
use super::draft::{Draft, TEXT_MAX, forget, short, within};
use super::events::Code;
use super::rows::{Removal, Repository, Subtenant, Tenant};
use super::tenants::DAYS_MAX;
use super::{Outcome, Refused};
use crate::kernel::{Date, Epoch, RepositoryId, Size, Timestamp};
use crate::names::{RepositoryName, TenantName};

/// The smallest quota. R6.2 begins at 1 GiB; we allow less.
const QUOTA_MIN: Size = Size::mib(1);
/// The largest quota (R6.2).
const QUOTA_MAX: Size = Size::gib(2_097_151);
const COPIES_MAX: u32 = 16;

impl Draft<'_> {
    pub(super) fn repository(&mut self, command: &RepositoryCommand) -> Result<Outcome, Refused> {
        match command {
            RepositoryCommand::Add {
                tenant,
                name,
                quota,
                hold_days,
                min_copies,
            } => {
                let row = Repository {
                    tenant: self.known_tenant(tenant)?.id,
                    name: name.clone(),
                    quota: *quota,
                    hold_days: *hold_days,
                    min_copies: *min_copies,
                    epoch: Epoch::default(),
                    made: self.at,
                    removed: None,
                    verified: None,
                };
                self.add_repository(tenant, row)
            }
            RepositoryCommand::Set {
                tenant,
                name,
                quota,
                hold_days,
                min_copies,
            } => self.set_repository(tenant, name, *quota, *hold_days, *min_copies),
            RepositoryCommand::Remove {
                tenant,
                name,
                reason,
            } => self.remove_repository(tenant, name, reason.as_deref()),
            RepositoryCommand::Purge { repository, reason } => {
                self.purge_repository(*repository, reason.as_deref())
            }
            RepositoryCommand::Acquire { repository } => self.acquire(*repository),
            RepositoryCommand::Purged { repository, epoch } => self.purged(*repository, *epoch),
            RepositoryCommand::Verified {
                repository,
                objects,
                damaged,
            } => self.verified(*repository, *objects, *damaged),
            RepositoryCommand::Restore {
                tenant,
                name,
                to,
                reason,
            } => self.restore_repository(tenant, name, *to, reason.as_deref()),
            RepositoryCommand::Scrubbed {
                repository,
                objects,
                damaged,
                finding,
            } => self.scrubbed(*repository, *objects, *damaged, *finding),
        }
    }

    /// The id and row of a repository that the tenant has.
    pub(super) fn served_repository(
        &self,
        tenant: &TenantName,
        name: &RepositoryName,
    ) -> Result<RepositoryId, Refused> {
        let owner = self.known_tenant(tenant)?.id;
        let id = self.rows.repository(owner, name);
        id.ok_or_else(|| Refused::NoRepository(tenant.clone(), name.clone()))
    }

    /// The repositories of a tenant that are served.
    pub(super) fn served(&self, tenant: u64) -> Vec<RepositoryId> {
        let served = self.rows.repositories_of(tenant);
        served.map(|(id, _)| id).collect()
    }

    pub(super) fn known_repository(&self, id: RepositoryId) -> Result<&Repository, Refused> {
        let row = self.rows.repositories.get(&id);
        row.ok_or(Refused::NoRepositoryId(id))
    }

    fn add_repository(&mut self, tenant: &TenantName, row: Repository) -> Result<Outcome, Refused> {
        if self.rows.repository(row.tenant, &row.name).is_some() {
            return Err(Refused::RepositoryExists(tenant.clone(), row.name));
        }
        check(&row)?;
        let id = RepositoryId::new(self.fresh());
        let text = format!("repository {} of {} added", row.name, row.quota);
        self.rows.repositories.insert(id, row);
        self.event(Code::QuotaAdded, Some(tenant), text, None);
        Ok(Outcome::Repository { id })
    }

    fn set_repository(
        &mut self,
        tenant: &TenantName,
        name: &RepositoryName,
        quota: Option<Size>,
        hold_days: Option<u32>,
        min_copies: Option<u32>,
    ) -> Result<Outcome, Refused> {
        let id = self.served_repository(tenant, name)?;
        let mut row = self.known_repository(id)?.clone();
        if let Some(given) = hold_days.filter(|days| *days < row.hold_days) {
            let held = row.hold_days;
            return Err(Refused::HoldShortened { held, given });
        }
        let old = row.quota;
        row.quota = quota.unwrap_or(row.quota);
        row.hold_days = hold_days.unwrap_or(row.hold_days);
        row.min_copies = min_copies.unwrap_or(row.min_copies);
        check(&row)?;
        let code = match quota {
            Some(_) => Code::QuotaChanged,
            None => Code::RepositoryChanged,
        };
        let changed = [
            quota.map(|new| format!("quota from {old} to {new}")),
            hold_days.map(|days| format!("hold days {days}")),
            min_copies.map(|copies| format!("copies {copies}")),
        ];
        let changed: Vec<String> = changed.into_iter().flatten().collect();
        let text = format!("repository {name}: {}", changed.join(", "));
        self.rows.repositories.insert(id, row);
        if min_copies.is_some() {
            self.rows.eased.remove(&id);
        }
        self.event(code, Some(tenant), text, None);
        Ok(Outcome::Done)
    }

    fn remove_repository(
        &mut self,
        tenant: &TenantName,
        name: &RepositoryName,
        reason: Option<&str>,
    ) -> Result<Outcome, Refused> {
        short("a reason", reason.unwrap_or_default(), TEXT_MAX)?;
        let id = self.served_repository(tenant, name)?;
        let owner = self.known_tenant(tenant)?.clone();
        self.withdraw_repository(id, tenant, &owner, false);
        let text = format!("repository {name} removed; its data stays as {id} until it is purged");
        self.event(Code::QuotaDeleted, Some(tenant), text, reason);
        Ok(Outcome::Done)
    }

    /// Serves a repository no more. What was visible until now is kept for the bin's and the hold's
    /// days, and for the tenant's purge hold behind its lease.
    pub(super) fn withdraw_repository(
        &mut self,
        id: RepositoryId,
        name: &TenantName,
        tenant: &Tenant,
        purge: bool,
    ) {
        let today = self.rows.clock.today;
        let Some(row) = self.rows.repositories.get(&id) else {
            return;
        };
        let called = row.name.clone();
        let behind = |day: Date, days: u32| match days {
            0 => day,
            _ => day.plus(days).plus(1),
        };
        let lease_end = tenant.lease.filter(|lease| today > *lease).unwrap_or(today);
        let kept = behind(today, row.hold_days.max(tenant.bin_days));
        let removal = Removal {
            tenant: name.clone(),
            at: self.at,
            purge_from: kept.max(behind(lease_end, tenant.purge_hold)),
            purge,
        };
        self.rows
            .repositories
            .change(&id, |row| row.removed = Some(removal));
        self.withdraw_of_repository(name, &called);
        forget(&mut self.rows.credentials, |_, login| {
            login.view.is_some_and(|view| view.repository == id)
        });
    }

    fn purge_repository(
        &mut self,
        id: RepositoryId,
        reason: Option<&str>,
    ) -> Result<Outcome, Refused> {
        short("a reason", reason.unwrap_or_default(), TEXT_MAX)?;
        let today = self.trusted_today()?;
        let mut row = self.known_repository(id)?.clone();
        let removal = row.removed.as_mut().ok_or(Refused::NotRemoved(id))?;
        if today < removal.purge_from {
            return Err(Refused::Held(removal.purge_from));
        }
        if !removal.purge {
            removal.purge = true;
            let tenant = removal.tenant.clone();
            let text = format!("the data of {id}, once {}, is to be destroyed", row.name);
            self.rows.repositories.insert(id, row);
            self.event(Code::PurgeOrdered, Some(&tenant), text, reason);
        }
        Ok(Outcome::Done)
    }

    pub(super) fn acquire(&mut self, id: RepositoryId) -> Result<Outcome, Refused> {
        let epoch = Epoch::new(self.rows.index.raw());
        if !self.rows.repositories.change(&id, |row| row.epoch = epoch) {
            return Err(Refused::NoRepositoryId(id));
        }
        Ok(Outcome::Epoch { epoch })
    }

    fn purged(&mut self, id: RepositoryId, epoch: Epoch) -> Result<Outcome, Refused> {
        self.owned(id, epoch)?;
        self.destroyable(id)?;
        if self.rows.extents_of(id).next().is_some() {
            return Err(Refused::NotEmpty(id));
        }
        let Some(row) = self.rows.repositories.remove(&id) else {
            return Err(Refused::NoRepositoryId(id));
        };
        let subtenants = &mut self.rows.subtenants;
        let sliced = |holder: &Subtenant| holder.slices.contains_key(&id);
        subtenants.alter(sliced, |holder| {
            holder.slices.remove(&id);
        });
        let tenant = row.removed.map(|removal| removal.tenant);
        let text = format!("the data of {id}, once {}, was destroyed", row.name);
        self.rows.scrubs.remove(&id);
        self.rows.tape.pins.remove(&id);
        self.rows.eased.remove(&id);
        self.event(Code::Purged, tenant.as_ref(), text, None);
        Ok(Outcome::Done)
    }

    /// The order is the event: it is written down before its owner acts on it, once.
    fn restore_repository(
        &mut self,
        tenant: &TenantName,
        name: &RepositoryName,
        to: Timestamp,
        reason: Option<&str>,
    ) -> Result<Outcome, Refused> {
        short("a reason", reason.unwrap_or_default(), TEXT_MAX)?;
        self.served_repository(tenant, name)?;
        let text = format!("repository {name} is to show again what it showed at {to}");
        self.event(Code::RepositoryRestored, Some(tenant), text, reason);
        Ok(Outcome::Done)
    }

    /// Refuses whoever does not own the repository any more.
    pub(super) fn owned(&self, id: RepositoryId, given: Epoch) -> Result<(), Refused> {
        let current = self.known_repository(id)?.epoch;
        if given == current {
            return Ok(());
        }
        Err(Refused::Fenced {
            repository: id,
            given,
            current,
        })
    }

    /// Refuses as long as the data of a repository must stay.
    pub(super) fn destroyable(&self, id: RepositoryId) -> Result<(), Refused> {
        let today = self.trusted_today()?;
        let removal = self.known_repository(id)?.removed.as_ref();
        let removal = removal.ok_or(Refused::NotRemoved(id))?;
        if !removal.purge {
            return Err(Refused::NotPurged(id));
        }
        if today < removal.purge_from {
            return Err(Refused::Held(removal.purge_from));
        }
        Ok(())
    }
}

fn check(row: &Repository) -> Result<(), Refused> {
    in_quota_range(row.quota)?;
    within("hold days", row.hold_days, 0, DAYS_MAX)?;
    within("copies", row.min_copies, 1, COPIES_MAX)
}

/// Refuses a quota or limit outside the range.
pub(super) fn in_quota_range(given: Size) -> Result<(), Refused> {
    if (QUOTA_MIN..=QUOTA_MAX).contains(&given) {
        return Ok(());
    }
    Err(Refused::Quota {
        given,
        least: QUOTA_MIN,
        most: QUOTA_MAX,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::Class;
    use super::super::command::{Command, ExtentCommand};
    use super::super::fixture::{
        DAY, Office, add_repository, add_subtenant, operator, purge_repository, remove_repository,
        repository_name, tenant_name,
    };
    use super::super::rows::Role;
    use super::*;

    fn set(quota: Option<Size>, hold_days: Option<u32>) -> Command {
        Command::Repository(RepositoryCommand::Set {
            tenant: tenant_name("Acme"),
            name: repository_name("main"),
            quota,
            hold_days,
            min_copies: None,
        })
    }

    fn purged(repository: RepositoryId, epoch: Epoch) -> Command {
        Command::Repository(RepositoryCommand::Purged { repository, epoch })
    }

    fn drop(extent: crate::kernel::ExtentId, epoch: Epoch) -> Command {
        Command::Extent(ExtentCommand::Drop { extent, epoch })
    }

    #[test]
    fn a_quota_is_between_one_mebibyte_and_the_largest_of_the_specification() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        for (name, quota) in [("least", Size::mib(1)), ("most", Size::gib(2_097_151))] {
            assert!(office.ann(add_repository("Acme", name, quota, 0)).is_ok());
        }
        let less = Size::bytes((1 << 20) - 1);
        let more = Size::gib(2_097_151) + Size::bytes(1);
        for quota in [Size::ZERO, less, more] {
            let refused = office
                .ann(add_repository("Acme", "main", quota, 0))
                .unwrap_err();
            assert_eq!(refused.class(), Class::Usage);
        }
        office.add_repository("Acme", "main", 0);
        assert!(office.ann(set(Some(less), None)).is_err());
        assert!(
            office
                .ann(add_repository("Acme", "main", Size::gib(1), 0))
                .is_err()
        );
    }

    #[test]
    fn a_hold_only_grows_whoever_asks() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        office.add_repository("Acme", "main", 7);
        assert_eq!(office.ann(set(None, Some(30))), Ok(Outcome::Done));
        let shortened = Err(Refused::HoldShortened {
            held: 30,
            given: 29,
        });
        assert_eq!(office.ann(set(None, Some(29))), shortened);
        office.hire_bob();
        assert_eq!(office.bob(set(None, Some(29))), shortened);
    }

    #[test]
    fn each_operation_on_a_repository_writes_exactly_one_event() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        office.events();
        let id = office.add_repository("Acme", "main", 0);
        office.ann(set(Some(Size::gib(20)), Some(1))).unwrap();
        office.ann(set(None, Some(2))).unwrap();
        office.ann(remove_repository("Acme", "main")).unwrap();
        office.pass(DAY * 9);
        office.ann(purge_repository(id)).unwrap();
        office.ann(purge_repository(id)).unwrap();
        let epoch = office.acquire(id);
        office.system(purged(id, epoch)).unwrap();
        expect![[r#"
            24150 operator ann, Acme: repository main of 10GiB added
            24160 operator ann, Acme: repository main: quota from 10GiB to 20GiB, hold days 1
            30040 operator ann, Acme: repository main: hold days 2
            24170 operator ann, Acme: repository main removed; its data stays as repository-2 until it is purged
            30041 operator ann, Acme: the data of repository-2, once main, is to be destroyed
            30042 system, Acme: the data of repository-2, once main, was destroyed
        "#]]
        .assert_eq(&office.events());
    }

    #[test]
    fn an_order_to_restore_is_one_event_that_says_who_to_whom_and_why() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        office.add_repository("Acme", "main", 0);
        office.events();
        let restore = |name: &str| {
            Command::Repository(RepositoryCommand::Restore {
                tenant: tenant_name("Acme"),
                name: repository_name(name),
                to: Timestamp::parse("2026-11-20T09:00:00Z").unwrap(),
                reason: Some("ticket 12".to_owned()),
            })
        };
        assert_eq!(office.ann(restore("main")), Ok(Outcome::Done));
        assert!(office.ann(restore("other")).is_err());
        let viewer = office.add_operator(operator("ann"), "vic", Role::Viewer, 1002);
        viewer.unwrap();
        assert!(office.submit(operator("vic"), restore("main")).is_err());
        expect![[r#"
            30045 operator ann, Acme: repository main is to show again what it showed at 2026-11-20T09:00:00.000Z (ticket 12)
            30030 operator ann, -: operator vic added as viewer
        "#]].assert_eq(&office.events());
    }

    #[test]
    fn an_extent_is_begun_while_it_is_open_and_no_longer() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        let id = office.add_repository("Acme", "main", 0);
        let first = office.acquire(id);
        let extent = office.open_extent(id, first);
        assert!(
            office.rows().begun.is_empty(),
            "its file is not durable yet"
        );
        let begin = |epoch| Command::Extent(ExtentCommand::Begin { extent, epoch });
        let second = office.acquire(id);
        assert!(office.system(begin(first)).is_err(), "of a former owner");
        assert_eq!(office.system(begin(second)), Ok(Outcome::Done));
        assert!(office.rows().begun.contains(&extent));
        let seal = ExtentCommand::Seal {
            extent,
            epoch: second,
            length: 10,
        };
        office.system(Command::Extent(seal)).unwrap();
        assert!(office.rows().begun.is_empty());
        assert_eq!(
            office.system(begin(second)),
            Err(Refused::Sealed(extent, 10))
        );
    }

    #[test]
    fn each_owner_has_a_higher_epoch_and_shuts_the_former_out() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        let id = office.add_repository("Acme", "main", 0);
        let first = office.acquire(id);
        let extent = office.open_extent(id, first);
        let second = office.acquire(id);
        assert!(second > first);
        let fenced = Err(Refused::Fenced {
            repository: id,
            given: first,
            current: second,
        });
        let open = Command::Extent(ExtentCommand::Open {
            repository: id,
            epoch: first,
        });
        assert_eq!(office.system(open), fenced);
        let seal = |epoch, length| {
            Command::Extent(ExtentCommand::Seal {
                extent,
                epoch,
                length,
            })
        };
        assert_eq!(office.system(seal(first, 10)), fenced);
        assert_eq!(
            office.system(drop(extent, second)),
            Err(Refused::Open(extent))
        );
        assert_eq!(office.system(seal(second, 10)), Ok(Outcome::Done));
        assert_eq!(
            office.system(seal(second, 10)),
            Ok(Outcome::Done),
            "the same again"
        );
        assert_eq!(
            office.system(seal(second, 11)),
            Err(Refused::Sealed(extent, 10))
        );
        assert_eq!(office.system(drop(extent, second)), Ok(Outcome::Done));
        assert_eq!(
            office.system(drop(extent, second)),
            Err(Refused::NoExtent(extent))
        );
    }

    #[test]
    fn data_goes_only_when_it_was_removed_ordered_and_held_long_enough() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        let id = office.add_repository("Acme", "main", 10);
        office.ann(add_subtenant("Acme", "joe", &["main"])).unwrap();
        let epoch = office.acquire(id);
        let extent = office.open_extent(id, epoch);
        assert_eq!(
            office.ann(purge_repository(id)),
            Err(Refused::NotRemoved(id))
        );
        office.ann(remove_repository("Acme", "main")).unwrap();
        let free = Date::parse("2026-12-02").unwrap();
        assert_eq!(office.ann(purge_repository(id)), Err(Refused::Held(free)));
        assert_eq!(
            office.system(drop(extent, epoch)),
            Err(Refused::NotPurged(id))
        );
        office.pass(DAY * 10);
        assert_eq!(office.ann(purge_repository(id)), Err(Refused::Held(free)));
        office.pass(DAY);
        assert_eq!(office.ann(purge_repository(id)), Ok(Outcome::Done));
        assert_eq!(office.system(purged(id, epoch)), Err(Refused::NotEmpty(id)));
        assert_eq!(office.system(drop(extent, epoch)), Ok(Outcome::Done));
        assert_eq!(office.system(purged(id, epoch)), Ok(Outcome::Done));
        assert!(office.rows().repositories.is_empty());
        let joe = office.rows().subtenants.values().next().unwrap();
        assert!(joe.slices.is_empty());
    }

    #[test]
    fn nothing_is_purged_while_the_clock_is_doubted() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        let id = office.add_repository("Acme", "main", 0);
        let epoch = office.acquire(id);
        let extent = office.open_extent(id, epoch);
        office.ann(remove_repository("Acme", "main")).unwrap();
        office.set_clock("2027-06-01T00:00:00Z");
        assert_eq!(office.ann(purge_repository(id)), Err(Refused::ClockDoubted));
        office.confirm("2027-06-01").unwrap();
        assert_eq!(office.ann(purge_repository(id)), Ok(Outcome::Done));
        office.set_clock("2028-06-01T00:00:00Z");
        assert_eq!(
            office.system(drop(extent, epoch)),
            Err(Refused::ClockDoubted)
        );
    }
}
