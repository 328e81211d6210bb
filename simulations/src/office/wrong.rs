//! Commands that a catalog must refuse: an operator mistypes, forgets, or tries what may not be.

mod deep;

use holdfast_actors::catalog::command::{
    Actor, ApprovalCommand, Command, ContractChange, CredentialCommand, OperatorCommand,
    RepositoryCommand, SubtenantCommand, TenantCommand,
};
use holdfast_actors::catalog::rows::{Role, Rows};
use holdfast_actors::kernel::{CredentialId, RepositoryId, Size};
use holdfast_actors::names::{OperatorName, RepositoryName, SubtenantName, TenantName};

use super::NAME;
use super::affair::operator;
use crate::dice::Dice;
use crate::ledger::Book;

pub(crate) use deep::Deep;

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
    /// Of what is already there, or of who gives it.
    Deep(Deep),
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
        let all = ALL.into_iter().chain(Deep::ALL.map(Self::Deep));
        let count = ALL.len() + Deep::ALL.len();
        all.into_iter().nth(dice.below(count as u64) as usize)
    }

    /// The command, about the first tenant; none if there is none of it that is wrong now.
    pub(super) fn command(self, book: &Book, rows: &Rows) -> Option<Command> {
        let account = book.accounts.first()?;
        // While it is there.
        account.served()?;
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
            Self::LastAdmin if rows.operators.len() > 1 => return None,
            Self::LastAdmin => operator(NAME, OperatorCommand::Remove)?,
            Self::Deep(deep) => return deep.command(book, rows, tenant, name),
        })
    }
}

impl Wrong {
    /// Who gives it; none if nobody can now.
    pub(super) fn by(self, book: &Book, rows: &Rows) -> Option<Actor> {
        if let Self::Deep(deep) = self {
            return deep.by(book, rows);
        }
        OperatorName::parse(NAME).ok().map(Actor::Operator)
    }
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
