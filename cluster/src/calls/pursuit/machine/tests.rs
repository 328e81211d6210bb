//! Calls by name, try by try.

use expect_test::{Expect, expect};
use holdfast_actors::kernel::{Act, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::calls::Rejected;

const ONE: NodeId = NodeId::new(1);
const CALL: Ticket = Ticket::new(7);

fn asked(repeat: Repeat) -> Event {
    Event::Asked {
        ticket: CALL,
        within: Duration::from_millis(100),
        repeat,
    }
}

fn tried(tried: Tried) -> Event {
    Event::Tried(CALL, tried)
}

fn at(millis: u64) -> Now {
    Now {
        monotonic: Instant::from_micros(millis * 1_000),
        wall: Timestamp::from_millis(0),
    }
}

fn check(script: Vec<(u64, Option<Event>)>, expected: &Expect) {
    let mut machine = Pursuits::default();
    let mut text = String::new();
    for (millis, event) in script {
        let mut acts = Acts::default();
        machine.wake(at(millis), &mut acts);
        if let Some(event) = event {
            machine.step(at(millis), event, &mut acts);
        }
        for act in acts.iter() {
            text.push_str(&format!("{millis}: {act:?}\n"));
        }
    }
    expected.assert_eq(&text);
}

#[test]
fn who_says_where_the_actor_went_is_believed_at_once() {
    check(
        vec![
            (0, Some(asked(Repeat::Harms))),
            (1, Some(tried(Tried::Moved(ONE)))),
            (2, Some(tried(Tried::Answer(Bytes::from_static(b"hi"))))),
            (3, Some(tried(Tried::Answer(Bytes::from_static(b"hi"))))),
        ],
        &expect![[r#"
            0: Show Try ticket-7 None within 100ms
            1: Show Try ticket-7 Some(node-1) within 99ms
            2: Show Conclude ticket-7 2 B
        "#]],
    );
}

#[test]
fn two_nodes_that_name_each_other_are_not_asked_without_end() {
    let moved = |millis| (millis, Some(tried(Tried::Moved(ONE))));
    check(
        vec![
            (0, Some(asked(Repeat::Harms))),
            moved(1),
            moved(2),
            moved(3),
            moved(4),
            (23, None),
            (24, None),
        ],
        &expect![[r#"
            0: Show Try ticket-7 None within 100ms
            1: Show Try ticket-7 Some(node-1) within 99ms
            2: Show Try ticket-7 Some(node-1) within 98ms
            3: Show Try ticket-7 Some(node-1) within 97ms
            24: Show Try ticket-7 None within 76ms
        "#]],
    );
}

#[test]
fn while_nobody_owns_it_pauses_grow_until_the_time_is_over() {
    check(
        vec![
            (0, Some(asked(Repeat::Harms))),
            (0, Some(tried(Tried::Nowhere))),
            (20, Some(tried(Tried::Failed(CallError::Unreachable(ONE))))),
            (60, Some(tried(Tried::NotHere))),
        ],
        &expect![[r#"
            0: Show Try ticket-7 None within 100ms
            20: Show Try ticket-7 None within 80ms
            60: Show Try ticket-7 None within 40ms
            60: Show Conclude ticket-7 NotFound
        "#]],
    );
}

#[test]
fn what_may_have_been_done_is_tried_again_only_if_that_is_harmless() {
    let unknown = || tried(Tried::Failed(CallError::Unknown(ONE)));
    for (repeat, expected) in [
        (
            Repeat::Harms,
            expect![[r#"
        0: Show Try ticket-7 None within 100ms
        1: Show Conclude ticket-7 Call(Unknown(node-1))
    "#]],
        ),
        (
            Repeat::Harmless,
            expect![[r#"
        0: Show Try ticket-7 None within 100ms
        21: Show Try ticket-7 None within 79ms
        61: Show Try ticket-7 None within 39ms
        61: Show Conclude ticket-7 Call(Unknown(node-1))
    "#]],
        ),
    ] {
        let script = vec![
            (0, Some(asked(repeat))),
            (1, Some(unknown())),
            (21, Some(tried(Tried::Nowhere))),
            (61, Some(tried(Tried::Nowhere))),
        ];
        check(script, &expected);
    }
}

#[test]
fn a_no_is_a_no_and_who_turns_away_is_forgotten() {
    let no = CallError::Rejected(Rejected("no".to_owned()));
    check(
        vec![
            (0, Some(asked(Repeat::Harmless))),
            (1, Some(tried(Tried::Failed(no)))),
            (2, Some(asked(Repeat::Harmless))),
            (3, Some(Event::TurnedAway(CALL))),
            (4, Some(tried(Tried::Nowhere))),
        ],
        &expect![[r#"
            0: Show Try ticket-7 None within 100ms
            1: Show Conclude ticket-7 Call(Rejected(Rejected("no")))
            2: Show Try ticket-7 None within 100ms
            3: Show Drop ticket-7
        "#]],
    );
}

fn any_try() -> impl Strategy<Value = Tried> {
    prop_oneof![
        1 => Just(Tried::Answer(Bytes::new())),
        3 => Just(Tried::Moved(ONE)),
        3 => Just(Tried::NotHere),
        3 => Just(Tried::Nowhere),
        2 => Just(Tried::Failed(CallError::Unreachable(ONE))),
        2 => Just(Tried::Failed(CallError::Unknown(ONE))),
    ]
}

proptest! {
    #[test]
    fn each_call_ends_once_in_time_and_never_twice_in_doubt(
        tries in prop::collection::vec((any_try(), 0..40_u64), 1..60),
        harmless: bool,
    ) {
        let repeat = if harmless { Repeat::Harmless } else { Repeat::Harms };
        let mut machine = Pursuits::default();
        let (mut now, mut ends, mut trying, mut doubt) = (0, 0, 0, false);
        let mut first = Some(asked(repeat));
        for (result, pass) in tries.into_iter().chain((0..20).map(|_| (Tried::Nowhere, 40))) {
            let mut acts = Acts::default();
            machine.wake(at(now), &mut acts);
            if let Some(event) = first.take() {
                machine.step(at(now), event, &mut acts);
            } else if trying > 0 {
                trying -= 1;
                // A call never outlives its time.
                let over = now >= 100 && !matches!(result, Tried::Nowhere);
                let result = if over { Tried::Failed(CallError::Unreachable(ONE)) } else { result };
                doubt |= result == Tried::Failed(CallError::Unknown(ONE));
                machine.step(at(now), Event::Tried(CALL, result), &mut acts);
            }
            for act in acts {
                let Act::Show(effect) = act else { panic!("{act:?}") };
                match effect {
                    Effect::Try { .. } => {
                        prop_assert!(ends == 0 && (harmless || !doubt));
                        trying += 1;
                        prop_assert_eq!(trying, 1, "one try at a time");
                    }
                    Effect::Conclude(_, result) => {
                        ends += 1;
                        let is_doubt = result == Err(Ended::Call(CallError::Unknown(ONE)));
                        prop_assert!(result.is_ok() || is_doubt == doubt, "{:?}", result);
                    }
                    Effect::Drop(_) => {}
                }
            }
            now += pass;
        }
        prop_assert_eq!(ends, 1);
    }
}
