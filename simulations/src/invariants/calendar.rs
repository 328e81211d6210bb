//! No clock that jumps back revives a lease: the catalog's day never goes back by itself.
//!
//! Only a day that an operator confirms may be an earlier one, and while such a command is not
//! answered nobody judges. The day holds over restarts.

use holdfast_actors::kernel::Date;

use crate::ledger::Book;

/// The id of this invariant.
pub(crate) const ID: &str = "calendar";

/// The catalog says which day it is.
pub(crate) fn seen(book: &mut Book, today: Date) {
    if book.today.is_in_doubt() {
        return;
    }
    let before = *book.today.last();
    if today < before {
        let story = format!("the day went back from {before} to {today} and nobody said so");
        book.breach(ID, format_args!("{story}"));
    }
    let now = book.now();
    book.today.settle(today, now);
}
