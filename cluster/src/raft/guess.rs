//! Who is asked next for what only the leader does, and for how long.

use std::time::Duration;

/// How long the first who is asked has time to answer before another is.
const FIRST: Duration = Duration::from_millis(250);
/// How long anybody has at most.
const MOST: Duration = Duration::from_secs(2);

/// What one caller knows of the leader.
///
/// Whoever is silent has twice as long the next time. A command that is sent again is one more
/// command for the leader: callers that are as impatient with a leader that has much to do as with
/// one that is dead would give it more to do with each answer that is late, until none is in time.
#[derive(Debug, Default)]
pub(super) struct Guess {
    /// Who leads, as the last one said who was asked.
    hint: Option<u64>,
    /// Who led as far as this node knows, when that one was asked.
    last: Option<u64>,
    turn: usize,
    /// How often nobody answered.
    silences: u32,
}

impl Guess {
    /// The leader as it was told last, or as this node knows it, or one after the other of those
    /// that vote; as long as this node knows none of them, of those it was told of.
    pub(super) fn whom(
        &mut self,
        leader: Option<u64>,
        voters: impl Iterator<Item = u64>,
        known: &[u64],
    ) -> Option<u64> {
        if let Some(hint) = self.hint.take() {
            return Some(hint);
        }
        if let Some(leader) = leader.filter(|it| self.last != Some(*it)) {
            self.last = Some(leader);
            return Some(leader);
        }
        self.last = None;
        let voters: Vec<u64> = voters.collect();
        let others = if voters.is_empty() { known } else { &voters };
        self.turn += 1;
        others.get(self.turn % others.len().max(1)).copied()
    }

    /// How long to wait for an answer.
    pub(super) fn within(&self) -> Duration {
        MOST.min(FIRST * (1 << self.silences.min(8)))
    }

    /// This one took it; what it did is on its way here.
    pub(super) fn taken(&mut self, by: u64) {
        self.hint = Some(by);
        self.silences += 1;
    }

    /// This one does not lead, and may know who does.
    pub(super) fn elsewhere(&mut self, leader: Option<u64>) {
        self.hint = leader;
    }

    /// Nobody answered in time. That somebody could not be asked at all is no silence.
    pub(super) fn silent(&mut self) {
        self.silences += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whom(guess: &mut Guess, leader: Option<u64>) -> Option<u64> {
        guess.whom(leader, [1, 2, 3].into_iter(), &[7])
    }

    #[test]
    fn the_leader_is_asked_then_somebody_else_then_whom_that_one_names() {
        let mut guess = Guess::default();
        assert_eq!(whom(&mut guess, Some(3)), Some(3));
        guess.silent();
        assert_eq!(whom(&mut guess, Some(3)), Some(2), "it may be dead");
        guess.elsewhere(Some(1));
        assert_eq!(whom(&mut guess, Some(3)), Some(1));
        guess.taken(1);
        assert_eq!(whom(&mut guess, Some(3)), Some(1));
    }

    #[test]
    fn who_knows_nobody_asks_those_it_was_told_of() {
        let mut guess = Guess::default();
        assert_eq!(guess.whom(None, [].into_iter(), &[7]), Some(7));
        assert_eq!(guess.whom(None, [].into_iter(), &[]), None);
    }

    #[test]
    fn a_command_is_sent_a_few_times_only_to_a_leader_that_is_slow() {
        let (mut guess, mut spent, mut sent) = (Guess::default(), Duration::ZERO, 0);
        while spent < Duration::from_secs(10) {
            spent += guess.within();
            sent += 1;
            guess.silent();
        }
        assert_eq!(sent, 8);
        assert_eq!(guess.within(), MOST);
    }
}
