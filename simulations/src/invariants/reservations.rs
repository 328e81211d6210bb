//! Reservations never leak: with nothing under way, nothing is reserved.

use super::Seen;
use crate::ledger::Book;

/// The id of this invariant.
pub(crate) const ID: &str = "reservations";

/// Nobody works.
pub(crate) fn check(book: &mut Book, seen: &Seen) {
    let reserved = seen.report.reserved.as_bytes();
    if reserved > 0 && !book.is_rotten(seen.tenant) {
        let name = book.accounts[seen.tenant].name.clone();
        book.breach(
            ID,
            format_args!("{name}: {reserved} bytes reserved and nobody works"),
        );
    }
}
