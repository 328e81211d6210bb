//! No new object passes the quota (I3).
//!
//! What is charged and what is reserved, as the operator's report says, never grows while it is
//! above the quota that operators were told, but by `index/`, which may pass it by 64 MiB. A quota
//! or bin limit that was just changed may leave it above; then it must not grow.

use holdfast_actors::object::Kind;
use holdfast_actors::repository::Report;

use crate::ledger::Book;
use crate::oracle::Oracle;

/// The id of this invariant.
pub(crate) const ID: &str = "I3";

/// The operator was told the figures.
pub(crate) fn check(book: &mut Book, tenant: usize, report: &Report) {
    let sum = (report.charged + report.reserved).as_bytes();
    let shelves = book
        .shelves
        .iter()
        .enumerate()
        .filter(|(_, shelf)| shelf.tenant == tenant);
    let own: Vec<usize> = shelves.map(|(shelf, _)| shelf).collect();
    let of = |bytes: fn(&Oracle, usize, Kind) -> u64| -> u64 {
        let bytes = |shelf: &usize| bytes(&book.oracle, *shelf, Kind::Index);
        own.iter().map(bytes).sum()
    };
    // What is on its way now is charged later.
    let (slack, stored) = (of(Oracle::known), of(Oracle::certain));
    let now = book.now();
    let undone = book.undoing.as_ref().map(|undoing| undoing.tenant);
    let account = &mut book.accounts[tenant];
    if undone == Some(tenant) {
        // What comes back is charged, and nobody asks whether it fits.
        account.charged = None;
        return;
    }
    let before = account.charged.replace((now, sum, stored));
    let Some((then, old, old_stored)) = before else {
        return;
    };
    let facts = (account.quota.since(then), account.bin_limit.since(then));
    let (Some(quota), Some(_)) = facts else {
        return;
    };
    // Above a quota that was lowered, `index/` alone may grow.
    if sum > quota + slack && sum > old + slack.saturating_sub(old_stored) {
        let story = format!(
            "{}: {old} grew to {sum}, the quota is {quota}",
            account.name
        );
        book.breach(ID, format_args!("{story}"));
    }
}
