//! What becomes of commands in a session that is open.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::*;
use super::fake::{Said, Seen};
use super::*;

pub(super) const WRITE: &[u8] = &[0x0a, 0, 0, 0, 1, 0];
const READ: &[u8] = &[0x08, 0, 0, 0, 1, 0];

pub(super) const GOOD: Answer = Answer::Good { residual: 0 };

pub(super) fn lost(why: &str) -> Answer {
    Answer::Lost { why: why.into() }
}

fn good(asked: &Message) -> Said {
    vec![(head(asked, opcode::RESPONSE, &[(1, 0x80)]), vec![])]
}

/// The numbers of a header at these places.
fn numbers(message: &Message, places: [usize; 2]) -> [u32; 2] {
    places.map(|at| message.head.number(at))
}

#[test]
fn data_goes_out_as_the_target_wants_it() {
    // 512 bytes with the command, 488 more unasked, then as it asks.
    let data: Vec<u8> = (0..4_000_u32).map(|at| at.to_be_bytes()[3]).collect();
    let asks = |asked: &Message, at: u32, length: u32| {
        let mut ready = head(asked, opcode::READY, &[(1, 0x80)]);
        ready.set(20, 1_000 + at);
        ready.set(40, at);
        ready.set(44, length);
        vec![(ready, vec![])]
    };
    let mut came = 0;
    let fake = Fake::new(move |asked| match asked.head.opcode() {
        opcode::LOGIN if asked.head.bytes[1] & 0x0c != 0 => logged_in(
            asked,
            "MaxRecvDataSegmentLength=512\0FirstBurstLength=1000\0InitialR2T=No\0",
        ),
        opcode::LOGIN => polite(asked),
        _ => {
            came += asked.body.len();
            match (asked.head.bytes[1] & 0x80 != 0, came) {
                (true, 1_000) => asks(asked, 1_000, 2_000),
                (true, 3_000) => asks(asked, 3_000, 1_000),
                (true, 4_000) => good(asked),
                _ => vec![],
            }
        }
    });
    let seen = Rc::clone(&fake.seen);
    let mut session = Session::open(fake, &names(), None).expect("a session");
    let answer = session.execute(WRITE, Data::Out(&data), Patience::Block);
    assert_eq!(answer, Answer::Good { residual: 0 });
    let seen = seen.borrow();
    let sent = seen.heard.iter().skip(2);
    let sent: Vec<&Message> = sent.collect();
    assert_eq!(
        sent.iter()
            .flat_map(|one| one.body.clone())
            .collect::<Vec<u8>>(),
        data
    );
    assert!(sent.iter().all(|one| one.body.len() <= 512));
    let burst = seen.of(opcode::DATA_OUT);
    assert_eq!(numbers(burst[0], [20, 40]), [NO_TAG, 512]);
    assert_eq!(numbers(burst[1], [20, 40]), [2_000, 1_000]);
    // Pieces of a burst are counted, and the last one says so.
    let count: Vec<(u32, u8)> = burst[1..5]
        .iter()
        .map(|one| (one.head.number(36), one.head.bytes[1]))
        .collect();
    assert_eq!(count, [(0, 0), (1, 0), (2, 0), (3, 0x80)]);
}

/// What comes of a read of eight bytes, when the target says this.
fn read(script: impl Fn(&Message) -> Said + 'static) -> (Answer, [u8; 8]) {
    let (mut session, _) = session(script);
    let mut buffer = [0; 8];
    let answer = session.execute(READ, Data::In(&mut buffer), Patience::Block);
    (answer, buffer)
}

fn data(asked: &Message, at: u32, bytes: &[u8], with: &[(usize, u8)]) -> (Head, Vec<u8>) {
    let mut head = head(asked, opcode::DATA_IN, with);
    head.set(40, at);
    (head, bytes.to_vec())
}

#[test]
fn data_comes_in_order_with_its_answer() {
    // The last piece carries the status: three bytes fewer.
    let (answer, buffer) = read(|asked| {
        let last = data(asked, 3, &[4, 5], &[(1, 0x83), (47, 3)]);
        vec![data(asked, 0, &[1, 2, 3], &[]), last]
    });
    assert_eq!(
        (answer, buffer),
        (Answer::Good { residual: 3 }, [1, 2, 3, 4, 5, 0, 0, 0])
    );
    // There was more than there was room for.
    let (answer, _) = read(|asked| vec![data(asked, 0, &[7; 8], &[(1, 0x85), (47, 9)])]);
    assert_eq!(answer, Answer::Good { residual: -9 });
}

#[test]
fn what_did_not_come_does_not_count_as_read() {
    let (answer, _) = read(|asked| vec![data(asked, 0, &[1], &[(1, 0x81)])]);
    assert_eq!(answer, Answer::Good { residual: 7 });
    let (answer, _) = read(good);
    assert_eq!(answer, Answer::Good { residual: 8 });
}

#[test]
fn sense_and_other_states_arrive() {
    let status = |status: u8, body: &'static [u8]| {
        move |asked: &Message| {
            let head = head(asked, opcode::RESPONSE, &[(1, 0x82), (3, status), (47, 8)]);
            vec![(head, body.to_vec())]
        }
    };
    let sense = |bytes: &[u8]| Answer::Check {
        sense: bytes.to_vec(),
        residual: 8,
    };
    for (byte, body, wanted) in [
        (2, &[0, 3, 0x70, 0, 5, 9][..], sense(&[0x70, 0, 5])),
        (2, &[0xff, 0xff, 0x70], sense(&[0x70])),
        (2, &[0], sense(&[])),
        (0x08, &[], Answer::Busy),
        (0x28, &[], Answer::Busy),
        (0x18, &[], Answer::Conflict),
        (0x40, &[], lost("the device aborted the command")),
        (0x99, &[], lost("status 99")),
    ] {
        assert_eq!(read(status(byte, body)).0, wanted);
    }
    let fails = |asked: &Message| vec![(head(asked, opcode::RESPONSE, &[(2, 1)]), vec![])];
    assert_eq!(read(fails).0, lost("the target failed"));
}

#[test]
fn an_answer_that_makes_no_sense_ends_the_session() {
    type Script = Box<dyn Fn(&Message) -> Said>;
    let ready = |at: u32, length: u32| -> Script {
        Box::new(move |asked| {
            let mut ready = head(asked, opcode::READY, &[]);
            ready.set(40, at);
            ready.set(44, length);
            vec![(ready, vec![])]
        })
    };
    let cases: [(Script, &str); 9] = [
        (
            Box::new(|asked| vec![data(asked, 0, &[1; 9], &[])]),
            "data beyond the buffer",
        ),
        (
            Box::new(|asked| vec![data(asked, 1, &[1], &[])]),
            "data out of order",
        ),
        (
            Box::new(|asked| vec![data(asked, u32::MAX, &[1], &[])]),
            "data out of order",
        ),
        (ready(0, 1), "a wish beyond the data"),
        (ready(u32::MAX, u32::MAX), "a wish beyond the data"),
        (
            Box::new(|asked| vec![(head(asked, opcode::RESPONSE, &[(19, 99)]), vec![])]),
            "an answer to no question",
        ),
        (
            Box::new(|asked| vec![(head(asked, opcode::LOGGED_IN, &[]), vec![])]),
            "something else than an answer",
        ),
        (
            Box::new(|asked| vec![(head(asked, 0x2a, &[]), vec![])]),
            "something else than an answer",
        ),
        (
            Box::new(|asked| vec![(head(asked, opcode::DATA_IN, &[]), vec![0; (1 << 20) + 1])]),
            "more than it may send at once",
        ),
    ];
    for (script, why) in cases {
        assert_eq!(
            read(script).0,
            lost(&format!("the target answered nonsense: {why}"))
        );
    }
    // Of a write: what it has already, and an answer before it has all.
    for (script, why) in [
        (ready(0, 4_000), "a wish out of order"),
        (Box::new(good) as Script, "done before it took the data"),
    ] {
        let (mut session, seen) = session(script);
        for _ in 0..2 {
            let answer = session.execute(WRITE, Data::Out(&[1; 9_000]), Patience::Block);
            assert_eq!(
                answer,
                lost(&format!("the target answered nonsense: {why}"))
            );
        }
        assert_eq!(
            seen.borrow().of(opcode::COMMAND).len(),
            1,
            "nothing is sent twice"
        );
    }
}

#[test]
fn pings_are_answered_while_a_command_works() {
    let (mut session, seen) = session(|asked| {
        let mut ping = head(asked, opcode::NOP_IN, &[(1, 0x80), (15, 8)]);
        ping.set(16, NO_TAG);
        ping.set(20, 77);
        match asked.head.opcode() {
            opcode::COMMAND => vec![(ping, vec![])],
            opcode::NOP_OUT => vec![(
                {
                    let mut answer = head(asked, opcode::RESPONSE, &[]);
                    answer.set(16, 1);
                    answer
                },
                vec![],
            )],
            _ => vec![],
        }
    });
    let answer = session.execute(&[0; 6], Data::None, Patience::Question);
    assert_eq!(answer, Answer::Good { residual: 0 });
    let seen = seen.borrow();
    let pong = seen.of(opcode::NOP_OUT)[0];
    assert_eq!((pong.head.number(16), pong.head.number(20)), (NO_TAG, 77));
    assert_eq!(pong.head.bytes[15], 8);
}

/// Looks after a session for so many seconds.
fn idle(session: &mut Session<Fake>, seen: &Rc<RefCell<Seen>>, seconds: u32) {
    for _ in 0..seconds {
        seen.borrow_mut().now += Duration::from_secs(1);
        session.look_after();
    }
}

#[test]
fn a_session_that_rests_is_looked_after() {
    let (mut session, seen) = session(polite);
    idle(&mut session, &seen, 60);
    assert_eq!(session.over(), None);
    let pings = seen.borrow().of(opcode::NOP_OUT).len();
    assert!(
        (9..=12).contains(&pings),
        "about every five seconds: {pings}"
    );
    let mut ping = Head::of(opcode::NOP_IN);
    ping.set(16, NO_TAG);
    ping.set(20, 5);
    seen.borrow_mut().inbox = ping.encode(&[]);
    idle(&mut session, &seen, 1);
    let pongs = |one: &&Message| one.head.number(20) == 5;
    assert!(seen.borrow().of(opcode::NOP_OUT).iter().any(pongs));
    let answer = session.execute(&[0; 6], Data::None, Patience::Question);
    assert_eq!(answer, Answer::Good { residual: 0 });
}

#[test]
fn a_target_that_vanished_is_noticed_at_rest_and_at_work() {
    let (mut resting, seen) = session(|_| vec![]);
    idle(&mut resting, &seen, 64);
    assert_eq!(resting.over(), None);
    idle(&mut resting, &seen, 4);
    assert_eq!(resting.over(), Some("the target does not answer"));
    // An erasure may take half a day, but a target that is there says so.
    let (mut working, seen) = session(|_| vec![]);
    let answer = working.execute(&[0x19, 1, 0, 0, 0, 0], Data::None, Patience::Erase);
    assert_eq!(answer, lost("the target does not answer"));
    assert!(seen.borrow().now < Duration::from_secs(120));
}

#[test]
fn a_command_waits_until_the_target_takes_commands() {
    let takes = Rc::new(RefCell::new(3));
    let last = Rc::clone(&takes);
    let (mut session, seen) = session(move |asked| {
        let mut said = polite(asked);
        for (head, _) in &mut said {
            head.set(28, 1);
            head.set(32, *last.borrow());
        }
        said
    });
    let mut ready = || session.execute(&[0; 6], Data::None, Patience::Question);
    let answers: Vec<Answer> = (0..4).map(|_| ready()).collect();
    assert_eq!(answers, [GOOD, GOOD, GOOD, Answer::Busy]);
    assert_eq!(
        seen.borrow().of(opcode::COMMAND).len(),
        3,
        "the fourth was not begun"
    );
    *takes.borrow_mut() = 4;
    assert_eq!([ready(), ready()], [GOOD, Answer::Busy]);
}

#[test]
fn a_command_that_is_rejected_ends_the_session() {
    let (mut session, _) = session(|asked| {
        let reject = head(asked, opcode::REJECT, &[(2, 9)]);
        vec![(reject, asked.head.bytes.to_vec())]
    });
    let answer = session.execute(&[0; 6], Data::None, Patience::Question);
    assert_eq!(answer, lost("the target rejected a message (reason 09)"));
    assert!(session.over().is_some());
}

#[test]
fn a_target_that_wants_us_to_leave_is_left_after_its_answer() {
    let notice = |asked: &Message, event: u8| {
        let mut notice = head(asked, opcode::ASYNC, &[(36, event)]);
        notice.set(16, NO_TAG);
        (notice, vec![])
    };
    let says = move |event: u8| {
        session(move |asked| match asked.head.opcode() {
            opcode::COMMAND => [vec![notice(asked, event)], polite(asked)].concat(),
            _ => vec![],
        })
    };
    for (event, answer, over) in [
        (0, GOOD, None),
        (1, GOOD, Some("the target asked us to leave")),
        (
            2,
            lost("the target dropped the session"),
            Some("the target dropped the session"),
        ),
        (
            3,
            lost("the target dropped the session"),
            Some("the target dropped the session"),
        ),
        (4, GOOD, Some("the target asked us to leave")),
        (0xff, GOOD, None),
    ] {
        let (mut session, seen) = says(event);
        let told = session.execute(&[0; 6], Data::None, Patience::Question);
        assert_eq!((told, session.over()), (answer, over), "event {event}");
        let leaves = seen.borrow().of(opcode::LOGOUT).len();
        assert_eq!(leaves, usize::from(matches!(event, 1 | 4)));
    }
}

#[test]
fn a_flood_of_messages_ends_with_the_time_of_the_command() {
    let mut ping = Head::of(opcode::NOP_IN);
    ping.set(16, NO_TAG);
    ping.set(20, NO_TAG);
    let mut fake = Fake::new(|asked| match asked.head.opcode() {
        opcode::LOGIN => polite(asked),
        _ => vec![],
    });
    fake.pace = (Duration::from_millis(50), 48);
    let seen = Rc::clone(&fake.seen);
    let mut session = Session::open(fake, &names(), None).expect("a session");
    session.line.wire.flood = Some((ping, vec![]));
    let answer = session.execute(&[0; 6], Data::None, Patience::Question);
    assert_eq!(answer, lost("the target does not answer"));
    let now = seen.borrow().now;
    assert!(now < Duration::from_secs(30 + 10 + 10 + 2), "{now:?}");
}
