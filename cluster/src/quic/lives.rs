//! Which run of a node is the one that counts: a data directory that was copied is no second node.

use std::collections::BTreeMap;

use holdfast_actors::kernel::NodeId;

use super::hello::Life;

const EARLIER: &str = "was started again since: this is an earlier run, or a copy of its directory";
const TWICE: &str = "runs twice: one of the two data directories is a copy";
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

/// The last run of each node that was seen.
#[derive(Debug, Default)]
pub struct Lives(BTreeMap<NodeId, Life>);

impl Lives {
    /// Takes note of a run; a later one takes the place of an earlier.
    ///
    /// # Errors
    /// When another run of the node counts.
    pub fn see(&mut self, node: NodeId, life: Life) -> Result<(), BadLife> {
        match self.0.get(&node) {
            Some(known) if known.count > life.count => Err(BadLife::Earlier(node)),
            Some(known) if known.count == life.count && known.salt != life.salt => {
                Err(BadLife::Twice(node))
            }
            Some(_) | None => {
                self.0.insert(node, life);
                Ok(())
            }
        }
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
        let mut see = |count, salt| lives.see(node, Life { count, salt });
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
        assert_eq!(lives.see(node, Life { count: 9, salt: 1 }), Ok(()));
        lives.keep(|_| false);
        assert_eq!(lives.see(node, Life { count: 1, salt: 2 }), Ok(()));
    }
}
