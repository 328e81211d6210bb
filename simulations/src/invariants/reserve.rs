//! On a full disk a lock is taken and a deletion done (architecture, section 3): data leaves the
//! reserve to them.
//!
//! Judged only while the disk is full but for its reserve and nothing else is wrong with it.

use holdfast_actors::object::Kind;
use holdfast_actors::refusal::{Reason, Refusal};

use crate::ledger::Book;
use crate::trace::Micros;

/// The id of this invariant.
pub(crate) const ID: &str = "reserve";

/// An upload that began then was answered.
pub(crate) fn stored(book: &mut Book, began: Micros, kind: Kind, told: &Result<(), Refusal>) {
    if kind == Kind::Lock {
        answered(book, began, "a lock", told);
    }
}

/// A deletion that began then was answered.
pub(crate) fn deleted(book: &mut Book, began: Micros, told: &Result<(), Refusal>) {
    answered(book, began, "a deletion", told);
}

fn answered(book: &mut Book, began: Micros, what: &str, told: &Result<(), Refusal>) {
    let is_scarce = book.scarce.since(began).is_some_and(|scarce| *scarce);
    if let Err(refusal) = told
        && is_scarce
        && began > book.shaken
        && book.rotten.is_empty()
        && matches!(refusal.reason, Reason::StorageFull | Reason::Unavailable)
    {
        book.breach(ID, format_args!("{what} found no space: {refusal}"));
    }
}
