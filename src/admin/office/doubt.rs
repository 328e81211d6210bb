//! What becomes of an order that the catalog does not answer: whoever gave it waits for as long as
//! somebody may be elected, and is told what is missing once it is known that nobody can be.

use std::collections::BTreeSet;
use std::time::Duration;

use holdfast_actors::kernel::NodeId;

/// How long nobody asks why there is no answer: longer than an election.
const PATIENCE: Duration = Duration::from_secs(2);

/// One order without an answer.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    was_asked: bool,
}

/// What happened meanwhile.
#[derive(Debug)]
pub(super) enum Event {
    /// It was given, or waited for as long as was said.
    Waited,
    /// The voters were asked, and these answered.
    Heard {
        voters: BTreeSet<NodeId>,
        answered: BTreeSet<NodeId>,
    },
}

/// What to do until the catalog answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Wait so long.
    Wait(Duration),
    /// Ask the voters whether they are there.
    Ask,
    /// Wait for as long as it takes: somebody is being elected, or slow.
    Insist,
    /// No majority of them is there.
    Refuse(Missing),
}

/// Voters that do not answer, of which there are too many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    /// How many voters there are.
    pub(super) voters: usize,
    /// How many of them answer.
    pub(super) answer: usize,
    /// How many more have to.
    pub(super) wanted: usize,
    /// Who does not.
    pub(super) silent: BTreeSet<NodeId>,
}

impl Missing {
    /// What is missing to a majority, if something is.
    fn of(voters: &BTreeSet<NodeId>, answered: &BTreeSet<NodeId>) -> Option<Self> {
        let silent: BTreeSet<NodeId> = voters.difference(answered).copied().collect();
        let answer = voters.len() - silent.len();
        let majority = voters.len() / 2 + 1;
        let is_missing = !voters.is_empty() && answer < majority;
        is_missing.then(|| Self {
            voters: voters.len(),
            answer,
            wanted: majority - answer,
            silent,
        })
    }
}

impl Doubt {
    /// What follows from what happened; the order was given, to begin with.
    pub(super) fn step(&mut self, event: &Event) -> Next {
        match event {
            Event::Waited if !self.was_asked => {
                self.was_asked = true;
                Next::Wait(PATIENCE)
            }
            Event::Waited => Next::Ask,
            Event::Heard { voters, answered } => {
                Missing::of(voters, answered).map_or(Next::Insist, Next::Refuse)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nodes(numbers: impl IntoIterator<Item = u64>) -> BTreeSet<NodeId> {
        numbers.into_iter().map(NodeId::new).collect()
    }

    #[test]
    fn nobody_is_asked_before_an_election_could_be_over() {
        let mut doubt = Doubt::default();
        assert_eq!(doubt.step(&Event::Waited), Next::Wait(PATIENCE));
        assert_eq!(doubt.step(&Event::Waited), Next::Ask);
    }

    #[test]
    fn who_is_missing_is_named_and_how_many_have_to_come() {
        let heard = Event::Heard {
            voters: nodes(1..=5),
            answered: nodes([2, 9]),
        };
        let Next::Refuse(missing) = Doubt::default().step(&heard) else {
            panic!("one of five is no majority");
        };
        assert_eq!(missing.silent, nodes([1, 3, 4, 5]));
        assert_eq!((missing.answer, missing.voters, missing.wanted), (1, 5, 2));
    }

    proptest! {
        #[test]
        fn an_order_is_refused_exactly_if_no_majority_of_the_voters_answers(
            voters in prop::collection::btree_set(0..8_u64, 0..8),
            answered in prop::collection::btree_set(0..8_u64, 0..8),
        ) {
            let (voters, answered) = (nodes(voters), nodes(answered));
            let there = voters.intersection(&answered).count();
            let lost = !voters.is_empty() && there * 2 <= voters.len();
            let heard = Event::Heard { voters: voters.clone(), answered };
            match Doubt::default().step(&heard) {
                Next::Refuse(missing) => {
                    prop_assert!(lost);
                    prop_assert_eq!(missing.answer, there);
                    // With those that are wanted there is a majority, and not with one fewer.
                    let then = there + missing.wanted;
                    prop_assert!(then * 2 > voters.len() && (then - 1) * 2 <= voters.len());
                    prop_assert!(missing.wanted <= missing.silent.len());
                }
                Next::Insist => prop_assert!(!lost),
                next @ (Next::Wait(_) | Next::Ask) => prop_assert!(false, "{:?}", next),
            }
        }
    }
}
