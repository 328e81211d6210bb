//! An extent that another node may be writing.

use std::io;

use bytes::Bytes;
use holdfast_actors::kernel::{ExtentId, NodeId};
use holdfast_actors::ports::{File, Pending};

use super::Extents;

/// Reads what one of its replicas has.
pub(super) struct Followed {
    pub(super) extents: Extents,
    pub(super) extent: ExtentId,
    /// In the order in which they are read from.
    pub(super) nodes: Vec<NodeId>,
}

fn refused<T>() -> Pending<io::Result<T>> {
    Box::pin(async { Err(io::ErrorKind::ReadOnlyFilesystem.into()) })
}

impl File for Followed {
    fn write(&self, _: u64, _: Vec<Bytes>) -> Pending<io::Result<()>> {
        refused()
    }

    fn sync(&self) -> Pending<io::Result<()>> {
        refused()
    }

    fn read(&self, at: u64, length: usize) -> Pending<io::Result<Bytes>> {
        let (extents, extent, nodes) = (self.extents.clone(), self.extent, self.nodes.clone());
        Box::pin(async move { extents.read(extent, &nodes, at, length, 0).await })
    }

    /// Nobody here knows: it ends where no more is read.
    fn length(&self) -> Pending<io::Result<u64>> {
        Box::pin(async { Ok(u64::MAX) })
    }

    fn truncate(&self, _: u64) -> Pending<io::Result<()>> {
        refused()
    }

    fn reserve(&self, _: u64) -> Pending<io::Result<()>> {
        refused()
    }
}
