//! What tenants do for themselves, at this node: log-ins by the gateway, figures by the
//! repositories, changes by the catalog, which decides.

use std::sync::Arc;

use holdfast_actors::catalog::command::{
    Actor, Command, CredentialCommand, NewCredential, Slices, Submission, SubtenantCommand,
};
use holdfast_actors::catalog::rows::{self, Rows, Scope, State, SubtenantMode, Verifier};
use holdfast_actors::catalog::{Catalog, Class, Outcome, Refused, SubmitError};
use holdfast_actors::front::Front;
use holdfast_actors::gateway::{self, Admitted};
use holdfast_actors::kernel::{RepositoryId, Size, Space};
use holdfast_actors::names::{RepositoryName, SubtenantName};
use holdfast_actors::ports::{Passwords as _, Ports};
use holdfast_actors::refusal::{Reason, Refusal};
use holdfast_actors::repository::Report;
use holdfast_actors::service::{Login, Secret};
use holdfast_actors::tenant;
use zeroize::Zeroizing;

use super::figures::report;
use super::gateways;
use crate::passwords::{Argon2id, checked, generate, verifier_of};
use crate::selfservice::server::{Came, SelfService, Wanted};
use crate::selfservice::{Account, Gateways, PasswordChange, SubtenantMade, SubtenantRow, Usage};

/// The node, as tenants ask it for themselves.
pub(super) struct Counter {
    pub(super) front: Front,
    pub(super) catalog: Catalog,
    pub(super) passwords: Argon2id,
    pub(super) ports: Ports,
    pub(super) gateways: Arc<gateways::Gateways>,
}

/// A log-in that was let in, and the address and name it came by.
pub(super) struct Caller {
    admitted: Admitted,
    user: String,
    came: Came,
}

impl Caller {
    fn actor(&self) -> Actor {
        Actor::Tenant(self.admitted.tenant.clone(), self.admitted.credential)
    }
}

impl Counter {
    async fn admit(&self, login: Login) -> Result<Admitted, Refusal> {
        let admitted = self
            .front
            .gateway
            .ask(|reply| gateway::Message::Login(login, reply));
        let admitted = admitted.await.unwrap_or_else(|_| Err(unavailable()))?;
        tenant::account(&self.catalog.rows(), &admitted)?;
        Ok(admitted)
    }

    /// Has a command decided. When it is done, all parts of the node know.
    async fn submit(&self, caller: &Caller, command: Command) -> Result<Outcome, Refusal> {
        let at = self.ports.clock.now().wall;
        let (client, sequence, by) = (0, 0, caller.actor());
        let answer = self.catalog.submit(Submission {
            client,
            sequence,
            by,
            at,
            command,
        });
        let (outcome, _) = answer.await.map_err(|error| match error {
            SubmitError::Refused(refused) => refusal(&refused),
            SubmitError::Gone(_) => unavailable(),
        })?;
        self.front.follow(&Arc::new(self.catalog.rows()));
        Ok(outcome)
    }

    async fn report(&self, id: RepositoryId) -> Result<Report, Refusal> {
        report(&self.front, id).await.ok_or_else(unavailable)
    }

    async fn usage(&self, caller: &Caller, rows: &Rows) -> Result<Vec<Usage>, Refusal> {
        let mut usage = Vec::new();
        for (id, row) in served(rows, &caller.admitted) {
            let Some(limit) = limit(rows, &caller.admitted, id) else {
                continue;
            };
            let report = self.report(id).await?;
            let used = if caller.admitted.subtenant.is_none() {
                report.charged
            } else {
                live(&report, caller.admitted.space)
            };
            usage.push(Usage {
                repository: row.name.to_string(),
                quota: limit.unwrap_or(row.quota).as_bytes(),
                used: used.as_bytes(),
            });
        }
        Ok(usage)
    }
}

impl SelfService for Counter {
    type Caller = Caller;

    async fn log_in(&self, login: Option<Login>) -> Result<Caller, Refusal> {
        let nobody = || Refusal::new(Reason::Unauthenticated, "a name and a password are needed");
        let login = login.ok_or_else(nobody)?;
        let (user, came) = (login.user.clone(), (login.peer, login.gateway));
        let admitted = self.admit(login).await?;
        Ok(Caller {
            admitted,
            user,
            came,
        })
    }

    fn passes(&self, caller: &Caller) -> Result<(), Refusal> {
        let (_, gateway) = caller.came;
        tenant::gateway(&self.catalog.rows(), &caller.admitted, gateway)
    }

    async fn account(&self, caller: &Caller) -> Result<Account, Refusal> {
        let rows = self.catalog.rows();
        let admitted = &caller.admitted;
        let row = rows.tenants.get(&admitted.tenant);
        let row = row.ok_or_else(|| refusal(&Refused::NoTenant(admitted.tenant.clone())))?;
        let today = rows.clock.today;
        let state: State = row.state(today);
        Ok(Account {
            tenant: admitted.tenant.to_string(),
            subtenant: admitted.subtenant.as_ref().map(ToString::to_string),
            state,
            lease: row
                .lease
                .map_or_else(|| "never".to_owned(), |last| last.to_string()),
            days_left: row.lease.map(|last| today.until(last)),
            scope: admitted.scope,
            repositories: self.usage(caller, &rows).await?,
        })
    }

    async fn gateways(&self, caller: &Caller) -> Result<Gateways, Refusal> {
        let terms = self
            .catalog
            .rows()
            .gateways
            .terms(caller.admitted.tenant_id);
        Ok(Gateways {
            gateways: self.gateways.of(&terms).await,
            resumes: true,
        })
    }

    async fn change_password(
        &self,
        caller: &Caller,
        change: PasswordChange,
    ) -> Result<(), Refusal> {
        tenant::tenant_itself(&caller.admitted)?;
        let new = Secret::new(change.new.to_string());
        checked(&new).map_err(|error| Refusal::new(Reason::Invalid, error.to_string()))?;
        let current = Login {
            user: caller.user.clone(),
            password: Secret::new(change.current.to_string()),
            peer: caller.came.0,
            gateway: caller.came.1,
        };
        let credential = caller.admitted.credential;
        if self.admit(current).await?.credential != credential {
            let sentence = "the current password is the one of another login";
            return Err(Refusal::new(Reason::Unauthenticated, sentence));
        }
        let verifier = Verifier::Chosen(self.passwords.keep(new.expose().as_bytes()).await);
        let change = CredentialCommand::ChangePassword {
            credential,
            verifier,
        };
        self.submit(caller, Command::Credential(change))
            .await
            .map(|_| ())
    }

    async fn subtenants(&self, caller: &Caller) -> Result<Vec<SubtenantRow>, Refusal> {
        tenant::tenant_itself(&caller.admitted)?;
        let rows = self.catalog.rows();
        let mut shown = Vec::new();
        for (name, row) in rows.subtenants_of(&caller.admitted.tenant) {
            for (id, limit) in &row.slices {
                let repository = rows
                    .repositories
                    .get(id)
                    .filter(|row| row.removed.is_none());
                let Some(repository) = repository else {
                    continue;
                };
                shown.push(SubtenantRow {
                    subtenant: name.to_string(),
                    enabled: row.disabled.is_none(),
                    managed: row.mode == SubtenantMode::Managed,
                    repository: repository.name.to_string(),
                    limit: limit.map(Size::as_bytes),
                    used: live(&self.report(*id).await?, row.space).as_bytes(),
                });
            }
        }
        Ok(shown)
    }

    async fn add_subtenant(
        &self,
        caller: &Caller,
        wanted: Wanted,
    ) -> Result<SubtenantMade, Refusal> {
        tenant::tenant_itself(&caller.admitted)?;
        let tenant = caller.admitted.tenant.clone();
        let rows = self.catalog.rows();
        let repository = match wanted.repository {
            Some(name) => name,
            None => only_repository(&rows, &caller.admitted)?,
        };
        let slices: Slices = [(repository.clone(), wanted.limit)].into_iter().collect();
        let add = SubtenantCommand::Add {
            description: String::new(),
            mode: SubtenantMode::Standalone,
            slices,
            disabled: false,
        };
        let name = wanted.subtenant;
        let named = |command| Command::Subtenant(tenant.clone(), name.clone(), command);
        self.submit(caller, named(add)).await?;
        let password = generate(self.ports.entropy.as_ref());
        let login = NewCredential {
            tenant: tenant.clone(),
            subtenant: Some(name.clone()),
            scope: Scope::Full,
            verifier: verifier_of(&password),
            expires: None,
            label: String::new(),
            view: None,
        };
        let login = Command::Credential(CredentialCommand::Add(login));
        if let Err(refusal) = self.submit(caller, login).await {
            // Nobody could use it; if this fails too, the tenant sees it and removes it by hand.
            let _ = self.submit(caller, named(SubtenantCommand::Remove)).await;
            return Err(refusal);
        }
        Ok(SubtenantMade {
            subtenant: name.to_string(),
            repository: repository.to_string(),
            limit: wanted.limit.map(Size::as_bytes),
            password: Zeroizing::new(password.expose().to_owned()),
        })
    }

    async fn remove_subtenant(
        &self,
        caller: &Caller,
        subtenant: SubtenantName,
    ) -> Result<(), Refusal> {
        tenant::tenant_itself(&caller.admitted)?;
        let tenant = caller.admitted.tenant.clone();
        let remove = Command::Subtenant(tenant, subtenant, SubtenantCommand::Remove);
        self.submit(caller, remove).await.map(|_| ())
    }
}

/// The repositories of a tenant that are served.
fn served<'a>(
    rows: &'a Rows,
    admitted: &'a Admitted,
) -> impl Iterator<Item = (RepositoryId, &'a rows::Repository)> {
    let own = |row: &rows::Repository| row.tenant == admitted.tenant_id && row.removed.is_none();
    let all = rows.repositories.iter();
    all.filter(move |(_, row)| own(row))
        .map(|(id, row)| (*id, row))
}

/// The limit that a login has in a repository, if any; `None` if it sees nothing of it.
fn limit(rows: &Rows, admitted: &Admitted, id: RepositoryId) -> Option<Option<Size>> {
    if let Some(view) = admitted.view {
        return (view.repository == id).then_some(None);
    }
    let Some(name) = &admitted.subtenant else {
        return Some(None);
    };
    let row = rows
        .subtenants
        .get(&(admitted.tenant.clone(), name.clone()))?;
    row.slices.get(&id).copied()
}

fn live(report: &Report, space: Space) -> Size {
    report
        .spaces
        .get(&space)
        .map_or(Size::ZERO, |figures| figures.live)
}

fn only_repository(rows: &Rows, admitted: &Admitted) -> Result<RepositoryName, Refusal> {
    let mut names = served(rows, admitted).map(|(_, row)| row.name.clone());
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Refusal::new(Reason::NotFound, "there is no repository yet")),
        (Some(_), Some(_)) => Err(Refusal::new(
            Reason::Invalid,
            "there are several repositories; name one",
        )),
    }
}

fn unavailable() -> Refusal {
    let again = std::time::Duration::from_secs(5);
    Refusal::retry(
        Reason::Unavailable,
        "the service cannot answer this now",
        again,
    )
}

/// What the catalog says, as tenants are told. It says nothing that is not the tenant's own.
fn refusal(refused: &Refused) -> Refusal {
    let reason = match refused.class() {
        Class::Rule if matches!(refused, Refused::Disabled(_)) => Reason::Disabled,
        Class::Rule if matches!(refused, Refused::LeaseExpired(_)) => Reason::LeaseExpired,
        Class::Rule => Reason::Scope,
        Class::NotFound => Reason::NotFound,
        Class::Conflict => Reason::Exists,
        Class::Usage => Reason::Invalid,
    };
    Refusal::new(reason, refused.to_string())
}
