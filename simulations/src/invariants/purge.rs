//! What a removed repository held is destroyed when somebody ordered it and its days are over, not
//! before, and then nothing of it is left (section 9.4).
//!
//! Until an order is given, the catalog knows the repository and all extents that it had, and their
//! files lie on the disk. Nobody can read them in place: a removed repository is not served, and
//! is not brought back. An order is refused before bin, hold and purge hold are over, by the days
//! that operators were told. Some time after an order that was taken, there is neither a row, nor a
//! file, nor an entry of the index.

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::extent;

use crate::disk::Disk;
use crate::index::Index;
use crate::ledger::Book;
use crate::trace::Micros;
use crate::world::Scene;

/// The id of this invariant.
pub(crate) const ID: &str = "purge";

/// An order to destroy a repository, given then, was answered as done.
pub(crate) fn ordered(book: &mut Book, at: usize, given: Micros) {
    let former = book.former[at].clone();
    let today = book.today.since(given).copied();
    if let (Some(from), Some(today)) = (former.from, today)
        && today < from
    {
        let story = format_args!(
            "{} is to be destroyed on {today}, held until {from}",
            former.id
        );
        book.breach(ID, story);
    }
}

/// Nobody works: what nobody ordered to be destroyed is there.
pub(crate) fn check(book: &mut Book, scene: &Scene) {
    let rows = scene.catalog.rows();
    let missing = book.former.iter();
    let missing = missing.filter(|former| !former.may_be_ordered);
    let missing: Vec<_> = missing
        .filter(|former| {
            let row = rows.repositories.get(&former.id);
            row.and_then(|row| row.removed.as_ref())
                .is_none_or(|removal| removal.purge)
        })
        .map(|former| former.id)
        .collect();
    for id in missing {
        book.breach(ID, format_args!("{id} is gone, and nobody ordered it"));
    }
}

/// What nobody ordered to be destroyed lies on the disk, as long as the catalog says.
fn stays(book: &mut Book, rows: &Rows, disk: &Disk) {
    let kept = book.former.iter().filter(|former| !former.may_be_ordered);
    let kept: Vec<_> = kept.map(|former| former.id).collect();
    for (extent, row) in rows.extents.iter() {
        let Some(sealed) = row.sealed.filter(|sealed| *sealed > 0) else {
            continue;
        };
        if !kept.contains(&row.repository) {
            continue;
        }
        let path = extent::path(row.repository, *extent);
        let length = disk.content(&path).map_or(0, |bytes| bytes.len() as u64);
        if length < sealed {
            let id = row.repository;
            let story = format_args!("{extent} of {id} has {length} bytes of {sealed} left");
            book.breach(ID, story);
        }
    }
}

/// Nobody works, and has not for a while: what was ordered to be destroyed is gone.
pub(crate) fn over(book: &mut Book, scene: &Scene, disk: &Disk, index: &Index) {
    let rows = scene.catalog.rows();
    stays(book, &rows, disk);
    if rows.clock.doubted {
        return;
    }
    let ordered: Vec<_> = book
        .former
        .iter()
        .filter(|former| former.is_ordered)
        .map(|former| former.id)
        .collect();
    for id in ordered {
        let folder = format!("{}/", extent::folder(id));
        let files = disk
            .paths()
            .iter()
            .filter(|path| path.starts_with(&folder))
            .count();
        let entries = index.of_repository(id);
        let is_known = rows.repositories.contains_key(&id);
        if is_known || files > 0 || entries > 0 {
            let story = format_args!(
                "{id} was destroyed: known {is_known}, {files} files, {entries} entries are left"
            );
            book.breach(ID, story);
        }
    }
}
