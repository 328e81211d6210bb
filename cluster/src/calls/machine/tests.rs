//! The machine of calls, event by event.

mod schedules;
mod watches;

use bytes::Bytes;
use expect_test::{Expect, expect};
use holdfast_actors::kernel::{Act, Timestamp};
use holdfast_actors::ports::Unsent;

use super::*;

const ME: NodeId = NodeId::new(1);
const PEER: NodeId = NodeId::new(2);

fn ticket(number: u64) -> Ticket {
    Ticket::new(number)
}

fn asked(number: u64, to: NodeId, millis: u64) -> News {
    News::Asked(Ask {
        ticket: ticket(number),
        to,
        service: "echo",
        body: Bytes::from_static(b"hello"),
        within: Duration::from_millis(millis),
    })
}

fn heard(envelope: Envelope) -> News {
    let (from, envelopes) = (PEER, vec![envelope]);
    News::Heard { from, envelopes }
}

fn greeted() -> News {
    let (window, is_greeted) = (2, true);
    heard(Envelope::Credit { window, is_greeted })
}

fn answer(number: u64) -> News {
    let (id, body) = (ticket(number), Bytes::from_static(b"hello"));
    heard(Envelope::Answer { id, body })
}

fn call(number: u64) -> News {
    heard(Envelope::Call {
        id: ticket(number),
        within: Duration::from_secs(1),
        service: Bytes::from_static(b"echo"),
        body: Bytes::from_static(b"hello"),
    })
}

fn done(number: u64) -> News {
    let (from, ticket) = (PEER, ticket(number));
    let outcome = Outcome::Answer(Bytes::from_static(b"hello"));
    News::Done {
        from,
        ticket,
        outcome,
    }
}

/// Gives news at times in milliseconds to a machine whose window is 2, and compares what it wants.
fn check(script: Vec<(u64, Vec<News>)>, expected: &Expect) {
    let limits = Limits {
        window: 2,
        waiting: 3,
        ..Limits::default()
    };
    let mut machine = Switchboard::new(ME, limits);
    let mut text = String::new();
    for (millis, news) in script {
        let now = Now {
            monotonic: Instant::from_micros(millis * 1_000),
            wall: Timestamp::from_millis(0),
        };
        let mut acts = Acts::default();
        machine.wake(now, &mut acts);
        machine.step(now, Event(news), &mut acts);
        for act in acts {
            let Act::Show(effect) = act else {
                panic!("{act:?}");
            };
            text.push_str(&format!("{millis}: {effect:?}\n"));
        }
    }
    expected.assert_eq(&text);
}

#[test]
fn a_call_waits_for_the_greeting_and_then_goes() {
    check(
        vec![
            (0, vec![asked(7, PEER, 1_000)]),
            (5, vec![greeted()]),
            (9, vec![answer(7)]),
            (10, vec![answer(7)]),
        ],
        &expect![[r#"
            0: Send node-2: Credit 2 false
            5: Send node-2: Call ticket-7 echo 5 B within 995.999ms
            9: Conclude ticket-7 5 B
        "#]],
    );
}

#[test]
fn who_wants_to_be_greeted_is() {
    let (window, is_greeted) = (2, false);
    check(
        vec![(0, vec![heard(Envelope::Credit { window, is_greeted })])],
        &expect![[r#"
            0: Send node-2: Credit 2 true
        "#]],
    );
}

#[test]
fn a_peer_that_does_not_greet_is_greeted_again_and_the_call_was_never_made() {
    check(
        vec![
            (0, vec![asked(7, PEER, 800)]),
            (499, vec![]),
            (500, vec![]),
            (800, vec![]),
        ],
        &expect![[r#"
            0: Send node-2: Credit 2 false
            500: Send node-2: Credit 2 false
            800: Conclude ticket-7 Unreachable(node-2)
        "#]],
    );
}

#[test]
fn calls_beyond_the_window_wait_their_turn_and_beyond_the_queue_are_refused() {
    let all = (1..=6).map(|number| asked(number, PEER, 1_000)).collect();
    check(
        vec![
            (0, vec![greeted()]),
            (1, all),
            (2, vec![answer(2)]),
            (3, vec![answer(1), answer(3)]),
        ],
        &expect![[r#"
            1: Send node-2: Call ticket-1 echo 5 B within 1.000999s, Call ticket-2 echo 5 B within 1.000999s
            1: Conclude ticket-4 Unreachable(node-2), ticket-5 Unreachable(node-2), ticket-6 Unreachable(node-2)
            2: Send node-2: Call ticket-3 echo 5 B within 999.999ms
            2: Conclude ticket-2 5 B
            3: Conclude ticket-1 5 B, ticket-3 5 B
        "#]],
    );
}

#[test]
fn a_connection_that_dies_leaves_open_only_what_was_sent() {
    let asks = (1..=3).map(|number| asked(number, PEER, 1_000)).collect();
    check(
        vec![
            (0, vec![greeted()]),
            (1, asks),
            (2, vec![News::Down(PEER)]),
            (3, vec![answer(1), asked(4, PEER, 1_000)]),
        ],
        &expect![[r#"
            1: Send node-2: Call ticket-1 echo 5 B within 1.000999s, Call ticket-2 echo 5 B within 1.000999s
            2: Conclude ticket-1 Unknown(node-2), ticket-2 Unknown(node-2), ticket-3 Unreachable(node-2)
            3: Send node-2: Credit 2 false
        "#]],
    );
}

#[test]
fn a_call_whose_time_is_over_is_cancelled_and_its_late_answer_dropped() {
    check(
        vec![
            (0, vec![greeted(), asked(1, PEER, 50), asked(2, PEER, 100)]),
            (50, vec![]),
            (60, vec![answer(1)]),
            (100, vec![]),
        ],
        &expect![[r#"
            0: Send node-2: Call ticket-1 echo 5 B within 50.999ms, Call ticket-2 echo 5 B within 100.999ms
            50: Send node-2: Cancel ticket-1
            50: Conclude ticket-1 Unknown(node-2)
            100: Send node-2: Cancel ticket-2
            100: Conclude ticket-2 Unknown(node-2)
        "#]],
    );
}

#[test]
fn a_frame_that_the_link_refuses_is_sent_again_when_there_is_room() {
    let refused = |number| {
        let (to, why) = (PEER, Unsent::NoPermit);
        let call = Envelope::Call {
            id: ticket(number),
            within: Duration::from_secs(1),
            service: Bytes::from_static(b"echo"),
            body: Bytes::from_static(b"hello"),
        };
        let envelopes = vec![Envelope::Cancel { id: ticket(9) }, call];
        News::Unsent { to, envelopes, why }
    };
    check(
        vec![
            (0, vec![greeted(), asked(1, PEER, 100), asked(2, PEER, 200)]),
            (1, vec![refused(1), asked(3, PEER, 300)]),
            (2, vec![answer(2)]),
            (100, vec![]),
            (101, vec![News::Room(PEER)]),
        ],
        &expect![[r#"
            0: Send node-2: Call ticket-1 echo 5 B within 100.999ms, Call ticket-2 echo 5 B within 200.999ms
            2: Conclude ticket-2 5 B
            100: Conclude ticket-1 Unreachable(node-2)
            101: Send node-2: Cancel ticket-9, Call ticket-3 echo 5 B within 200.999ms
        "#]],
    );
}

#[test]
fn a_caller_that_turns_away_is_forgotten_there_too() {
    let asks = (1..=3).map(|number| asked(number, PEER, 1_000)).collect();
    let turned = |number| News::TurnedAway(ticket(number));
    check(
        vec![
            (0, vec![greeted()]),
            (1, asks),
            (2, vec![turned(3), turned(1)]),
            (3, vec![answer(1)]),
        ],
        &expect![[r#"
            1: Send node-2: Call ticket-1 echo 5 B within 1.000999s, Call ticket-2 echo 5 B within 1.000999s
            2: Send node-2: Cancel ticket-1
        "#]],
    );
}

#[test]
fn a_service_is_given_a_call_once_and_never_more_than_the_window() {
    check(
        vec![
            (0, vec![call(1)]),
            (1, vec![News::Serves("echo"), call(2), call(2), call(3)]),
            (2, vec![call(4)]),
            (3, vec![done(2)]),
            (4, vec![call(5)]),
        ],
        &expect![[r#"
            0: Send node-2: NoService ticket-1
            1: Execute node-2 ticket-2 echo 5 B, node-2 ticket-3 echo 5 B
            2: Send node-2: Busy ticket-4
            3: Send node-2: Answer ticket-2 5 B
            4: Execute node-2 ticket-5 echo 5 B
        "#]],
    );
}

#[test]
fn a_call_is_dropped_with_its_caller() {
    let cancel = heard(Envelope::Cancel { id: ticket(1) });
    check(
        vec![
            (0, vec![News::Serves("echo"), call(1), call(2)]),
            (1, vec![cancel]),
            (2, vec![done(1)]),
            (3, vec![News::Down(PEER)]),
            (4, vec![done(2)]),
            (5, vec![call(6)]),
            (1_005, vec![]),
            (1_006, vec![call(7), News::Down(PEER)]),
        ],
        &expect![[r#"
            0: Execute node-2 ticket-1 echo 5 B, node-2 ticket-2 echo 5 B
            1: Drop node-2 ticket-1
            3: Drop node-2 ticket-2
            5: Execute node-2 ticket-6 echo 5 B
            1005: Drop node-2 ticket-6
            1006: Drop node-2 ticket-7
        "#]],
    );
}

#[test]
fn a_call_to_the_own_node_takes_the_same_path() {
    let done = |number| {
        let (from, ticket) = (ME, ticket(number));
        let outcome = Outcome::Answer(Bytes::from_static(b"hello"));
        News::Done {
            from,
            ticket,
            outcome,
        }
    };
    let asks = [asked(1, ME, 100), asked(2, ME, 100), asked(3, ME, 100)];
    check(
        vec![
            (0, vec![asked(9, ME, 100)]),
            (1, vec![News::Serves("echo")]),
            (2, asks.into()),
            (3, vec![done(1)]),
            (102, vec![]),
        ],
        &expect![[r#"
            0: Conclude ticket-9 NoService(node-1, "echo")
            2: Execute node-1 ticket-1 echo 5 B, node-1 ticket-2 echo 5 B
            3: Conclude ticket-1 5 B
            3: Execute node-1 ticket-3 echo 5 B
            102: Drop node-1 ticket-2, node-1 ticket-3
            102: Conclude ticket-2 Unknown(node-1), ticket-3 Unknown(node-1)
        "#]],
    );
}

#[test]
fn a_call_that_is_too_large_goes_nowhere() {
    let large = News::Asked(Ask {
        ticket: ticket(1),
        to: PEER,
        service: "echo",
        body: Bytes::from(vec![0; 1 << 20]),
        within: Duration::from_secs(1),
    });
    check(
        vec![(0, vec![large])],
        &expect![[r#"
        0: Conclude ticket-1 TooLarge(1048576)
    "#]],
    );
}
