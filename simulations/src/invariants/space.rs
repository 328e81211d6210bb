//! Space comes back: what was purged is not on the disk for ever.
//!
//! After three quarters of an hour in which nobody works, the sealed extents of a repository have
//! at most twice the bytes that count in it, with a little that is not worth the trouble; and there
//! is no file of an extent that the catalog does not know.

use std::collections::BTreeMap;

use holdfast_actors::extent;
use holdfast_actors::kernel::{ExtentId, RepositoryId};
use holdfast_actors::repository::{Place, Snapshot};

use crate::disk::Disk;
use crate::world::Scene;

/// The id of this invariant.
pub(crate) const ID: &str = "space";

/// Milliseconds after which all is done that is due: the catalog's clock is moved on every ten
/// minutes, and bins are looked through every twenty.
pub(crate) const QUIET: u64 = 45 * 60_000;

/// What is left where it lies, in bytes.
const SLACK: u64 = 256 << 10;
/// The frames and the entry of one object.
const FRAMES: u64 = 512;

/// Nobody works, and has not for a while.
pub(crate) async fn check(scene: &Scene, disk: &Disk) {
    for (tenant, id) in scene.repositories() {
        if scene.ledger.book().is_rotten(tenant) {
            continue;
        }
        if let Some(seen) = scene.see(tenant, id).await {
            compare(scene, disk, id, &seen.snapshot);
        }
    }
}

fn compare(scene: &Scene, disk: &Disk, id: RepositoryId, held: &Snapshot) {
    let rows = scene.catalog.rows();
    let sealed: u64 = rows.extents_of(id).filter_map(|(_, row)| row.sealed).sum();
    let count = counts(held);
    if sealed > 2 * count + SLACK + sealed / 32 {
        let story = format_args!("{id} has {sealed} bytes for {count} that count");
        scene.ledger.breach(ID, story);
    }
    let (folder, files) = (extent::folder(id), disk.paths());
    let mine = files.iter().filter_map(|path| {
        let name = path.strip_prefix(&folder)?.strip_prefix('/')?;
        extent::named(name)
    });
    let strange: Vec<ExtentId> = mine.filter(|id| !rows.extents.contains_key(id)).collect();
    if !strange.is_empty() {
        let story = format_args!("{id} has files of {strange:?}, which are no more");
        scene.ledger.breach(ID, story);
    }
}

/// About how many bytes count, in the bin or not; each object once, however many lives it has.
fn counts(held: &Snapshot) -> u64 {
    let sizes: BTreeMap<Place, u64> = held
        .everything()
        .map(|(_, object)| (object.place, object.size.as_bytes() + FRAMES))
        .collect();
    sizes.values().sum()
}
