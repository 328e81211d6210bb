//! What follows from the digests of an extent's replicas.
//!
//! What most of all replicas agree on is right: a node that has another is told to copy it again,
//! whichever node finds out first. While no majority is known, those who have not read theirs yet
//! are waited for; when all are known and there is none, nobody can say which is right, and that is
//! told.

use std::collections::BTreeMap;

use holdfast_actors::catalog::command::ReplicaCommand;
use holdfast_actors::kernel::{Acts, ExtentId, NodeId};

use super::super::digests::Digest;
use super::{Effect, Reconcile};

impl Reconcile {
    /// Has a replica that was read to its end compared with those of the others.
    pub(super) fn compare_digests(&mut self, acts: &mut Acts<Self>) {
        for extent in std::mem::take(&mut self.to_compare) {
            let due = self.due.get(&extent).filter(|due| !due.wanted.fill);
            let Some(due) = due else { continue };
            let with: Vec<NodeId> = due.wanted.sources.iter().copied().collect();
            if !with.is_empty() {
                acts.show(Effect::Compare { extent, with });
            }
        }
    }

    /// The digests are here: of this node's replica, and of those that others have read.
    pub(super) fn compared(
        &mut self,
        extent: ExtentId,
        mine: Digest,
        theirs: &BTreeMap<NodeId, Digest>,
        acts: &mut Acts<Self>,
    ) {
        let due = self.due.get(&extent).filter(|due| !due.wanted.fill);
        let Some(due) = due else { return };
        let all = due.wanted.sources.len() + 1;
        let known: BTreeMap<NodeId, Digest> = theirs
            .iter()
            .filter(|(node, _)| due.wanted.sources.contains(*node))
            .map(|(node, digest)| (*node, *digest))
            .chain([(self.node, mine)])
            .collect();
        if known.values().all(|digest| *digest == mine) {
            return;
        }
        let votes = |digest: &Digest| known.values().filter(|it| *it == digest).count();
        let right = known.values().find(|digest| votes(digest) * 2 > all);
        let submit = |node, command| Effect::Submit {
            extent,
            node,
            command,
        };
        match right {
            Some(right) => {
                let others = known.iter().filter(|(_, digest)| *digest != right);
                let wrong: Vec<NodeId> = others.map(|(node, _)| *node).collect();
                for node in wrong {
                    if self.losing.insert((extent, node)) {
                        acts.show(submit(node, ReplicaCommand::Differs));
                    }
                }
            }
            None if known.len() == all => {
                acts.show(submit(self.node, ReplicaCommand::Undecided));
            }
            None => {}
        }
    }

    /// Says of damaged replicas that nobody else has a sound one of: once in a life of the node.
    pub(super) fn tell_last(&mut self, acts: &mut Acts<Self>) {
        for extent in std::mem::take(&mut self.to_tell) {
            if self.told.insert(extent) {
                acts.show(Effect::Submit {
                    extent,
                    node: self.node,
                    command: ReplicaCommand::LastDamaged,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
