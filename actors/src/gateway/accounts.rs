//! Logins by user name, followed from the catalog.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Admitted, Proof};
use crate::catalog::rows::{Credential, Rows, Verifier};
use crate::kernel::{CredentialId, Space};
use crate::names::{SubtenantName, TenantName};
use crate::tenants::changes;

/// Whose a login is.
type Account = (TenantName, Option<SubtenantName>);

/// The rows, with logins by account.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    rows: Rows,
    logins: BTreeMap<Account, BTreeSet<CredentialId>>,
}

/// Which successes must not be remembered any longer.
#[derive(Debug, Default)]
pub(super) struct Stale {
    credentials: BTreeSet<CredentialId>,
    accounts: BTreeSet<Account>,
    tenants: BTreeSet<TenantName>,
    /// A new day: credentials may have expired.
    all: bool,
}

impl Stale {
    pub(super) fn is_empty(&self) -> bool {
        let is_empty = self.credentials.is_empty() && self.accounts.is_empty();
        is_empty && self.tenants.is_empty() && !self.all
    }

    pub(super) fn covers(&self, admitted: &Admitted) -> bool {
        let account = (admitted.tenant.clone(), admitted.subtenant.clone());
        self.all
            || self.credentials.contains(&admitted.credential)
            || self.tenants.contains(&admitted.tenant)
            || self.accounts.contains(&account)
    }
}

impl Accounts {
    /// Takes newer rows in; costs as much as has changed. Older ones change nothing.
    pub(super) fn follow(&mut self, rows: Rows) -> Stale {
        if rows.index < self.rows.index {
            return Stale::default();
        }
        let old = std::mem::replace(&mut self.rows, rows.clone());
        let mut stale = Stale {
            all: old.clock.today != rows.clock.today,
            ..Stale::default()
        };
        for (id, before, after) in changes(old.credentials.diff(&rows.credentials)) {
            if let Some(row) = before {
                let account = account_of(row);
                let logins = self.logins.entry(account.clone()).or_default();
                logins.remove(id);
                if logins.is_empty() {
                    self.logins.remove(&account);
                }
            }
            if let Some(row) = after {
                self.logins.entry(account_of(row)).or_default().insert(*id);
            }
            stale.credentials.insert(*id);
        }
        for (name, before, after) in changes(old.tenants.diff(&rows.tenants)) {
            let access = |row: &crate::catalog::rows::Tenant| (row.id, row.disabled.is_some());
            if before.map(access) != after.map(access) {
                stale.tenants.insert(name.clone());
            }
        }
        for ((tenant, name), before, after) in changes(old.subtenants.diff(&rows.subtenants)) {
            let access =
                |row: &crate::catalog::rows::Subtenant| (row.space, row.disabled.is_some());
            if before.map(access) != after.map(access) {
                stale.accounts.insert((tenant.clone(), Some(name.clone())));
            }
        }
        stale
    }

    /// The logins of a user as sent, `TENANT` or `TENANT+SUB`, that are good today; none if there
    /// is no such user.
    pub(super) fn logins(&self, user: &str) -> Vec<(CredentialId, &Credential)> {
        let account = parse(user).and_then(|account| self.logins.get(&account));
        let ids = account.into_iter().flatten();
        ids.filter(|id| self.admitted(**id).is_some())
            .filter_map(|id| Some((*id, self.rows.credentials.get(id)?)))
            .collect()
    }

    /// The credential, if it is there and good today.
    pub(super) fn credential(&self, id: CredentialId) -> Option<&Credential> {
        let row = self.rows.credentials.get(&id)?;
        let is_over = row.expires.is_some_and(|last| self.rows.clock.today > last);
        (!is_over).then_some(row)
    }

    /// What a login with this credential is let in as, if it is good today and its account exists.
    pub(super) fn admitted(&self, id: CredentialId) -> Option<Admitted> {
        let row = self.credential(id)?;
        let tenant = self.rows.tenants.get(&row.tenant)?;
        let space = match &row.subtenant {
            None => Space::TENANT,
            Some(name) => {
                let key = (row.tenant.clone(), name.clone());
                self.rows.subtenants.get(&key)?.space
            }
        };
        Some(Admitted {
            tenant: row.tenant.clone(),
            tenant_id: tenant.id,
            subtenant: row.subtenant.clone(),
            space,
            credential: id,
            scope: row.scope,
            view: row.view,
            expires: row.expires,
        })
    }

    /// How many accounts can log in.
    pub(super) fn len(&self) -> usize {
        self.logins.len()
    }
}

fn account_of(row: &Credential) -> Account {
    (row.tenant.clone(), row.subtenant.clone())
}

/// Neither name may hold a `+`, so the first one divides them.
fn parse(user: &str) -> Option<Account> {
    let (tenant, subtenant) = match user.split_once('+') {
        None => (user, None),
        Some((tenant, name)) => (tenant, Some(SubtenantName::parse(name).ok()?)),
    };
    Some((TenantName::parse(tenant).ok()?, subtenant))
}

/// A password that somebody chose, as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Of which credential.
    pub credential: CredentialId,
    /// In PHC form.
    pub kept: String,
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.credential, f)
    }
}

/// The credential of `user` whose generated password this is. Looks at all of them, always.
pub(super) fn generated(accounts: &Accounts, user: &str, proof: &Proof) -> Option<CredentialId> {
    let logins = accounts.logins(user);
    logins
        .iter()
        .fold(None, |found, (id, row)| match &row.verifier {
            Verifier::Generated(digest) if proof.matches(digest) => Some(*id),
            Verifier::Generated(_) | Verifier::Chosen(_) => found,
        })
}

/// The passwords that somebody chose for `user`.
pub(super) fn chosen(accounts: &Accounts, user: &str) -> Vec<Chosen> {
    let logins = accounts.logins(user).into_iter();
    logins
        .filter_map(|(credential, row)| match &row.verifier {
            Verifier::Chosen(kept) => Some(Chosen {
                credential,
                kept: kept.clone(),
            }),
            Verifier::Generated(_) => None,
        })
        .collect()
}
