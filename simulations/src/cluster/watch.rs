//! Whoever looks at a node and asks nothing of it: what it shows, and what it believes.

use std::sync::Arc;

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::Clock;
use holdfast_cluster::raft::Held;
use tokio::sync::watch;

use super::book::Book;
use super::invariants::holder::Belief;
use super::invariants::{holder, lease, time};
use super::planted::SLOW;
use crate::timepiece::Timepiece;
use crate::trace::Micros;

/// One who looks at one life of a node.
#[derive(Clone)]
pub(super) struct Watch {
    pub(super) node: NodeId,
    pub(super) book: Book,
    pub(super) time: Timepiece,
    pub(super) clock: Arc<dyn Clock>,
    /// By how many millionths its clock is too fast.
    pub(super) drift: i64,
    /// Whether it counts but one of so many ticks.
    pub(super) is_slow: bool,
}

impl Watch {
    /// Writes down what the node shows of the catalog.
    pub(super) async fn rows(self, mut rows: watch::Receiver<Rows>) {
        loop {
            self.show(&rows.borrow_and_update().clone());
            if rows.changed().await.is_err() {
                return;
            }
        }
    }

    fn show(&self, rows: &Rows) {
        let now = self.time.world();
        let mut pages = self.book.pages();
        time::check(&mut pages, self.node, rows, now);
        if pages.rows.index <= rows.index {
            pages.rows = rows.clone();
            lease::see(&mut pages, now);
            holder::check(&mut pages, self.node, rows, now);
        }
    }

    /// Writes down until when this life holds the node's lease, as it counts.
    pub(super) async fn believe(self, mut held: watch::Receiver<Option<Held>>) {
        loop {
            self.holds(*held.borrow_and_update());
            if held.changed().await.is_err() {
                return;
            }
        }
    }

    fn holds(&self, held: Option<Held>) {
        let mut pages = self.book.pages();
        let Some(held) = held else {
            pages.beliefs.remove(&self.node);
            return;
        };
        let left = self.clock.now().monotonic.until(held.until).as_micros();
        let rate = 1_000_000_u128.saturating_add_signed(i128::from(self.drift));
        let left = left * if self.is_slow { u128::from(SLOW) } else { 1 };
        let left = Micros::try_from(left * 1_000_000 / rate.max(1)).unwrap_or(0);
        let belief = Belief {
            epoch: held.epoch,
            until: self.time.world() + left,
        };
        pages.beliefs.insert(self.node, belief);
    }
}
