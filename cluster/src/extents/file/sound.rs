//! Reading an extent from a copy that is sound.

use std::io;

use bytes::Bytes;
use holdfast_actors::kernel::{ExtentId, NodeId};
use holdfast_actors::ports::IsSound;

use super::Extents;

impl Extents {
    /// Reads from the first node that has sound bytes; also, which nodes before had others. Without
    /// one, it reads as ever.
    pub(super) async fn read_sound(
        &self,
        extent: ExtentId,
        nodes: &[NodeId],
        (at, length): (u64, usize),
        is_sound: &IsSound,
    ) -> io::Result<(Bytes, Vec<NodeId>)> {
        let mut unsound = Vec::new();
        for node in nodes {
            match self.read_at(extent, *node, at, length).await {
                Ok(bytes) if is_sound(&bytes) => return Ok((bytes, unsound)),
                Ok(_) => unsound.push(*node),
                Err(refusal) => tracing::info!(%extent, %node, %refusal, "a copy is not to be had"),
            }
        }
        let bytes = self.read(extent, nodes, at, length, 0).await?;
        Ok((bytes, Vec::new()))
    }
}
