//! Used is the sum of live objects (I2): the operator's figures are those of what is listed, and of
//! what clients were told.

use holdfast_actors::kernel::Size;
use holdfast_actors::object::Kind;
use holdfast_actors::repository::Moment;

use super::Seen;
use crate::ledger::Book;
use crate::oracle::Told;

/// The id of this invariant.
pub(crate) const ID: &str = "I2";

const KINDS: [Kind; 5] = [
    Kind::Config,
    Kind::Data,
    Kind::Index,
    Kind::Key,
    Kind::Snapshot,
];

/// Nobody works, and the oracle has learnt what is there.
pub(crate) fn check(book: &mut Book, seen: &Seen) {
    let shelves: Vec<_> = book.shelves.iter().enumerate().collect();
    let own = shelves
        .iter()
        .filter(|(_, shelf)| shelf.tenant == seen.tenant);
    let (mut listed, mut objects, mut told) = (Size::ZERO, 0, 0);
    for (id, shelf) in own {
        let Some(space) = shelf.space else { continue };
        for kind in KINDS {
            for (_, object) in seen.snapshot.list(space, kind, Moment::Now, None) {
                listed += object.size;
                objects += 1;
            }
        }
        let present = book.oracle.still(*id, u64::MAX);
        let present = present
            .filter(|((kind, _), object)| *kind != Kind::Lock && object.told == Told::Present);
        told += present.map(|(_, object)| object.size).sum::<u64>();
    }
    let total = seen.report.total;
    if book.is_rotten(seen.tenant) {
        return;
    }
    if (total.live, total.objects, told) != (listed, objects, listed.as_bytes()) {
        let figures = format!("{:?} in {} objects", total.live, total.objects);
        let name = book.accounts[seen.tenant].name.clone();
        let story = format!("{name}: {figures} used, {listed:?} in {objects} listed, {told}B told");
        book.breach(ID, format_args!("{story}"));
    }
}
