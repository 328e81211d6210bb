//! Watchers, later versions, frames that are shared, and the end of a node.

use super::*;

#[test]
fn a_watcher_is_told_once_and_knows_what_it_was_told() {
    let watches = |number, path: &'static str| News::Watches {
        ticket: ticket(number),
        node: PEER,
        path: Bytes::from_static(path.as_bytes()),
    };
    let down = |number| {
        let (id, passing) = (ticket(number), Passing::Failed);
        heard(Envelope::Down { id, passing })
    };
    check(
        vec![
            (0, vec![watches(1, "node/tape"), watches(2, "")]),
            (1, vec![down(1), down(1)]),
            (2, vec![watches(3, "node/x"), watches(4, "node/y")]),
            (3, vec![News::TurnedAway(ticket(3))]),
            (4, vec![News::Down(PEER)]),
            (5, vec![News::Down(PEER)]),
        ],
        &expect![[r#"
            0: Send node-2: Watch ticket-1 node/tape, Watch ticket-2 
            1: Tell ticket-1 Failed
            2: Send node-2: Watch ticket-3 node/x, Watch ticket-4 node/y
            3: Send node-2: Cancel ticket-3
            4: Tell ticket-2 NoConnection
            4: Tell ticket-4 NoConnection
        "#]],
    );
}

#[test]
fn the_end_of_an_actor_is_told_to_whoever_watches_it() {
    let watch = |number| {
        let (id, path) = (ticket(number), Bytes::from_static(b"node/tape"));
        heard(Envelope::Watch { id, path })
    };
    let ended = |number| {
        let (from, ticket, passing) = (PEER, ticket(number), Passing::Stopped);
        News::Ended {
            from,
            ticket,
            passing,
        }
    };
    let cancel = heard(Envelope::Cancel { id: ticket(2) });
    check(
        vec![
            (0, vec![watch(1), watch(1), watch(2)]),
            (1, vec![ended(1)]),
            (2, vec![cancel]),
            (3, vec![ended(2), watch(3)]),
            (4, vec![News::Down(PEER)]),
        ],
        &expect![[r#"
            0: Mourn node-2 ticket-1 node/tape
            0: Mourn node-2 ticket-2 node/tape
            1: Send node-2: Down ticket-1 Stopped
            2: Drop node-2 ticket-2
            3: Mourn node-2 ticket-3 node/tape
            4: Drop node-2 ticket-3
        "#]],
    );
}

#[test]
fn what_a_later_version_asks_is_refused_politely() {
    let strange = |number, asks| {
        let id = ticket(number);
        heard(Envelope::Strange { id, asks })
    };
    let unfamiliar = heard(Envelope::Unfamiliar { id: ticket(2) });
    let asks = vec![greeted(), asked(1, PEER, 100), asked(2, PEER, 100)];
    check(
        vec![
            (0, vec![strange(5, true)]),
            (1, asks),
            (2, vec![strange(1, false), unfamiliar]),
        ],
        &expect![[r#"
            0: Send node-2: Unfamiliar ticket-5
            1: Send node-2: Call ticket-1 echo 5 B within 100.999ms, Call ticket-2 echo 5 B within 100.999ms
            2: Conclude ticket-1 Unknown(node-2), ticket-2 NoService(node-2, "echo")
        "#]],
    );
}

#[test]
fn many_small_ones_share_a_frame_and_large_ones_do_not() {
    let of = |number, bytes| {
        News::Asked(Ask {
            ticket: ticket(number),
            to: PEER,
            service: if number % 2 == 0 { "even" } else { "odd" },
            body: Bytes::from(vec![0; bytes]),
            within: Duration::from_secs(1),
        })
    };
    check(
        vec![
            (0, vec![greeted()]),
            (
                1,
                vec![of(1, 100), of(2, 40_000), of(3, 500_000), of(4, 30_000)],
            ),
        ],
        &expect![[r#"
            1: Send node-2: Call ticket-2 even 40000 B within 1.000999s
            1: Send node-2: Call ticket-4 even 30000 B within 1.000999s, Call ticket-1 odd 100 B within 1.000999s
            1: Send node-2: Call ticket-3 odd 500000 B within 1.000999s
        "#]],
    );
}

#[test]
fn an_ending_node_calls_nobody_but_itself() {
    check(
        vec![
            (
                0,
                vec![News::Serves("echo"), greeted(), asked(1, PEER, 100)],
            ),
            (1, vec![News::Closed]),
            (2, vec![asked(2, PEER, 100), asked(3, ME, 100)]),
        ],
        &expect![[r#"
            0: Send node-2: Call ticket-1 echo 5 B within 100.999ms
            1: Conclude ticket-1 Unknown(node-2)
            2: Conclude ticket-2 Unreachable(node-2)
            2: Execute node-1 ticket-3 echo 5 B
        "#]],
    );
}
