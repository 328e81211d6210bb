//! Commands that must be refused for what is already there, or for whoever gives them.

use std::collections::BTreeMap;
use std::time::Duration;

use holdfast_actors::catalog::command::{
    Actor, ApprovalCommand, Command, CredentialCommand, ExtentCommand, NewCredential,
    OperatorCommand, RepositoryCommand, ServiceCommand, SubtenantCommand, TenantCommand,
};
use holdfast_actors::catalog::rows::{ApprovalState, Role, Rows, Scope, SubtenantMode};
use holdfast_actors::catalog::rows::{Verifier, View};
use holdfast_actors::kernel::{Epoch, ExtentId, RepositoryId};
use holdfast_actors::names::{OperatorName, RepositoryName, SubtenantName, TenantName};

use super::{NOBODY, NOTHING, Wrong};
use crate::ledger::{Book, Verdict};
use crate::office::NAME;
use crate::office::affair::{SECOND, operator};

impl Wrong {
    /// Who gives it; none if nobody can now.
    pub(in crate::office) fn by(self, book: &Book, rows: &Rows) -> Option<Actor> {
        let name = match self {
            Self::NoExtent | Self::Fenced | Self::SealedAgain | Self::NotOrdered => {
                return Some(Actor::System);
            }
            Self::ReadersSubtenant => {
                let tenant = TenantName::parse(&book.accounts.first()?.name).ok()?;
                let mut logins = rows.credentials.iter();
                let (login, _) = logins.find(|(_, row)| {
                    row.tenant == tenant && row.subtenant.is_none() && row.scope == Scope::Append
                })?;
                return Some(Actor::Tenant(tenant, *login));
            }
            Self::Stranger => NOBODY,
            _ => NAME,
        };
        OperatorName::parse(name).ok().map(Actor::Operator)
    }

    /// What only the owner of a repository does, by somebody who is not, or is wrong.
    pub(super) fn of_owner(self, rows: &Rows) -> Option<Command> {
        let served = rows.repositories.iter();
        let (repository, row) = served
            .filter(|(_, row)| row.removed.is_some() == (self == Self::NotOrdered))
            .find(|(_, row)| row.removed.as_ref().is_none_or(|removal| !removal.purge))?;
        let (repository, epoch) = (*repository, row.epoch);
        Some(match self {
            Self::NotOrdered => Command::Repository(RepositoryCommand::Purged { repository, epoch }),
            Self::NoExtent => {
                let extent = ExtentId::new(NOTHING);
                Command::Extent(ExtentCommand::Drop { extent, epoch })
            }
            Self::Fenced => {
                let epoch = Epoch::new(epoch.raw() + NOTHING);
                Command::Extent(ExtentCommand::Open { repository, epoch })
            }
            _ => {
                let mut extents = rows.extents_of(repository);
                let (extent, length) = extents.find_map(|(id, row)| Some((id, row.sealed?)))?;
                let length = length + 1;
                Command::Extent(ExtentCommand::Seal {
                    extent,
                    epoch,
                    length,
                })
            }
        })
    }

    /// What the rest is.
    pub(super) fn seldom(
        self,
        book: &Book,
        rows: &Rows,
        tenant: TenantName,
        name: RepositoryName,
        id: RepositoryId,
    ) -> Option<Command> {
        let repository = id;
        Some(match self {
            Self::Spurious => Command::Extent(ExtentCommand::Open {
                repository,
                epoch: Epoch::new(1),
            }),
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
            Self::FutureView => Command::Credential(CredentialCommand::Add(NewCredential {
                tenant,
                subtenant: None,
                scope: Scope::Read,
                verifier: Verifier::Generated([0; 32]),
                expires: None,
                label: String::new(),
                view: Some(View {
                    repository,
                    // Later than any clock of the world shows.
                    at: rows.clock.wall + Duration::from_secs(86_400 * 3_650),
                }),
            })),
            Self::EarlyPurge => Command::Repository(RepositoryCommand::Purge {
                repository,
                reason: None,
            }),
            Self::UnendedPurge if rows.tenants.get(&tenant)?.lease.is_some() => return None,
            Self::UnendedPurge => Command::Tenant(tenant, TenantCommand::Purge { reason: None }),
            _ => Command::Service(ServiceCommand::Maintenance(Some("x".repeat(5_000)))),
        })
    }
}

fn add(mode: SubtenantMode, slice: Option<RepositoryName>) -> SubtenantCommand {
    SubtenantCommand::Add {
        description: String::new(),
        mode,
        slices: slice.map(|name| BTreeMap::from([(name, None)])).unwrap_or_default(),
        disabled: false,
    }
}
