//! Files of copies, until they take their place.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::extent;
use holdfast_actors::kernel::{ExtentId, RepositoryId};
use holdfast_actors::ports::{Disk, File};

use super::super::digests::Making;
use super::super::frames::Frames;
use super::{Attempt, Pulled};

/// What a file that is being copied ends with.
const ENDING: &str = ".copy";

/// A file that is being copied.
pub struct Copying {
    pub(super) file: Arc<dyn File>,
    pub(super) frames: Frames,
}

/// A replica that is being read back.
pub struct Scan {
    pub(super) extent: ExtentId,
    pub(super) frames: Frames,
    pub(super) digest: Making,
}

impl Scan {
    /// From its beginning.
    pub(super) fn of(extent: ExtentId) -> Self {
        Self {
            extent,
            frames: Frames::default(),
            digest: Making::default(),
        }
    }
}

/// Files that nobody copies any more.
pub(super) async fn clear(disk: &Arc<dyn Disk>, repository: RepositoryId) {
    let folder = extent::folder(repository);
    let names = disk.list(&folder).await.unwrap_or_default();
    for name in names.iter().filter(|name| name.ends_with(ENDING)) {
        remove(disk, &format!("{folder}/{name}")).await;
    }
}

pub(super) async fn remove(disk: &Arc<dyn Disk>, path: &str) {
    if let Err(error) = disk.remove(path).await {
        tracing::warn!(path, %error, "what is left of a copy is still there");
    }
}

/// Where a copy lies until it is whole.
pub(super) fn copy_path(repository: RepositoryId, extent: ExtentId, attempt: Attempt) -> String {
    let folder = extent::folder(repository);
    format!("{folder}/{:012}-{attempt}{ENDING}", extent.raw())
}

/// A file for a copy, empty.
pub(super) async fn begin(disk: &Arc<dyn Disk>, path: &str) -> io::Result<Copying> {
    disk.remove(path).await?;
    let file = disk.create(path).await?;
    let frames = Frames::default();
    Ok(Copying { file, frames })
}

pub(super) async fn put(copying: &mut Copying, offset: u64, bytes: Bytes) -> Pulled {
    if copying.frames.take(&bytes).is_err() {
        return Pulled::Damaged;
    }
    let length = bytes.len() as u64;
    match copying.file.write(offset, vec![bytes]).await {
        Ok(()) => Pulled::Bytes(length),
        Err(_) => Pulled::Disk,
    }
}
