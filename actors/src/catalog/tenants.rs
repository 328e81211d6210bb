//! Tenants and their contracts (sections 5 and 6).
//!
//! Invariants: names are unique whatever their case; what belongs to a tenant is bound to its id, so
//! that a later tenant of the same name gets none of it.

use super::command::{Contract, ContractChange, TenantCommand};
use super::draft::{Draft, TEXT_MAX, alter, forget, short, within};
use super::events::Code;
use super::rows::{Removal, Repository, Tenant};
use super::{Outcome, Refused};
use crate::kernel::Date;
use crate::names::TenantName;

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
            TenantCommand::Add(contract) => return self.add_tenant(name, contract),
            TenantCommand::Set(change) => self.set_tenant(name, change)?,
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

    fn add_tenant(&mut self, name: &TenantName, given: &Contract) -> Result<Outcome, Refused> {
        let same = |other: &&TenantName| other.as_str().eq_ignore_ascii_case(name.as_str());
        if let Some(other) = self.rows.tenants.keys().find(same) {
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
        self.rows.tenants.insert(name.clone(), row);
        self.event(
            Code::TenantAdded,
            Some(name),
            format!("tenant {name} added"),
            None,
        );
        Ok(Outcome::Tenant { id })
    }

    fn set_tenant(&mut self, name: &TenantName, change: &ContractChange) -> Result<(), Refused> {
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
        self.rows.tenants.insert(name.clone(), row);
        let text = format!("tenant {name} updated: {}", changed.join(", "));
        self.event(Code::TenantUpdated, Some(name), text, None);
        Ok(())
    }

    fn disable_tenant(&mut self, name: &TenantName, reason: &str) -> Result<(), Refused> {
        short("a reason", reason, TEXT_MAX)?;
        let mut row = self.known_tenant(name)?.clone();
        row.disabled = Some(reason.to_owned());
        self.rows.tenants.insert(name.clone(), row);
        let text = format!("tenant {name} disabled");
        self.event(Code::TenantState, Some(name), text, Some(reason));
        Ok(())
    }

    fn enable_tenant(&mut self, name: &TenantName) -> Result<(), Refused> {
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
        forget(&mut self.rows.subtenants, |(of, _), _| of == name);
        self.rows.tenants.remove(name);
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
        alter(&mut self.rows.repositories, ordered, |row| {
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
