//! What a command that has its place in the log makes of the rows.

use super::Answer;
use super::command::Submission;
use super::draft::{decide, repeated};
use super::rows::Rows;
use crate::kernel::Sequence;

/// Takes a command in at its place: the rows behind it, and what its caller is told. One that comes
/// again is answered as before, and neither it nor one that is refused changes anything but the
/// count. The same rows and the same command always come to the same end.
pub fn apply(rows: &Rows, index: Sequence, submission: &Submission) -> (Rows, Answer) {
    let unchanged = || {
        let rows = rows.clone();
        Rows { index, ..rows }
    };
    match repeated(rows, submission) {
        Ok(None) => {}
        Ok(Some(answer)) => return (unchanged(), Ok((answer.outcome, answer.index))),
        Err(refused) => return (unchanged(), Err(refused)),
    }
    // Places may be left out: what stood there was no command.
    let before = Rows {
        index: Sequence::new(index.raw().saturating_sub(1)),
        ..rows.clone()
    };
    match decide(&before, submission) {
        Ok((rows, outcome)) => (rows, Ok((outcome, index))),
        Err(refused) => (unchanged(), Err(refused)),
    }
}
