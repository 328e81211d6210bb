//! Services that write down what they do.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::Pending;
use holdfast_cluster::calls::{Answers, Rejected};

use super::history::{History, Number};
use super::invariants::{once, window};
use crate::dice::Dice;
use crate::timepiece::Timepiece;
use crate::world::pass;

/// The services of every node, and one that no node has.
pub(super) const NAMES: [&str; 4] = ["quick", "slow", "fussy", "absent"];

/// Milliseconds that slow work takes at most.
const SLOW: u64 = 200;

/// One service of one node.
pub(super) struct Service {
    pub(super) node: NodeId,
    pub(super) name: &'static str,
    pub(super) window: u16,
    pub(super) history: History,
    pub(super) time: Timepiece,
    pub(super) dice: Arc<Mutex<Dice>>,
}

/// The body of a question.
pub(super) fn question(number: Number, length: usize) -> Bytes {
    let mut body = vec![0; 8 + length];
    body[..8].copy_from_slice(&number.to_le_bytes());
    body.into()
}

/// What a node answers to a question.
pub(super) fn answer(number: Number, node: NodeId) -> Bytes {
    let mut body = (!number).to_le_bytes().to_vec();
    body.extend_from_slice(&node.raw().to_le_bytes());
    body.into()
}

impl Service {
    fn draw(&self, bound: u64) -> u64 {
        self.dice
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .below(bound)
    }
}

impl Answers for Service {
    fn answer(&self, from: NodeId, body: Bytes) -> Pending<Result<Bytes, Rejected>> {
        let raw = body.first_chunk::<8>().copied().unwrap_or_default();
        let (number, node) = (Number::from_le_bytes(raw), self.node);
        if self.name == "fussy" && self.draw(2) == 0 {
            return Box::pin(async { Err(Rejected("not this one".to_owned())) });
        }
        let now = self.time.world();
        let mut pages = self.history.pages();
        once::check(&mut pages, number, node, now);
        let at = (node, from, self.name);
        window::check(&mut pages, at, self.window, now);
        drop(pages);
        let work = Work {
            at,
            history: self.history.clone(),
        };
        let millis = match self.name {
            "slow" => Some(self.draw(SLOW)).filter(|millis| *millis > 0),
            _ => Some(0),
        };
        Box::pin(async move {
            let _work = work;
            match millis {
                Some(0) => {}
                Some(millis) => pass(millis).await,
                // Now and then nothing comes of it.
                None => std::future::pending().await,
            }
            Ok(answer(number, node))
        })
    }
}

/// A call under way, until it is done or dropped.
struct Work {
    at: (NodeId, NodeId, &'static str),
    history: History,
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(count) = self.history.pages().under_way.get_mut(&self.at) {
            *count -= 1;
        }
    }
}
