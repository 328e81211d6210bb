//! What rots is noticed: bits that a disk has lost, at rest or at work, are never given out for
//! what was stored.
//!
//! Whoever reads gets the bytes that were stored, or an error; and an error only for an object one
//! of whose frames lies where the disk rotted. A repository that has rotted may stay out of
//! service, or lack the end of its log; it never has anything else. When it is read back in its
//! turn, and objects in it cannot be read, then operators are told that some are damaged.

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::extent;
use holdfast_actors::frame::HEADER;
use holdfast_actors::kernel::RepositoryId;
use holdfast_actors::object::{Hash, Key};
use holdfast_actors::repository::{Moment, Object};

use super::{Seen, acknowledged};
use crate::mutation::Mutation;
use crate::world::Scene;

/// The id of this invariant.
pub(crate) const ID: &str = "rot";

/// The most bytes that an entry's frame has in a simulation.
const ENTRY_MAX: u64 = HEADER as u64 + (16 << 10);

/// Nobody works, and the repository has rotted: reads all that clients stored. How much of it is
/// there and cannot be read.
pub(crate) async fn check(scene: &Scene, tenant: usize, id: RepositoryId) -> u64 {
    let mut damaged = 0;
    let Some(seen) = scene.see(tenant, id).await else {
        scene
            .ledger
            .say(format_args!("{id} rotted and is out of service"));
        return damaged;
    };
    let known: Vec<_> = {
        let book = scene.ledger.book();
        let shelves = book.shelves.iter().enumerate();
        let own = shelves.filter(|(_, shelf)| shelf.tenant == tenant);
        let spaces = own.filter_map(|(shelf, row)| Some((shelf, row.space?)));
        let all = spaces.flat_map(|(shelf, space)| {
            let objects = book.oracle.still(shelf, u64::MAX);
            objects.map(move |(name, object)| (space, name, object))
        });
        all.collect()
    };
    for (space, (kind, name), stored) in known {
        let key = Key { space, kind, name };
        let Some(object) = seen.snapshot.object(&key, Moment::Now) else {
            continue;
        };
        let mut found = acknowledged::body(&seen.reader, &key, object).await;
        if scene.mutation == Some(Mutation::UncheckedRead) {
            found = found.or(Some((stored.size, Hash::ZERO)));
        }
        let is_excused = touches(scene, &seen, id, object).await;
        damaged += u64::from(found.is_none());
        let mut book = scene.ledger.book();
        book.figures.rotten += u64::from(found.is_none());
        match found {
            Some((_, hash)) if hash != stored.hash => {
                book.breach(ID, format_args!("{key:?}: other bytes than were stored"));
            }
            None if !is_excused => {
                book.breach(
                    ID,
                    format_args!("{key:?}: no frame of it rotted, and unreadable"),
                );
            }
            Some(_) | None => {}
        }
    }
    damaged
}

/// Nobody works, nothing rots, and some repositories were read back in their turn since these rows
/// were the catalog's: whether operators were told what these readings must have found.
pub(crate) async fn told(scene: &Scene, since: &Rows) {
    for (tenant, id) in scene.repositories() {
        if !scene.ledger.book().is_rotten(tenant) {
            continue;
        }
        let rows = scene.catalog.rows();
        let scrub = rows.scrubs.get(&id);
        let Some(scrub) = scrub.filter(|scrub| since.scrubs.get(&id) != Some(scrub)) else {
            continue;
        };
        let mut told = scrub.damaged;
        if scene.mutation == Some(Mutation::HiddenDamage) {
            told = 0;
        }
        let damaged = check(scene, tenant, id).await;
        if damaged > 0 && told == 0 {
            let story = format_args!("{id} was read back, {damaged} objects are damaged: untold");
            scene.ledger.breach(ID, story);
        }
    }
}

/// Whether any frame of an object rotted.
async fn touches(scene: &Scene, seen: &Seen, id: RepositoryId, object: Object) -> bool {
    let place = object.place;
    let entry = place.offset..place.offset + ENTRY_MAX;
    let rotten = scene.ledger.book().rotten.clone();
    if rotten.touches(&extent::path(id, place.extent), &entry) {
        return true;
    }
    let Ok(stored) = seen.reader.entry(place).await else {
        return false;
    };
    stored.pieces.iter().any(|piece| {
        let range = piece.offset..piece.end();
        rotten.touches(&extent::path(id, piece.extent), &range)
    })
}
