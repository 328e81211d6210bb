//! What a replica does first: it asks the others whether it has forgotten what it acknowledged.
//!
//! Until enough of them have answered it votes for nobody and is no candidate, and it takes nothing
//! from one that has not answered: what that one remembers is then of earlier runs. Others that
//! have just begun remember nothing and say so, so a cluster that begins at once elects at once.
//! One that does not know the question says that it cannot read it, and that is an answer.
//!
//! Whom it finds to have forgotten it reports to the catalog, again and again until that has heard.
//!
//! Invariant: who has forgotten something that one of those remembers who answered votes no more.

mod hands;
#[cfg(test)]
mod schedules;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::types::LogId;

pub(super) use hands::{Recalls, shown};

/// So long all others are waited for; from then on so many voters are enough as make a majority
/// with this one.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long nobody is asked after one was silent: until this one votes, and from then on.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How long the catalog is left alone that did not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// Whether a replica takes part in votes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Part {
    /// Not yet.
    #[default]
    Asks,
    Votes,
    /// Never again: it had acknowledged up to there and has forgotten it.
    Forgot(LogId),
}

/// The other nodes, as far as a replica knows. One that was set back may not know of all that vote
/// now, so all are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Others {
    voters: BTreeSet<u64>,
    all: BTreeSet<u64>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    /// It is looked what is to be done, with these others.
    Wake(Others),
    /// Another wants to give this replica something.
    Heard(u64),
    /// One answered with what this replica has forgotten, if that is anything.
    Answered { by: u64, forgotten: Option<LogId> },
    /// One did not answer.
    Silent(u64),
    /// Another has forgotten what it acknowledged to this replica.
    Forgot(u64),
    /// The catalog has heard who forgot.
    Reported(u64),
    /// The catalog may not have heard it.
    Unreported(u64),
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// Asks another what this replica has forgotten.
    Ask(u64),
    /// From now on this is the replica's part.
    Take(Part),
    /// Says in the log that another has forgotten what it acknowledged.
    Note(u64),
    /// Tells it to the catalog.
    Report(u64),
}

/// How far the catalog knows that somebody forgot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Report {
    /// It is to be told from then on.
    Due(Duration),
    UnderWay,
    Heard,
}

/// What the others said. Times count from the start of the replica.
#[derive(Debug, Default)]
struct Recall {
    others: Others,
    answered: BTreeSet<u64>,
    /// Who was asked in this round and has not answered.
    asked: BTreeSet<u64>,
    /// No round begins before.
    next: Duration,
    /// Whether all others were waited for.
    is_late: bool,
    part: Part,
    reports: BTreeMap<u64, Report>,
}

impl Recall {
    fn step(&mut self, now: Duration, event: Event, effects: &mut Vec<Effect>) {
        let before = self.part;
        match event {
            Event::Wake(others) => {
                self.others = others;
                self.proceed(now);
                self.ask(now, effects);
                self.report(now, effects);
            }
            Event::Heard(from) => {
                let is_known = self.answered.contains(&from);
                if !is_known && !self.is_forgetful() {
                    effects.push(Effect::Ask(from));
                }
            }
            Event::Answered { by, forgotten } => {
                self.answered.insert(by);
                if let Some(forgotten) = forgotten {
                    self.part = Part::Forgot(forgotten);
                }
                self.is_over(now, by);
            }
            Event::Silent(other) => self.is_over(now, other),
            Event::Forgot(node) => {
                if let Entry::Vacant(report) = self.reports.entry(node) {
                    report.insert(Report::Due(now));
                    effects.push(Effect::Note(node));
                }
            }
            Event::Reported(node) => {
                self.reports.insert(node, Report::Heard);
            }
            Event::Unreported(node) => {
                self.reports.insert(node, Report::Due(now + AGAIN));
            }
        }
        if self.part != before {
            effects.push(Effect::Take(self.part));
        }
    }

    /// When it is to be woken at the latest.
    fn deadline(&self) -> Option<Duration> {
        let round = (self.asked.is_empty() && !self.missing().is_empty()).then_some(self.next);
        let late = (self.part == Part::Asks && !self.is_late).then_some(PATIENCE);
        let reports = self.reports.values().filter_map(|report| match report {
            Report::Due(at) => Some(*at),
            Report::UnderWay | Report::Heard => None,
        });
        round.into_iter().chain(late).chain(reports).min()
    }

    /// Whether this replica may take something from another: that one has answered, and nobody
    /// remembers more than there is.
    fn hears(&self, from: u64) -> bool {
        self.answered.contains(&from) && !self.is_forgetful()
    }

    const fn is_forgetful(&self) -> bool {
        matches!(self.part, Part::Forgot(_))
    }

    #[cfg(test)]
    fn forgetful(&self) -> impl Iterator<Item = u64> {
        self.reports.keys().copied()
    }

    /// Votes once enough have answered.
    fn proceed(&mut self, now: Duration) {
        self.is_late = now >= PATIENCE;
        let Others { voters, all } = &self.others;
        let heard = voters.intersection(&self.answered).count();
        let is_majority = (heard + 1) * 2 > voters.len() + 1;
        let is_all = all.is_subset(&self.answered);
        let is_enough = is_all || is_majority && self.is_late;
        if self.part == Part::Asks && is_enough {
            self.part = Part::Votes;
        }
    }

    /// Asks all who have not answered, in rounds.
    fn ask(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        if self.asked.is_empty() && now >= self.next {
            self.asked = self.missing();
            effects.extend(self.asked.iter().map(|other| Effect::Ask(*other)));
        }
    }

    /// One who was asked has answered or was silent, and so may have been the last of a round.
    fn is_over(&mut self, now: Duration, other: u64) {
        if self.asked.remove(&other) && self.asked.is_empty() {
            let votes = self.part == Part::Votes;
            self.next = now + if votes { PAUSE.1 } else { PAUSE.0 };
        }
    }

    /// Tells the catalog what it has not heard.
    fn report(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        for (node, report) in &mut self.reports {
            if matches!(report, Report::Due(at) if *at <= now) {
                *report = Report::UnderWay;
                effects.push(Effect::Report(*node));
            }
        }
    }

    /// Who is still to be asked.
    fn missing(&self) -> BTreeSet<u64> {
        match self.part {
            Part::Asks | Part::Votes => &self.others.all - &self.answered,
            Part::Forgot(_) => BTreeSet::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use openraft::vote::RaftLeaderId;

    use super::super::types::Kind;
    use super::*;

    type LeaderId = <Kind as openraft::RaftTypeConfig>::LeaderId;

    /// What becomes of a replica with so many other voters, of which these answered, the last with
    /// what is forgotten, after so many milliseconds.
    #[track_caller]
    fn check(voters: u64, answered: &[u64], forgotten: bool, millis: u64, expected: Part) {
        let mut recall = Recall::default();
        for by in answered {
            let is_told = forgotten && answered.last() == Some(by);
            answer(&mut recall, *by, is_told.then(lost));
        }
        wake(&mut recall, millis, &others(voters, 0));
        assert_eq!(recall.part, expected);
    }

    fn step(recall: &mut Recall, millis: u64, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        recall.step(Duration::from_millis(millis), event, &mut effects);
        effects
    }

    fn wake(recall: &mut Recall, millis: u64, others: &Others) -> Vec<Effect> {
        step(recall, millis, Event::Wake(others.clone()))
    }

    fn answer(recall: &mut Recall, by: u64, forgotten: Option<LogId>) -> Vec<Effect> {
        step(recall, 0, Event::Answered { by, forgotten })
    }

    fn deadline(recall: &Recall) -> Option<u128> {
        recall.deadline().map(|at| at.as_millis())
    }

    /// So many that vote, and so many that do not.
    fn others(voters: u64, more: u64) -> Others {
        Others {
            voters: (2..2 + voters).collect(),
            all: (2..2 + voters + more).collect(),
        }
    }

    pub(super) fn lost() -> LogId {
        LogId::new(LeaderId::new(3, 2).to_committed(), 9)
    }

    #[test]
    fn who_is_alone_votes_at_once_and_who_is_not_when_all_have_answered() {
        check(0, &[], false, 0, Part::Votes);
        check(2, &[], false, 0, Part::Asks);
        check(2, &[2], false, 1_999, Part::Asks);
        check(2, &[2, 7], false, 1_999, Part::Asks);
        check(2, &[2, 3], false, 1, Part::Votes);
    }

    #[test]
    fn a_majority_with_this_one_is_enough_once_the_others_were_waited_for() {
        check(2, &[2], false, 2_000, Part::Votes);
        check(2, &[], false, 9_000, Part::Asks);
        check(4, &[2], false, 9_000, Part::Asks);
        check(4, &[2, 5], false, 2_000, Part::Votes);
        check(3, &[2], false, 9_000, Part::Asks);
    }

    #[test]
    fn those_who_do_not_vote_are_asked_and_only_waited_for() {
        let (mut recall, others) = (Recall::default(), others(0, 2));
        assert_eq!(
            wake(&mut recall, 0, &others),
            [Effect::Ask(2), Effect::Ask(3)]
        );
        answer(&mut recall, 2, None);
        assert_eq!(deadline(&recall), Some(2_000));
        let votes = Effect::Take(Part::Votes);
        assert_eq!(wake(&mut recall, 2_000, &others), [votes]);
        step(&mut recall, 2_001, Event::Silent(3));
        assert_eq!(wake(&mut recall, 3_001, &others), [Effect::Ask(3)]);
        let forgot = Part::Forgot(lost());
        assert_eq!(answer(&mut recall, 3, Some(lost())), [Effect::Take(forgot)]);
    }

    #[test]
    fn who_forgot_never_votes_again_whoever_says_so_and_whenever() {
        check(2, &[2, 3], true, 0, Part::Forgot(lost()));
        check(4, &[2], true, 9_000, Part::Forgot(lost()));
        let (mut recall, others) = (Recall::default(), others(2, 0));
        answer(&mut recall, 2, None);
        let votes = [Effect::Ask(3), Effect::Take(Part::Votes)];
        assert_eq!(wake(&mut recall, 2_000, &others), votes);
        answer(&mut recall, 3, Some(lost()));
        answer(&mut recall, 2, None);
        assert_eq!(wake(&mut recall, 9_000, &others), []);
        assert_eq!(recall.part, Part::Forgot(lost()));
        assert_eq!(recall.deadline(), None);
    }

    #[test]
    fn who_wants_to_be_heard_is_asked_before_anything_is_taken_from_him() {
        let mut recall = Recall::default();
        assert_eq!(step(&mut recall, 0, Event::Heard(5)), [Effect::Ask(5)]);
        assert!(!recall.hears(5));
        answer(&mut recall, 5, None);
        assert!(recall.hears(5) && !recall.hears(2));
        assert_eq!(step(&mut recall, 1, Event::Heard(5)), []);
        answer(&mut recall, 2, Some(lost()));
        assert!(!recall.hears(5) && !recall.hears(2));
        assert_eq!(step(&mut recall, 2, Event::Heard(7)), []);
    }

    #[test]
    fn a_round_begins_a_while_after_the_last_one_has_ended() {
        let (mut recall, others) = (Recall::default(), others(2, 0));
        let both = [Effect::Ask(2), Effect::Ask(3)];
        assert_eq!(wake(&mut recall, 0, &others), both);
        step(&mut recall, 10, Event::Silent(2));
        assert_eq!(wake(&mut recall, 70, &others), [], "one may answer yet");
        step(&mut recall, 500, Event::Silent(3));
        assert_eq!(deadline(&recall), Some(550));
        assert_eq!(wake(&mut recall, 549, &others), []);
        assert_eq!(wake(&mut recall, 550, &others), both);
    }

    #[test]
    fn who_forgot_is_reported_until_the_catalog_has_heard_it() {
        let (mut recall, others) = (Recall::default(), Others::default());
        wake(&mut recall, 0, &others);
        assert_eq!(step(&mut recall, 5, Event::Forgot(3)), [Effect::Note(3)]);
        assert_eq!(deadline(&recall), Some(5));
        assert_eq!(wake(&mut recall, 5, &others), [Effect::Report(3)]);
        assert_eq!(wake(&mut recall, 6, &others), [], "it is under way");
        for failed in [10, 1_100, 9_000] {
            step(&mut recall, failed, Event::Unreported(3));
            assert_eq!(step(&mut recall, failed, Event::Forgot(3)), []);
            assert_eq!(deadline(&recall), Some(u128::from(failed) + 1_000));
            assert_eq!(wake(&mut recall, failed + 999, &others), []);
            let again = wake(&mut recall, failed + 1_000, &others);
            assert_eq!(again, [Effect::Report(3)]);
        }
        step(&mut recall, 20_000, Event::Reported(3));
        step(&mut recall, 20_001, Event::Forgot(3));
        assert_eq!(wake(&mut recall, 30_000, &others), []);
        assert_eq!(recall.deadline(), None);
    }
}
