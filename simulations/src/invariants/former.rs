//! A repository that was removed is served no more, and a later one of the same name, or of a later
//! tenant of that name, shows nothing of it (5.5).
//!
//! A second after a removal was answered nobody is let in, and nothing is acknowledged, until
//! another repository is being made. From then on a list or a body that a client gets has no name
//! that was in a former one, unless it was stored anew.

use crate::ledger::Book;
use crate::oracle::{Name, ShelfId};
use crate::trace::Micros;

/// The id of this invariant.
pub(crate) const ID: &str = "former";

/// How long news travel at most.
const NEWS: Micros = 1_000_000;

/// Somebody was let in, or acknowledged something, having asked for it then.
pub(crate) fn served(book: &mut Book, shelf: ShelfId, then: Micros, what: &str) {
    let row = &book.shelves[shelf];
    let removed = book.accounts[row.tenant].removed;
    if removed.is_some_and(|removed| removed + NEWS <= then) {
        let story = format!("{}: {what} in a repository that was removed", row.user);
        book.breach(ID, format_args!("{story}"));
    }
}

/// Whether a client that began to look at that tick was shown what is not its own any more; then it
/// is written down.
pub(crate) fn shown(book: &mut Book, shelf: ShelfId, name: &Name, tick: u64) -> bool {
    if !book.oracle.is_former(shelf, name) {
        return false;
    }
    if book.oracle.is_settled(shelf, tick) {
        let user = book.shelves[shelf].user.clone();
        let story = format!("{user} sees {}/{:?} of a former repository", name.0, name.1);
        book.breach(ID, format_args!("{story}"));
    }
    true
}
