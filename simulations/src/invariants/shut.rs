//! Nothing is written after the end of a lease, by the catalog's day, nor while a tenant is
//! disabled; within the grace days only reading goes on, and locks (I5). And nobody is refused for
//! one of these reasons without cause.
//!
//! Judged only by what has been certain for a second before the request began: news travel.

use holdfast_actors::object::Kind;
use holdfast_actors::refusal::Reason;
use holdfast_actors::service::Intent;

use super::former;
use crate::ledger::Book;
use crate::oracle::ShelfId;
use crate::trace::Micros;

/// The id of this invariant.
pub(crate) const ID: &str = "I5";

/// How long news travel at most.
const NEWS: Micros = 1_000_000;

/// What a tenant may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Nothing,
    Reading,
    Everything,
}

/// A request was let in, or refused at the door.
pub(crate) fn entered(
    book: &mut Book,
    shelf: ShelfId,
    started: Micros,
    intent: Intent,
    result: Result<(), Reason>,
) {
    if result.is_ok() {
        former::served(book, shelf, started, "let in");
    }
    let Some(standing) = standing(book, shelf, started) else {
        return;
    };
    let needed = match intent {
        Intent::Write(Kind::Lock, _) | Intent::Delete(Kind::Lock) => Standing::Reading,
        Intent::Write(..) | Intent::Delete(_) | Intent::Create => Standing::Everything,
        Intent::Probe | Intent::Stat(_) | Intent::List(_) | Intent::Read(_) => Standing::Reading,
    };
    let shut = matches!(result, Err(Reason::LeaseExpired | Reason::Disabled));
    let wrong = match result {
        Ok(()) if needed > standing => "let in",
        Err(_) if shut && standing == Standing::Everything => "refused without cause",
        Ok(()) | Err(_) => return,
    };
    let user = book.shelves[shelf].user.clone();
    book.breach(
        ID,
        format_args!("{user} {wrong}: {intent:?} with {standing:?} allowed"),
    );
}

/// An upload or a deletion was acknowledged.
pub(crate) fn done(book: &mut Book, shelf: ShelfId, began: Micros, kind: Kind) {
    let now = book.now();
    former::served(book, shelf, now.max(began), "acknowledged");
    // Whatever was let in before is cut when the news come.
    let Some(standing) = standing(book, shelf, now.max(began)) else {
        return;
    };
    if kind != Kind::Lock && standing < Standing::Everything {
        let user = book.shelves[shelf].user.clone();
        book.breach(
            ID,
            format_args!("{user}: {kind} changed with {standing:?} allowed"),
        );
    }
}

/// What the tenant was allowed from a second before `started` until now, if that is certain.
fn standing(book: &Book, shelf: ShelfId, started: Micros) -> Option<Standing> {
    let then = started.saturating_sub(NEWS);
    let account = &book.accounts[book.shelves[shelf].tenant];
    if *account.disabled.since(then)? {
        return Some(Standing::Nothing);
    }
    let Some(lease) = account.lease.since(then)? else {
        return Some(Standing::Everything);
    };
    let today = *book.today.since(then)?;
    Some(if today > lease.plus(account.grace_days) {
        Standing::Nothing
    } else if today > *lease {
        Standing::Reading
    } else {
        Standing::Everything
    })
}
