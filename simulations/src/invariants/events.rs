//! Each accepted command of an operator made exactly one event, and events keep their order.
//!
//! Numbers rise by one without a gap, what was once there never changes, and there are as many
//! events of the operator as commands that were answered as done, across all crashes: a command
//! that was sent again under its number was not done again.

use holdfast_actors::catalog::rows::{Event, Rows};

use crate::ledger::Book;

/// The id of this invariant.
pub(crate) const ID: &str = "events";

/// Looks at all events.
pub(crate) fn check(book: &mut Book, rows: &Rows) {
    let mut wrong = Vec::new();
    let mut expected = rows.events.keys().next().copied();
    for number in rows.events.keys() {
        if Some(*number) != expected {
            wrong.push(format!("event {number} comes where {expected:?} belongs"));
        }
        expected = Some(number.next());
    }
    for (number, event) in &book.rows.events {
        if rows.events.get(number) != Some(event) {
            wrong.push(format!(
                "event {number} was '{}' and is not any more",
                event.text
            ));
        }
    }
    let made = rows.events.values().filter(|event| is_counted(event));
    let made = made.count() as u64;
    // A command may be under way, or never be answered: done, for all that is known.
    let most = book.events + book.asking + book.unknown;
    if made < book.events || made > most {
        let told = book.events;
        wrong.push(format!("{made} events of operators where {told} were told"));
    }
    book.rows = rows.clone();
    for story in wrong {
        book.breach(ID, format_args!("{story}"));
    }
}

/// Whether an event is one that an operator's answered command must have made. Orders to destroy
/// may be given twice and are events once, and what ends with its tenant nobody commanded.
fn is_counted(event: &Event) -> bool {
    let is_order = event.text.starts_with("the data of ");
    let withdrawn = event.reason.as_deref().unwrap_or_default();
    event.actor.starts_with("operator ") && !is_order && !withdrawn.contains("was removed")
}
