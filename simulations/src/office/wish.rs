//! What an operator wants, as a command, and what it means once it is answered.

use std::collections::BTreeMap;

use holdfast_actors::catalog::Outcome;
use holdfast_actors::catalog::command::{
    ClockCommand, Command, Contract, ContractChange, CredentialCommand, NewCredential,
    OperatorCommand, RepositoryCommand, ServiceCommand, SubtenantCommand, TenantCommand,
};
use holdfast_actors::catalog::rows::{Role, Rows, Scope, SubtenantMode, Verifier};
use holdfast_actors::kernel::{Date, Size};
use holdfast_actors::names::{OperatorName, RepositoryName, SubtenantName, TenantName};
use sha2::{Digest, Sha256};

use super::wrong::Wrong;
use super::{Affair, NAME};
use crate::dice::Dice;
use crate::ledger::{Account, Book, Fact, Shelf};
use crate::oracle::ShelfId;
use crate::passwords::kept;
use crate::plan::Operators;
use crate::trace::Micros;

/// One order; tenants and shelves are numbers of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Operator,
    Tenant(usize),
    Repository(usize),
    Subtenant(ShelfId),
    Credential(ShelfId),
    Revoke(ShelfId),
    Lease(usize, Option<Date>),
    Tasks(usize, u32),
    BinDays(usize, u32),
    BinLimit(usize, Option<u64>),
    Quota(usize, u64),
    Hold(usize, u32),
    Disable(usize),
    Enable(usize),
    Maintenance(bool),
    Confirm(Date),
    Affair(Affair),
    Wrong(Wrong),
}

impl Wish {
    /// Something to do, of what the plan has.
    pub(super) fn draw(dice: &mut Dice, book: &Book, plan: &Operators) -> Option<Self> {
        let tenant = dice.below(book.accounts.len() as u64) as usize;
        let account = &book.accounts[tenant];
        let today = *book.today.last();
        let days = dice.below(4) as u32;
        match dice.below(8) {
            0 if plan.lease => {
                let ends = !dice.one_in(3);
                Some(Self::Lease(tenant, ends.then(|| today.plus(days))))
            }
            1 if plan.quota => Some(Self::Quota(tenant, (1_024 + dice.below(8_192)) << 10)),
            2 if plan.bin => Some(match dice.below(3) {
                0 => Self::BinDays(tenant, dice.below(6) as u32),
                1 => Self::Hold(tenant, account.hold_days.last() + days),
                _ => Self::BinLimit(tenant, dice.one_in(2).then(|| dice.below(1_024) << 10)),
            }),
            3 if plan.tasks => Some(Self::Tasks(tenant, 1 + days)),
            4 if plan.disable && *account.disabled.last() => Some(Self::Enable(tenant)),
            4 if plan.disable && dice.one_in(3) => Some(Self::Disable(tenant)),
            5 if plan.maintenance => Some(Self::Maintenance(dice.one_in(3))),
            6 if plan.revoke && dice.one_in(3) => {
                let shelf = dice.below(book.shelves.len() as u64) as usize;
                book.shelves[shelf].credential.map(|_| Self::Revoke(shelf))
            }
            7 if plan.revoke => {
                let locked_out = book
                    .shelves
                    .iter()
                    .position(|shelf| shelf.credential.is_none());
                locked_out.map(Self::Credential)
            }
            _ => None,
        }
    }

    /// The command; none if there is nothing to be done.
    pub(super) fn command(&self, book: &Book, rows: &Rows) -> Option<Command> {
        if let Some((tenant, command)) = self.of_tenant(book) {
            return Some(Command::Tenant(tenant_name(book, tenant)?, command));
        }
        match self {
            Self::Operator => {
                let (role, uid) = (Role::Admin, None);
                let add = OperatorCommand::Add { role, uid };
                Some(Command::Operator(OperatorName::parse(NAME).ok()?, add))
            }
            Self::Repository(tenant) => {
                let account = &book.accounts[*tenant];
                Some(Command::Repository(RepositoryCommand::Add {
                    tenant: tenant_name(book, *tenant)?,
                    name: RepositoryName::parse(account.repository).ok()?,
                    quota: Size::bytes(*account.quota.last()),
                    hold_days: *account.hold_days.last(),
                    min_copies: 1,
                }))
            }
            Self::Subtenant(shelf) => subtenant(book, &book.shelves[*shelf]),
            Self::Credential(shelf) => credential(book, &book.shelves[*shelf]),
            Self::Revoke(shelf) => {
                let credential = book.shelves[*shelf].credential?;
                let revoke = CredentialCommand::Revoke { credential };
                Some(Command::Credential(revoke))
            }
            Self::Quota(tenant, quota) => set(book, *tenant, Some(Size::bytes(*quota)), None),
            Self::Hold(tenant, days) => set(book, *tenant, None, Some(*days)),
            Self::Maintenance(on) => {
                let notice = on.then(|| "back soon".to_owned());
                Some(Command::Service(ServiceCommand::Maintenance(notice)))
            }
            Self::Confirm(today) => Some(Command::Clock(ClockCommand::Confirm { today: *today })),
            Self::Affair(affair) => affair.command(book),
            Self::Wrong(wrong) => wrong.command(book, rows),
            Self::Tenant(_)
            | Self::Lease(..)
            | Self::Tasks(..)
            | Self::BinDays(..)
            | Self::BinLimit(..)
            | Self::Disable(_)
            | Self::Enable(_) => None,
        }
    }

    /// The command, if it is about a tenant.
    fn of_tenant(&self, book: &Book) -> Option<(usize, TenantCommand)> {
        let mut change = ContractChange::default();
        let tenant = match self {
            Self::Tenant(tenant) => {
                let contract = contract(&book.accounts[*tenant]);
                return Some((*tenant, TenantCommand::Add(contract)));
            }
            Self::Disable(tenant) => {
                let reason = "unpaid".to_owned();
                return Some((*tenant, TenantCommand::Disable { reason }));
            }
            Self::Enable(tenant) => return Some((*tenant, TenantCommand::Enable)),
            Self::Lease(tenant, lease) => {
                change.lease = Some(*lease);
                tenant
            }
            Self::Tasks(tenant, tasks) => {
                change.tasks = Some(*tasks);
                tenant
            }
            Self::BinDays(tenant, days) => {
                change.bin_days = Some(*days);
                tenant
            }
            Self::BinLimit(tenant, limit) => {
                change.bin_limit = Some(limit.map(Size::bytes));
                tenant
            }
            Self::Operator
            | Self::Repository(_)
            | Self::Subtenant(_)
            | Self::Credential(_)
            | Self::Revoke(_)
            | Self::Quota(..)
            | Self::Hold(..)
            | Self::Maintenance(_)
            | Self::Confirm(_)
            | Self::Affair(_)
            | Self::Wrong(_) => return None,
        };
        Some((*tenant, TenantCommand::Set(change)))
    }

    /// The order is given: what it changes is not known until it is answered.
    pub(super) fn doubt(&self, book: &mut Book) {
        match self {
            Self::Lease(tenant, _) => book.accounts[*tenant].lease.doubt(),
            Self::Tasks(tenant, _) => book.accounts[*tenant].tasks.doubt(),
            Self::BinDays(tenant, _) => book.accounts[*tenant].bin_days.doubt(),
            Self::BinLimit(tenant, _) => book.accounts[*tenant].bin_limit.doubt(),
            Self::Quota(tenant, _) => book.accounts[*tenant].quota.doubt(),
            Self::Hold(tenant, _) => book.accounts[*tenant].hold_days.doubt(),
            Self::Disable(tenant) | Self::Enable(tenant) => book.accounts[*tenant].disabled.doubt(),
            Self::Revoke(shelf) => book.shelves[*shelf].password = None,
            Self::Confirm(_) => book.today.doubt(),
            Self::Tenant(tenant) => book.accounts[*tenant].disabled.doubt(),
            Self::Repository(tenant) => book.comes(*tenant),
            Self::Affair(affair) => affair.doubt(book),
            Self::Operator
            | Self::Subtenant(_)
            | Self::Credential(_)
            | Self::Maintenance(_)
            | Self::Wrong(_) => {}
        }
    }

    /// The order was refused, and changed nothing.
    pub(super) fn keep(&self, book: &mut Book) {
        match self {
            Self::Lease(tenant, _) => book.accounts[*tenant].lease.keep(),
            Self::Tasks(tenant, _) => book.accounts[*tenant].tasks.keep(),
            Self::BinDays(tenant, _) => book.accounts[*tenant].bin_days.keep(),
            Self::BinLimit(tenant, _) => book.accounts[*tenant].bin_limit.keep(),
            Self::Quota(tenant, _) => book.accounts[*tenant].quota.keep(),
            Self::Hold(tenant, _) => book.accounts[*tenant].hold_days.keep(),
            Self::Disable(tenant) | Self::Enable(tenant) => book.accounts[*tenant].disabled.keep(),
            Self::Confirm(_) => book.today.keep(),
            Self::Tenant(tenant) => book.accounts[*tenant].disabled.keep(),
            Self::Affair(affair) => affair.keep(book),
            Self::Operator
            | Self::Repository(_)
            | Self::Subtenant(_)
            | Self::Credential(_)
            | Self::Revoke(_)
            | Self::Maintenance(_)
            | Self::Wrong(_) => {}
        }
    }

    /// The order, given then, was carried out.
    pub(super) fn settle(&self, book: &mut Book, outcome: Outcome, given: Micros) {
        let now = book.now();
        match (self, outcome) {
            (Self::Affair(affair), outcome) => affair.settle(book, outcome, given),
            (Self::Tenant(tenant), _) => {
                book.accounts[*tenant].has_tenant = true;
                settle(book, *tenant, now, false, |a| &mut a.disabled);
            }
            (Self::Repository(tenant), Outcome::Repository { id }) => {
                book.accounts[*tenant].repository_id = Some(id);
            }
            (Self::Subtenant(shelf), Outcome::Subtenant { space }) => {
                book.shelves[*shelf].space = Some(space);
            }
            (Self::Credential(shelf), Outcome::Credential { id }) => {
                let row = &mut book.shelves[*shelf];
                row.password = Some(password(row));
                row.credential = Some(id);
            }
            (Self::Revoke(shelf), _) => {
                let row = &mut book.shelves[*shelf];
                row.credential = None;
                row.passwords += 1;
            }
            (Self::Lease(tenant, lease), _) => settle(book, *tenant, now, *lease, |a| &mut a.lease),
            (Self::Tasks(tenant, n), _) => settle(book, *tenant, now, *n, |a| &mut a.tasks),
            (Self::BinDays(tenant, n), _) => settle(book, *tenant, now, *n, |a| &mut a.bin_days),
            (Self::BinLimit(tenant, n), _) => settle(book, *tenant, now, *n, |a| &mut a.bin_limit),
            (Self::Quota(tenant, n), _) => settle(book, *tenant, now, *n, |a| &mut a.quota),
            (Self::Hold(tenant, n), _) => settle(book, *tenant, now, *n, |a| &mut a.hold_days),
            (Self::Disable(tenant), _) => settle(book, *tenant, now, true, |a| &mut a.disabled),
            (Self::Enable(tenant), _) => settle(book, *tenant, now, false, |a| &mut a.disabled),
            (Self::Confirm(today), _) => {
                book.today.settle(*today, now);
                book.confirmed(*today);
            }
            _ => {}
        }
    }
}

fn settle<T: Clone + PartialEq>(
    book: &mut Book,
    tenant: usize,
    now: u64,
    value: T,
    fact: impl Fn(&mut Account) -> &mut Fact<T>,
) {
    fact(&mut book.accounts[tenant]).settle(value, now);
}

pub(super) fn tenant_name(book: &Book, tenant: usize) -> Option<TenantName> {
    TenantName::parse(&book.accounts[tenant].name).ok()
}

pub(super) fn contract(account: &Account) -> Contract {
    Contract {
        lease: *account.lease.last(),
        restore_grace: account.grace_days,
        tasks: *account.tasks.last(),
        bandwidth: account.bandwidth,
        bin_days: *account.bin_days.last(),
        bin_limit: account.bin_limit.last().map(Size::bytes),
        purge_hold: account.purge_hold_days,
        ..Contract::default()
    }
}

fn set(book: &Book, tenant: usize, quota: Option<Size>, hold: Option<u32>) -> Option<Command> {
    Some(Command::Repository(RepositoryCommand::Set {
        tenant: tenant_name(book, tenant)?,
        name: RepositoryName::parse(book.accounts[tenant].repository).ok()?,
        quota,
        hold_days: hold,
        min_copies: None,
    }))
}

fn subtenant(book: &Book, shelf: &Shelf) -> Option<Command> {
    let repository = RepositoryName::parse(book.accounts[shelf.tenant].repository).ok()?;
    let add = SubtenantCommand::Add {
        description: String::new(),
        mode: if shelf.managed {
            SubtenantMode::Managed
        } else {
            SubtenantMode::Standalone
        },
        slices: BTreeMap::from([(repository, None)]),
        disabled: false,
    };
    let name = SubtenantName::parse(shelf.subtenant_name()?).ok()?;
    Some(Command::Subtenant(
        tenant_name(book, shelf.tenant)?,
        name,
        add,
    ))
}

fn credential(book: &Book, shelf: &Shelf) -> Option<Command> {
    if shelf.credential.is_some() {
        return None;
    }
    let subtenant = match shelf.subtenant_name() {
        Some(name) => Some(SubtenantName::parse(name).ok()?),
        None => None,
    };
    Some(Command::Credential(CredentialCommand::Add(NewCredential {
        tenant: tenant_name(book, shelf.tenant)?,
        subtenant,
        scope: Scope::Full,
        verifier: if shelf.chosen {
            Verifier::Chosen(kept(password(shelf).as_bytes()))
        } else {
            Verifier::Generated(Sha256::digest(password(shelf)).into())
        },
        expires: None,
        label: String::new(),
        view: None,
    })))
}

/// The password that the next credential of a shelf has.
fn password(shelf: &Shelf) -> String {
    format!("password {} of {}", shelf.passwords, shelf.user)
}
