//! What standbys decide, on a clock that the test moves; nothing is read or written.

use proptest::prelude::*;

use super::*;
use crate::kernel::{Act, Timestamp};

/// The standbys of a node, on a clock of their own.
#[derive(Default)]
struct Node {
    standbys: Standbys,
    now: Now,
}

const ONE: RepositoryId = RepositoryId::new(1);

impl Node {
    fn shown(acts: Acts<Standbys>) -> Vec<Effect> {
        let effects = acts.into_iter().map(|act| match act {
            Act::Show(effect) | Act::Start(effect) => effect,
            Act::Persist(record) => match record {},
        });
        effects.collect()
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut acts = Acts::default();
        self.standbys.step(self.now, event, &mut acts);
        assert_eq!(self.standbys.broken(), None);
        Self::shown(acts)
    }

    /// Lets so many milliseconds pass.
    fn pass(&mut self, millis: u64) -> Vec<Effect> {
        self.now.monotonic = self.now.monotonic + Duration::from_millis(millis);
        self.now.wall = Timestamp::from_millis(self.now.wall.as_millis() + millis);
        let mut acts = Acts::default();
        self.standbys.wake(self.now, &mut acts);
        assert_eq!(self.standbys.broken(), None);
        Self::shown(acts)
    }

    fn news(&mut self, wanted: &[RepositoryId], unwanted: &[RepositoryId]) -> Vec<Effect> {
        self.step(Event::News {
            wanted: wanted.to_vec(),
            unwanted: unwanted.to_vec(),
            gone: Vec::new(),
        })
    }

    fn gone(&mut self, id: RepositoryId) -> Vec<Effect> {
        self.step(Event::News {
            wanted: Vec::new(),
            unwanted: Vec::new(),
            gone: vec![id],
        })
    }

    fn found(&mut self, id: RepositoryId, entries: u64, unwritten: Option<u64>) -> Vec<Effect> {
        let found = Ok(Found {
            entries,
            objects: 10,
            unwritten,
        });
        self.step(Event::Followed { id, found })
    }

    /// With one that is known, and of which the index knows all.
    fn known() -> Self {
        let mut node = Self::default();
        let begun = node.news(&[ONE], &[]);
        let (id, anew) = (ONE, false);
        assert_eq!(begun, [Effect::Begin { id, anew }]);
        assert_eq!(node.found(ONE, 0, Some(0)), []);
        node
    }

    fn ask(&mut self) -> Vec<Effect> {
        self.step(Event::Asked {
            id: ONE,
            ticket: Ticket::new(7),
        })
    }
}

#[test]
fn a_log_that_grows_is_looked_at_often_and_one_that_rests_ever_more_rarely() {
    let mut node = Node::known();
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let before = node.now.monotonic;
        let at = node.standbys.deadline().unwrap();
        let pause = before.until(at).as_millis() as u64;
        pauses.push(pause);
        assert_eq!(node.pass(pause), [Effect::CatchUp(ONE)]);
        assert_eq!(node.found(ONE, 0, Some(0)), []);
    }
    assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
    node.pass(8_000);
    node.found(ONE, 3, Some(3));
    assert_eq!(node.pass(500), [Effect::CatchUp(ONE)]);
}

#[test]
fn what_is_known_is_given_once_and_then_forgotten() {
    let mut node = Node::known();
    assert_eq!(node.ask(), [Effect::Give(ONE, Ticket::new(7))]);
    assert_eq!(node.ask(), [Effect::Refuse(Ticket::new(7))]);
    assert_eq!(node.standbys.objects, 0);
}

#[test]
fn who_asks_while_the_log_is_read_gets_what_comes_of_it() {
    let mut node = Node::known();
    assert_eq!(node.pass(1_000), [Effect::CatchUp(ONE)]);
    assert_eq!(node.ask(), []);
    let given = node.found(ONE, 5, Some(5));
    assert_eq!(given, [Effect::Give(ONE, Ticket::new(7))]);
    let mut node = Node::known();
    node.pass(1_000);
    node.ask();
    let found = Err(Lost::Failed);
    let refused = node.step(Event::Followed { id: ONE, found });
    assert_eq!(refused, [Effect::Refuse(Ticket::new(7))]);
}

#[test]
fn who_asks_while_all_rows_are_written_does_not_wait_for_all_of_them() {
    let mut node = Node::default();
    node.news(&[ONE], &[]);
    assert_eq!(node.found(ONE, 90, None), [Effect::Write(ONE)]);
    assert_eq!(node.ask(), [Effect::LeaveOff(ONE)]);
    let (id, done) = (ONE, false);
    let given = node.step(Event::Written { id, done });
    assert_eq!(given, [Effect::Give(ONE, Ticket::new(7))]);
    let mut node = Node::known();
    node.pass(1_000);
    assert_eq!(node.found(ONE, 5_000, Some(5_000)), [Effect::Write(ONE)]);
    assert_eq!(node.ask(), [], "some rows are written in a moment");
}

#[test]
fn the_index_is_told_after_many_entries_or_when_no_more_come() {
    let mut node = Node::known();
    node.pass(1_000);
    assert_eq!(node.found(ONE, 20, Some(20)), []);
    let mut told = Vec::new();
    while told.is_empty() {
        told = node.pass(500);
        if told == [Effect::CatchUp(ONE)] {
            told = node.found(ONE, 0, Some(20));
        }
    }
    assert_eq!(told, [Effect::Write(ONE)]);
    let (id, done) = (ONE, true);
    assert_eq!(node.step(Event::Written { id, done }), []);
}

#[test]
fn one_whose_owner_went_stays_a_while_for_the_next_and_is_kept_in_the_index_alone_then() {
    let mut node = Node::known();
    node.pass(1_000);
    node.found(ONE, 1, Some(1));
    node.news(&[], &[ONE]);
    let (mut effects, mut left) = (Vec::new(), 1);
    for _ in 0..100 {
        let mut due = node.pass(500);
        while let Some(effect) = due.pop() {
            effects.push(effect);
            let (id, done) = (ONE, true);
            due.extend(match effect {
                Effect::CatchUp(_) => node.found(ONE, 0, Some(left)),
                Effect::Write(_) => {
                    left = 0;
                    node.step(Event::Written { id, done })
                }
                Effect::Begin { .. }
                | Effect::LeaveOff(_)
                | Effect::Forget(_)
                | Effect::Give(..)
                | Effect::Clear(_)
                | Effect::Refuse(_) => Vec::new(),
            });
        }
        if node.now.monotonic < Instant::default() + LINGER {
            assert!(!effects.contains(&Effect::Forget(ONE)));
        }
    }
    assert_eq!(effects.last(), Some(&Effect::Forget(ONE)));
    assert!(effects.contains(&Effect::Write(ONE)));
    assert_eq!(node.standbys.all.len(), 0);
}

#[test]
fn of_one_that_was_destroyed_nothing_stays_in_the_index() {
    let mut node = Node::known();
    assert_eq!(node.gone(ONE), [Effect::Clear(ONE)]);
    assert_eq!(node.standbys.all.len(), 0);
    let other = RepositoryId::new(2);
    assert_eq!(node.gone(other), [Effect::Clear(other)], "it once stood by");
    // What is being read is not written any more.
    let mut node = Node::known();
    assert_eq!(node.pass(1_000), [Effect::CatchUp(ONE)]);
    assert_eq!(node.gone(ONE), []);
    assert_eq!(node.found(ONE, 9_000, Some(9_000)), [Effect::Clear(ONE)]);
    // What is being written is left off.
    let mut node = Node::known();
    node.pass(1_000);
    assert_eq!(node.found(ONE, 5_000, Some(5_000)), [Effect::Write(ONE)]);
    assert_eq!(node.gone(ONE), [Effect::LeaveOff(ONE)]);
    let (id, done) = (ONE, false);
    let cleared = node.step(Event::Written { id, done });
    assert_eq!(cleared, [Effect::Clear(ONE)]);
    assert_eq!(node.standbys.objects, 0);
}

#[test]
fn one_that_is_wanted_again_stays() {
    let mut node = Node::known();
    node.news(&[], &[ONE]);
    node.news(&[ONE], &[]);
    node.pass(60_000);
    node.found(ONE, 0, Some(0));
    assert_eq!(node.ask(), [Effect::Give(ONE, Ticket::new(7))]);
}

#[test]
fn a_log_that_was_emptied_meanwhile_is_read_anew_at_once_and_after_that_later() {
    let mut node = Node::known();
    node.pass(1_000);
    let missed = |node: &mut Node| {
        let found = Err(Lost::Missed);
        node.step(Event::Followed { id: ONE, found })
    };
    let (id, anew) = (ONE, true);
    assert_eq!(missed(&mut node), [Effect::Begin { id, anew }]);
    assert_eq!(missed(&mut node), []);
    assert_eq!(node.pass(10_000), [Effect::Begin { id, anew }]);
}

#[test]
fn what_is_too_much_to_know_is_left_to_the_index() {
    let mut node = Node::known();
    node.pass(1_000);
    let found = Ok(Found {
        entries: 9,
        objects: OBJECTS_MAX + 1,
        unwritten: Some(9),
    });
    node.step(Event::Followed { id: ONE, found });
    assert_eq!(node.pass(500), [Effect::Write(ONE)]);
    let (id, done) = (ONE, true);
    node.step(Event::Written { id, done });
    assert_eq!(node.pass(500), [Effect::Forget(ONE)]);
    assert_eq!(node.standbys.objects, 0);
    assert_eq!(node.ask(), [Effect::Refuse(Ticket::new(7))]);
}

proptest! {
    /// Whatever happens in whatever order, each has its turn and no more is done at once than may.
    #[test]
    fn turns_come_to_all_and_few_at_once(
        steps in prop::collection::vec((0_u8..8, 1_u64..6), 1..200),
    ) {
        let mut node = Node::default();
        let mut busy: BTreeMap<RepositoryId, bool> = BTreeMap::new();
        let note = |effects: Vec<Effect>, busy: &mut BTreeMap<RepositoryId, bool>| {
            for effect in effects {
                match effect {
                    Effect::Begin { id, .. } | Effect::CatchUp(id) => {
                        assert_eq!(busy.insert(id, false), None);
                    }
                    Effect::Write(id) => assert_eq!(busy.insert(id, true), None),
                    Effect::LeaveOff(id) => assert_eq!(busy.get(&id), Some(&true)),
                    Effect::Forget(id) | Effect::Give(id, _) | Effect::Clear(id) => {
                        assert!(!busy.contains_key(&id));
                    }
                    Effect::Refuse(_) => {}
                }
                assert!(busy.len() <= AT_ONCE);
            }
        };
        for (what, number) in steps {
            let id = RepositoryId::new(number);
            let effects = match what {
                0 => node.news(&[id], &[]),
                1 => node.news(&[], &[id]),
                2 => node.pass(number * 700),
                3 => node.pass(number * 9_000),
                7 => node.gone(id),
                4 => node.step(Event::Asked { id, ticket: Ticket::new(1) }),
                _ => match busy.pop_first() {
                    Some((id, true)) => node.step(Event::Written { id, done: what == 5 }),
                    Some((id, false)) if what == 5 => node.found(id, number - 1, Some(number)),
                    Some((id, false)) => {
                        let found = Err(Lost::Failed);
                        node.step(Event::Followed { id, found })
                    }
                    None => Vec::new(),
                },
            };
            note(effects, &mut busy);
        }
    }
}
