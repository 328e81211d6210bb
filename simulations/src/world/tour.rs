//! Where clients of several nodes are.

use crate::dice::Dice;

/// Where clients are: each goes to one of them in each round.
#[derive(Clone, Debug)]
pub(super) struct Tour {
    /// This node, of so many.
    pub(super) node: u64,
    pub(super) nodes: u64,
    /// The same for all nodes.
    pub(super) dice: Dice,
}

impl Tour {
    /// Whether a client comes to this node in a round.
    pub(super) fn comes(&self, client: usize, round: usize) -> bool {
        let mut dice = self.dice.fork(&format!("client {client} round {round}"));
        dice.below(self.nodes) == self.node
    }
}
