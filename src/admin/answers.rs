//! The shapes of answers: what `--json` prints. A field is named as its flag; a size is a number of
//! bytes, a day and an instant are text, and what has no value is null.

use holdfast_actors::catalog::rows::{
    self, ApprovalState, Role, Rows, Scope, SessionResult, Severity, State, SubtenantMode,
};
use holdfast_actors::kernel::{CredentialId, RepositoryId, Sequence, Size};
use holdfast_actors::names::{OperatorName, RepositoryName, SubtenantName, TenantName};
use serde::{Serialize, Serializer};

use crate::commands::values::{Day, Login, Moment, Month, Throttle, Until};

/// What came of an order that has nothing to show.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Settled {
    /// It is done.
    Done,
    /// It is done when a second operator agrees.
    Pending {
        /// The number of the request.
        approval: u64,
    },
}

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
    pub bandwidth: Throttle,
    pub bin_days: u32,
    pub bin_limit: Option<Size>,
    /// The sum over the tenant's repositories.
    pub quota: Size,
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
        Self {
            name: name.clone(),
            state: row.state(today),
            lease: Until::from(row.lease),
            lease_days_left: row.lease.map(|last| today.until(last)),
            restore_grace: row.restore_grace,
            purge_hold: row.purge_hold,
            tasks: row.tasks,
            bandwidth: Throttle(row.bandwidth),
            bin_days: row.bin_days,
            bin_limit: row.bin_limit,
            quota: repositories.map(|(_, repository)| repository.quota).sum(),
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

/// A repository with its figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "the fields are named as the flags, which say what they are"
)]
pub struct Repository {
    pub id: u64,
    /// Whose; of a removed repository, whose it was.
    pub tenant: Option<TenantName>,
    pub name: RepositoryName,
    pub quota: Size,
    pub hold_days: u32,
    pub min_copies: u32,
    pub made: Moment,
    pub removed: Option<Moment>,
    /// None if they cannot be had now.
    #[serde(flatten)]
    pub figures: Option<Figures>,
}

/// What a repository holds, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Figures {
    /// Live objects: what the tenant sees.
    pub used: Size,
    /// What the quota is charged with.
    pub charged: Size,
    /// On disk, with all that is kept and not yet rewritten.
    pub stored: Size,
    /// Deleted objects that are kept.
    pub bin: Size,
    /// How many live objects.
    pub objects: u64,
}

/// What the bin of one repository holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Bin {
    /// Whose.
    pub tenant: TenantName,
    /// Which.
    pub repository: RepositoryName,
    /// What is in it.
    #[serde(flatten)]
    pub content: BinContent,
}

/// Deleted objects that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BinContent {
    /// How many.
    pub objects: u64,
    /// Their bytes.
    pub bin: Size,
    /// How many of these bytes the quota is charged with.
    pub charged: Size,
    /// The earliest deletion among them.
    pub oldest: Option<Moment>,
    /// The earliest instant that can be viewed.
    pub reach: Moment,
}

/// What was written or brought back.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Moved {
    /// How many objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: Size,
}

/// How much a tenant held in a month.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    /// Who.
    pub tenant: TenantName,
    /// When.
    pub month: Month,
    /// Bytes charged, times seconds.
    pub byte_seconds: ByteSeconds,
}

/// Bytes times seconds: a JSON number, with 53 significant bits where 64 do not hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSeconds(pub u128);

impl Serialize for ByteSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match u64::try_from(self.0) {
            Ok(exact) => serializer.serialize_u64(exact),
            Err(_) => serializer.serialize_f64(self.0 as f64),
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields are those of the catalog's row")]
pub struct Event {
    pub sequence: u64,
    pub at: Moment,
    pub code: u32,
    pub severity: Severity,
    pub actor: String,
    pub tenant: Option<TenantName>,
    pub text: String,
    pub reason: Option<String>,
}

impl Event {
    /// The event as the rows have it.
    pub fn of(sequence: Sequence, row: &rows::Event) -> Self {
        Self {
            sequence: sequence.raw(),
            at: Moment(row.at),
            code: row.code,
            severity: row.severity,
            actor: row.actor.clone(),
            tenant: row.tenant.clone(),
            text: row.text.clone(),
            reason: row.reason.clone(),
        }
    }
}

/// The maintenance mode.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Maintenance {
    /// Whether it is on.
    pub maintenance: bool,
    /// What tenants are told.
    pub text: Option<String>,
}

/// The catalog's time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Clock {
    /// The day by which leases end.
    pub today: Day,
    /// The wall clock at the last tick.
    pub wall: Moment,
    /// Whether a jump waits to be confirmed; nothing irreversible happens meanwhile.
    pub doubted: bool,
}

impl Clock {
    /// The clock as the rows have it.
    pub fn of(rows: &Rows) -> Self {
        Self {
            today: Day(rows.clock.today),
            wall: Moment(rows.clock.wall),
            doubted: rows.clock.doubted,
        }
    }
}

/// A certificate in use, or about to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Certificate {
    /// SHA-256 of the certificate in hexadecimal, as people compare it.
    pub thumbprint: String,
    /// Whose.
    pub subject: String,
    /// The names and addresses it is good for.
    pub names: Vec<String>,
    /// The first moment at which it is good.
    pub not_before: Moment,
    /// The last.
    pub not_after: Moment,
    /// Whether the node signed it itself.
    pub self_signed: bool,
    /// The thumbprint that was shown before, while clients may still expect it.
    pub previous: Option<String>,
    /// The certificate with its chain; never the key.
    pub pem: String,
}

/// What reading back a repository brought.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verified {
    /// Whose.
    pub tenant: TenantName,
    /// Which.
    pub repository: RepositoryName,
    /// What was found.
    #[serde(flatten)]
    pub found: Findings,
}

/// What was read back and compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Findings {
    /// Objects read.
    pub objects: u64,
    /// Their bytes.
    pub bytes: Size,
    /// Objects that are not what they were.
    pub damaged: u64,
}

/// How the node is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// What the node says of itself.
    #[serde(flatten)]
    pub node: Node,
    /// Its time.
    #[serde(flatten)]
    pub clock: Clock,
    /// Whether the maintenance mode is on.
    pub maintenance: bool,
    /// How many tenants.
    pub tenants: usize,
    /// How many repositories are served.
    pub repositories: usize,
    /// Requests that wait for a second operator.
    pub approvals: usize,
}

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Node {
    /// Its name.
    pub node: String,
    /// The program's version.
    pub version: String,
    /// Where clients connect.
    pub listen: Vec<String>,
    /// Where metrics are served.
    pub metrics: Option<String>,
    /// SHA-256 of its certificate.
    pub thumbprint: String,
}
