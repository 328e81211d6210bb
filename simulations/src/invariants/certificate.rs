//! A certificate is never in use before its time, and the catalog hears of each switch once.
//!
//! Whoever pins the next certificate beside the one that is served has until the announced switch
//! to do it: by the node's own wall clock no switch comes before that. However often the node ends
//! between a switch and the word of it, there is at most one event, and there is one as soon as the
//! node believes that the catalog knows. A switch that is overtaken by another order may stay
//! untold.

use std::collections::BTreeMap;

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::kernel::Timestamp;

use crate::ledger::Book;

/// The id of this invariant.
pub(crate) const ID: &str = "certificate";

/// What people compare of a certificate.
pub(crate) fn thumbprint(number: u64) -> String {
    format!("{number:016x}")
}

/// The node serves another certificate from now on, by its own clock.
pub(crate) fn switched(book: &mut Book, number: u64, due: Timestamp, now: Timestamp) {
    let at = book.now();
    let name = thumbprint(number);
    book.trace
        .say(at, format_args!("certificate {name} is served"));
    if now < due {
        let story = format_args!("certificate {name} is in use at {now} and not from {due} on");
        book.breach(ID, story);
    }
}

/// The node takes it that the catalog knows of a certificate.
pub(crate) fn told(book: &mut Book, thumbprint: &str) {
    book.told.insert(thumbprint.to_owned());
}

/// Looks at all events.
pub(crate) fn check(book: &mut Book, rows: &Rows) {
    let mut events = BTreeMap::<&str, u64>::new();
    let told = rows.events.values();
    let told = told.filter(|event| event.actor == "system");
    for event in told {
        let words: Vec<_> = event.text.split(' ').collect();
        if let ["certificate", name, "in", "use"] = words[..] {
            *events.entry(name).or_default() += 1;
        }
    }
    let mut wrong = Vec::new();
    for (name, count) in events.iter().filter(|(_, count)| **count > 1) {
        wrong.push(format!("certificate {name} came into use {count} times"));
    }
    let is_whole = rows
        .events
        .keys()
        .next()
        .is_none_or(|first| first.raw() <= 1);
    for name in book.told.iter().filter(|_| is_whole) {
        if !events.contains_key(name.as_str()) {
            wrong.push(format!("the catalog does not know certificate {name}"));
        }
    }
    for story in wrong {
        book.breach(ID, format_args!("{story}"));
    }
}
