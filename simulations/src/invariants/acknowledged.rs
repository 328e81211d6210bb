//! Nothing acknowledged is lost, and nothing deleted comes back.
//!
//! An upload that was acknowledged can be read back to the byte until a deletion of it begins; an
//! object whose deletion was acknowledged is neither listed nor read. What was never answered is
//! there whole or not at all. Every list, size and body that a client gets is compared, and at
//! every quiet point all objects are read through the operator's way in.

use holdfast_actors::kernel::Size;
use holdfast_actors::object::{Hash, Key, Kind};
use holdfast_actors::repository::{Moment, Object, Reader};
use sha2::{Digest, Sha256};

use super::{Seen, former, walls};
use crate::ledger::Book;
use crate::oracle::{self, Name, ShelfId, Told};
use crate::world::Scene;

/// The id of this invariant.
pub(crate) const ID: &str = "acknowledged";

/// All kinds of objects.
const KINDS: [Kind; 6] = [
    Kind::Config,
    Kind::Data,
    Kind::Index,
    Kind::Key,
    Kind::Lock,
    Kind::Snapshot,
];

/// A client was told the size of an object, or that there is none.
pub(crate) fn stat(book: &mut Book, shelf: ShelfId, name: &Name, tick: u64, size: Option<Size>) {
    let still = book.oracle.still(shelf, tick).find(|(of, _)| of == name);
    let Some((_, object)) = still else { return };
    let size = size.map(Size::as_bytes);
    compare(book, shelf, name, object, size, "stat");
}

/// A client was told all names of a kind.
pub(crate) fn listing(
    book: &mut Book,
    shelf: ShelfId,
    kind: Kind,
    tick: u64,
    names: &[(Hash, Size)],
) {
    walls::listed(book, shelf, kind, tick, names);
    let still: Vec<_> = book.oracle.still(shelf, tick).collect();
    for (name, object) in still.into_iter().filter(|((of, _), _)| *of == kind) {
        let found = names.iter().find(|(listed, _)| *listed == name.1);
        let size = found.map(|(_, size)| size.as_bytes());
        compare(book, shelf, &name, object, size, "list");
    }
}

/// A client read an object, of this length and hash, or was told that there is none.
pub(crate) fn read(
    book: &mut Book,
    shelf: ShelfId,
    name: &Name,
    tick: u64,
    body: Option<(u64, Hash)>,
) {
    let known = book.oracle.object(shelf, name);
    if body.is_some() && known.is_none() {
        former::shown(book, shelf, name, tick);
    }
    if let (Some((_, hash)), Some(object)) = (body, known)
        && hash != object.hash
    {
        let story = format_args!("{}: other bytes than were stored", show(book, shelf, name));
        return book.breach(ID, story);
    }
    let still = book.oracle.still(shelf, tick).find(|(of, _)| of == name);
    if let Some((_, object)) = still {
        compare(
            book,
            shelf,
            name,
            object,
            body.map(|(length, _)| length),
            "read",
        );
    }
}

fn compare(
    book: &mut Book,
    shelf: ShelfId,
    name: &Name,
    object: oracle::Object,
    found: Option<u64>,
    how: &str,
) {
    let wrong = match (object.told, found) {
        // The end of a log that has rotted is not there, and neither is what it said.
        (_, None) | (Told::Absent, _) if book.is_rotten(book.shelves[shelf].tenant) => return,
        (Told::Present, None) => "acknowledged and not there",
        (Told::Absent, Some(_)) => "deleted, or never stored, and there",
        (_, Some(size)) if size != object.size => "of another size",
        (Told::Present | Told::Absent | Told::Either, _) => return,
    };
    let story = format!("{how} {}: {wrong}", show(book, shelf, name));
    book.breach(ID, format_args!("{story}"));
}

fn show(book: &Book, shelf: ShelfId, name: &Name) -> String {
    format!("{} {}/{:?}", book.shelves[shelf].user, name.0, name.1)
}

/// Nobody works: everything is compared, everything is read.
pub(crate) async fn check(scene: &Scene, seen: &Seen) {
    let shelves: Vec<_> = {
        let book = scene.ledger.book();
        let all = book.shelves.iter().enumerate();
        let own = all.filter(|(_, shelf)| shelf.tenant == seen.tenant);
        own.filter_map(|(id, shelf)| Some((id, shelf.space?)))
            .collect()
    };
    for (shelf, space) in shelves {
        let tick = scene.ledger.book().oracle.tick();
        for kind in KINDS {
            let listed = seen.snapshot.list(space, kind, Moment::Now, None);
            let listed: Vec<_> = listed.map(|(name, object)| (name, object.size)).collect();
            listing(&mut scene.ledger.book(), shelf, kind, tick, &listed);
        }
        let known: Vec<_> = scene.ledger.book().oracle.still(shelf, tick).collect();
        for (name, _) in known {
            let key = Key {
                space,
                kind: name.0,
                name: name.1,
            };
            let object = seen.snapshot.object(&key, Moment::Now);
            if let Some(object) = object {
                let body = body(&seen.reader, &key, object).await;
                let mut book = scene.ledger.book();
                match body {
                    Some(body) => read(&mut book, shelf, &name, tick, Some(body)),
                    None if book.is_rotten(seen.tenant) => {}
                    None => {
                        let story = format!("{}: cannot be read", show(&book, shelf, &name));
                        book.breach(ID, format_args!("{story}"));
                    }
                }
            }
            scene
                .ledger
                .book()
                .oracle
                .learn(shelf, &name, object.is_some());
        }
    }
}

/// Length and hash of an object as the operator reads it; none if it cannot be read.
pub(crate) async fn body(reader: &Reader, key: &Key, object: Object) -> Option<(u64, Hash)> {
    let mut body = reader
        .open(key, object, 0..object.size.as_bytes())
        .await
        .ok()?;
    let (mut digest, mut length) = (Sha256::new(), 0);
    while let Some(piece) = body.next().await {
        let piece = piece.ok()?;
        digest.update(&piece);
        length += piece.len() as u64;
    }
    Some((length, Hash::new(digest.finalize().into())))
}
