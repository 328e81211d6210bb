//! Subtenants: persons and machines of a tenant, each with a slice of its quota (section 7).
//!
//! Invariants: names are unique inside the tenant whatever their case; a space is never given
//! twice; a standalone subtenant has exactly one slice; a managed one goes only with its tenant.

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

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::command::{Command, TenantCommand};
    use super::super::fixture::{
        Office, add_subtenant, login, maintenance, repository_name, subtenant, tenant, tenant_name,
    };
    use super::super::rows::Scope;
    use super::*;

    fn office() -> Office {
        let mut office = Office::open();
        office.add_tenant("Acme");
        office.add_repository("Acme", "main", 0);
        office.events();
        office
    }

    fn name(text: &str) -> SubtenantName {
        SubtenantName::parse(text).unwrap()
    }

    fn managed(name: &str) -> Command {
        let slices = [(repository_name("main"), None)].into_iter().collect();
        let command = SubtenantCommand::Add {
            description: String::new(),
            mode: SubtenantMode::Managed,
            slices,
            disabled: false,
        };
        subtenant("Acme", name, command)
    }

    #[test]
    fn each_operation_on_a_subtenant_writes_exactly_one_event() {
        let mut office = office();
        office.ann(add_subtenant("Acme", "joe", &["main"])).unwrap();
        let description = Some("his laptop".to_owned());
        let set = SubtenantCommand::Set {
            description,
            slices: None,
        };
        office.ann(subtenant("Acme", "joe", set)).unwrap();
        let reason = "left".to_owned();
        let disable = SubtenantCommand::Disable { reason };
        office.ann(subtenant("Acme", "joe", disable)).unwrap();
        office
            .ann(subtenant("Acme", "joe", SubtenantCommand::Enable))
            .unwrap();
        office
            .ann(login("Acme", Some("joe"), Scope::Append))
            .unwrap();
        office
            .ann(subtenant("Acme", "joe", SubtenantCommand::Remove))
            .unwrap();
        assert!(office.rows().credentials.is_empty());
        expect![[r#"
            25200 operator ann, Acme: subtenant joe added
            25220 operator ann, Acme: subtenant joe updated
            25220 operator ann, Acme: subtenant joe disabled (left)
            25220 operator ann, Acme: subtenant joe enabled
            30050 operator ann, Acme: credential-4 of subtenant joe made, scope append
            25210 operator ann, Acme: subtenant joe deleted; its data stays
        "#]]
        .assert_eq(&office.events());
    }

    #[test]
    fn a_standalone_subtenant_has_exactly_one_slice_of_a_repository_that_is_there() {
        let mut office = office();
        assert_eq!(
            office.ann(add_subtenant("Acme", "joe", &[])),
            Err(Refused::OneSlice)
        );
        let two = add_subtenant("Acme", "joe", &["main", "other"]);
        let missing = Refused::NoRepository(tenant_name("Acme"), repository_name("other"));
        assert_eq!(office.ann(two.clone()), Err(missing));
        office.add_repository("Acme", "other", 0);
        assert_eq!(office.ann(two), Err(Refused::OneSlice));
        let small = [(repository_name("main"), Some(Size::bytes(1)))]
            .into_iter()
            .collect();
        let set = SubtenantCommand::Set {
            description: None,
            slices: Some(small),
        };
        office.ann(add_subtenant("Acme", "joe", &["main"])).unwrap();
        let refused = office.ann(subtenant("Acme", "joe", set)).unwrap_err();
        assert_eq!(refused.reason(), "quota-out-of-range");
    }

    #[test]
    fn names_are_unique_inside_a_tenant_and_spaces_everywhere() {
        let mut office = office();
        office.ann(add_subtenant("Acme", "joe", &["main"])).unwrap();
        let again = office.ann(add_subtenant("Acme", "JOE", &["main"]));
        assert_eq!(
            again,
            Err(Refused::SubtenantExists(tenant_name("Acme"), name("joe")))
        );
        office.add_tenant("Other");
        office.add_repository("Other", "main", 0);
        office
            .ann(add_subtenant("Other", "joe", &["main"]))
            .unwrap();
        let spaces: Vec<Space> = office
            .rows()
            .subtenants
            .values()
            .map(|row| row.space)
            .collect();
        assert_ne!(spaces[0], spaces[1]);
        office
            .ann(subtenant("Acme", "joe", SubtenantCommand::Remove))
            .unwrap();
        office.ann(add_subtenant("Acme", "joe", &["main"])).unwrap();
        let later = office.rows().subtenants[&(tenant_name("Acme"), name("joe"))].space;
        assert!(
            !spaces.contains(&later),
            "a later one of that name sees nothing of the former"
        );
    }

    #[test]
    fn a_managed_subtenant_is_the_systems_to_make_and_nobodys_to_delete() {
        let mut office = office();
        let is_managed = Err(Refused::Managed(name("pc-1")));
        assert_eq!(office.ann(managed("pc-1")), is_managed);
        assert!(office.system(managed("pc-1")).is_ok());
        let remove = subtenant("Acme", "pc-1", SubtenantCommand::Remove);
        assert_eq!(office.ann(remove.clone()), is_managed);
        assert_eq!(
            office.ann(login("Acme", Some("pc-1"), Scope::Full)),
            is_managed
        );
        let own = office.add_login("Acme", Scope::Full);
        let acme = Actor::Tenant(tenant_name("Acme"), own);
        assert_eq!(office.submit(acme.clone(), remove), is_managed);
        assert!(
            office
                .submit(acme, login("Acme", Some("pc-1"), Scope::Full))
                .is_ok()
        );
    }

    #[test]
    fn a_tenant_manages_its_own_subtenants_and_nothing_of_the_sp() {
        let mut office = office();
        let own = office.add_login("Acme", Scope::Full);
        let acme = Actor::Tenant(tenant_name("Acme"), own);
        let tenant_does = |office: &mut Office, command| office.submit(acme.clone(), command);
        assert!(tenant_does(&mut office, add_subtenant("Acme", "joe", &["main"])).is_ok());
        assert!(tenant_does(&mut office, login("Acme", Some("joe"), Scope::Append)).is_ok());
        let remove = subtenant("Acme", "joe", SubtenantCommand::Remove);
        assert!(tenant_does(&mut office, remove).is_ok());
        let not_allowed = Err(Refused::NotAllowed("tenant Acme".to_owned()));
        assert_eq!(tenant_does(&mut office, maintenance(None)), not_allowed);
        assert_eq!(
            tenant_does(&mut office, login("Acme", None, Scope::Full)),
            not_allowed
        );
        let enable = tenant("Acme", TenantCommand::Enable);
        assert_eq!(tenant_does(&mut office, enable), not_allowed);
    }

    #[test]
    fn another_tenant_is_answered_like_one_that_is_not_there() {
        let mut office = office();
        let own = office.add_login("Acme", Scope::Full);
        let acme = Actor::Tenant(tenant_name("Acme"), own);
        office.add_tenant("Other");
        for other in ["Other", "Nobody"] {
            let refused = office.submit(acme.clone(), add_subtenant(other, "joe", &["main"]));
            assert_eq!(refused, Err(Refused::NoTenant(tenant_name(other))));
            let refused = office.submit(acme.clone(), login(other, Some("joe"), Scope::Full));
            assert_eq!(refused, Err(Refused::NoTenant(tenant_name(other))));
        }
    }

    #[test]
    fn a_login_that_may_not_delete_may_not_manage_either() {
        let mut office = office();
        for scope in [Scope::Append, Scope::Read] {
            let own = office.add_login("Acme", scope);
            let acme = Actor::Tenant(tenant_name("Acme"), own);
            let refused = office.submit(acme, add_subtenant("Acme", "joe", &["main"]));
            assert_eq!(refused, Err(Refused::Scope));
        }
    }

    #[test]
    fn a_tenant_that_is_shut_out_cannot_help_itself() {
        let mut office = office();
        let own = office.add_login("Acme", Scope::Full);
        let acme = Actor::Tenant(tenant_name("Acme"), own);
        let command = add_subtenant("Acme", "joe", &["main"]);
        let reason = "not paid".to_owned();
        office
            .ann(tenant("Acme", TenantCommand::Disable { reason }))
            .unwrap();
        let refused = office.submit(acme.clone(), command.clone());
        assert_eq!(refused, Err(Refused::Disabled(tenant_name("Acme"))));
        office.ann(tenant("Acme", TenantCommand::Enable)).unwrap();
        office.set_lease("Acme", "2026-11-20").unwrap();
        let refused = office.submit(acme.clone(), command.clone());
        assert_eq!(refused, Err(Refused::LeaseExpired(tenant_name("Acme"))));
        office.set_lease("Acme", "2026-11-21").unwrap();
        assert!(
            office.submit(acme, command).is_ok(),
            "extending works at once"
        );
    }
}
