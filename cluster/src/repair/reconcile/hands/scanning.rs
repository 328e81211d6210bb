//! Reading replicas back, and asking others what theirs came to.

use std::collections::BTreeMap;

use bytes::Bytes;
use holdfast_actors::kernel::{ExtentId, NodeId};
use holdfast_actors::ports::Pending;

use super::super::super::super::extents::{self, Ask, Refusal};
use super::super::files::Scan;
use super::super::{Event, Scanned};
use super::{Message, ReconcileHands};

impl ReconcileHands {
    pub(super) fn scan(&mut self, extent: ExtentId, offset: u64, length: u32) -> Pending<Message> {
        let begun = self.scanned.take();
        let begun = begun.filter(|scan| scan.extent == extent && offset > 0);
        let ask = Ask::Read {
            extent,
            offset,
            length,
        };
        let asked = self
            .parts
            .store
            .ask(|reply| extents::Message::Ask(ask, Bytes::new(), reply));
        Box::pin(async move {
            let mut scan = begun.unwrap_or_else(|| Box::new(Scan::of(extent)));
            let scanned = match asked.await {
                Ok(Ok((_, bytes))) if !bytes.is_empty() => {
                    let sound = scan.frames.take(&bytes);
                    scan.digest.take(&bytes);
                    sound.map_or(Scanned::Damaged, |()| Scanned::Bytes(bytes.len() as u64))
                }
                Ok(Ok(_) | Err(Refusal::Broken)) => Scanned::Damaged,
                Ok(Err(_)) | Err(_) => Scanned::Gone,
            };
            Message::Scanned(extent, offset, scanned, scan)
        })
    }

    /// Asks for digests. What was read last was read to its end.
    pub(super) fn compare(&mut self, extent: ExtentId, with: Vec<NodeId>) -> Pending<Message> {
        let read = self.scanned.take().filter(|scan| scan.extent == extent);
        if let Some(scan) = read {
            self.digests.keep(extent, scan.digest.end());
        }
        let (mine, remote) = (self.digests.of(extent), self.parts.remote.clone());
        Box::pin(async move {
            let Some(mine) = mine else {
                return Message::Told(Event::Nothing);
            };
            let mut theirs = BTreeMap::new();
            for node in with {
                if let Some(digest) = remote.digest(node, extent).await {
                    theirs.insert(node, digest);
                }
            }
            Message::Told(Event::Compared {
                extent,
                mine,
                theirs,
            })
        })
    }
}
