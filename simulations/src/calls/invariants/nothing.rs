//! What is said not to have been done never was, and never will be: rejected, without a service, or
//! out of reach.

use super::super::history::{Number, Pages};
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::calls) const ID: &str = "calls-nothing";

/// A question has been taken up, or its caller has been told.
pub(in crate::calls) fn check(pages: &mut Pages, number: Number, now: Micros) {
    let Some(question) = pages.questions.get(&number) else {
        return;
    };
    if let Some(Err(error)) = &question.told
        && error.nothing_was_done()
        && question.executed > 0
    {
        let story = format!("{number} was done, and its caller was told: {error}");
        pages.breach(ID, now, format_args!("{story}"));
    }
}
