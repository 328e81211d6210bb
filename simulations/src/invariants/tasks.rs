//! No more uploads run at once than the contract says, unless it said more before (I4).
//!
//! Counted from the begin that a client was granted to the end that it knows of, which lies inside
//! of what the node counts. Clients that do not hear when they are cut are not counted.

use holdfast_actors::kernel::Size;
use holdfast_actors::tenant::FREE_MAX;

use crate::ledger::Ledger;
use crate::oracle::ShelfId;

/// The id of this invariant.
pub(crate) const ID: &str = "I4";

/// An upload that has a task, until it is dropped.
pub(crate) struct Running {
    ledger: Ledger,
    tenant: usize,
    number: u64,
}

impl Running {
    /// An upload of this size was granted; none if it needs no task.
    pub(crate) fn begin(ledger: &Ledger, shelf: ShelfId, size: Size) -> Option<Self> {
        if size < FREE_MAX {
            return None;
        }
        let mut book = ledger.book();
        let (now, tenant) = (book.now(), book.shelves[shelf].tenant);
        let account = &mut book.accounts[tenant];
        account.uploads += 1;
        let number = account.uploads;
        account.running.insert(number, now);
        let oldest = account.running.values().min().copied().unwrap_or(now);
        let running = account.running.len();
        if let Some(limit) = account.tasks.since(oldest)
            && running > *limit as usize
        {
            let story = format!(
                "{}: {running} uploads at once, {limit} allowed",
                account.name
            );
            book.breach(ID, format_args!("{story}"));
        }
        drop(book);
        Some(Self {
            ledger: ledger.clone(),
            tenant,
            number,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ledger.book().accounts[self.tenant]
            .running
            .remove(&self.number);
    }
}
