//! What an order is like: who gives it, what it leaves in the log of events, and whether one
//! operator is enough.

use holdfast_actors::catalog::command::Actor;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::names::OperatorName;

use super::wish::tenant_name;
use super::{Affair, NAME, Wish};
use crate::ledger::{Book, Shelf};

impl Wish {
    /// Who gives it; none if nobody can now.
    pub(super) fn by(&self, book: &Book, rows: &Rows) -> Option<Actor> {
        if matches!(self, Self::Operator) {
            return Some(Actor::System);
        }
        if let Self::Subtenant(shelf) = self
            && book.shelves[*shelf].managed
        {
            return Some(Actor::System);
        }
        if let Self::Credential(shelf) = self
            && book.shelves[*shelf].managed
        {
            // Its tenant does, with a login of its own.
            let tenant = book.shelves[*shelf].tenant;
            let own = |row: &&Shelf| row.tenant == tenant && !row.subtenant;
            let login = book.shelves.iter().find(own)?.credential?;
            return Some(Actor::Tenant(tenant_name(book, tenant)?, login));
        }
        if let Self::Affair(affair) = self {
            return affair.by();
        }
        if let Self::Wrong(wrong) = self {
            return wrong.by(book, rows);
        }
        OperatorName::parse(NAME).ok().map(Actor::Operator)
    }

    /// How many events of operators it makes when it is done, but for orders to destroy.
    pub(super) fn events(&self, book: &Book) -> u64 {
        if let Self::Subtenant(shelf) | Self::Credential(shelf) = self {
            return u64::from(!book.shelves[*shelf].managed);
        }
        if let Self::Affair(affair) = self {
            return affair.events(book);
        }
        u64::from(!matches!(self, Self::Operator))
    }

    /// Whether it may need a second operator (2.3).
    pub(crate) fn is_grave(&self) -> bool {
        if let Self::Affair(affair) = self {
            return affair.is_grave();
        }
        matches!(self, Self::Lease(..) | Self::BinDays(..))
    }

    /// Whether operators decide on it when it waits for a second one.
    pub(crate) fn is_decided(&self) -> bool {
        !matches!(self, Self::Affair(Affair::Flood(_)))
    }

    /// Whether nothing may come of it once a tenant's repository is gone, or the tenant too.
    pub(crate) fn is_void_without(&self, gone: usize, with_tenant: bool) -> bool {
        if let Self::Affair(affair) = self {
            return affair.is_void_without(gone, with_tenant);
        }
        let of_gone = |tenant: usize| tenant == gone && with_tenant;
        matches!(self, Self::Lease(tenant, _) | Self::BinDays(tenant, _) if of_gone(*tenant))
    }
}
