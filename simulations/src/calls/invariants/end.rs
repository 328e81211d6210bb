//! Every call ends, and not later than a tick after its time by the clock of its node.

use super::super::history::{Number, Pages};
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::calls) const ID: &str = "calls-end";

/// A caller still waits when its time is over.
pub(in crate::calls) fn breach(pages: &mut Pages, number: Number, now: Micros) {
    let story = format_args!("{number} has no result though its time is over");
    pages.breach(ID, now, story);
}
