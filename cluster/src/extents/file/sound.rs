//! Reading an extent from a copy that is sound.

use std::io;

use bytes::Bytes;
use holdfast_actors::kernel::{ExtentId, NodeId};
use holdfast_actors::ports::IsSound;

use super::super::Refusal;
use super::{Extents, error};

impl Extents {
    /// Reads from the first node that has sound bytes; also, which nodes before had others. Without
    /// one, it is silent if any is, and else reads as ever.
    pub(super) async fn read_sound(
        &self,
        extent: ExtentId,
        nodes: &[NodeId],
        (at, length): (u64, usize),
        is_sound: &IsSound,
    ) -> io::Result<(Bytes, Vec<NodeId>)> {
        let (mut unsound, mut silent) = (Vec::new(), None);
        for node in nodes {
            match self.read_at(extent, *node, at, length).await {
                Ok(bytes) if is_sound(&bytes) => return Ok((bytes, unsound)),
                Ok(_) => unsound.push(*node),
                Err(refusal) => {
                    tracing::info!(%extent, %node, %refusal, "a copy is not to be had");
                    silent = silent.or(matches!(refusal, Refusal::Silent(_)).then_some(refusal));
                }
            }
        }
        if let Some(refusal) = silent {
            return Err(error(refusal));
        }
        let bytes = self.read(extent, nodes, at, length, 0).await?;
        Ok((bytes, Vec::new()))
    }
}
