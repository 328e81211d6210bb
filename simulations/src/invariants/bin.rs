//! What was deleted shows in the view of the instant before, for all its days (I7).
//!
//! An object whose upload and deletion were acknowledged is visible, to the byte, in the
//! repository's view as of an instant between the two, for as many days as the tenant's bin had
//! when it was deleted. Days are those of a right clock: a step forward of at most a day, which
//! nobody could tell from time that passed, is taken off; one of more than a day takes nothing off.
//! Whoever confirms the day says nothing of the hour: what the clock's is late by is taken off too.

use holdfast_actors::kernel::Timestamp;
use holdfast_actors::object::{Key, Kind};
use holdfast_actors::repository::Moment;

use super::{Seen, acknowledged};
use crate::ledger::Book;
use crate::oracle::{Act, Deletion, Object, Told};
use crate::trace::Micros;
use crate::world::Scene;

/// The id of this invariant.
pub(crate) const ID: &str = "I7";

const DAY: Micros = 86_400_000_000;

/// A deletion came to its end: remembers it if all about it is known.
pub(crate) fn deleted(
    book: &mut Book,
    act: &Act,
    started: Micros,
    before: Option<Timestamp>,
    changed: Option<(Object, Told)>,
) {
    let Some((object, Told::Absent)) = changed else {
        return;
    };
    let (Told::Present, Some(stored), Some(before)) = (object.told, object.stored, before) else {
        return;
    };
    let account = &book.accounts[book.shelves[act.shelf].tenant];
    let days = (
        account.bin_days.since(started),
        account.hold_days.since(started),
    );
    let (Some(bin_days), Some(hold_days)) = days else {
        return;
    };
    if act.name.0 == Kind::Lock || stored >= before {
        return;
    }
    let deletion = Deletion {
        shelf: act.shelf,
        name: act.name,
        hash: object.hash,
        before: Timestamp::from_millis(before.as_millis() - 1),
        at: started,
        leaps: book.leaps,
        bin_days: *bin_days,
        hold_days: *hold_days,
    };
    book.oracle.deletions.push(deletion);
}

/// Nobody works: looks for everything that must still be kept.
pub(crate) async fn check(scene: &Scene, seen: &Seen) {
    kept(scene, seen, ID, |deletion| deletion.bin_days).await;
}

/// Looks for what must be kept so many days.
pub(super) async fn kept(
    scene: &Scene,
    seen: &Seen,
    id: &'static str,
    days: impl Fn(&Deletion) -> u32,
) {
    let due: Vec<Deletion> = {
        let book = scene.ledger.book();
        let (now, leaps) = (book.now(), book.leaps);
        let keeps = |deletion: &&Deletion| {
            let age = now - deletion.at + (leaps - deletion.leaps);
            book.shelves[deletion.shelf].tenant == seen.tenant
                && age < u64::from(days(deletion)) * DAY
        };
        book.oracle
            .deletions
            .iter()
            .filter(keeps)
            .copied()
            .collect()
    };
    for deletion in due {
        let space = scene.ledger.book().shelves[deletion.shelf].space;
        let Some(space) = space else { continue };
        let key = Key {
            space,
            kind: deletion.name.0,
            name: deletion.name.1,
        };
        let object = seen.snapshot.object(&key, Moment::At(deletion.before));
        let found = match object {
            Some(object) => acknowledged::body(&seen.reader, &key, object).await,
            None => None,
        };
        let mut book = scene.ledger.book();
        book.figures.views += 1;
        let is_there = found.map(|(_, hash)| hash) == Some(deletion.hash);
        if !is_there && !book.is_rotten(seen.tenant) {
            let (at, days) = (deletion.before, days(&deletion));
            let story = format!("{key:?} is not in the view of {at}, {days} days kept");
            book.breach(id, format_args!("{story}"));
        }
    }
}
