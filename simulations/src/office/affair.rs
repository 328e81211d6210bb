//! What operators do seldom: a second admin comes, tenants and repositories go, what they held is
//! destroyed, and requests are decided.

use std::collections::BTreeMap;

use holdfast_actors::catalog::Outcome;
use holdfast_actors::catalog::command::{
    Actor, ApprovalCommand, Command, CredentialCommand, NewCredential, OperatorCommand,
    RepositoryCommand, ServiceCommand, SubtenantCommand, TenantCommand,
};
use holdfast_actors::catalog::rows::{Role, Scope, Verifier};
use holdfast_actors::kernel::Timestamp;
use holdfast_actors::names::{OperatorName, RepositoryName, SubtenantName};

use super::wish::tenant_name;
use super::wrong::{Deep, Wrong};
use super::{NAME, Wish};
use crate::dice::Dice;
use crate::invariants::{approvals, certificate, purge};
use crate::ledger::{Book, Verdict};
use crate::oracle::ShelfId;
use crate::plan::Operators;
use crate::trace::Micros;

/// The second admin's name.
pub(super) const SECOND: &str = "bob";
/// How long after a removal another is made: news travel.
const AGAIN: Micros = 2_000_000;

/// Something that operators do seldom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Affair {
    /// The first admin can log in from now on.
    Uid,
    /// A second admin comes, who can log in.
    Second,
    /// A tenant is removed, with all that it has.
    RemoveTenant(usize),
    /// A repository is removed.
    RemoveRepository(usize),
    /// A subtenant gets its slice of a new repository.
    Slice(ShelfId),
    /// What a removed repository held is destroyed; by its place in the book.
    Purge(usize),
    /// The second admin grants a request, or rejects it.
    Decide(u64, bool),
    /// A tenant gets a login that may add and nothing else.
    Adding(usize),
    /// A request for a second operator that nobody will decide.
    Flood(u32),
    /// A certificate waits, to be served from an instant on.
    Rotate(u64, Timestamp),
    /// Another certificate is served at once.
    Import(u64),
}

impl Affair {
    /// Something to do, of what the plan has.
    pub(super) fn draw(dice: &mut Dice, book: &Book, plan: &Operators) -> Vec<Wish> {
        let mut wishes = Vec::new();
        let tenant = dice.below(book.accounts.len() as u64) as usize;
        let account = &book.accounts[tenant];
        let (removes, purges, decides) = (dice.one_in(6), dice.one_in(4), dice.one_in(2));
        let (whole, grants) = (dice.one_in(2), !dice.one_in(4));
        let number = dice.below(1 << 20) as usize;
        if plan.remove && removes && account.served().is_some() {
            wishes.push(Wish::Affair(if whole {
                Self::RemoveTenant(tenant)
            } else {
                Self::RemoveRepository(tenant)
            }));
        }
        if plan.remove && purges && !book.former.is_empty() {
            let at = number % book.former.len();
            if !book.former[at].is_ordered {
                wishes.push(Wish::Affair(Self::Purge(at)));
            }
        }
        if plan.remove && decides {
            wishes.extend(Self::again(book, tenant));
        }
        let open = book.requests.iter();
        let open = open.filter(|(_, request)| request.verdict == Verdict::Open);
        let open: Vec<u64> = open.map(|(id, _)| *id).collect();
        if decides && !open.is_empty() {
            let id = open[number % open.len()];
            wishes.push(Wish::Affair(Self::Decide(id, grants)));
            // Whoever asked may not agree.
            if number.is_multiple_of(3) {
                wishes.insert(0, Wish::Wrong(Wrong::Deep(Deep::OwnRequest)));
            }
        }
        wishes
    }

    /// All that makes a tenant anew that was removed, or its repository, once that is over.
    pub(crate) fn again(book: &Book, tenant: usize) -> Vec<Wish> {
        let account = &book.accounts[tenant];
        let is_over = |removed| removed + AGAIN <= book.now();
        if account.is_leaving || !account.removed.is_some_and(is_over) {
            return Vec::new();
        }
        let mut wishes = Vec::new();
        if !account.has_tenant {
            wishes.push(Wish::Tenant(tenant));
        }
        wishes.push(Wish::Repository(tenant));
        for shelf in book.shelves_of(tenant) {
            let row = &book.shelves[shelf];
            if row.subtenant && row.space.is_some() {
                wishes.push(Wish::Affair(Self::Slice(shelf)));
            } else if row.subtenant {
                wishes.push(Wish::Subtenant(shelf));
            }
            wishes.push(Wish::Credential(shelf));
        }
        wishes
    }

    /// The command; none if there is nothing to be done.
    pub(super) fn command(&self, book: &Book) -> Option<Command> {
        let reason = None;
        Some(match self {
            Self::Uid => {
                let (role, uid) = (None, Some(1));
                operator(NAME, OperatorCommand::Set { role, uid })?
            }
            Self::Second => {
                let (role, uid) = (Role::Admin, Some(2));
                operator(SECOND, OperatorCommand::Add { role, uid })?
            }
            Self::RemoveTenant(tenant) => {
                book.accounts[*tenant].repository_id?;
                let remove = TenantCommand::Remove { reason };
                Command::Tenant(tenant_name(book, *tenant)?, remove)
            }
            Self::RemoveRepository(tenant) => {
                book.accounts[*tenant].repository_id?;
                Command::Repository(RepositoryCommand::Remove {
                    tenant: tenant_name(book, *tenant)?,
                    name: RepositoryName::parse(book.accounts[*tenant].repository).ok()?,
                    reason,
                })
            }
            Self::Slice(shelf) => slice(book, *shelf)?,
            Self::Purge(at) => Command::Repository(RepositoryCommand::Purge {
                repository: book.former.get(*at)?.id,
                reason,
            }),
            Self::Decide(id, true) => Command::Approval(*id, ApprovalCommand::Grant),
            Self::Decide(id, false) => Command::Approval(*id, ApprovalCommand::Reject { reason }),
            Self::Adding(tenant) => Command::Credential(CredentialCommand::Add(NewCredential {
                tenant: tenant_name(book, *tenant)?,
                subtenant: None,
                scope: Scope::Append,
                verifier: Verifier::Generated([1; 32]),
                expires: None,
                label: String::new(),
                view: None,
            })),
            Self::Flood(number) => {
                let (role, uid) = (Role::Admin, None);
                operator(
                    &format!("spare-{number}"),
                    OperatorCommand::Add { role, uid },
                )?
            }
            Self::Rotate(number, switch) => Command::Service(ServiceCommand::CertificatePrepared {
                thumbprint: certificate::thumbprint(*number),
                switch: *switch,
            }),
            Self::Import(number) => Command::Service(ServiceCommand::CertificateUpdated {
                thumbprint: certificate::thumbprint(*number),
            }),
        })
    }

    /// Who gives it.
    pub(super) fn by(&self) -> Option<Actor> {
        let name = match self {
            Self::Decide(..) => SECOND,
            Self::Uid
            | Self::Second
            | Self::RemoveTenant(_)
            | Self::RemoveRepository(_)
            | Self::Slice(_)
            | Self::Purge(_)
            | Self::Adding(_)
            | Self::Rotate(..)
            | Self::Import(_)
            | Self::Flood(_) => NAME,
        };
        OperatorName::parse(name).ok().map(Actor::Operator)
    }

    /// How many events of operators it makes when it is done, but for orders to destroy.
    pub(super) fn events(&self, book: &Book) -> u64 {
        match self {
            Self::Decide(id, true) => {
                let wish = book.requests.get(id).map(|request| &request.wish);
                1 + wish.map_or(0, |wish| wish.events(book))
            }
            Self::Purge(_) => 0,
            Self::Uid
            | Self::Second
            | Self::RemoveTenant(_)
            | Self::RemoveRepository(_)
            | Self::Slice(_)
            | Self::Decide(_, false)
            | Self::Adding(_)
            | Self::Rotate(..)
            | Self::Import(_)
            | Self::Flood(_) => 1,
        }
    }

    /// The order is given: what it changes is not known until it is answered.
    pub(super) fn doubt(&self, book: &mut Book) {
        match self {
            Self::RemoveTenant(tenant) | Self::RemoveRepository(tenant) => book.may_go(*tenant),
            Self::Purge(at) => book.former[*at].may_be_ordered = true,
            Self::Decide(id, grants) => {
                let Some(request) = book.requests.get_mut(id) else {
                    return;
                };
                request.in_doubt = true;
                let wish = request.wish.clone();
                if *grants {
                    wish.doubt(book);
                }
            }
            Self::Uid | Self::Second | Self::Slice(_) | Self::Adding(_) | Self::Flood(_) => {}
            Self::Rotate(..) | Self::Import(_) => {}
        }
    }

    /// The order was refused, or waits for somebody: it has changed nothing.
    pub(super) fn keep(&self, book: &mut Book) {
        match self {
            Self::RemoveTenant(tenant) | Self::RemoveRepository(tenant) => book.stays(*tenant),
            Self::Purge(at) => book.former[*at].may_be_ordered = book.former[*at].is_ordered,
            Self::Decide(id, grants) => {
                let Some(request) = book.requests.get_mut(id) else {
                    return;
                };
                request.in_doubt = false;
                let wish = request.wish.clone();
                if *grants {
                    wish.keep(book);
                }
            }
            Self::Uid | Self::Second | Self::Slice(_) | Self::Adding(_) | Self::Flood(_) => {}
            Self::Rotate(..) | Self::Import(_) => {}
        }
    }

    /// The order, given then, was carried out.
    pub(super) fn settle(&self, book: &mut Book, outcome: Outcome, given: Micros) {
        match self {
            Self::RemoveTenant(tenant) => book.goes(*tenant, given, true),
            Self::RemoveRepository(tenant) => book.goes(*tenant, given, false),
            Self::Purge(at) => {
                purge::ordered(book, *at, given);
                book.former[*at].is_ordered = true;
            }
            Self::Decide(id, grants) => {
                let Some(request) = book.requests.get_mut(id) else {
                    return;
                };
                request.in_doubt = false;
                let (wish, is_void) = (request.wish.clone(), request.is_void);
                request.verdict = if *grants {
                    Verdict::Granted
                } else {
                    Verdict::Rejected
                };
                if *grants && is_void {
                    approvals::revived(book, *id);
                }
                if *grants {
                    wish.settle(book, outcome, given);
                }
            }
            Self::Uid | Self::Second | Self::Slice(_) | Self::Adding(_) | Self::Flood(_) => {}
            Self::Rotate(..) | Self::Import(_) => {}
        }
    }

    /// Whether it may need a second operator.
    pub(super) fn is_grave(&self) -> bool {
        match self {
            Self::RemoveTenant(_) | Self::RemoveRepository(_) => true,
            Self::Purge(_) | Self::Flood(_) => true,
            Self::Uid | Self::Second | Self::Slice(_) | Self::Decide(..) | Self::Adding(_) => false,
            Self::Rotate(..) | Self::Import(_) => false,
        }
    }

    /// Whether nothing may come of it once a tenant's repository is gone, or the tenant too.
    pub(super) fn is_void_without(&self, gone: usize, with_tenant: bool) -> bool {
        match self {
            Self::RemoveTenant(tenant) => *tenant == gone && with_tenant,
            Self::RemoveRepository(tenant) => *tenant == gone,
            Self::Uid
            | Self::Second
            | Self::Slice(_)
            | Self::Purge(_)
            | Self::Decide(..)
            | Self::Adding(_)
            | Self::Rotate(..)
            | Self::Import(_)
            | Self::Flood(_) => false,
        }
    }
}

pub(super) fn operator(name: &str, command: OperatorCommand) -> Option<Command> {
    Some(Command::Operator(OperatorName::parse(name).ok()?, command))
}

fn slice(book: &Book, shelf: ShelfId) -> Option<Command> {
    let row = &book.shelves[shelf];
    let repository = RepositoryName::parse(book.accounts[row.tenant].repository).ok()?;
    let name = SubtenantName::parse(row.subtenant_name()?).ok()?;
    let set = SubtenantCommand::Set {
        description: None,
        slices: Some(BTreeMap::from([(repository, None)])),
    };
    Some(Command::Subtenant(
        tenant_name(book, row.tenant)?,
        name,
        set,
    ))
}
