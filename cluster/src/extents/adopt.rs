//! Extents that lie in the directory of a new node, of a catalog that is brought back: what of them
//! is sound, and how the node comes to know of them.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::extent;
use holdfast_actors::journal::{self, Snapshot, snapshot};
use holdfast_actors::kernel::{ExtentId, RepositoryId, Sequence};
use holdfast_actors::ports::Disk;
use holdfast_actors::schema;

use super::store::sound;
use super::word::{Copied, Record};
use crate::folder::Folder;
use crate::member::REPLICAS;
use crate::repair::frames::Frames;

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;
/// The folder of all extents.
const EXTENTS: &str = "extents";

/// What lies in a directory of what a catalog names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adopted {
    /// Extents that are there, each byte of them checked; with their lengths.
    pub sound: BTreeMap<ExtentId, u64>,
    /// Extents that are not, or not as long as they are sealed, or damaged; with what is wrong.
    pub missing: BTreeMap<ExtentId, String>,
    /// The highest number of an extent there, whether the catalog knows it or not.
    pub last: u64,
    /// How many there are that the catalog does not know: they came after it was written down.
    pub unknown: u64,
}

/// Reads all extents of a catalog that should lie on a disk.
///
/// # Errors
/// When the disk cannot be listed.
pub async fn look(disk: &Arc<dyn Disk>, rows: &Rows) -> io::Result<Adopted> {
    let mut adopted = Adopted::default();
    for (id, row) in &rows.extents {
        match checked(disk, row.repository, *id, row.sealed).await {
            Ok(length) => drop(adopted.sound.insert(*id, length)),
            // One that nobody was ever told of may have no file.
            Err(_) if row.sealed.is_none() && !rows.begun.contains(id) => {}
            Err(error) => drop(adopted.missing.insert(*id, error.to_string())),
        }
    }
    for folder in disk.list(EXTENTS).await? {
        let Some(repository) = folder.parse().ok().map(RepositoryId::new) else {
            continue;
        };
        for name in disk.list(&extent::folder(repository)).await? {
            if let Some(id) = extent::named(&name) {
                adopted.last = adopted.last.max(id.raw());
                adopted.unknown += u64::from(!rows.extents.contains_key(&id));
            }
        }
    }
    Ok(adopted)
}

/// The length of an extent all of whose bytes are sound: as it is sealed, or up to the first frame
/// that is not whole.
async fn checked(
    disk: &Arc<dyn Disk>,
    repository: RepositoryId,
    extent: ExtentId,
    sealed: Option<u64>,
) -> io::Result<u64> {
    // Of nothing there is no file.
    if sealed == Some(0) {
        return Ok(0);
    }
    let file = disk.open(&extent::path(repository, extent)).await?;
    let Some(sealed) = sealed else {
        return sound(file.as_ref()).await;
    };
    let found = file.length().await?;
    if found != sealed {
        let told = format!("{found} bytes, and it was sealed at {sealed}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, told));
    }
    let (mut frames, mut at) = (Frames::default(), 0);
    while at < sealed {
        let bytes = file.read(at, PIECE.min((sealed - at) as usize)).await?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        at += bytes.len() as u64;
        let taken = frames.take(&bytes);
        taken.map_err(|damaged| io::Error::new(io::ErrorKind::InvalidData, damaged))?;
    }
    Ok(sealed)
}

/// Has a node of a cluster that never ran know that these replicas are there.
///
/// # Errors
/// When the disk says no.
pub async fn note(disk: &Arc<dyn Disk>, rows: &Rows, adopted: &Adopted) -> io::Result<()> {
    let mut records = Vec::new();
    for (extent, length) in &adopted.sound {
        let Some(row) = rows.extents.get(extent) else {
            continue;
        };
        let (extent, repository, epoch) = (*extent, row.repository, row.epoch);
        records.push(match row.sealed {
            Some(_) => Record::Copied(Copied {
                extent,
                repository,
                epoch,
                length: *length,
            }),
            None => Record::Created {
                extent,
                repository,
                epoch,
            },
        });
    }
    let parts = records.iter().map(|it| schema::encode(it).into()).collect();
    // Of a journal that begins with it, whatever is in it.
    let through = Sequence::default();
    let folder = Folder::new(Arc::clone(disk), REPLICAS);
    snapshot::write(&folder, journal::FOLDER, Snapshot { through, parts }).await
}
