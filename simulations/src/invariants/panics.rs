//! Nothing panics. ractor swallows the panic of an actor, so a hook counts them.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ledger::Book;

/// The id of this invariant.
pub(crate) const ID: &str = "panics";

static HOOK: Once = Once::new();
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Counts from now on; the hook that was there still speaks.
pub(crate) fn count() -> u64 {
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            before(panic);
        }));
    });
    PANICS.load(Ordering::Relaxed)
}

/// At the end of a run that began with so many.
pub(crate) fn check(book: &mut Book, before: u64) {
    let panics = count() - before;
    if panics > 0 {
        book.breach(ID, format_args!("{panics} panics"));
    }
}
