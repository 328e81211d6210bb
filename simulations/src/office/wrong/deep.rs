//! Commands that must be refused for what is already there, or for whoever gives them.

use std::collections::BTreeMap;
use std::time::Duration;

use holdfast_actors::catalog::command::{
    Actor, ApprovalCommand, Command, CredentialCommand, ExtentCommand, NewCredential,
    OperatorCommand, RepositoryCommand, SubtenantCommand, TenantCommand,
};
use holdfast_actors::catalog::rows::{ApprovalState, Repository, Role, Rows, Scope, SubtenantMode};
use holdfast_actors::catalog::rows::{Verifier, View};
use holdfast_actors::kernel::{Epoch, ExtentId, RepositoryId};
use holdfast_actors::names::{OperatorName, RepositoryName, SubtenantName, TenantName};

use super::{NOBODY, NOTHING};
use crate::ledger::{Book, Verdict};
use crate::office::NAME;
use crate::office::affair::{SECOND, operator};

/// What is wrong with a command, though it names what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deep {
    Stranger,
    Spurious,
    Stale,
    UidTaken,
    OwnRequest,
    DecidedAgain,
    SubtenantAgain,
    ManagedByHand,
    NoSlice,
    OfNoRepository,
    FutureView,
    EarlyPurge,
    UnendedPurge,
    ReadersSubtenant,
    NoExtent,
    Fenced,
    SealedAgain,
    NotOrdered,
}

impl Deep {
    /// All of them.
    pub(super) const ALL: [Self; 18] = [
        Self::Stranger,
        Self::Spurious,
        Self::Stale,
        Self::UidTaken,
        Self::OwnRequest,
        Self::DecidedAgain,
        Self::SubtenantAgain,
        Self::ManagedByHand,
        Self::NoSlice,
        Self::OfNoRepository,
        Self::FutureView,
        Self::EarlyPurge,
        Self::UnendedPurge,
        Self::ReadersSubtenant,
        Self::NoExtent,
        Self::Fenced,
        Self::SealedAgain,
        Self::NotOrdered,
    ];

    /// Who gives it; none if nobody can now.
    pub(super) fn by(self, book: &Book, rows: &Rows) -> Option<Actor> {
        if self == Self::ReadersSubtenant {
            let tenant = TenantName::parse(&book.accounts.first()?.name).ok()?;
            let mut logins = rows.credentials.iter();
            let (login, _) = logins.find(|(_, row)| {
                row.tenant == tenant && row.subtenant.is_none() && row.scope == Scope::Append
            })?;
            return Some(Actor::Tenant(tenant, *login));
        }
        let of_owner = [
            Self::NoExtent,
            Self::Fenced,
            Self::SealedAgain,
            Self::NotOrdered,
        ];
        if of_owner.contains(&self) {
            return Some(Actor::System);
        }
        let name = if self == Self::Stranger { NOBODY } else { NAME };
        OperatorName::parse(name).ok().map(Actor::Operator)
    }

    /// The command, about a tenant and its repository; none if there is none of it that is wrong
    /// now.
    pub(super) fn command(
        self,
        book: &Book,
        rows: &Rows,
        tenant: TenantName,
        name: RepositoryName,
    ) -> Option<Command> {
        let repository = book.accounts.first()?.served()?;
        Some(match self {
            Self::Stranger | Self::Stale => Command::Tenant(tenant, TenantCommand::Enable),
            Self::Spurious => Command::Extent(ExtentCommand::Open {
                repository,
                epoch: Epoch::new(1),
            }),
            Self::NoExtent => Command::Extent(ExtentCommand::Drop {
                extent: ExtentId::new(NOTHING),
                epoch: Epoch::new(1),
            }),
            Self::Fenced => Command::Extent(ExtentCommand::Open {
                repository,
                epoch: Epoch::new(NOTHING),
            }),
            Self::SealedAgain => sealed_again(rows, repository)?,
            Self::NotOrdered => {
                let kept = |(_, row): &(&RepositoryId, &Repository)| {
                    row.removed.as_ref().is_some_and(|removal| !removal.purge)
                };
                let (id, row) = rows.repositories.iter().find(kept)?;
                let (repository, epoch) = (*id, row.epoch);
                Command::Repository(RepositoryCommand::Purged { repository, epoch })
            }
            Self::UidTaken => {
                let second = OperatorName::parse(SECOND).ok()?;
                let uid = Some(rows.operators.get(&second)?.uid?);
                let role = Role::Viewer;
                operator("dora", OperatorCommand::Add { role, uid })?
            }
            Self::OwnRequest => {
                let mut open = book.requests.iter();
                let (id, _) = open.find(|(_, request)| request.verdict == Verdict::Open)?;
                Command::Approval(*id, ApprovalCommand::Grant)
            }
            Self::DecidedAgain => {
                let mut decided = rows.approvals.iter();
                let (id, _) = decided.find(|(_, row)| row.state != ApprovalState::Pending)?;
                Command::Approval(*id, ApprovalCommand::Reject { reason: None })
            }
            Self::SubtenantAgain => {
                let mut all = rows.subtenants.keys();
                let (of, subtenant) = all.find(|(of, _)| *of == tenant)?.clone();
                Command::Subtenant(of, subtenant, add(SubtenantMode::Standalone, Some(name)))
            }
            Self::ManagedByHand => {
                let subtenant = SubtenantName::parse(NOBODY).ok()?;
                Command::Subtenant(tenant, subtenant, add(SubtenantMode::Managed, Some(name)))
            }
            Self::NoSlice | Self::ReadersSubtenant => {
                let subtenant = SubtenantName::parse(NOBODY).ok()?;
                Command::Subtenant(tenant, subtenant, add(SubtenantMode::Standalone, None))
            }
            Self::OfNoRepository => {
                super::set(tenant, RepositoryName::parse(NOBODY).ok()?, None, None)
            }
            Self::FutureView => future_view(rows, tenant, repository),
            Self::EarlyPurge => Command::Repository(RepositoryCommand::Purge {
                repository,
                reason: None,
            }),
            Self::UnendedPurge if rows.tenants.get(&tenant)?.lease.is_some() => return None,
            Self::UnendedPurge => Command::Tenant(tenant, TenantCommand::Purge { reason: None }),
        })
    }
}

fn future_view(rows: &Rows, tenant: TenantName, repository: RepositoryId) -> Command {
    // Later than any clock of the world shows.
    let at = rows.clock.wall + Duration::from_secs(86_400 * 3_650);
    Command::Credential(CredentialCommand::Add(NewCredential {
        tenant,
        subtenant: None,
        scope: Scope::Read,
        verifier: Verifier::Generated([0; 32]),
        expires: None,
        label: String::new(),
        view: Some(View { repository, at }),
    }))
}

fn sealed_again(rows: &Rows, repository: RepositoryId) -> Option<Command> {
    let epoch = rows.repositories.get(&repository)?.epoch;
    let mut extents = rows.extents_of(repository);
    let (extent, length) = extents.find_map(|(id, row)| Some((id, row.sealed?)))?;
    let length = length + 1;
    Some(Command::Extent(ExtentCommand::Seal {
        extent,
        epoch,
        length,
    }))
}

fn add(mode: SubtenantMode, slice: Option<RepositoryName>) -> SubtenantCommand {
    SubtenantCommand::Add {
        description: String::new(),
        mode,
        slices: slice
            .map(|name| BTreeMap::from([(name, None)]))
            .unwrap_or_default(),
        disabled: false,
    }
}
