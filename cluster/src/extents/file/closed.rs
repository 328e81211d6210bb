//! An extent that takes nothing any more.

use std::io;

use bytes::Bytes;
use holdfast_actors::kernel::{ExtentId, NodeId};
use holdfast_actors::ports::{File, IsSound, Pending};

use super::Extents;

/// An extent that nobody writes any more.
pub(super) struct Closed {
    pub(super) extents: Extents,
    pub(super) extent: ExtentId,
    pub(super) length: u64,
    /// In the order in which they are read from.
    pub(super) nodes: Vec<NodeId>,
}

impl File for Closed {
    /// Recovery writes again what it found, to be sure that it is durable: it is.
    fn write(&self, at: u64, parts: Vec<Bytes>) -> Pending<io::Result<()>> {
        let end = at + parts.iter().map(|part| part.len() as u64).sum::<u64>();
        let inside = end <= self.length;
        let refused = || io::ErrorKind::ReadOnlyFilesystem.into();
        Box::pin(async move { inside.then_some(()).ok_or_else(refused) })
    }

    fn sync(&self) -> Pending<io::Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn read(&self, at: u64, length: usize) -> Pending<io::Result<Bytes>> {
        let (extents, extent, nodes) = (self.extents.clone(), self.extent, self.nodes.clone());
        let left = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX);
        let length = length.min(left);
        Box::pin(async move { extents.read(extent, &nodes, at, length, length).await })
    }

    fn read_sound(&self, at: u64, length: usize, sound: IsSound) -> Pending<io::Result<Bytes>> {
        let (extents, extent, nodes) = (self.extents.clone(), self.extent, self.nodes.clone());
        let left = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX);
        let length = length.min(left);
        Box::pin(async move {
            let found = extents.read_sound(extent, &nodes, (at, length), &sound);
            let (bytes, damaged) = found.await?;
            for node in damaged {
                extents.unsound.add(extent, node);
            }
            Ok(bytes)
        })
    }

    fn length(&self) -> Pending<io::Result<u64>> {
        let length = self.length;
        Box::pin(async move { Ok(length) })
    }

    fn truncate(&self, _: u64) -> Pending<io::Result<()>> {
        Box::pin(async { Err(io::ErrorKind::ReadOnlyFilesystem.into()) })
    }

    fn reserve(&self, _: u64) -> Pending<io::Result<()>> {
        Box::pin(async { Err(io::ErrorKind::ReadOnlyFilesystem.into()) })
    }
}
