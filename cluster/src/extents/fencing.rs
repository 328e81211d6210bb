//! How far an extent goes whose writer is gone: the replicas are asked, and take nothing from it
//! afterwards.
//!
//! The writer was told of durable bytes when all replicas had them durable. So all of that is on
//! every replica that answers, and the shortest answer of any of them holds it.
//!
//! Unless a disk has damaged it since: a replica whose node started again, and found it broken off,
//! cannot tell a torn write from that. What it says counts only where no other replica says better;
//! and where all are broken off, as after a power loss of all nodes, one of them may be wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use holdfast_actors::kernel::{Instant, NodeId};

/// How long all replicas are waited for once one has answered.
const PATIENCE: Duration = Duration::from_millis(500);

/// The fencing of one extent whose file had been durable on all replicas. (Of one whose file had
/// not, nobody was told of anything: it is sealed empty, whatever replicas have.)
#[derive(Debug)]
pub struct Fencing {
    /// Who was asked and has not answered.
    asked: BTreeSet<NodeId>,
    /// Those of them that hold no lease: nobody waits for them if another answers.
    absent: BTreeSet<NodeId>,
    answers: BTreeMap<NodeId, u64>,
    /// Of those that are broken off there.
    torn: BTreeMap<NodeId, u64>,
    deadline: Option<Instant>,
}

/// What came of fencing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fenced {
    /// What the writer was told to be durable is not behind this.
    pub length: u64,
    /// Who has all of that.
    pub nodes: BTreeSet<NodeId>,
}

/// No replica of an extent answers that has it: it is asked again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no replica answers")]
pub struct Nobody;

impl Fencing {
    /// Begins to ask these.
    pub fn new(replicas: impl IntoIterator<Item = NodeId>) -> Self {
        Self {
            asked: replicas.into_iter().collect(),
            absent: BTreeSet::new(),
            answers: BTreeMap::new(),
            torn: BTreeMap::new(),
            deadline: None,
        }
    }

    /// These are most likely gone. To ask them does no harm, and to go without them loses nothing:
    /// any one answer holds what the writer was told of.
    #[must_use]
    pub fn without(mut self, absent: impl IntoIterator<Item = NodeId>) -> Self {
        self.absent.extend(absent);
        self
    }

    /// A replica takes nothing from the writer any more, and is durable so far.
    pub fn answered(&mut self, now: Instant, node: NodeId, durable: u64) {
        if self.asked.remove(&node) {
            self.answers.insert(node, durable);
            self.deadline.get_or_insert(now + PATIENCE);
        }
    }

    /// A replica takes nothing from the writer any more, and is broken off there.
    pub fn torn(&mut self, node: NodeId, durable: u64) {
        if self.asked.remove(&node) {
            self.torn.insert(node, durable);
        }
    }

    /// A node cannot be asked, does not answer, or has no such replica any more.
    pub fn failed(&mut self, node: NodeId) {
        self.asked.remove(&node);
    }

    /// When to look again though nobody answered.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline.filter(|_| !self.asked.is_empty())
    }

    /// What came of it, once that can be said.
    ///
    /// # Errors
    /// When nobody is left to answer, and nobody did.
    pub fn outcome(&self, now: Instant) -> Option<Result<Fenced, Nobody>> {
        let over = self.deadline.is_some_and(|deadline| deadline <= now);
        let here = self.asked.difference(&self.absent).next();
        let is_all = here.is_none() && !self.answers.is_empty();
        if !self.asked.is_empty() && !is_all && !over {
            return None;
        }
        let sure = self.answers.values().min().copied();
        let Some(length) = sure.or_else(|| self.guess()) else {
            return Some(Err(Nobody));
        };
        let all = self.answers.iter().chain(&self.torn);
        let whole = all.filter(|(_, durable)| **durable >= length);
        let nodes = whole.map(|(node, _)| *node).collect();
        Some(Ok(Fenced { length, nodes }))
    }

    /// How far an extent goes all of whose replicas are broken off. Of three, two have that much;
    /// of two, the shorter may be the damaged one.
    fn guess(&self) -> Option<u64> {
        let mut lengths: Vec<u64> = self.torn.values().copied().collect();
        lengths.sort_unstable_by(|one, other| other.cmp(one));
        lengths.get(usize::from(lengths.len() > 2)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn node(number: u64) -> NodeId {
        NodeId::new(number)
    }

    #[test]
    fn the_shortest_answer_counts_and_all_are_waited_for_a_while() {
        let start = Instant::default();
        let mut fencing = Fencing::new([node(1), node(2), node(3)]);
        assert_eq!(fencing.outcome(start), None);
        fencing.answered(start, node(2), 90);
        fencing.answered(start, node(1), 100);
        assert_eq!(fencing.outcome(start), None);
        let late = fencing.deadline().unwrap();
        let fenced = fencing.outcome(late).unwrap().unwrap();
        let nodes = BTreeSet::from([node(1), node(2)]);
        assert_eq!(fenced, Fenced { length: 90, nodes });
        fencing.failed(node(3));
        assert_eq!(fencing.deadline(), None);
        assert!(fencing.outcome(start).is_some());
    }

    #[test]
    fn an_answer_of_somebody_else_or_a_second_one_does_not_count() {
        let mut fencing = Fencing::new([node(1), node(2)]);
        fencing.answered(Instant::default(), node(7), 1);
        fencing.answered(Instant::default(), node(1), 50);
        fencing.answered(Instant::default(), node(1), 2);
        fencing.failed(node(2));
        let fenced = fencing.outcome(Instant::default()).unwrap().unwrap();
        assert_eq!(fenced.length, 50);
    }

    #[test]
    fn when_nobody_answers_nothing_is_known() {
        let mut fencing = Fencing::new([node(1), node(2)]);
        fencing.failed(node(1));
        assert_eq!(fencing.outcome(Instant::default()), None);
        fencing.failed(node(2));
        assert_eq!(fencing.outcome(Instant::default()), Some(Err(Nobody)));
    }

    #[test]
    fn a_replica_that_is_broken_off_does_not_shorten_what_another_has() {
        let start = Instant::default();
        let mut fencing = Fencing::new([node(1), node(2), node(3)]).without([node(3)]);
        fencing.torn(node(1), 20);
        assert_eq!(
            fencing.deadline(),
            None,
            "nobody knows anything for certain"
        );
        fencing.answered(start, node(2), 90);
        let fenced = fencing.outcome(start).unwrap().unwrap();
        let nodes = BTreeSet::from([node(2)]);
        assert_eq!(fenced, Fenced { length: 90, nodes });
    }

    #[test]
    fn who_is_absent_is_waited_for_while_all_others_are_broken_off() {
        let start = Instant::default();
        let mut fencing = Fencing::new([node(1), node(2), node(3)]).without([node(3)]);
        fencing.torn(node(1), 20);
        fencing.torn(node(2), 70);
        assert_eq!(fencing.outcome(start), None);
        fencing.answered(start, node(3), 50);
        let fenced = fencing.outcome(start).unwrap().unwrap();
        let nodes = BTreeSet::from([node(2), node(3)]);
        assert_eq!(fenced, Fenced { length: 50, nodes });
    }

    #[test]
    fn of_replicas_that_are_all_broken_off_one_may_be_damaged() {
        let fenced = |lengths: &[u64]| {
            let nodes = (1..).map(node).zip(lengths.iter().copied());
            let mut fencing = Fencing::new(nodes.clone().map(|(node, _)| node));
            nodes.for_each(|(node, length)| fencing.torn(node, length));
            fencing.outcome(Instant::default()).unwrap().unwrap()
        };
        let nodes = BTreeSet::from([node(2), node(3)]);
        assert_eq!(fenced(&[10, 80, 70]), Fenced { length: 70, nodes });
        let nodes = BTreeSet::from([node(2)]);
        assert_eq!(fenced(&[10, 80]), Fenced { length: 80, nodes });
        let nodes = BTreeSet::from([node(1)]);
        assert_eq!(fenced(&[10]), Fenced { length: 10, nodes });
    }

    #[test]
    fn nobody_waits_for_a_node_without_a_lease_if_another_answers() {
        let mut fencing = Fencing::new([node(1), node(2), node(3)]).without([node(3)]);
        let now = Instant::default();
        fencing.answered(now, node(1), 70);
        assert_eq!(fencing.outcome(now), None, "the second is there");
        fencing.answered(now, node(2), 80);
        let fenced = fencing.outcome(now).unwrap().unwrap();
        assert_eq!((fenced.length, fenced.nodes.len()), (70, 2));
        // Where nobody else answers, it is waited for.
        let mut fencing = Fencing::new([node(1), node(3)]).without([node(3)]);
        fencing.failed(node(1));
        assert_eq!(fencing.outcome(now), None);
        fencing.failed(node(3));
        assert_eq!(fencing.outcome(now), Some(Err(Nobody)));
    }
}
