//! Tenants and their contracts (sections 5 and 6).
//!
//! Invariants: names are unique whatever their case; what belongs to a tenant is bound to its id,
//! so that a later tenant of the same name gets none of it.

use super::command::{Contract, ContractChange, TenantCommand, TermsChange};
use super::draft::{Draft, TEXT_MAX, forget, short, within};
use super::events::Code;
use super::rows::{Removal, Repository, Tenant, TenantBy};
use super::{Outcome, Refused};
use crate::gateways::Terms;
use crate::kernel::Date;
use crate::names::{SubtenantName, TenantName};

/// The most days of a grace or a hold (9.3).
pub(super) const DAYS_MAX: u32 = 9999;
const BIN_DAYS_MAX: u32 = 99;
const TASKS_MAX: u32 = 1024;

impl Draft<'_> {
    pub(super) fn tenant(
        &mut self,
        name: &TenantName,
        command: &TenantCommand,
    ) -> Result<Outcome, Refused> {
        match command {
            TenantCommand::Add(contract) => {
                return self.add_tenant(name, contract, &Terms::default());
            }
            TenantCommand::AddWith(contract, terms) => {
                return self.add_tenant(name, contract, terms);
            }
            TenantCommand::Set(change) => {
                self.set_tenant(name, change, &TermsChange::default())?;
            }
            TenantCommand::SetWith(change, terms) => self.set_tenant(name, change, terms)?,
            TenantCommand::Disable { reason } => self.disable_tenant(name, reason)?,
            TenantCommand::Enable => self.enable_tenant(name)?,
            TenantCommand::Remove { reason } => self.remove_tenant(name, reason.as_deref())?,
            TenantCommand::Purge { reason } => self.purge_tenant(name, reason.as_deref())?,
        }
        Ok(Outcome::Done)
    }

    pub(super) fn known_tenant(&self, name: &TenantName) -> Result<&Tenant, Refused> {
        let row = self.rows.tenants.get(name);
        row.ok_or_else(|| Refused::NoTenant(name.clone()))
    }

    fn add_tenant(
        &mut self,
        name: &TenantName,
        given: &Contract,
        terms: &Terms,
    ) -> Result<Outcome, Refused> {
        if let Some(other) = self.rows.tenants.find(&TenantBy::name(name)) {
            return Err(Refused::TenantExists(other.clone()));
        }
        let id = self.fresh();
        let mut row = Tenant {
            id,
            description: given.description.clone(),
            disabled: None,
            lease: given.lease,
            restore_grace: given.restore_grace,
            purge_hold: given.purge_hold,
            tasks: given.tasks,
            bandwidth: given.bandwidth,
            bin_days: given.bin_days,
            bin_limit: given.bin_limit,
            warned: None,
            ended: false,
            last_session: None,
        };
        if row.description.is_empty() {
            row.description = format!("added by {} at {}", self.by, self.at);
        }
        check(&row)?;
        self.fit_terms(terms)?;
        self.rows.tenants.insert(name.clone(), row);
        self.agree(id, terms.clone());
        self.event(
            Code::TenantAdded,
            Some(name),
            format!("tenant {name} added"),
            None,
        );
        Ok(Outcome::Tenant { id })
    }

    fn set_tenant(
        &mut self,
        name: &TenantName,
        change: &ContractChange,
        terms: &TermsChange,
    ) -> Result<(), Refused> {
        let mut row = self.known_tenant(name)?.clone();
        let mut changed = Vec::new();
        let mut set = |what: &'static str| changed.push(what);
        if let Some(description) = &change.description {
            row.description.clone_from(description);
            set("description");
        }
        if let Some(lease) = change.lease {
            if row.lease != lease {
                row.warned = None;
                row.ended = false;
            }
            row.lease = lease;
            set("lease");
        }
        for (what, new, field) in [
            (
                "restore grace",
                change.restore_grace,
                &mut row.restore_grace,
            ),
            ("purge hold", change.purge_hold, &mut row.purge_hold),
            ("tasks", change.tasks, &mut row.tasks),
            ("bin days", change.bin_days, &mut row.bin_days),
        ] {
            if let Some(new) = new {
                *field = new;
                set(what);
            }
        }
        if let Some(bandwidth) = change.bandwidth {
            row.bandwidth = bandwidth;
            set("bandwidth");
        }
        if let Some(limit) = change.bin_limit {
            row.bin_limit = limit;
            set("bin limit");
        }
        check(&row)?;
        changed.extend(self.change_terms(row.id, terms)?);
        self.rows.tenants.insert(name.clone(), row);
        let text = format!("tenant {name} updated: {}", changed.join(", "));
        self.event(Code::TenantUpdated, Some(name), text, None);
        Ok(())
    }

    pub(super) fn disable_tenant(
        &mut self,
        name: &TenantName,
        reason: &str,
    ) -> Result<(), Refused> {
        short("a reason", reason, TEXT_MAX)?;
        let mut row = self.known_tenant(name)?.clone();
        row.disabled = Some(reason.to_owned());
        self.rows.tenants.insert(name.clone(), row);
        let text = format!("tenant {name} disabled");
        self.event(Code::TenantState, Some(name), text, Some(reason));
        Ok(())
    }

    pub(super) fn enable_tenant(&mut self, name: &TenantName) -> Result<(), Refused> {
        let mut row = self.known_tenant(name)?.clone();
        if row.disabled.take().is_some() {
            self.rows.tenants.insert(name.clone(), row);
            let text = format!("tenant {name} enabled");
            self.event(Code::TenantState, Some(name), text, None);
        }
        Ok(())
    }

    fn remove_tenant(&mut self, name: &TenantName, reason: Option<&str>) -> Result<(), Refused> {
        short("a reason", reason.unwrap_or_default(), TEXT_MAX)?;
        let row = self.known_tenant(name)?.clone();
        for id in self.served(row.id) {
            self.withdraw_repository(id, name, &row, false);
        }
        forget(&mut self.rows.credentials, |_, login| login.tenant == *name);
        let subtenants = self.rows.subtenants_of(name);
        let subtenants: Vec<SubtenantName> = subtenants.map(|(of, _)| of.clone()).collect();
        for subtenant in subtenants {
            self.rows.subtenants.remove(&(name.clone(), subtenant));
        }
        self.rows.tenants.remove(name);
        self.rows.tape.classes.remove(&row.id);
        self.rows.gateways.terms.remove(&row.id);
        self.withdraw_of_tenant(name);
        let text = format!("tenant {name} deleted; its data stays until it is purged");
        self.event(Code::TenantDeleted, Some(name), text, reason);
        Ok(())
    }

    fn purge_tenant(&mut self, name: &TenantName, reason: Option<&str>) -> Result<(), Refused> {
        short("a reason", reason.unwrap_or_default(), TEXT_MAX)?;
        let today = self.trusted_today()?;
        match self.rows.tenants.get(name).cloned() {
            Some(row) => {
                let lease = row.lease.filter(|lease| today > *lease);
                let lease = lease.ok_or_else(|| Refused::LeaseRuns(name.clone()))?;
                let free = lease.plus(row.purge_hold).plus(1);
                if today < free {
                    return Err(Refused::Held(free));
                }
                for id in self.served(row.id) {
                    self.withdraw_repository(id, name, &row, true);
                }
                self.order(|tenant, _| tenant == row.id);
            }
            None => {
                let removals = self.rows.repositories.values();
                let removals = removals.filter_map(|row| row.removed.as_ref());
                let former = removals.filter(|removal| removal.tenant == *name);
                let free = former.map(|removal| removal.purge_from).min();
                let free = free.ok_or_else(|| Refused::NoTenant(name.clone()))?;
                if today < free {
                    return Err(Refused::Held(free));
                }
                self.order(|_, removal| removal.tenant == *name && removal.purge_from <= today);
            }
        }
        let text = format!("the data of tenant {name} is to be destroyed");
        self.event(Code::PurgeOrdered, Some(name), text, reason);
        Ok(())
    }

    /// Orders the data of those removed repositories to be destroyed that `which` picks, by the
    /// tenant's id and the removal.
    fn order(&mut self, which: impl Fn(u64, &Removal) -> bool) {
        let ordered = |row: &Repository| {
            let removal = row.removed.as_ref();
            removal.is_some_and(|removal| which(row.tenant, removal))
        };
        self.rows.repositories.alter(ordered, |row| {
            if let Some(removal) = &mut row.removed {
                removal.purge = true;
            }
        });
    }

    /// The day to go by where nothing can be taken back.
    pub(super) fn trusted_today(&self) -> Result<Date, Refused> {
        self.rows.clock.trusted_today().ok_or(Refused::ClockDoubted)
    }
}

fn check(row: &Tenant) -> Result<(), Refused> {
    short("a description", &row.description, TEXT_MAX)?;
    within("tasks", row.tasks, 1, TASKS_MAX)?;
    within("bin days", row.bin_days, 0, BIN_DAYS_MAX)?;
    within("a restore grace", row.restore_grace, 0, DAYS_MAX)?;
    within("a purge hold", row.purge_hold, 0, DAYS_MAX)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::command::{ContractChange, TenantCommand};
    use super::super::fixture::{
        DAY, Office, login, maintenance, purge_repository, purge_tenant, remove_tenant, tenant,
        tenant_name,
    };
    use super::super::rows::{Scope, State};
    use super::super::{Class, Outcome, Refused};
    use crate::kernel::Date;

    fn state(office: &Office, name: &str) -> State {
        let rows = office.rows();
        rows.tenants[&tenant_name(name)].state(rows.clock.today)
    }

    #[test]
    fn a_tenant_of_whom_nothing_is_said_has_the_default_contract() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        let row = &office.rows().tenants[&tenant_name("Acme")];
        assert_eq!((row.tasks, row.bin_days, row.restore_grace), (16, 7, 0));
        assert_eq!(
            (row.lease, row.bandwidth, row.bin_limit),
            (None, None, None)
        );
        assert_eq!(
            row.description,
            "added by operator ann at 2026-11-21T10:00:00.000Z"
        );
    }

    #[test]
    fn names_of_tenants_are_unique_whatever_their_case() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        let again = office.ann(tenant("aCME", TenantCommand::Add(Default::default())));
        assert_eq!(again, Err(Refused::TenantExists(tenant_name("Acme"))));
        assert_eq!(again.unwrap_err().class(), Class::Conflict);
    }

    #[test]
    fn each_operation_on_a_tenant_writes_exactly_one_event() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        let bin_days = Some(9);
        office
            .set(
                "Acme",
                ContractChange {
                    bin_days,
                    ..Default::default()
                },
            )
            .unwrap();
        let reason = "not paid".to_owned();
        office
            .ann(tenant("Acme", TenantCommand::Disable { reason }))
            .unwrap();
        assert_eq!(state(&office, "Acme"), State::Disabled);
        office.ann(tenant("Acme", TenantCommand::Enable)).unwrap();
        office.ann(tenant("Acme", TenantCommand::Enable)).unwrap();
        assert_eq!(state(&office, "Acme"), State::Enabled);
        office.add_repository("Acme", "main", 0);
        office.ann(remove_tenant("Acme")).unwrap();
        office.ann(maintenance(Some("back at noon"))).unwrap();
        expect![[r#"
            24110 operator ann, Acme: tenant Acme added
            25100 operator ann, Acme: tenant Acme updated: bin days
            25000 operator ann, Acme: tenant Acme disabled (not paid)
            25000 operator ann, Acme: tenant Acme enabled
            24150 operator ann, Acme: repository main of 10GiB added
            24120 operator ann, Acme: tenant Acme deleted; its data stays until it is purged (moved away)
            26510 operator ann, -: maintenance on (back at noon)
        "#]]
        .assert_eq(&office.events());
    }

    #[test]
    fn numbers_outside_their_range_are_refused() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        let changes = [
            ContractChange {
                tasks: Some(0),
                ..Default::default()
            },
            ContractChange {
                tasks: Some(1025),
                ..Default::default()
            },
            ContractChange {
                bin_days: Some(100),
                ..Default::default()
            },
            ContractChange {
                restore_grace: Some(10_000),
                ..Default::default()
            },
            ContractChange {
                purge_hold: Some(10_000),
                ..Default::default()
            },
            ContractChange {
                description: Some("x".repeat(1025)),
                ..Default::default()
            },
        ];
        let before = office.rows().clone();
        for change in changes {
            let refused = office.set("Acme", change).unwrap_err();
            assert_eq!(refused.class(), Class::Usage, "{refused}");
        }
        assert_eq!(*office.rows(), before);
    }

    #[test]
    fn a_later_tenant_of_the_same_name_gets_nothing_of_the_former() {
        let mut office = Office::open();
        let former = office.add_tenant("Acme");
        let repository = office.add_repository("Acme", "main", 0);
        office.add_login("Acme", Scope::Full);
        office.ann(remove_tenant("Acme")).unwrap();
        let later = office.add_tenant("Acme");
        let name = super::super::fixture::repository_name("main");
        assert_ne!(former, later);
        assert_eq!(office.rows().repository(later, &name), None);
        assert_eq!(office.rows().repository(former, &name), None);
        assert!(office.rows().credentials.is_empty());
        assert!(
            office.rows().repositories.contains_key(&repository),
            "its data stays"
        );
        // Nor can its purge take what the later one has.
        let own = office.add_repository("Acme", "main", 0);
        office.pass(DAY * 9);
        office.ann(purge_repository(repository)).unwrap();
        assert!(office.rows().repositories[&own].removed.is_none());
    }

    #[test]
    fn a_purge_is_refused_until_lease_and_hold_are_over() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        let repository = office.add_repository("Acme", "main", 0);
        let runs = Err(Refused::LeaseRuns(tenant_name("Acme")));
        assert_eq!(office.ann(purge_tenant("Acme")), runs);
        office.set_lease("Acme", "2026-11-22").unwrap();
        office
            .set(
                "Acme",
                ContractChange {
                    purge_hold: Some(3),
                    ..Default::default()
                },
            )
            .unwrap();
        assert_eq!(office.ann(purge_tenant("Acme")), runs);
        office.pass(DAY * 2);
        let until = Date::parse("2026-11-26").unwrap();
        assert_eq!(office.ann(purge_tenant("Acme")), Err(Refused::Held(until)));
        office.pass(DAY * 3);
        assert_eq!(office.ann(purge_tenant("Acme")), Ok(Outcome::Done));
        let removal = office.rows().repositories[&repository]
            .removed
            .clone()
            .unwrap();
        assert!(removal.purge);
        assert_eq!(
            removal.purge_from,
            Date::parse("2026-12-04").unwrap(),
            "the bin's days"
        );
    }

    #[test]
    fn the_data_of_a_former_tenant_is_purged_by_its_name_when_bin_and_holds_are_over() {
        let mut office = Office::open();
        office.add_tenant("Acme");
        let repository = office.add_repository("Acme", "main", 30);
        office.ann(remove_tenant("Acme")).unwrap();
        let until = Date::parse("2026-12-22").unwrap();
        assert_eq!(office.ann(purge_tenant("Acme")), Err(Refused::Held(until)));
        office.pass(DAY * 31);
        assert_eq!(office.ann(purge_tenant("Acme")), Ok(Outcome::Done));
        assert!(
            office.rows().repositories[&repository]
                .removed
                .as_ref()
                .unwrap()
                .purge
        );
        let nobody = Err(Refused::NoTenant(tenant_name("Nobody")));
        assert_eq!(office.ann(purge_tenant("Nobody")), nobody);
    }

    #[test]
    fn nothing_is_made_for_a_tenant_that_is_not_there() {
        let mut office = Office::open();
        let refused = office.ann(login("Acme", None, Scope::Full)).unwrap_err();
        assert_eq!(refused, Refused::NoTenant(tenant_name("Acme")));
        assert_eq!(
            (refused.reason(), refused.class()),
            ("no-tenant", Class::NotFound)
        );
    }
}
