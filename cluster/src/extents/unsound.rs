//! Replicas of which somebody has read something damaged that another replica has sound.
//!
//! Whoever reads has to go on and mends nothing: it says here what it found, and what keeps
//! replicas in line hears of it. What is not heard is found again by the next reader, or when the
//! replica is read back in its turn.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use holdfast_actors::kernel::{ExtentId, NodeId};
use tokio::sync::Notify;

/// So many are kept until somebody hears of them.
const MOST: usize = 1_000;

/// What readers of one node found.
#[derive(Debug, Default)]
pub struct Unsound {
    found: Mutex<BTreeSet<(ExtentId, NodeId)>>,
    news: Notify,
}

impl Unsound {
    fn found(&self) -> MutexGuard<'_, BTreeSet<(ExtentId, NodeId)>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A replica was found damaged.
    pub(crate) fn add(&self, extent: ExtentId, node: NodeId) {
        let mut found = self.found();
        if found.len() < MOST && found.insert((extent, node)) {
            tracing::warn!(%extent, %node, "a replica is damaged, and another one was read");
            self.news.notify_one();
        }
    }

    /// What was found since this was asked last; waits until there is something.
    pub async fn next(&self) -> BTreeSet<(ExtentId, NodeId)> {
        loop {
            let found = std::mem::take(&mut *self.found());
            if !found.is_empty() {
                return found;
            }
            self.news.notified().await;
        }
    }
}
