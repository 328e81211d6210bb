//! Which nodes new extents are made without for a while, as far as whoever writes here knows.
//!
//! A node that just failed to answer an append fails to answer the next question too, and each such
//! answer is waited for as long. So a new extent is made without it, where enough others are left,
//! the node that writes included: the catalog, which gave it the replica, may not have heard yet
//! that the node is gone, and never hears of a disk that is slow.
//!
//! A node that fails once more after its time is left out for twice as long, and what it answers
//! meanwhile says nothing: a slow disk answers now and then. It is forgiven once it has made
//! durable what it was to, for as long as it was left out.
//!
//! Invariant: a node is left out only if it failed not longer than [`PAUSE_MAX`] ago, and never if
//! fewer than the least number of copies would be asked for.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use holdfast_actors::kernel::{Instant, NodeId};

/// How long a node is left out that failed for the first time: longer than its lease lasts, so that
/// from then on the catalog knows whether it is there; and so long that the failures of one slow
/// disk take no repository out of service.
const PAUSE: Duration = Duration::from_secs(10);
/// How long at most.
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// Who has failed lately, and how long each is left out for it.
#[derive(Debug, Default)]
pub struct Shunned(BTreeMap<NodeId, Failed>);

#[derive(Clone, Copy, Debug)]
struct Failed {
    pause: Duration,
    until: Instant,
}

impl Shunned {
    /// A node did not do what it was to: it did not answer in time, could not be asked, or its disk
    /// failed to write.
    pub fn failed(&mut self, now: Instant, node: NodeId) {
        let pause = match self.0.get(&node) {
            None => PAUSE,
            // Of what was under way with it, all fails.
            Some(before) if now < before.until => before.pause,
            Some(before) => (before.pause * 2).min(PAUSE_MAX),
        };
        let until = now + pause;
        self.0.insert(node, Failed { pause, until });
    }

    /// A node has made durable all that it was to.
    pub fn did(&mut self, now: Instant, node: NodeId) {
        let is_well = |failed: &Failed| failed.until + failed.pause <= now;
        if self.0.get(&node).is_some_and(is_well) {
            self.0.remove(&node);
        }
    }

    /// Whether a node is left out where others are as good.
    pub fn is_shunned(&self, now: Instant, node: NodeId) -> bool {
        self.0.get(&node).is_some_and(|failed| now < failed.until)
    }

    /// Those of the nodes of a new extent that are not asked: all that are `absent`, and of those
    /// that failed lately as many as can go with `least` left, those that are left out longest
    /// first.
    pub fn left_out(
        &self,
        now: Instant,
        nodes: &[NodeId],
        absent: &[NodeId],
        least: usize,
    ) -> Vec<NodeId> {
        let is_absent = |node: &&NodeId| absent.contains(node);
        let mut out: Vec<NodeId> = nodes.iter().filter(is_absent).copied().collect();
        let there = nodes.iter().filter(|node| !is_absent(node)).copied();
        let mut shunned: Vec<NodeId> = there.filter(|node| self.is_shunned(now, *node)).collect();
        shunned.sort_by_key(|node| Reverse(self.0.get(node).map(|it| (it.pause, it.until))));
        let spare = (nodes.len() - out.len()).saturating_sub(least.max(1));
        out.extend(shunned.into_iter().take(spare));
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    fn nodes(numbers: &[u64]) -> Vec<NodeId> {
        numbers.iter().copied().map(NodeId::new).collect()
    }

    const TWO: NodeId = NodeId::new(2);

    /// For how many seconds from now a node is left out.
    fn left_out_for(shunned: &Shunned, now: u64) -> u64 {
        let is_out = |seconds: &u64| {
            let out = shunned.left_out(at(now + seconds), &nodes(&[1, 2, 3]), &[], 2);
            out == [TWO]
        };
        (0..1_000).take_while(is_out).count() as u64
    }

    #[test]
    fn a_node_that_fails_again_and_again_is_left_out_twice_as_long_each_time_up_to_five_minutes() {
        let mut shunned = Shunned::default();
        let (mut now, mut pauses) = (100, Vec::new());
        for _ in 0..7 {
            shunned.failed(at(now), TWO);
            // What else was under way is the same failure, and words in between are no deeds.
            shunned.failed(at(now), TWO);
            shunned.did(at(now + 1), TWO);
            pauses.push(left_out_for(&shunned, now));
            now += pauses[pauses.len() - 1] + 2;
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn a_node_that_does_its_work_for_as_long_as_it_was_left_out_is_forgiven() {
        let mut shunned = Shunned::default();
        shunned.failed(at(100), TWO);
        shunned.did(at(111), TWO);
        shunned.did(at(119), TWO);
        shunned.failed(at(119), TWO);
        assert_eq!(left_out_for(&shunned, 119), 20);
        shunned.did(at(159), TWO);
        shunned.failed(at(160), TWO);
        assert_eq!(left_out_for(&shunned, 160), 10);
    }

    #[test]
    fn four_failures_of_one_disk_never_come_within_the_minute_that_ends_a_repository() {
        let policy = holdfast_actors::repositories::POLICY;
        let mut shunned = Shunned::default();
        let (mut now, mut failures) = (0, Vec::new());
        for _ in 0..12 {
            shunned.failed(at(now), TWO);
            failures.push(now);
            now += left_out_for(&shunned, now);
        }
        let many = policy.restarts as usize;
        let close = failures.windows(many + 1);
        let mut spans = close.map(|few| Duration::from_secs(few[many] - few[0]));
        assert!(spans.all(|span| span > policy.within), "{failures:?}");
    }

    #[test]
    fn where_too_few_are_left_those_are_asked_that_failed_least() {
        let (mut shunned, all) = (Shunned::default(), nodes(&[1, 2, 3]));
        shunned.failed(at(100), TWO);
        let absent = nodes(&[3]);
        assert_eq!(shunned.left_out(at(101), &all, &absent, 1), nodes(&[3, 2]));
        assert_eq!(shunned.left_out(at(101), &all, &absent, 2), absent);
        shunned.failed(at(111), TWO);
        shunned.failed(at(112), NodeId::new(1));
        assert_eq!(shunned.left_out(at(113), &all, &absent, 0), nodes(&[3, 2]));
        assert_eq!(shunned.left_out(at(113), &all, &[], 2), [TWO]);
        assert_eq!(shunned.left_out(at(113), &all, &[], 3), nodes(&[]));
        let worst = shunned.left_out(at(113), &all, &[], 1);
        assert_eq!(worst, nodes(&[2, 1]));
    }

    proptest! {
        #[test]
        fn nobody_is_left_out_without_a_reason_and_enough_are_asked(
            steps in prop::collection::vec((0..4_u64, 0..4_u64, 0..200_u64), 0..40),
            absent in prop::collection::btree_set(0..4_u64, 0..4),
            least in 0..4_usize,
        ) {
            let (mut shunned, mut now) = (Shunned::default(), 0);
            let mut told = BTreeMap::new();
            let all = nodes(&[0, 1, 2, 3]);
            let absent: Vec<NodeId> = absent.into_iter().map(NodeId::new).collect();
            for (what, node, pause) in steps {
                now += pause;
                let node = NodeId::new(node);
                if what == 0 {
                    shunned.did(at(now), node);
                } else {
                    shunned.failed(at(now), node);
                    told.insert(node, now);
                    // One of those that failed is not asked, if without it there are enough.
                    let out = shunned.left_out(at(now), &all, &[], 3);
                    prop_assert_eq!(out.len(), 1);
                }
                let out = shunned.left_out(at(now), &all, &absent, least);
                prop_assert!(absent.iter().all(|node| out.contains(node)));
                for node in out.iter().filter(|node| !absent.contains(node)) {
                    let failed = told.get(node).copied();
                    prop_assert!(failed.is_some_and(|failed| now - failed < 300));
                }
                let asked = all.len() - out.len();
                let could = all.len() - absent.len();
                prop_assert!(asked >= least.min(could), "{asked} of {could}");
            }
        }
    }
}
