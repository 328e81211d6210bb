//! Who may give which command (2.2): operators by their role, tenants for themselves by the scope
//! of their login, the system for what it alone knows.

use super::Refused;
use super::command::{
    Actor, Command, CredentialCommand, OperatorCommand, RepositoryCommand, ServiceCommand,
    SubtenantCommand, TenantCommand,
};
use super::draft::Draft;
use super::rows::{Credential, Role, Rows, Scope, State, SubtenantMode};
use crate::kernel::CredentialId;
use crate::names::{OperatorName, TenantName};

/// What an operator does that is no command: it looks deeper than the catalog, or writes past it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Writes a repository to a directory.
    Export,
    /// Reads the whole catalog, to keep it elsewhere.
    Backup,
    /// Reads a repository back.
    Verify,
    /// Ends an actor.
    Stop,
    /// Makes or brings a certificate.
    Certify,
    /// Ends an actor and starts it again, or puts one back in service.
    Restart,
    /// Has a tape job write, stops it, or takes an inventory (10.12).
    Tape,
    /// Makes or opens a key that cartridges are encrypted with.
    Keys,
}

/// Whether the caller may do what is no command.
///
/// # Errors
/// When the caller may not; the same refusal as for a command.
pub fn may(rows: &Rows, by: &Actor, deed: Deed) -> Result<(), Refused> {
    let role = match by {
        Actor::Operator(name) => rows.operators.get(name).map(|row| row.role),
        Actor::System | Actor::Tenant(..) => None,
    };
    let allowed = match (role, deed) {
        (
            Some(Role::Admin),
            Deed::Export
            | Deed::Backup
            | Deed::Verify
            | Deed::Stop
            | Deed::Certify
            | Deed::Restart
            | Deed::Tape
            | Deed::Keys,
        )
        | (Some(Role::TapeOperator), Deed::Tape) => true,
        (Some(Role::TapeOperator | Role::Viewer) | None, _) => false,
    };
    if allowed {
        Ok(())
    } else {
        Err(Refused::NotAllowed(by.to_string()))
    }
}

impl Draft<'_> {
    /// Refuses a command that its caller may not give.
    pub(super) fn admit(&self, command: &Command) -> Result<(), Refused> {
        match self.by {
            Actor::System => self.admit_system(command),
            Actor::Operator(name) => self.admit_operator(name, command),
            Actor::Tenant(name, login) => self.admit_tenant(name, *login, command),
        }
    }

    fn not_allowed(&self) -> Refused {
        Refused::NotAllowed(self.by.to_string())
    }

    fn admit_system(&self, command: &Command) -> Result<(), Refused> {
        let first = self.rows.operators.is_empty();
        let allowed = match command {
            Command::Clock(command) => command.is_systems(),
            Command::Tenant(_, command) => {
                matches!(
                    command,
                    TenantCommand::Disable { .. } | TenantCommand::Enable
                )
            }
            Command::Subtenant(_, _, command) => matches!(
                command,
                SubtenantCommand::Add {
                    mode: SubtenantMode::Managed,
                    ..
                }
            ),
            Command::Operator(_, command) => {
                first
                    && matches!(
                        command,
                        OperatorCommand::Add {
                            role: Role::Admin,
                            ..
                        }
                    )
            }
            Command::Repository(command) => {
                system_only(command) || matches!(command, RepositoryCommand::Verified { .. })
            }
            Command::Extent(_) | Command::Cluster(_) => true,
            Command::Service(command) => match command {
                ServiceCommand::CertificateUpdated { .. } | ServiceCommand::SessionEnded { .. } => {
                    true
                }
                ServiceCommand::Maintenance(_)
                | ServiceCommand::CertificatePrepared { .. }
                | ServiceCommand::Exported => false,
            },
            Command::Tape(command) => command.is_given_by_system(),
            Command::Credential(_) | Command::Approval(..) | Command::Pool(..) => false,
        };
        if allowed {
            Ok(())
        } else {
            Err(self.not_allowed())
        }
    }

    fn admit_operator(&self, name: &OperatorName, command: &Command) -> Result<(), Refused> {
        let row = self.rows.operators.get(name);
        let admin = row.is_some_and(|row| row.role == Role::Admin);
        let handles = row.is_some_and(|row| row.role == Role::TapeOperator)
            && matches!(command, Command::Tape(command) if command.is_handling());
        let systems = match command {
            Command::Clock(command) => command.is_systems(),
            Command::Repository(command) => system_only(command),
            Command::Extent(_) => true,
            Command::Cluster(command) => !Self::is_operators(command),
            Command::Service(command) => matches!(command, ServiceCommand::SessionEnded { .. }),
            Command::Tape(command) => command.is_systems(),
            Command::Tenant(..)
            | Command::Subtenant(..)
            | Command::Credential(_)
            | Command::Operator(..)
            | Command::Approval(..)
            | Command::Pool(..) => false,
        };
        if (admin && !systems) || handles {
            Ok(())
        } else {
            Err(self.not_allowed())
        }
    }

    fn admit_tenant(
        &self,
        name: &TenantName,
        login: CredentialId,
        command: &Command,
    ) -> Result<(), Refused> {
        let scope = self.login(name, login)?;
        match command {
            // What is not its own is answered like what is not there.
            Command::Subtenant(tenant, _, _) if tenant != name => {
                Err(Refused::NoTenant(tenant.clone()))
            }
            Command::Subtenant(..) => full(scope),
            Command::Credential(command) => self.admit_login(name, login, scope, command),
            Command::Clock(_)
            | Command::Tenant(..)
            | Command::Operator(..)
            | Command::Approval(..)
            | Command::Repository(_)
            | Command::Extent(_)
            | Command::Cluster(_)
            | Command::Pool(..)
            | Command::Tape(_)
            | Command::Service(_) => Err(self.not_allowed()),
        }
    }

    /// The scope of a tenant's own login, if the tenant is served and the login good.
    fn login(&self, name: &TenantName, login: CredentialId) -> Result<Scope, Refused> {
        let tenant = self.rows.tenants.get(name);
        let tenant = tenant.ok_or_else(|| Refused::NoTenant(name.clone()))?;
        let today = self.rows.clock.today;
        match tenant.state(today) {
            State::Enabled => {}
            State::Disabled => return Err(Refused::Disabled(name.clone())),
            State::Expired => return Err(Refused::LeaseExpired(name.clone())),
        }
        let row = self.rows.credentials.get(&login);
        row.filter(|row| row.tenant == *name && row.is_good(today))
            .filter(|row| row.subtenant.is_none() && row.view.is_none())
            .map(|row| row.scope)
            .ok_or_else(|| self.not_allowed())
    }

    fn admit_login(
        &self,
        name: &TenantName,
        login: CredentialId,
        scope: Scope,
        command: &CredentialCommand,
    ) -> Result<(), Refused> {
        match command {
            CredentialCommand::Add(new) if new.tenant != *name => {
                Err(Refused::NoTenant(new.tenant.clone()))
            }
            CredentialCommand::Add(new) if new.subtenant.is_none() || new.view.is_some() => {
                Err(self.not_allowed())
            }
            CredentialCommand::Add(_) => full(scope),
            CredentialCommand::ChangePassword { credential, .. } if *credential == login => Ok(()),
            CredentialCommand::ChangePassword { credential, .. }
            | CredentialCommand::Revoke { credential } => {
                let own = |row: &&Credential| row.tenant == *name;
                let row = self.rows.credentials.get(credential).filter(own);
                let row = row.ok_or(Refused::NoCredential(*credential))?;
                if row.subtenant.is_none() {
                    return Err(self.not_allowed());
                }
                full(scope)
            }
        }
    }
}

const fn system_only(command: &RepositoryCommand) -> bool {
    match command {
        RepositoryCommand::Acquire { .. }
        | RepositoryCommand::Purged { .. }
        | RepositoryCommand::Scrubbed { .. } => true,
        RepositoryCommand::Add { .. }
        | RepositoryCommand::Set { .. }
        | RepositoryCommand::Remove { .. }
        | RepositoryCommand::Purge { .. }
        | RepositoryCommand::Restore { .. }
        | RepositoryCommand::Verified { .. } => false,
    }
}

fn full(scope: Scope) -> Result<(), Refused> {
    match scope {
        Scope::Full => Ok(()),
        Scope::Append | Scope::Read => Err(Refused::Scope),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Office, operator, tenant_name};
    use super::*;

    #[test]
    fn only_an_admin_does_what_is_no_command() {
        let mut office = Office::open();
        let ann = operator("ann");
        for (name, role, uid) in [("tom", Role::TapeOperator, 7), ("vic", Role::Viewer, 8)] {
            office.add_operator(ann.clone(), name, role, uid).unwrap();
        }
        office.add_tenant("Acme");
        let tenant = Actor::Tenant(tenant_name("Acme"), CredentialId::new(1));
        for deed in [
            Deed::Export,
            Deed::Verify,
            Deed::Stop,
            Deed::Certify,
            Deed::Restart,
        ] {
            assert_eq!(may(office.rows(), &ann, deed), Ok(()));
            for other in [operator("tom"), operator("vic"), operator("eve")] {
                let refused = Refused::NotAllowed(other.to_string());
                assert_eq!(may(office.rows(), &other, deed), Err(refused));
            }
            assert!(may(office.rows(), &tenant, deed).is_err());
            assert!(may(office.rows(), &Actor::System, deed).is_err());
        }
    }
}
