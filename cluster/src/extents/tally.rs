//! When something is done on all replicas of an extent.

use std::collections::BTreeSet;

use holdfast_actors::kernel::NodeId;

use super::Refusal;

/// One append or sync, on its way to all replicas.
#[derive(Debug)]
pub struct Tally {
    missing: BTreeSet<NodeId>,
}

impl Tally {
    /// All of these must do it.
    pub fn new(nodes: impl IntoIterator<Item = NodeId>) -> Self {
        Self {
            missing: nodes.into_iter().collect(),
        }
    }

    /// What one of them says, and what that comes to: nothing yet, done everywhere, or not to be
    /// done everywhere any more.
    pub fn told(
        &mut self,
        node: NodeId,
        result: Result<(), Refusal>,
    ) -> Option<Result<(), Refusal>> {
        if let Err(refusal) = result {
            return Some(Err(refusal));
        }
        self.missing.remove(&node);
        self.missing.is_empty().then_some(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_done_when_all_have_done_it_and_not_when_one_cannot() {
        let nodes = [1, 2, 3].map(NodeId::new);
        let mut tally = Tally::new(nodes);
        assert_eq!(tally.told(nodes[0], Ok(())), None);
        assert_eq!(tally.told(nodes[0], Ok(())), None);
        assert_eq!(tally.told(nodes[2], Ok(())), None);
        assert_eq!(tally.told(nodes[1], Ok(())), Some(Ok(())));
        let mut tally = Tally::new(nodes);
        assert_eq!(tally.told(nodes[0], Ok(())), None);
        let broken = Err(Refusal::Broken);
        assert_eq!(tally.told(nodes[1], broken), Some(broken));
    }
}
