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
                let text = format!("{id} of {} made, scope {:?}", owner(&row), row.scope);
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
