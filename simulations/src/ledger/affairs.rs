//! What operators were told of what they do seldom: removals, requests for a second operator, and
//! states that repositories show again.

use holdfast_actors::kernel::{Date, RepositoryId, Timestamp};

use super::{Account, Book};
use crate::office::Wish;
use crate::oracle::{Contents, ShelfId};
use crate::trace::Micros;

/// A repository that was removed.
#[derive(Clone, Debug)]
pub(crate) struct Former {
    pub(crate) id: RepositoryId,
    /// The first day on which its data may be destroyed; none if what it follows from was in doubt.
    pub(crate) from: Option<Date>,
    /// Whether an order to destroy it was given, and perhaps taken in.
    pub(crate) may_be_ordered: bool,
    /// Whether such an order was answered as done.
    pub(crate) is_ordered: bool,
}

/// A request for a second operator.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) wish: Wish,
    /// What operators were told of it.
    pub(crate) verdict: Verdict,
    /// A decision was given and not answered yet.
    pub(crate) in_doubt: bool,
    /// The tenant that it was about is gone: nothing may come of it any more.
    pub(crate) is_void: bool,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nobody decided.
    Open,
    Granted,
    Rejected,
}

/// A state of a repository that may be asked for again.
#[derive(Clone, Debug)]
pub(crate) struct Instant {
    pub(crate) tenant: usize,
    pub(crate) repository: RepositoryId,
    pub(crate) at: Timestamp,
    pub(crate) noted: Micros,
    /// What the wall clock had leapt forward by then.
    pub(crate) leaps: Micros,
    pub(crate) shelves: Vec<(ShelfId, Contents)>,
}

/// A repository is about to show again what it showed at an instant.
#[derive(Clone, Debug)]
pub(crate) struct Undoing {
    pub(crate) tenant: usize,
    pub(crate) before: Vec<(ShelfId, Contents)>,
    pub(crate) after: Vec<(ShelfId, Contents)>,
}

impl Book {
    /// The shelves of a tenant.
    pub(crate) fn shelves_of(&self, tenant: usize) -> Vec<ShelfId> {
        let all = self.shelves.iter().enumerate();
        all.filter(|(_, shelf)| shelf.tenant == tenant)
            .map(|(id, _)| id)
            .collect()
    }

    /// What all shelves of a tenant show; none while any of it is not known.
    pub(crate) fn contents_of(&self, tenant: usize) -> Option<Vec<(ShelfId, Contents)>> {
        let shelves = self.shelves_of(tenant).into_iter();
        shelves
            .map(|shelf| Some((shelf, self.oracle.contents(shelf)?)))
            .collect()
    }

    /// The repository of a tenant may go, from now on.
    pub(crate) fn may_go(&mut self, tenant: usize) {
        self.accounts[tenant].is_leaving = true;
        for shelf in self.shelves_of(tenant) {
            self.oracle.may_go(shelf);
        }
    }

    /// It stays.
    pub(crate) fn stays(&mut self, tenant: usize) {
        self.accounts[tenant].is_leaving = false;
        for shelf in self.shelves_of(tenant) {
            self.oracle.stays(shelf);
        }
    }

    /// It was removed, alone or with its tenant, by a command given then.
    pub(crate) fn goes(&mut self, tenant: usize, given: Micros, with_tenant: bool) {
        let (now, today) = (self.now(), self.today.since(given).copied());
        for shelf in self.shelves_of(tenant) {
            self.oracle.goes(shelf);
            let row = &mut self.shelves[shelf];
            if with_tenant {
                row.forget();
            }
        }
        let account = &mut self.accounts[tenant];
        let from = today.and_then(|today| account.purge_from(today, given));
        account.removed = Some(now);
        account.is_leaving = false;
        account.has_tenant &= !with_tenant;
        account.charged = None;
        if let Some(id) = account.repository_id.take() {
            self.former.push(Former {
                id,
                from,
                may_be_ordered: false,
                is_ordered: false,
            });
        }
        self.void(tenant, with_tenant);
        self.instants.retain(|instant| instant.tenant != tenant);
    }

    /// Nothing may come any more of requests about what is gone.
    fn void(&mut self, tenant: usize, with_tenant: bool) {
        let open = self.requests.values_mut();
        for request in open.filter(|request| request.verdict == Verdict::Open) {
            request.is_void |= request.wish.is_void_without(tenant, with_tenant);
        }
    }

    /// Another repository is made in its place.
    pub(crate) fn comes(&mut self, tenant: usize) {
        if self.accounts[tenant].removed.take().is_some() {
            for shelf in self.shelves_of(tenant) {
                self.oracle.comes(shelf);
            }
        }
    }
}

impl Account {
    /// The first day on which what is removed today may be destroyed, if all that it follows from
    /// has been certain since then.
    fn purge_from(&self, today: Date, then: Micros) -> Option<Date> {
        let behind = |day: Date, days: u32| if days == 0 { day } else { day.plus(days + 1) };
        let (bin, hold) = (*self.bin_days.since(then)?, *self.hold_days.since(then)?);
        let lease = *self.lease.since(then)?;
        let end = lease.filter(|lease| today > *lease).unwrap_or(today);
        Some(behind(today, bin.max(hold)).max(behind(end, self.purge_hold_days)))
    }
}
