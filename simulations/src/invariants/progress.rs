//! Nothing hangs: every request is answered, and when all faults are over every client makes a
//! whole backup within [`PATIENCE`].

use std::time::Duration;

use crate::ledger::Book;

/// The id of this invariant.
pub(crate) const ID: &str = "progress";

/// How long a client may need once nothing stands in its way.
pub(crate) const PATIENCE: Duration = Duration::from_secs(900);

/// A client made no backup although nothing stands in its way.
pub(crate) fn stuck(book: &mut Book, client: usize, why: &str) {
    let story = format!("client {client} made no backup in {PATIENCE:?} of peace: {why}");
    book.breach(ID, format_args!("{story}"));
}
