//! A replica's answers, word by word.

use expect_test::{Expect, expect};
use holdfast_actors::kernel::Timestamp;

use super::*;

/// Feeds events to replica 1 of three, and compares what it does.
fn check(flaw: Option<Flaw>, events: Vec<(u64, Event)>, expected: &Expect) {
    let replicas = (1..=3).map(NodeId::new).collect();
    let mut replica = Replica::new(NodeId::new(1), replicas, flaw);
    let mut text = String::new();
    for (millis, event) in events {
        let now = Now {
            monotonic: Instant::from_micros(millis * 1_000),
            wall: Timestamp::from_millis(0),
        };
        let mut acts = Acts::default();
        replica.wake(now, &mut acts);
        replica.step(now, event, &mut acts);
        for act in acts.iter() {
            text.push_str(&format!("{millis}: {act:?}\n"));
        }
    }
    expected.assert_eq(&text);
}

fn heard(from: u64, word: Word) -> Event {
    Event::Heard {
        from: NodeId::new(from),
        word,
    }
}

fn kept(round: u64, value: u64) -> Kept {
    let tag = Tag {
        round,
        node: 2,
        life: 1,
    };
    Kept { tag, value }
}

/// The first round of a machine that has not begun a life.
const ROUND: u64 = 1;

#[test]
fn a_read_asks_a_majority_and_answers_when_a_majority_keeps_what_it_read() {
    check(
        None,
        vec![
            (0, heard(9, Word::Read { request: 5 })),
            (
                1,
                heard(
                    1,
                    Word::Told {
                        round: ROUND,
                        kept: kept(0, 0),
                    },
                ),
            ),
            (
                2,
                heard(
                    2,
                    Word::Told {
                        round: ROUND,
                        kept: kept(3, 7),
                    },
                ),
            ),
            (3, heard(2, Word::Has { round: ROUND })),
            (4, heard(2, Word::Has { round: ROUND })),
            (5, heard(3, Word::Has { round: ROUND })),
            (6, heard(1, Word::Has { round: ROUND })),
        ],
        &expect![[r#"
            0: Show Say { to: node-1, word: Ask { round: 1 } }
            0: Show Say { to: node-2, word: Ask { round: 1 } }
            0: Show Say { to: node-3, word: Ask { round: 1 } }
            2: Show Say { to: node-1, word: Keep { round: 1, kept: Kept { tag: Tag { round: 3, node: 2, life: 1 }, value: 7 } } }
            2: Show Say { to: node-2, word: Keep { round: 1, kept: Kept { tag: Tag { round: 3, node: 2, life: 1 }, value: 7 } } }
            2: Show Say { to: node-3, word: Keep { round: 1, kept: Kept { tag: Tag { round: 3, node: 2, life: 1 }, value: 7 } } }
            5: Show Say { to: node-9, word: Done { request: 5, kept: Kept { tag: Tag { round: 3, node: 2, life: 1 }, value: 7 } } }
        "#]],
    );
}

#[test]
fn a_write_takes_a_tag_above_all_it_was_told_and_above_its_own_last() {
    let told = |round, from| {
        let kept = kept(3, 7);
        heard(from, Word::Told { round, kept })
    };
    check(
        None,
        vec![
            (
                0,
                heard(
                    9,
                    Word::Write {
                        request: 5,
                        value: 8,
                    },
                ),
            ),
            (
                0,
                heard(
                    9,
                    Word::Write {
                        request: 6,
                        value: 9,
                    },
                ),
            ),
            (1, told(ROUND, 2)),
            (1, told(ROUND, 3)),
            (2, told(ROUND + 1, 2)),
            (2, told(ROUND + 1, 3)),
        ],
        &expect![[r#"
            0: Show Say { to: node-1, word: Ask { round: 1 } }
            0: Show Say { to: node-2, word: Ask { round: 1 } }
            0: Show Say { to: node-3, word: Ask { round: 1 } }
            0: Show Say { to: node-1, word: Ask { round: 2 } }
            0: Show Say { to: node-2, word: Ask { round: 2 } }
            0: Show Say { to: node-3, word: Ask { round: 2 } }
            1: Show Say { to: node-1, word: Keep { round: 1, kept: Kept { tag: Tag { round: 4, node: 1, life: 0 }, value: 8 } } }
            1: Show Say { to: node-2, word: Keep { round: 1, kept: Kept { tag: Tag { round: 4, node: 1, life: 0 }, value: 8 } } }
            1: Show Say { to: node-3, word: Keep { round: 1, kept: Kept { tag: Tag { round: 4, node: 1, life: 0 }, value: 8 } } }
            2: Show Say { to: node-1, word: Keep { round: 2, kept: Kept { tag: Tag { round: 5, node: 1, life: 0 }, value: 9 } } }
            2: Show Say { to: node-2, word: Keep { round: 2, kept: Kept { tag: Tag { round: 5, node: 1, life: 0 }, value: 9 } } }
            2: Show Say { to: node-3, word: Keep { round: 2, kept: Kept { tag: Tag { round: 5, node: 1, life: 0 }, value: 9 } } }
        "#]],
    );
}

#[test]
fn what_is_kept_is_said_to_be_once_it_is_durable() {
    let keep = |round, tag| {
        let kept = kept(tag, 7);
        heard(2, Word::Keep { round, kept })
    };
    let events = || vec![(0, keep(1, 3)), (1, keep(2, 3)), (2, keep(3, 2))];
    check(
        None,
        events(),
        &expect![[r#"
        0: Persist Kept(Kept { tag: Tag { round: 3, node: 2, life: 1 }, value: 7 })
        0: Show Say { to: node-2, word: Has { round: 1 } }
        1: Show Say { to: node-2, word: Has { round: 2 } }
        2: Show Say { to: node-2, word: Has { round: 3 } }
    "#]],
    );
    check(
        Some(Flaw::EarlyKept),
        events(),
        &expect![[r#"
        0: Persist Kept(Kept { tag: Tag { round: 3, node: 2, life: 1 }, value: 7 })
        0: Start Say { to: node-2, word: Has { round: 1 } }
        1: Start Say { to: node-2, word: Has { round: 2 } }
        2: Start Say { to: node-2, word: Has { round: 3 } }
    "#]],
    );
}

#[test]
fn a_word_that_may_be_lost_is_said_again_to_who_has_not_answered() {
    check(
        None,
        vec![
            (0, heard(9, Word::Read { request: 5 })),
            (
                1,
                heard(
                    2,
                    Word::Told {
                        round: ROUND,
                        kept: kept(0, 0),
                    },
                ),
            ),
            (2, Event::Lost(NodeId::new(3))),
            (3, Event::Lost(NodeId::new(9))),
            (204, Event::Lost(NodeId::new(9))),
            (30_000, Event::Lost(NodeId::new(9))),
        ],
        &expect![[r#"
            0: Show Say { to: node-1, word: Ask { round: 1 } }
            0: Show Say { to: node-2, word: Ask { round: 1 } }
            0: Show Say { to: node-3, word: Ask { round: 1 } }
            3: Show Say { to: node-1, word: Ask { round: 1 } }
            3: Show Say { to: node-3, word: Ask { round: 1 } }
            204: Show Say { to: node-1, word: Ask { round: 1 } }
            204: Show Say { to: node-3, word: Ask { round: 1 } }
        "#]],
    );
}
