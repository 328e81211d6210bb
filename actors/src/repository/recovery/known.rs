//! Where recovery begins when something is known already.

use std::io;
use std::sync::Arc;

use crate::extent;
use crate::kernel::{ExtentId, RepositoryId, Sequence};
use crate::ports::{Disk, File, Pending, Ports};
use crate::repository::chain::Chain;
use crate::repository::checkpoint::{self, Stamp, Unusable};
use crate::repository::entry::Place;
use crate::repository::machine::Repository;
use crate::repository::scan::Scan;

/// How a file is opened: one that nobody writes any more, or any.
pub(in crate::repository) type Opening = fn(&dyn Disk, &str) -> Pending<io::Result<Arc<dyn File>>>;

/// Begins with what the index has, if the log has the entry up to which it goes.
pub(in crate::repository) async fn indexed(
    ports: &Ports,
    id: RepositoryId,
    extents: &[(ExtentId, Option<u64>)],
    opening: Opening,
    repository: &mut Repository,
) -> Result<Start, Unusable> {
    let (stamp, snapshot) = checkpoint::read(&ports.index, id).await?;
    let from = behind(&ports.disk, id, extents, opening, &stamp).await;
    let from = from.ok_or(Unusable::Unknown(stamp.sequence))?;
    repository.resume(stamp, snapshot);
    Ok(from)
}

/// Where a scan begins, and the last entry that is known already.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::repository) struct Start {
    pub(in crate::repository) place: Place,
    pub(in crate::repository) known: Sequence,
    /// The checksum of its frame.
    pub(in crate::repository) checksum: u32,
    /// Up to which extent no entry counts.
    pub(in crate::repository) emptied: ExtentId,
    /// The frames before.
    pub(in crate::repository) chain: Chain,
}

/// The place behind the entry that a stamp names; `None` if the log has another one there.
pub(in crate::repository) async fn behind(
    disk: &Arc<dyn Disk>,
    id: RepositoryId,
    extents: &[(ExtentId, Option<u64>)],
    opening: Opening,
    stamp: &Stamp,
) -> Option<Start> {
    let Place { extent, offset } = stamp.place;
    let sealed = extents.iter().find(|(known, _)| *known == extent)?.1;
    let file = opening(disk.as_ref(), &extent::path(id, extent))
        .await
        .ok()?;
    let length = file.length().await.ok()?;
    let end = sealed.unwrap_or(length).min(length);
    let scan = Scan::new(extent, file, end, true).await;
    let mut scan = scan.ok()?;
    let frame = scan.frame(offset).await.ok()?.ok()?;
    let named = (stamp.sequence, stamp.checksum);
    let same = (frame.header.sequence, frame.header.checksum) == named && frame.entry.is_some();
    let offset = offset + frame.header.total();
    let from = Start {
        place: Place { extent, offset },
        known: stamp.sequence,
        checksum: stamp.checksum,
        emptied: stamp.emptied,
        chain: Chain::behind(extent, stamp.sequence),
    };
    same.then_some(from)
}
