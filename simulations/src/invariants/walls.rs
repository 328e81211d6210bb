//! A tenant never sees a name of another (I1): what is another's and what is not there are the same
//! to it, and a list holds only what was stored under the same login.

use holdfast_actors::kernel::Size;
use holdfast_actors::object::{Hash, Kind};
use holdfast_actors::service::Intent;

use super::former;
use crate::ledger::Book;
use crate::oracle::ShelfId;
use crate::workload::Caller;

/// The id of this invariant.
pub(crate) const ID: &str = "I1";

/// A client was told all names of a kind.
pub(crate) fn listed(
    book: &mut Book,
    shelf: ShelfId,
    kind: Kind,
    tick: u64,
    names: &[(Hash, Size)],
) {
    let mut unknown = names.iter().map(|(name, _)| name);
    let unknown = unknown.find(|name| book.oracle.object(shelf, &(kind, **name)).is_none());
    let Some(name) = unknown else { return };
    if former::shown(book, shelf, &(kind, *name), tick) {
        return;
    }
    let user = book.shelves[shelf].user.clone();
    book.breach(
        ID,
        format_args!("{user} sees {kind}/{name:?}, which it never stored"),
    );
}

/// A client asks for a repository that is another tenant's, and for one that is nobody's.
pub(crate) async fn trespass(caller: &Caller) {
    let own = caller.repository();
    let others = if own == "main" { "side" } else { "main" };
    let theirs = caller
        .enter(others.to_owned(), Intent::List(Kind::Data))
        .await;
    let nobodys = caller
        .enter("nothing".to_owned(), Intent::List(Kind::Data))
        .await;
    let mut book = caller.ledger.book();
    let user = book.shelves[caller.shelf].user.clone();
    match (theirs.map(|_| ()), nobodys.map(|_| ())) {
        (Ok(()), _) | (_, Ok(())) => {
            book.breach(
                ID,
                format_args!("{user} was let into a repository that is not its own"),
            );
        }
        (Err(theirs), Err(nobodys)) if theirs.sentence.contains(others) => {
            book.breach(
                ID,
                format_args!("{user} was told '{theirs}' and '{nobodys}'"),
            );
        }
        (Err(_), Err(_)) => {}
    }
}
