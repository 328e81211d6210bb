//! What recall decides, on a clock that the test moves; nothing is read.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::kernel::Act;

/// The recall of a node, on a clock of its own.
#[derive(Default)]
struct Node {
    recall: Recall,
    now: Now,
    last: Ticket,
}

const ONE: RepositoryId = RepositoryId::new(1);
const TWO: RepositoryId = RepositoryId::new(2);
const THREE: RepositoryId = RepositoryId::new(3);

impl Node {
    fn shown(&self, acts: Acts<Recall>) -> Vec<Effect> {
        assert_eq!(self.recall.broken(), None);
        let effects = acts.into_iter().map(|act| match act {
            Act::Show(effect) | Act::Start(effect) => effect,
            Act::Persist(record) => match record {},
        });
        effects.collect()
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut acts = Acts::default();
        self.recall.step(self.now, event, &mut acts);
        self.shown(acts)
    }

    fn asked(&mut self, id: RepositoryId, since: u64) -> Vec<Effect> {
        self.last = self.last.next();
        self.step(Event::Asked {
            id,
            since: Instant::from_micros(since),
            ticket: self.last,
        })
    }

    fn loaded(&mut self, id: RepositoryId, objects: Option<u64>) -> Vec<Effect> {
        self.step(Event::Loaded { id, objects })
    }

    fn pass(&mut self, time: Duration) -> Vec<Effect> {
        self.now.monotonic = self.now.monotonic + time;
        let mut acts = Acts::default();
        self.recall.wake(self.now, &mut acts);
        self.shown(acts)
    }
}

fn ticket(number: u64) -> Ticket {
    Ticket::new(number)
}

#[test]
fn one_is_put_together_once_and_shown_to_all_who_ask() {
    let mut node = Node::default();
    assert_eq!(node.asked(ONE, 5), [Effect::Load(ONE)]);
    assert_eq!(node.asked(ONE, 5), []);
    let given = [Effect::Give(ONE, ticket(1)), Effect::Give(ONE, ticket(2))];
    assert_eq!(node.loaded(ONE, Some(9)), given);
    assert_eq!(node.asked(ONE, 5), [Effect::Give(ONE, ticket(3))]);
}

#[test]
fn what_was_put_together_before_a_majority_was_heard_is_not_shown_after() {
    let mut node = Node::default();
    node.asked(ONE, 5);
    node.loaded(ONE, Some(9));
    assert_eq!(node.asked(ONE, 6), [Effect::Forget(ONE), Effect::Load(ONE)]);
    assert_eq!(node.asked(ONE, 7), [Effect::Refuse(ticket(3))]);
    assert_eq!(node.loaded(ONE, Some(9)), [Effect::Give(ONE, ticket(2))]);
}

#[test]
fn one_that_cannot_be_read_is_refused_and_tried_again_for_the_next() {
    let mut node = Node::default();
    node.asked(ONE, 5);
    assert_eq!(node.loaded(ONE, None), [Effect::Refuse(ticket(1))]);
    assert_eq!(node.asked(ONE, 5), [Effect::Load(ONE)]);
}

#[test]
fn so_many_are_put_together_at_once_and_those_that_nobody_asks_for_are_forgotten() {
    let mut node = Node::default();
    assert_eq!(node.asked(ONE, 5), [Effect::Load(ONE)]);
    assert_eq!(node.asked(TWO, 5), [Effect::Load(TWO)]);
    assert_eq!(node.asked(THREE, 5), []);
    let next = [Effect::Give(ONE, ticket(1)), Effect::Load(THREE)];
    assert_eq!(node.loaded(ONE, Some(1)), next);
    node.loaded(TWO, Some(1));
    node.loaded(THREE, Some(1));
    node.pass(REST / 2);
    node.asked(ONE, 5);
    let forgotten = node.pass(REST / 2);
    assert_eq!(forgotten, [Effect::Forget(THREE), Effect::Forget(TWO)]);
    assert_eq!(node.pass(REST), [Effect::Forget(ONE)]);
    assert_eq!(node.recall.deadline(), None);
}

#[test]
fn the_ones_that_were_asked_for_last_have_the_room() {
    let mut node = Node::default();
    for id in [ONE, TWO] {
        node.pass(Duration::from_secs(1));
        node.asked(id, 5);
        node.loaded(id, Some(OBJECTS_MAX / 2));
    }
    node.pass(Duration::from_secs(1));
    node.asked(THREE, 5);
    let made_room = node.loaded(THREE, Some(OBJECTS_MAX / 2));
    let expected = [Effect::Give(THREE, ticket(3)), Effect::Forget(ONE)];
    assert_eq!(made_room, expected);
}

proptest! {
    #[test]
    fn everybody_is_answered_once_and_with_what_is_there(
        script in prop::collection::vec((0..5_u64, 0..4_u64, 1..4_u64), 0..60),
    ) {
        let mut node = Node::default();
        let mut there = BTreeMap::new();
        let (mut loading, mut answered) = (Vec::new(), 0);
        let mut told = |effects: Vec<Effect>, loading: &mut Vec<_>, there: &mut BTreeMap<_, _>| {
            for effect in effects {
                match effect {
                    Effect::Load(id) => loading.push(id),
                    Effect::Give(id, _) => {
                        assert!(there.contains_key(&id), "{id} is not there");
                        answered += 1;
                    }
                    Effect::Refuse(_) => answered += 1,
                    Effect::Forget(id) => assert!(there.remove(&id).is_some(), "{id}"),
                }
            }
            assert!(loading.len() <= AT_ONCE);
        };
        for (what, episode, id) in script {
            let effects = match what {
                0 => node.pass(REST / 2),
                1 | 2 if !loading.is_empty() => {
                    let id = loading.remove(0);
                    let objects = (what == 1).then_some(OBJECTS_MAX / 3);
                    objects.map(|objects| there.insert(id, objects));
                    node.loaded(id, objects)
                }
                _ => node.asked(RepositoryId::new(id), episode),
            };
            told(effects, &mut loading, &mut there);
        }
        while let Some(id) = loading.pop() {
            let effects = node.loaded(id, None);
            told(effects, &mut loading, &mut there);
        }
        prop_assert_eq!(answered, node.last.raw());
    }
}
