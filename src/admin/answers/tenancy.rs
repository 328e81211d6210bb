//! The shapes of tenants, subtenants, their logins, and of operators.

use holdfast_actors::catalog::rows::{
    self, ApprovalState, Role, Rows, Scope, SessionResult, State, SubtenantMode,
};
use holdfast_actors::kernel::{CredentialId, Rate, RepositoryId, Size};
use holdfast_actors::names::{OperatorName, RepositoryName, SubtenantName, TenantName};
use serde::Serialize;

use super::Repository;
use crate::commands::pool::Pools;
use crate::commands::values::{Login, Moment, Until};

/// A tenant's contract.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "the fields are named as the flags, which say what they are"
)]
pub struct Tenant {
    pub name: TenantName,
    pub state: State,
    pub lease: Until,
    pub lease_days_left: Option<u32>,
    pub restore_grace: u32,
    pub purge_hold: u32,
    pub tasks: u32,
    pub bandwidth: Option<Rate>,
    pub bin_days: u32,
    pub bin_limit: Option<Size>,
    /// The sum over the tenant's repositories.
    pub quota: Size,
    /// None where nodes stand alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pools: Option<Pools>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_over: Option<bool>,
    pub description: String,
    /// Why it is disabled.
    pub reason: Option<String>,
    pub last_session: Option<LastSession>,
}

/// When a tenant's last session ended, and how.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LastSession {
    /// When.
    pub at: Moment,
    /// How.
    pub result: SessionResult,
}

impl Tenant {
    /// The tenant as the rows have it.
    pub fn of(name: &TenantName, row: &rows::Tenant, rows: &Rows) -> Self {
        let today = rows.clock.today;
        let own = |(_, repository): &(&RepositoryId, &rows::Repository)| {
            repository.tenant == row.id && repository.removed.is_none()
        };
        let repositories = rows.repositories.iter().filter(own);
        let is_cluster = !rows.cluster.nodes.is_empty();
        let terms = is_cluster.then(|| rows.gateways.terms(row.id));
        Self {
            name: name.clone(),
            state: row.state(today),
            lease: Until::from(row.lease),
            lease_days_left: row.lease.map(|last| today.until(last)),
            restore_grace: row.restore_grace,
            purge_hold: row.purge_hold,
            tasks: row.tasks,
            bandwidth: row.bandwidth,
            bin_days: row.bin_days,
            bin_limit: row.bin_limit,
            quota: repositories.map(|(_, repository)| repository.quota).sum(),
            fail_over: terms.as_ref().map(|terms| terms.fails_over),
            pools: terms.map(|terms| Pools(terms.pools)),
            description: row.description.clone(),
            reason: row.disabled.clone(),
            last_session: row.last_session.map(|(at, result)| LastSession {
                at: Moment(at),
                result,
            }),
        }
    }
}

/// A tenant with its repositories' figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TenantFigures {
    /// The contract.
    #[serde(flatten)]
    pub tenant: Tenant,
    /// Its repositories.
    pub repositories: Vec<Repository>,
}

/// A subtenant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "the fields are named as the flags, which say what they are"
)]
pub struct Subtenant {
    pub tenant: TenantName,
    pub name: SubtenantName,
    pub state: State,
    pub mode: SubtenantMode,
    pub slices: Vec<Slice>,
    pub description: String,
    /// Why it is disabled.
    pub reason: Option<String>,
}

/// The part of a repository that a subtenant may use.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Slice {
    /// Which; none if it is not there any more.
    pub repository: Option<RepositoryName>,
    /// The most it may hold there; none for all of the tenant's quota.
    pub limit: Option<Size>,
}

impl Subtenant {
    /// The subtenant as the rows have it.
    pub fn of(
        tenant: &TenantName,
        name: &SubtenantName,
        row: &rows::Subtenant,
        all: &Rows,
    ) -> Self {
        let slice = |(id, limit): (&RepositoryId, &Option<Size>)| Slice {
            repository: all.repositories.get(id).map(|row| row.name.clone()),
            limit: *limit,
        };
        let state = match row.disabled {
            Some(_) => State::Disabled,
            None => State::Enabled,
        };
        Self {
            tenant: tenant.clone(),
            name: name.clone(),
            state,
            mode: row.mode,
            slices: row.slices.iter().map(slice).collect(),
            description: row.description.clone(),
            reason: row.disabled.clone(),
        }
    }
}

/// A new password; the one time that it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Password {
    /// Who logs in with it.
    pub tenant: Login,
    /// What it allows.
    pub scope: Scope,
    /// The password; none if the caller chose it.
    pub password: Option<String>,
}

/// A login that reads a repository as of an instant; the one time that its password is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "the fields are named as the arguments of the order"
)]
pub struct ViewLogin {
    pub tenant: TenantName,
    pub repository: RepositoryName,
    pub at: Moment,
    pub credential: u64,
    pub scope: Scope,
    pub password: String,
}

/// A login without its password.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "the fields are named as the flags, which say what they are"
)]
pub struct Credential {
    pub id: u64,
    pub tenant: Login,
    pub scope: Scope,
    pub expires: Until,
    pub label: String,
    pub made: Moment,
    /// Whether somebody chose the password, or it was drawn.
    pub chosen: bool,
    /// Set if it reads a repository as of an instant.
    pub view: Option<View>,
}

/// A repository as of an instant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct View {
    /// Which; none if it is not there any more.
    pub repository: Option<RepositoryName>,
    /// As of when.
    pub at: Moment,
}

impl Credential {
    /// The login as the rows have it.
    pub fn of(id: CredentialId, row: &rows::Credential, all: &Rows) -> Self {
        let view = row.view.map(|view| View {
            repository: all
                .repositories
                .get(&view.repository)
                .map(|row| row.name.clone()),
            at: Moment(view.at),
        });
        Self {
            id: id.raw(),
            tenant: Login {
                tenant: row.tenant.clone(),
                subtenant: row.subtenant.clone(),
            },
            scope: row.scope,
            expires: Until::from(row.expires),
            label: row.label.clone(),
            made: Moment(row.made),
            chosen: matches!(row.verifier, rows::Verifier::Chosen(_)),
            view,
        }
    }
}

/// An operator.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "the fields are named as the flags, which say what they are"
)]
pub struct Operator {
    pub name: OperatorName,
    pub role: Role,
    pub uid: Option<u32>,
}

/// A request for approval.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Approval {
    /// Its number.
    pub id: u64,
    /// Where it stands.
    pub state: ApprovalState,
    /// Who asked.
    pub by: OperatorName,
    /// When.
    pub at: Moment,
    /// For what, as a sentence.
    pub text: String,
}
