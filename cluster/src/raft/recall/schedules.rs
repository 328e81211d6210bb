//! Random schedules: leaders that remember or begin anew, a voter whose disk is set back, questions
//! and answers that are late or lost.

use openraft::vote::RaftLeaderId;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use super::super::memory::{Memory, Shown};
use super::super::types::Kind;
use super::*;

type LeaderId = <Kind as openraft::RaftTypeConfig>::LeaderId;

/// The voter that is looked at.
const VOTER: u64 = 1;
const OTHERS: [u64; 3] = [2, 3, 4];
const STEPS: usize = 60;

#[derive(Clone, Debug)]
enum Step {
    /// Another leads in a new term, and the voter acknowledges so many entries; all of them are
    /// agreed on, or none.
    Leads(usize, u64, bool),
    /// Another begins anew and remembers nothing.
    Begins(usize),
    /// The voter begins anew, with what it had so many entries ago.
    SetBack(usize),
    /// So many milliseconds pass, and the voter wakes.
    Wakes(u64),
    /// A question is answered; or it is lost, or its answer.
    Answers(usize),
    Loses(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let other = 0..OTHERS.len();
    let step = prop_oneof![
        3 => (other.clone(), 1..4_u64, any::<bool>())
            .prop_map(|(by, entries, agreed)| Step::Leads(by, entries, agreed)),
        1 => other.prop_map(Step::Begins),
        2 => (0..4_usize).prop_map(Step::SetBack),
        4 => (0..900_u64).prop_map(Step::Wakes),
        4 => (0..4_usize).prop_map(Step::Answers),
        2 => (0..4_usize).prop_map(Step::Loses),
    ];
    prop::collection::vec(step, 1..STEPS)
}

/// A planted bug.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Planted {
    /// What a voter has forgotten is not told to it.
    Unrecalled,
}

struct World {
    planted: Option<Planted>,
    memories: BTreeMap<u64, Memory>,
    /// What each of the others knows to be agreed on because of the voter.
    agreed: BTreeMap<u64, LogId>,
    term: u64,
    /// All that the voter ever had, and what its run began with.
    history: Vec<Shown>,
    shown: Shown,
    run: u64,
    now: Duration,
    recall: Recall,
    asked: Vec<u64>,
    /// Who answered in this run, and whether one of them said that something is forgotten.
    answered: BTreeSet<u64>,
    is_told: bool,
}

impl World {
    fn new(planted: Option<Planted>) -> Self {
        let shown = Shown {
            term: 0,
            last: None,
        };
        Self {
            planted,
            memories: OTHERS.map(|other| (other, Memory::default())).into(),
            agreed: BTreeMap::new(),
            term: 0,
            history: vec![shown],
            shown,
            run: 0,
            now: Duration::ZERO,
            recall: Recall::default(),
            asked: Vec::new(),
            answered: BTreeSet::new(),
            is_told: false,
        }
    }

    fn others() -> Others {
        Others {
            voters: OTHERS.into(),
            all: OTHERS.into(),
        }
    }

    fn give(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.recall.step(self.now, event, &mut effects);
        for effect in effects {
            if let Effect::Ask(other) = effect {
                self.asked.push(other);
            }
        }
    }

    fn wake(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
        self.give(Event::Wake(Self::others()));
    }

    fn lead(&mut self, by: u64, entries: u64, is_agreed: bool) {
        self.give(Event::Heard(by));
        if !self.recall.hears(by) {
            return;
        }
        self.term += 1;
        let have = self.history.last().and_then(|shown| shown.last);
        let index = have.map_or(0, |id| id.index) + entries;
        let last = LogId::new(LeaderId::new(self.term, by).to_committed(), index);
        let memory = self.memories.entry(by).or_default();
        memory.acknowledge(VOTER, self.term, Some(last));
        if is_agreed {
            memory.agree(VOTER, self.term, Some(last));
            self.agreed.insert(by, last);
        }
        self.history.push(Shown {
            term: self.term,
            last: Some(last),
        });
    }

    fn set_back(&mut self, by: usize) {
        // Who knows that it forgot does not begin again.
        if self.is_told {
            return;
        }
        let keep = self.history.len().saturating_sub(by).max(1);
        self.history.truncate(keep);
        self.shown = self.history[keep - 1];
        self.run += 1;
        (self.now, self.recall) = (Duration::ZERO, Recall::default());
        self.asked.clear();
        self.answered.clear();
    }

    fn answer(&mut self, by: u64) {
        let memory = self.memories.entry(by).or_default();
        let forgotten = memory.recall(VOTER, self.run, &self.shown);
        let forgotten = forgotten.filter(|_| self.planted != Some(Planted::Unrecalled));
        self.is_told |= forgotten.is_some();
        self.answered.insert(by);
        self.give(Event::Answered { by, forgotten });
    }

    fn asked(&mut self, number: usize) -> Option<u64> {
        let number = number.checked_rem(self.asked.len())?;
        Some(self.asked.remove(number))
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Leads(by, entries, is_agreed) => self.lead(OTHERS[by], entries, is_agreed),
            Step::Begins(other) => {
                self.memories.insert(OTHERS[other], Memory::default());
                self.agreed.remove(&OTHERS[other]);
            }
            Step::SetBack(by) => self.set_back(by),
            Step::Wakes(millis) => self.wake(millis),
            Step::Answers(number) => {
                if let Some(by) = self.asked(number) {
                    self.answer(by);
                }
            }
            Step::Loses(number) => {
                if let Some(other) = self.asked(number) {
                    self.give(Event::Silent(other));
                }
            }
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let part = self.recall.part;
        if self.is_told {
            prop_assert!(self.recall.is_forgetful(), "told, and it is {part:?}");
        }
        if part == Part::Votes {
            let needed = if self.now < PATIENCE { 3 } else { 2 };
            prop_assert!(self.answered.len() >= needed, "of {:?}", self.answered);
            let lacks = |by: &&u64| Some(&self.shown.last) < self.had(by).as_ref();
            let told_by = self.answered.iter().find(lacks);
            prop_assert_eq!(told_by, None, "it votes, and lacks what was agreed on");
        }
        Ok(())
    }

    /// What was agreed on before this run, as one of the others knows.
    fn had(&self, by: &u64) -> Option<Option<LogId>> {
        let agreed = self.agreed.get(by).copied()?;
        // In this run it may have got more than it began with.
        let since = self.history.contains(&Shown {
            term: agreed.leader_id.term,
            last: Some(agreed),
        });
        (!since).then_some(Some(agreed))
    }

    /// Everybody answers from now on: the voter learns its part, and rests.
    fn calm(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..20 {
            while let Some(by) = self.asked(0) {
                self.answer(by);
                self.check()?;
            }
            match self.recall.deadline() {
                Some(at) => {
                    self.now = self.now.max(at);
                    self.wake(0);
                    self.check()?;
                }
                None if self.recall.part == Part::Asks => self.wake(0),
                None => return Ok(()),
            }
        }
        Err(TestCaseError::fail(format!("no rest: {:?}", self.recall)))
    }
}

fn run(planted: Option<Planted>, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut world = World::new(planted);
    for step in steps {
        world.step(step);
        world.check()?;
    }
    world.calm()
}

proptest! {
    #[test]
    fn nobody_votes_who_lacks_what_one_that_answered_saw_agreed_on(steps in steps()) {
        run(None, &steps)?;
    }
}

#[test]
fn a_recall_that_is_left_out_is_caught() {
    let config = Config {
        failure_persistence: None,
        cases: 2_000,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let caught = runner.run(&steps(), |steps| run(Some(Planted::Unrecalled), &steps));
    let Err(TestError::Fail(reason, _)) = caught else {
        panic!("{caught:?}");
    };
    assert!(
        reason.message().contains("lacks what was agreed on"),
        "{reason}"
    );
}
