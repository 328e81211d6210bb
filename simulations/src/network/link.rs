//! One life's end of the network, behind the [`Link`](ports::Link) port.

use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::{self, Arrival, FRAME_MAX, Pending, Unsent};
use tokio::sync::Notify;

use super::Network;
use crate::timepiece::Timepiece;
use crate::yields::Yields;

/// The network as one life of a node sees it.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) network: Network,
    pub(super) node: NodeId,
    pub(super) life: u64,
    /// Rings when something has arrived.
    pub(super) bell: Arc<Notify>,
    pub(super) time: Timepiece,
    pub(super) yields: Yields,
}

impl ports::Link for Link {
    fn node(&self) -> NodeId {
        self.node
    }

    fn send(&self, to: NodeId, frame: Bytes) -> Result<(), Unsent> {
        if frame.len() > FRAME_MAX {
            return Err(Unsent::TooLarge);
        }
        let mut state = self.network.state();
        if !state.is_alive(self.node, self.life) {
            return Err(Unsent::Closed);
        }
        state.send(self.node, to, frame, self.time.world())
    }

    fn receive(&self) -> Pending<Option<Arrival>> {
        let link = self.clone();
        Box::pin(async move {
            loop {
                // Before anything is taken: a caller that turns away loses nothing.
                link.yields.pass().await;
                {
                    let mut state = link.network.state();
                    if !state.is_alive(link.node, link.life) {
                        return None;
                    }
                    if let Some(arrival) = state.take(link.node, link.time.world()) {
                        return Some(arrival);
                    }
                }
                link.bell.notified().await;
            }
        })
    }
}
