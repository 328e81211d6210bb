//! Every call is made at most once: no service takes up a question a second time, and only that
//! node does to which it went.

use holdfast_actors::kernel::NodeId;

use super::super::history::{Number, Pages};
use super::nothing;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::calls) const ID: &str = "calls-once";

/// A service of a node takes up a question.
pub(in crate::calls) fn check(pages: &mut Pages, number: Number, node: NodeId, now: Micros) {
    let Some(question) = pages.questions.get_mut(&number) else {
        return pages.breach(ID, now, format_args!("{number} was asked by nobody"));
    };
    question.executed += 1;
    let (executed, to) = (question.executed, question.to);
    if executed > 1 || to != node {
        let story = format_args!("{number} to {to} is done {executed} times, now by {node}");
        pages.breach(ID, now, story);
    }
    nothing::check(pages, number, now);
}
