//! Which run of a node is the one that counts: a data directory that was copied is no second node.

use std::collections::BTreeMap;
use std::time::Duration;

use holdfast_actors::kernel::{Instant, NodeId};

use super::hello::Life;

const EARLIER: &str = "was started again since: this is an earlier run, or a copy of its directory";
const TWICE: &str = "runs twice: one of the two data directories is a copy";
/// How long a later run waits for the end of an earlier one that is alive. One that was stopped is
/// dead much sooner: its connections are closed, or silent for long enough.
const PATIENCE: Duration = Duration::from_secs(10);
const OWN: &str = "is this node: a copy of its data directory runs elsewhere";

/// Why a run of a node is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLife {
    /// A later run has been seen: this one was stopped, or its directory is a copy.
    #[error("{0} {EARLIER}")]
    Earlier(NodeId),
    /// Two runs say that they are the same one.
    #[error("{0} {TWICE}")]
    Twice(NodeId),
    /// An earlier run is alive, and may end soon. Nobody is refused by that: it tries again.
    #[error("an earlier run of {0} is alive: this one waits for its end")]
    Waits(NodeId),
    /// The certificate is of this node itself.
    #[error("{0} {OWN}")]
    Own(NodeId),
}

impl BadLife {
    /// Whether this is such a sentence, about somebody else than who reads it.
    pub(super) fn is_told(sentence: &str) -> bool {
        let ends = [EARLIER, TWICE, OWN];
        sentence.starts_with("node-") && ends.iter().any(|end| sentence.ends_with(end))
    }
}

/// The last run of a node that was seen, and one that waits for its end, and since when.
#[derive(Debug)]
struct Known {
    life: Life,
    waits: Option<(Life, Instant)>,
}

/// The last run of each node that was seen.
#[derive(Debug, Default)]
pub struct Lives(BTreeMap<NodeId, Known>);

impl Lives {
    /// Takes note of a run; a later one takes the place of an earlier that is dead. Of one that is
    /// alive it is a copy, if that goes on living.
    ///
    /// # Errors
    /// When another run of the node counts.
    pub fn see(
        &mut self,
        node: NodeId,
        life: Life,
        now: Instant,
        is_alive: impl FnOnce(Life) -> bool,
    ) -> Result<(), BadLife> {
        if let Some(known) = self.0.get_mut(&node) {
            if known.life.count > life.count {
                return Err(BadLife::Earlier(node));
            }
            if known.life.count == life.count && known.life.salt != life.salt {
                return Err(BadLife::Twice(node));
            }
            if known.life != life && is_alive(known.life) {
                let waits = known.waits.filter(|(waits, _)| *waits == life);
                let (_, since) = *known.waits.insert(waits.unwrap_or((life, now)));
                return Err(match since.until(now) >= PATIENCE {
                    true => BadLife::Twice(node),
                    false => BadLife::Waits(node),
                });
            }
        }
        let is_same = |known: &Known| known.life == life;
        if !self.0.get(&node).is_some_and(is_same) {
            self.0.insert(node, Known { life, waits: None });
        }
        Ok(())
    }

    /// Forgets nodes that are no longer in the table.
    pub fn keep(&mut self, is_known: impl Fn(NodeId) -> bool) {
        self.0.retain(|node, _| is_known(*node));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_told_from_a_restart() {
        let (mut lives, node) = (Lives::default(), NodeId::new(3));
        let mut see =
            |count, salt| lives.see(node, Life { count, salt }, Instant::default(), |_| false);
        assert_eq!(see(1, 10), Ok(()));
        assert_eq!(see(1, 10), Ok(()));
        assert_eq!(see(2, 20), Ok(()), "a restart");
        assert_eq!(see(1, 10), Err(BadLife::Earlier(node)));
        assert_eq!(see(2, 21), Err(BadLife::Twice(node)));
        assert_eq!(see(3, 30), Ok(()));
    }

    #[test]
    fn a_node_that_left_the_table_is_forgotten() {
        let (mut lives, node) = (Lives::default(), NodeId::new(3));
        let see = |lives: &mut Lives, count| {
            let life = Life { count, salt: count };
            lives.see(node, life, Instant::default(), |_| false)
        };
        assert_eq!(see(&mut lives, 9), Ok(()));
        lives.keep(|_| false);
        assert_eq!(see(&mut lives, 1), Ok(()));
    }

    #[test]
    fn a_later_run_waits_for_an_earlier_that_is_alive_and_is_a_copy_if_that_goes_on() {
        let (mut lives, node) = (Lives::default(), NodeId::new(3));
        let mut see = |seconds: u64, count, salt, is_alive: bool| {
            let now = Instant::from_micros(seconds * 1_000_000);
            lives.see(node, Life { count, salt }, now, |_| is_alive)
        };
        assert_eq!(see(0, 1, 10, false), Ok(()));
        assert_eq!(see(1, 2, 20, true), Err(BadLife::Waits(node)));
        assert_eq!(see(2, 1, 10, true), Ok(()), "the earlier one counts");
        assert_eq!(see(10, 2, 20, true), Err(BadLife::Waits(node)));
        assert_eq!(see(10, 3, 30, true), Err(BadLife::Waits(node)), "another");
        assert_eq!(see(11, 3, 30, false), Ok(()), "the earlier one is dead");
        assert_eq!(see(12, 4, 40, true), Err(BadLife::Waits(node)));
        assert_eq!(see(22, 4, 40, true), Err(BadLife::Twice(node)));
        assert_eq!(see(23, 3, 30, true), Ok(()));
        assert_eq!(see(24, 2, 20, true), Err(BadLife::Earlier(node)));
    }
}
