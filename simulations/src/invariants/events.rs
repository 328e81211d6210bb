//! Each accepted command of an operator made exactly one event, and events keep their order.
//!
//! Numbers rise by one without a gap, what was once there never changes, and there are as many
//! events of the operator as commands that were answered as done, across all crashes: a command
//! that was sent again under its number was not done again.

use holdfast_actors::catalog::rows::Rows;

use crate::ledger::Book;
use crate::office;

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
    let by = format!("operator {}", office::NAME);
    let made = rows
        .events
        .values()
        .filter(|event| event.actor == by)
        .count() as u64;
    // One command may be under way, done and not yet answered.
    let most = book.events + u64::from(book.is_asking);
    if made < book.events || made > most {
        let told = book.events;
        wrong.push(format!("{made} events of the operator's {told} commands"));
    }
    book.rows = rows.clone();
    for story in wrong {
        book.breach(ID, format_args!("{story}"));
    }
}
