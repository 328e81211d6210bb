//! Subtenants: persons and machines of a tenant, each with a slice of its quota (section 7).
//!
//! Invariants: names are unique inside the tenant whatever their case; a space is never given twice;
//! a standalone subtenant has exactly one slice; a managed one goes only with its tenant.

use imbl::OrdMap;

use super::command::{Actor, Slices, SubtenantCommand};
use super::draft::{Draft, TEXT_MAX, forget, short};
use super::events::Code;
use super::repositories::in_quota_range;
use super::rows::{Subtenant, SubtenantMode};
use super::{Outcome, Refused};
use crate::kernel::{RepositoryId, Size, Space};
use crate::names::{SubtenantName, TenantName};

/// The most subtenants of one tenant.
const SUBTENANTS_MAX: usize = 10_000;

impl Draft<'_> {
    pub(super) fn subtenant(
        &mut self,
        tenant: &TenantName,
        name: &SubtenantName,
        command: &SubtenantCommand,
    ) -> Result<Outcome, Refused> {
        self.known_tenant(tenant)?;
        let (code, text, reason) = match command {
            SubtenantCommand::Add {
                description,
                mode,
                slices,
                disabled,
            } => {
                let row = Subtenant {
                    space: Space::default(),
                    description: description.clone(),
                    disabled: disabled.then(|| "born disabled".to_owned()),
                    mode: *mode,
                    slices: self.slices(tenant, slices)?,
                };
                return self.add_subtenant(tenant, name, row);
            }
            SubtenantCommand::Set {
                description,
                slices,
            } => {
                let mut row = self.handled(tenant, name)?;
                row.description = description.clone().unwrap_or(row.description);
                if let Some(slices) = slices {
                    row.slices = self.slices(tenant, slices)?;
                    one_slice(&row)?;
                }
                short("a description", &row.description, TEXT_MAX)?;
                self.put(tenant, name, row);
                (Code::SubtenantUpdated, "updated", None)
            }
            SubtenantCommand::Disable { reason } => {
                short("a reason", reason, TEXT_MAX)?;
                let mut row = self.handled(tenant, name)?;
                row.disabled = Some(reason.clone());
                self.put(tenant, name, row);
                (Code::SubtenantUpdated, "disabled", Some(reason.as_str()))
            }
            SubtenantCommand::Enable => {
                let mut row = self.handled(tenant, name)?;
                if row.disabled.take().is_none() {
                    return Ok(Outcome::Done);
                }
                self.put(tenant, name, row);
                (Code::SubtenantUpdated, "enabled", None)
            }
            SubtenantCommand::Remove => {
                if self.handled(tenant, name)?.mode == SubtenantMode::Managed {
                    return Err(Refused::Managed(name.clone()));
                }
                self.rows.subtenants.remove(&(tenant.clone(), name.clone()));
                forget(&mut self.rows.credentials, |_, login| {
                    login.tenant == *tenant && login.subtenant.as_ref() == Some(name)
                });
                (Code::SubtenantDeleted, "deleted; its data stays", None)
            }
        };
        self.event(
            code,
            Some(tenant),
            format!("subtenant {name} {text}"),
            reason,
        );
        Ok(Outcome::Done)
    }

    pub(super) fn known_subtenant(
        &self,
        tenant: &TenantName,
        name: &SubtenantName,
    ) -> Result<&Subtenant, Refused> {
        let row = self.rows.subtenants.get(&(tenant.clone(), name.clone()));
        row.ok_or_else(|| Refused::NoSubtenant(tenant.clone(), name.clone()))
    }

    fn add_subtenant(
        &mut self,
        tenant: &TenantName,
        name: &SubtenantName,
        mut row: Subtenant,
    ) -> Result<Outcome, Refused> {
        if row.mode == SubtenantMode::Managed && *self.by != Actor::System {
            return Err(Refused::Managed(name.clone()));
        }
        one_slice(&row)?;
        short("a description", &row.description, TEXT_MAX)?;
        let mut count = 0;
        for (other, _) in self.rows.subtenants_of(tenant) {
            if other.as_str().eq_ignore_ascii_case(name.as_str()) {
                return Err(Refused::SubtenantExists(tenant.clone(), other.clone()));
            }
            count += 1;
        }
        if count >= SUBTENANTS_MAX {
            return Err(Refused::TooMany {
                what: "subtenants",
                most: SUBTENANTS_MAX,
            });
        }
        let space = Space::new(self.fresh());
        row.space = space;
        self.put(tenant, name, row);
        let text = format!("subtenant {name} added");
        self.event(Code::SubtenantAdded, Some(tenant), text, None);
        Ok(Outcome::Subtenant { space })
    }

    /// A subtenant that the caller may change: a tenant keeps its hands off managed ones (R7.3).
    fn handled(&self, tenant: &TenantName, name: &SubtenantName) -> Result<Subtenant, Refused> {
        let row = self.known_subtenant(tenant, name)?;
        let by_tenant = matches!(self.by, Actor::Tenant(..));
        if by_tenant && row.mode == SubtenantMode::Managed {
            return Err(Refused::Managed(name.clone()));
        }
        Ok(row.clone())
    }

    fn put(&mut self, tenant: &TenantName, name: &SubtenantName, row: Subtenant) {
        let key = (tenant.clone(), name.clone());
        self.rows.subtenants.insert(key, row);
    }

    fn slices(
        &self,
        tenant: &TenantName,
        slices: &Slices,
    ) -> Result<OrdMap<RepositoryId, Option<Size>>, Refused> {
        let resolve = |(name, limit): (_, &Option<Size>)| {
            limit.map_or(Ok(()), in_quota_range)?;
            Ok((self.served_repository(tenant, name)?, *limit))
        };
        slices.iter().map(resolve).collect()
    }
}

fn one_slice(row: &Subtenant) -> Result<(), Refused> {
    match row.mode {
        SubtenantMode::Standalone if row.slices.len() != 1 => Err(Refused::OneSlice),
        SubtenantMode::Standalone | SubtenantMode::Managed => Ok(()),
    }
}
