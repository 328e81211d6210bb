//! Which nodes have been silent lately, as far as whoever writes here knows.
//!
//! A node that just failed to answer an append fails to answer the next question too, and each such
//! answer is waited for as long. So a new extent is made without it, where enough others are left:
//! the catalog, which gave it the replica, may not have heard yet that the node is gone.
//!
//! Invariant: a node is left out only if it was silent since it last spoke, not longer than
//! [`FORGIVEN`] ago, and never if fewer than the least number of copies would be asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use holdfast_actors::kernel::{Instant, NodeId};

/// How long after its silence a node is asked again: longer than its lease lasts. From then on the
/// catalog knows whether it is there.
const FORGIVEN: Duration = Duration::from_secs(5);

/// Who has been silent, and since when.
#[derive(Debug, Default)]
pub struct Silence(BTreeMap<NodeId, Instant>);

impl Silence {
    /// A node did not answer in time, or could not be asked.
    pub fn silent(&mut self, now: Instant, node: NodeId) {
        self.0.insert(node, now);
    }

    /// A node said something, whatever it was.
    pub fn spoke(&mut self, node: NodeId) {
        self.0.remove(&node);
    }

    /// Those of the nodes of a new extent that are not asked: all that are `absent`, and those that
    /// were silent, if without them there are at least `least`.
    pub fn left_out(
        &self,
        now: Instant,
        nodes: &[NodeId],
        absent: &[NodeId],
        least: usize,
    ) -> Vec<NodeId> {
        let is_silent = |node: &NodeId| {
            let since = self.0.get(node);
            since.is_some_and(|since| since.until(now) < FORGIVEN)
        };
        let out = nodes
            .iter()
            .filter(|node| absent.contains(node) || is_silent(node));
        let out: Vec<NodeId> = out.copied().collect();
        match nodes.len() - out.len() >= least.max(1) {
            true => out,
            false => absent.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1_000)
    }

    fn nodes(numbers: &[u64]) -> Vec<NodeId> {
        numbers.iter().copied().map(NodeId::new).collect()
    }

    #[test]
    fn a_node_that_was_just_silent_is_left_out_until_it_speaks_or_time_has_passed() {
        let (mut silence, all) = (Silence::default(), nodes(&[1, 2, 3]));
        silence.silent(at(10), NodeId::new(2));
        assert_eq!(silence.left_out(at(20), &all, &[], 2), nodes(&[2]));
        assert_eq!(silence.left_out(at(5_010), &all, &[], 2), nodes(&[]));
        silence.spoke(NodeId::new(2));
        assert_eq!(silence.left_out(at(30), &all, &[], 2), nodes(&[]));
    }

    #[test]
    fn where_too_few_are_left_the_silent_ones_are_asked() {
        let (mut silence, all) = (Silence::default(), nodes(&[1, 2, 3]));
        silence.silent(at(10), NodeId::new(2));
        let absent = nodes(&[3]);
        assert_eq!(silence.left_out(at(20), &all, &absent, 1), nodes(&[2, 3]));
        assert_eq!(silence.left_out(at(20), &all, &absent, 2), absent);
        silence.silent(at(10), NodeId::new(1));
        assert_eq!(silence.left_out(at(20), &all, &absent, 0), absent);
    }

    proptest! {
        #[test]
        fn nobody_is_left_out_without_a_reason_and_enough_are_asked(
            steps in prop::collection::vec((0..4_u64, 0..4_u64, 0..3_000_u64), 0..40),
            absent in prop::collection::btree_set(0..4_u64, 0..4),
            least in 0..4_usize,
        ) {
            let (mut silence, mut now) = (Silence::default(), 0);
            let mut told = BTreeMap::new();
            let all = nodes(&[0, 1, 2, 3]);
            let absent: Vec<NodeId> = absent.into_iter().map(NodeId::new).collect();
            for (what, node, pause) in steps {
                now += pause;
                let node = NodeId::new(node);
                if what == 0 {
                    silence.spoke(node);
                    told.remove(&node);
                } else {
                    silence.silent(at(now), node);
                    told.insert(node, now);
                }
                let out = silence.left_out(at(now), &all, &absent, least);
                prop_assert!(absent.iter().all(|node| out.contains(node)));
                for node in out.iter().filter(|node| !absent.contains(node)) {
                    let since = told.get(node).copied();
                    prop_assert!(since.is_some_and(|since| now - since < 5_000));
                }
                let asked = all.len() - out.len();
                let could = all.len() - absent.len();
                prop_assert!(asked >= least.min(could), "{asked} of {could}");
            }
        }
    }
}
