//! Logins of tenants and subtenants: made, given another password, revoked. Passwords never come
//! here, only what checks them.
//!
//! Invariant: no login without its tenant, and none of a subtenant that is not there.

use super::command::{Actor, CredentialCommand, NewCredential};
use super::draft::{Draft, short};
use super::events::Code;
use super::rows::{Credential, Scope, SubtenantMode, Verifier, View};
use super::{Outcome, Refused};
use crate::kernel::CredentialId;
use crate::names::{SubtenantName, TenantName};

/// The most bytes in a label.
const LABEL_MAX: usize = 128;
/// The most bytes of what checks a chosen password.
const VERIFIER_MAX: usize = 512;
/// The most logins of one tenant, those of its subtenants included.
const CREDENTIALS_MAX: usize = 20_000;

impl Draft<'_> {
    pub(super) fn credential(&mut self, command: &CredentialCommand) -> Result<Outcome, Refused> {
        match command {
            CredentialCommand::Add(new) => self.add_credential(new),
            CredentialCommand::Revoke { credential } => {
                let row = self.known_credential(*credential)?.clone();
                self.rows.credentials.remove(credential);
                let text = format!("{credential} of {} revoked", owner(&row));
                self.event(Code::CredentialRevoked, Some(&row.tenant), text, None);
                Ok(Outcome::Done)
            }
            CredentialCommand::ChangePassword {
                credential,
                verifier,
            } => self.change_password(*credential, verifier),
        }
    }

    fn known_credential(&self, id: CredentialId) -> Result<&Credential, Refused> {
        let row = self.rows.credentials.get(&id);
        row.ok_or(Refused::NoCredential(id))
    }

    fn add_credential(&mut self, new: &NewCredential) -> Result<Outcome, Refused> {
        let tenant = self.known_tenant(&new.tenant)?.id;
        if let Some(name) = &new.subtenant {
            self.spare_managed(&new.tenant, name)?;
        }
        short("a label", &new.label, LABEL_MAX)?;
        check(&new.verifier)?;
        if let Some(view) = new.view {
            self.check_view(tenant, new.scope, view)?;
        }
        let rows = self.rows.credentials.values();
        if rows.filter(|row| row.tenant == new.tenant).count() >= CREDENTIALS_MAX {
            return Err(Refused::TooMany {
                what: "logins",
                most: CREDENTIALS_MAX,
            });
        }
        let id = CredentialId::new(self.fresh());
        let row = Credential {
            tenant: new.tenant.clone(),
            subtenant: new.subtenant.clone(),
            scope: new.scope,
            verifier: new.verifier.clone(),
            made: self.at,
            expires: new.expires,
            view: new.view,
            label: new.label.clone(),
        };
        let (code, text) = match new.view {
            Some(View { repository, at }) => {
                let text = format!("{id} of {} sees {repository} as of {at}", owner(&row));
                (Code::ViewMade, text)
            }
            None => {
                let text = format!("{id} of {} made, scope {}", owner(&row), row.scope);
                (Code::CredentialAdded, text)
            }
        };
        self.rows.credentials.insert(id, row);
        self.event(code, Some(&new.tenant), text, None);
        Ok(Outcome::Credential { id })
    }

    fn change_password(
        &mut self,
        id: CredentialId,
        verifier: &Verifier,
    ) -> Result<Outcome, Refused> {
        let mut row = self.known_credential(id)?.clone();
        if let Some(name) = &row.subtenant {
            self.spare_managed(&row.tenant, name)?;
        }
        check(verifier)?;
        row.verifier = verifier.clone();
        let by_tenant = matches!(self.by, Actor::Tenant(..));
        let code = match &row.subtenant {
            Some(_) => Code::SubtenantUpdated,
            None if by_tenant => Code::PasswordChanged,
            None => Code::TenantUpdated,
        };
        let text = format!("password of {id} of {} changed", owner(&row));
        let tenant = row.tenant.clone();
        self.rows.credentials.insert(id, row);
        self.event(code, Some(&tenant), text, None);
        Ok(Outcome::Done)
    }

    /// The password of a managed subtenant is the tenant's affair, not the SP's (R7.3).
    fn spare_managed(&self, tenant: &TenantName, name: &SubtenantName) -> Result<(), Refused> {
        let row = self.known_subtenant(tenant, name)?;
        let by_operator = matches!(self.by, Actor::Operator(_));
        if by_operator && row.mode == SubtenantMode::Managed {
            return Err(Refused::Managed(name.clone()));
        }
        Ok(())
    }

    fn check_view(&self, tenant: u64, scope: Scope, view: View) -> Result<(), Refused> {
        let row = self.rows.repositories.get(&view.repository);
        let served = row.filter(|row| row.tenant == tenant && row.removed.is_none());
        served.ok_or(Refused::NoRepositoryId(view.repository))?;
        if scope != Scope::Read || view.at > self.at {
            return Err(Refused::View);
        }
        Ok(())
    }
}

fn check(verifier: &Verifier) -> Result<(), Refused> {
    match verifier {
        Verifier::Generated(_) => Ok(()),
        Verifier::Chosen(text) => short("a verifier", text, VERIFIER_MAX),
    }
}

fn owner(row: &Credential) -> String {
    match &row.subtenant {
        Some(name) => format!("subtenant {name}"),
        None => "the tenant".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::Class;
    use super::super::command::Command;
    use super::super::fixture::{Office, add_subtenant, login, remove_repository, tenant_name};
    use super::*;
    use crate::kernel::{RepositoryId, Timestamp};

    fn change(credential: CredentialId) -> Command {
        let verifier = Verifier::Generated([8; 32]);
        Command::Credential(CredentialCommand::ChangePassword {
            credential,
            verifier,
        })
    }

    fn revoke(credential: CredentialId) -> Command {
        Command::Credential(CredentialCommand::Revoke { credential })
    }

    fn view(of: &str, repository: RepositoryId, at: Timestamp, scope: Scope) -> Command {
        let Command::Credential(CredentialCommand::Add(new)) = login(of, None, scope) else {
            panic!("a login is made by adding one");
        };
        let view = Some(View { repository, at });
        Command::Credential(CredentialCommand::Add(NewCredential { view, ..new }))
    }

    fn office() -> (Office, RepositoryId) {
        let mut office = Office::open();
        office.add_tenant("Acme");
        let repository = office.add_repository("Acme", "main", 0);
        office.events();
        (office, repository)
    }

    #[test]
    fn each_operation_on_a_login_writes_exactly_one_event() {
        let (mut office, repository) = office();
        let id = office.add_login("Acme", Scope::Full);
        office
            .submit(Actor::Tenant(tenant_name("Acme"), id), change(id))
            .unwrap();
        office.ann(change(id)).unwrap();
        let at = office.now();
        office
            .ann(view("Acme", repository, at, Scope::Read))
            .unwrap();
        office.ann(revoke(id)).unwrap();
        expect![[r#"
            30050 operator ann, Acme: credential-3 of the tenant made, scope full
            24114 tenant Acme, Acme: password of credential-3 of the tenant changed
            25100 operator ann, Acme: password of credential-3 of the tenant changed
            30052 operator ann, Acme: credential-4 of the tenant sees repository-2 as of 2026-11-21T10:00:00.000Z
            30051 operator ann, Acme: credential-3 of the tenant revoked
        "#]]
        .assert_eq(&office.events());
        let gone = Err(Refused::NoCredential(id));
        assert_eq!(office.ann(revoke(id)), gone);
    }

    #[test]
    fn a_tenant_changes_its_own_password_and_its_subtenants_only() {
        let (mut office, _) = office();
        let own = office.add_login("Acme", Scope::Read);
        let other = office.add_login("Acme", Scope::Full);
        let acme = |login| Actor::Tenant(tenant_name("Acme"), login);
        assert_eq!(office.submit(acme(own), change(own)), Ok(Outcome::Done));
        let not_allowed = Err(Refused::NotAllowed("tenant Acme".to_owned()));
        assert_eq!(office.submit(acme(own), change(other)), not_allowed);
        assert_eq!(office.submit(acme(other), revoke(own)), not_allowed);
        office.ann(add_subtenant("Acme", "joe", &["main"])).unwrap();
        let joe = office.ann(login("Acme", Some("joe"), Scope::Full));
        let Ok(Outcome::Credential { id: joe }) = joe else {
            panic!("{joe:?}")
        };
        assert_eq!(office.submit(acme(own), change(joe)), Err(Refused::Scope));
        assert_eq!(office.submit(acme(other), change(joe)), Ok(Outcome::Done));
        assert_eq!(
            office.submit(acme(joe), change(joe)),
            not_allowed,
            "a subtenant may not"
        );
        assert_eq!(office.submit(acme(other), revoke(joe)), Ok(Outcome::Done));
        office.add_tenant("Other");
        let foreign = office.add_login("Other", Scope::Full);
        let missing = Err(Refused::NoCredential(foreign));
        assert_eq!(office.submit(acme(other), change(foreign)), missing);
    }

    #[test]
    fn a_view_reads_the_past_of_a_repository_that_is_served() {
        let (mut office, repository) = office();
        let now = office.now();
        let later = now + std::time::Duration::from_secs(1);
        let full = office.ann(view("Acme", repository, now, Scope::Full));
        assert_eq!(full, Err(Refused::View));
        let future = office.ann(view("Acme", repository, later, Scope::Read));
        assert_eq!(future, Err(Refused::View));
        office.add_tenant("Other");
        let foreign = office.ann(view("Other", repository, now, Scope::Read));
        assert_eq!(foreign, Err(Refused::NoRepositoryId(repository)));
        office
            .ann(view("Acme", repository, now, Scope::Read))
            .unwrap();
        office.ann(remove_repository("Acme", "main")).unwrap();
        assert!(
            office.rows().credentials.is_empty(),
            "a view ends with its repository"
        );
    }

    #[test]
    fn texts_are_bounded() {
        let (mut office, _) = office();
        let id = office.add_login("Acme", Scope::Full);
        let verifier = Verifier::Chosen("x".repeat(513));
        let long = CredentialCommand::ChangePassword {
            credential: id,
            verifier,
        };
        let refused = office.ann(Command::Credential(long)).unwrap_err();
        assert_eq!(
            (refused.class(), refused.reason()),
            (Class::Usage, "too-long")
        );
    }
}
