//! Commands that a catalog must refuse: an operator mistypes, forgets, or tries what may not be.

use holdfast_actors::catalog::command::{
    ApprovalCommand, Command, ContractChange, CredentialCommand, OperatorCommand,
    RepositoryCommand, SubtenantCommand, TenantCommand,
};
use holdfast_actors::catalog::rows::Role;
use holdfast_actors::kernel::{CredentialId, RepositoryId, Size};
use holdfast_actors::names::{OperatorName, RepositoryName, SubtenantName, TenantName};

use super::NAME;
use crate::dice::Dice;
use crate::ledger::Book;

/// A number that nothing has.
const NOTHING: u64 = 1 << 40;
/// A name that nobody has.
const NOBODY: &str = "nobody";

/// What is wrong with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    TenantAgain,
    RepositoryAgain,
    OperatorAgain,
    NoTenant,
    NoSubtenant,
    NoRepository,
    NoFormerRepository,
    NoCredential,
    NoOperator,
    NoApproval,
    LastAdmin,
    ShorterHold,
    TooLong,
    TooMany,
    TooSmall,
}

const ALL: [Wrong; 15] = [
    Wrong::TenantAgain,
    Wrong::RepositoryAgain,
    Wrong::OperatorAgain,
    Wrong::NoTenant,
    Wrong::NoSubtenant,
    Wrong::NoRepository,
    Wrong::NoFormerRepository,
    Wrong::NoCredential,
    Wrong::NoOperator,
    Wrong::NoApproval,
    Wrong::LastAdmin,
    Wrong::ShorterHold,
    Wrong::TooLong,
    Wrong::TooMany,
    Wrong::TooSmall,
];

impl Wrong {
    /// One of them.
    pub(super) fn draw(dice: &mut Dice) -> Option<Self> {
        ALL.get(dice.below(ALL.len() as u64) as usize).copied()
    }

    /// The command, about the first tenant; none if there is none of it that is wrong now.
    pub(super) fn command(self, book: &Book) -> Option<Command> {
        let account = book.accounts.first()?;
        let tenant = TenantName::parse(&account.name).ok()?;
        let name = RepositoryName::parse(account.repository).ok()?;
        let nobody = TenantName::parse(NOBODY).ok()?;
        Some(match self {
            Self::TenantAgain => {
                Command::Tenant(tenant, TenantCommand::Add(super::wish::contract(account)))
            }
            Self::NoTenant => Command::Tenant(nobody, TenantCommand::Enable),
            Self::TooLong => {
                let reason = "x".repeat(2_000);
                Command::Tenant(tenant, TenantCommand::Disable { reason })
            }
            Self::TooMany => {
                let tasks = Some(u32::MAX);
                let change = ContractChange {
                    tasks,
                    ..ContractChange::default()
                };
                Command::Tenant(tenant, TenantCommand::Set(change))
            }
            Self::NoSubtenant => {
                let subtenant = SubtenantName::parse(NOBODY).ok()?;
                Command::Subtenant(tenant, subtenant, SubtenantCommand::Enable)
            }
            Self::RepositoryAgain => Command::Repository(RepositoryCommand::Add {
                tenant,
                name,
                quota: Size::bytes(1 << 30),
                hold_days: 0,
                min_copies: 1,
            }),
            Self::NoRepository => set(nobody, name, None, None),
            Self::TooSmall => set(tenant, name, Some(Size::bytes(1)), None),
            Self::ShorterHold => {
                let shorter = account.hold_days.last().checked_sub(1)?;
                set(tenant, name, None, Some(shorter))
            }
            Self::NoFormerRepository => Command::Repository(RepositoryCommand::Purge {
                repository: RepositoryId::new(NOTHING),
                reason: None,
            }),
            Self::NoCredential => Command::Credential(CredentialCommand::Revoke {
                credential: CredentialId::new(NOTHING),
            }),
            Self::NoApproval => Command::Approval(NOTHING, ApprovalCommand::Grant),
            Self::OperatorAgain => {
                let (role, uid) = (Role::Admin, None);
                operator(NAME, OperatorCommand::Add { role, uid })?
            }
            Self::NoOperator => operator(NOBODY, OperatorCommand::Remove)?,
            Self::LastAdmin => operator(NAME, OperatorCommand::Remove)?,
        })
    }
}

fn operator(name: &str, command: OperatorCommand) -> Option<Command> {
    Some(Command::Operator(OperatorName::parse(name).ok()?, command))
}

const fn set(
    tenant: TenantName,
    name: RepositoryName,
    quota: Option<Size>,
    hold_days: Option<u32>,
) -> Command {
    Command::Repository(RepositoryCommand::Set {
        tenant,
        name,
        quota,
        hold_days,
        min_copies: None,
    })
}
