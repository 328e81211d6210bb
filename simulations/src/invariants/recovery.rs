//! Recovery is boot, and it is idempotent: the node starts from whatever a crash has left, and two
//! starts from the same disk come to the same rows and the same objects.

use crate::ledger::Book;

/// The id of this invariant.
pub(crate) const ID: &str = "recovery";

/// What a start from a copy of the disk came to, and what the start from the disk came to.
pub(crate) fn check(book: &mut Book, copy: &str, real: &str) {
    if copy == real {
        return;
    }
    let same = copy
        .bytes()
        .zip(real.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let around = |text: &str| -> String {
        text.chars()
            .skip(same.saturating_sub(60))
            .take(160)
            .collect()
    };
    let story = format!("two starts differ: …{} and …{}", around(copy), around(real));
    book.breach(ID, format_args!("{story}"));
}
