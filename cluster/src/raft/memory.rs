//! What a replica remembers of the logs of others: what they acknowledged to it while it led.
//!
//! What a node acknowledged may be agreed on because of that, so a node that comes back with less,
//! as one whose disk was set back does, may take no part: whom it votes for may lack what was
//! agreed on. Kept for as long as the process lives, and of the nodes that it led.
//!
//! An entry that was acknowledged may be taken back by a later leader unless it was agreed on. So
//! both are remembered, and what is not known to be agreed on counts only in the term in which it
//! was acknowledged.
//!
//! Invariant: nobody is said to have forgotten who has all that it ever acknowledged.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::types::LogId;

/// What a replica shows of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shown {
    /// The newest term in which it voted for somebody, or followed him.
    pub(super) term: u64,
    /// Its last entry.
    pub(super) last: Option<LogId>,
}

/// What one replica acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acknowledged {
    /// The term in which it did so last.
    term: u64,
    last: LogId,
    /// What of it was agreed on.
    agreed: Option<LogId>,
}

impl Acknowledged {
    /// Whether a replica that shows this has forgotten some of it. It must have shown it after it
    /// acknowledged.
    pub(super) fn is_forgotten(&self, shown: &Shown) -> bool {
        let is_same = shown.term == self.term;
        shown.last < self.agreed
            || shown.term < self.term
            || is_same && shown.last < Some(self.last)
    }

    /// Whether a replica has forgotten some of it that says to the leader of a term that it lacks
    /// this entry. It must have said so after it acknowledged.
    pub(super) fn is_lacking(&self, term: u64, entry: Option<LogId>) -> bool {
        let most = match term == self.term {
            true => Some(self.last),
            false => self.agreed,
        };
        entry.is_some() && entry <= most
    }

    /// The most that a replica must still have.
    const fn least(&self) -> LogId {
        match self.agreed {
            Some(agreed) => agreed,
            None => self.last,
        }
    }
}

/// What all others acknowledged.
#[derive(Debug, Default)]
pub(super) struct Memory {
    acknowledged: BTreeMap<u64, Acknowledged>,
    /// The last run of each that asked, and what it had forgotten.
    runs: BTreeMap<u64, (u64, Option<LogId>)>,
}

impl Memory {
    /// What a replica acknowledged up to now.
    pub(super) fn of(&self, node: u64) -> Option<Acknowledged> {
        self.acknowledged.get(&node).copied()
    }

    /// It acknowledged all up to an entry to this node, which led in that term.
    pub(super) fn acknowledge(&mut self, node: u64, term: u64, last: Option<LogId>) {
        let Some(last) = last else {
            return;
        };
        let new = Acknowledged {
            term,
            last,
            agreed: None,
        };
        let known = self.acknowledged.entry(node).or_insert(new);
        if term > known.term {
            (known.term, known.last) = (term, last);
        } else if term == known.term {
            known.last = known.last.max(last);
        }
    }

    /// All up to an entry is agreed on, as this node knows that leads in that term.
    pub(super) fn agree(&mut self, node: u64, term: u64, agreed: Option<LogId>) {
        if let Some(known) = self.acknowledged.get_mut(&node)
            && known.term == term
        {
            known.agreed = known.agreed.max(agreed.min(Some(known.last)));
        }
    }

    /// What the run of a replica that begins has forgotten that it had acknowledged, from what it
    /// shows before it acknowledges anything; `None` if that is nothing. Asked again, it is told
    /// the same, whatever it acknowledged since.
    pub(super) fn recall(&mut self, node: u64, run: u64, shown: &Shown) -> Option<LogId> {
        if let Some((known, told)) = self.runs.get(&node)
            && *known == run
        {
            return *told;
        }
        let known = self.acknowledged.get(&node);
        let forgotten = known.filter(|known| known.is_forgotten(shown));
        let told = forgotten.map(Acknowledged::least);
        self.runs.insert(node, (run, told));
        told
    }
}

#[cfg(test)]
mod tests {
    use openraft::vote::RaftLeaderId;

    use super::super::types::Kind;
    use super::*;

    type LeaderId = <Kind as openraft::RaftTypeConfig>::LeaderId;

    fn id(term: u64, index: u64) -> Option<LogId> {
        Some(LogId::new(LeaderId::new(term, 1).to_committed(), index))
    }

    fn shown(term: u64, last: Option<LogId>) -> Shown {
        Shown { term, last }
    }

    /// Node 2 acknowledged up to entry 10 in term 3, of which 7 entries are agreed on.
    fn memory() -> Memory {
        let mut memory = Memory::default();
        memory.acknowledge(2, 3, None);
        assert_eq!(memory.of(2), None);
        memory.acknowledge(2, 3, id(3, 10));
        memory.acknowledge(2, 3, id(3, 4));
        memory.agree(2, 3, id(3, 7));
        memory.agree(2, 3, id(3, 6));
        memory.agree(2, 2, id(2, 99));
        memory
    }

    #[test]
    fn who_shows_less_than_was_agreed_on_has_forgotten_it_in_any_term() {
        let known = memory().of(2).unwrap();
        assert!(known.is_forgotten(&shown(9, id(3, 6))));
        assert!(known.is_forgotten(&shown(9, None)));
        assert!(!known.is_forgotten(&shown(9, id(3, 7))));
        assert!(!known.is_forgotten(&shown(9, id(4, 8))));
    }

    #[test]
    fn what_a_later_leader_may_have_taken_back_counts_in_its_own_term_alone() {
        let known = memory().of(2).unwrap();
        assert!(known.is_forgotten(&shown(3, id(3, 9))));
        assert!(!known.is_forgotten(&shown(3, id(3, 10))));
        assert!(!known.is_forgotten(&shown(4, id(3, 9))));
        assert!(known.is_forgotten(&shown(2, id(3, 10))), "its vote is gone");
    }

    #[test]
    fn who_lacks_what_it_had_for_the_same_leader_has_forgotten_it() {
        let known = memory().of(2).unwrap();
        let lacks = |term, entry| known.is_lacking(term, entry);
        assert!(lacks(3, id(3, 10)) && lacks(3, id(3, 8)));
        assert!(!lacks(3, id(3, 11)), "it never had that");
        assert!(lacks(5, id(3, 7)) && !lacks(5, id(3, 8)));
        assert!(!lacks(3, None));
    }

    #[test]
    fn agreed_on_is_no_more_than_was_acknowledged() {
        let mut memory = memory();
        memory.agree(2, 3, id(3, 99));
        let known = memory.of(2).unwrap();
        assert!(!known.is_forgotten(&shown(9, id(3, 10))));
        memory.acknowledge(2, 5, id(5, 9));
        let known = memory.of(2).unwrap();
        assert!(known.is_forgotten(&shown(6, id(3, 9))));
        memory.acknowledge(2, 4, id(4, 50));
        assert_eq!(memory.of(2), Some(known), "a late word");
    }

    #[test]
    fn a_run_is_judged_once_by_what_earlier_ones_acknowledged() {
        let mut memory = memory();
        let behind = shown(3, id(3, 2));
        assert_eq!(memory.recall(5, 1, &behind), None, "nothing is known of it");
        memory.acknowledge(5, 3, id(3, 8));
        assert_eq!(memory.recall(5, 1, &behind), None, "the same run");
        assert_eq!(memory.recall(5, 2, &behind), id(3, 8));
        assert_eq!(memory.recall(2, 1, &behind), id(3, 7));
        assert_eq!(memory.recall(2, 1, &behind), id(3, 7));
        assert_eq!(memory.recall(2, 2, &shown(3, id(3, 10))), None);
    }
}
