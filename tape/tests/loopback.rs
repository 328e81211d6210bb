//! Our initiator on real sockets, with a target that says what the test wants.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use holdfast_tape::iscsi::{Awake, Names, Refused, Session};
use holdfast_tape::scsi::{Answer, Data, Patience, Scsi};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// A target that serves one connection so.
#[expect(
    clippy::disallowed_methods,
    reason = "the other side of a blocking socket needs a thread of its own"
)]
fn target(serve: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let portal = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("somebody");
        stream.set_read_timeout(Some(LONG)).expect("a limit");
        serve(stream);
    });
    portal
}

fn names() -> Names {
    Names {
        initiator: "iqn.2026-11.test.holdfast:here".into(),
        target: "iqn.2026-11.test.holdfast:there".into(),
        session: 1,
        unit: 0,
    }
}

/// The header of the next message.
fn hear(stream: &mut TcpStream) -> [u8; 48] {
    let mut head = [0; 48];
    stream.read_exact(&mut head).expect("a message");
    let length = usize::from(head[6]) << 8 | usize::from(head[7]);
    let mut body = vec![0; length.next_multiple_of(4)];
    stream.read_exact(&mut body).expect("a body");
    head
}

/// A header that answers, with bytes set.
fn answer(asked: &[u8; 48], opcode: u8, with: &[(usize, u8)]) -> [u8; 48] {
    let mut head = [0; 48];
    head[0] = opcode;
    head[1] = 0x80;
    head[16..20].copy_from_slice(&asked[16..20]);
    head[20..24].fill(0xff);
    head[35] = 99;
    for (at, byte) in with {
        head[*at] = *byte;
    }
    head
}

/// Both stages of the login.
fn log_in(stream: &mut TcpStream) {
    for _ in 0..2 {
        let asked = hear(stream);
        let head = answer(&asked, 0x23, &[(1, asked[1])]);
        stream.write_all(&head).expect("sent");
    }
}

#[test]
fn a_session_at_rest_answers_pings_and_notices_the_end() {
    let (told, heard) = std::sync::mpsc::channel();
    let portal = target(move |mut stream| {
        log_in(&mut stream);
        let mut ping = answer(&[0xff; 48], 0x20, &[]);
        ping[20..24].copy_from_slice(&[0, 0, 0, 7]);
        stream.write_all(&ping).expect("sent");
        told.send(hear(&mut stream)).expect("the test waits");
        let asked = hear(&mut stream);
        stream.write_all(&answer(&asked, 0x21, &[])).expect("sent");
        stream.shutdown(Shutdown::Both).expect("gone");
    });
    let mut session = Awake::new(Session::connect(portal, &names()).expect("a session"));
    let pong = heard.recv_timeout(LONG).expect("an answer to the ping");
    assert_eq!((pong[0], &pong[20..24]), (0x40, &[0, 0, 0, 7][..]));
    let ready = session.execute(&[0; 6], Data::None, Patience::Question);
    assert_eq!(ready, Answer::Good { residual: 0 });
    let pause = Duration::from_millis(50);
    let is_over = (0..LONG.as_millis() / pause.as_millis()).any(|_| {
        std::thread::sleep(pause);
        session.over().is_some()
    });
    assert!(is_over, "nobody noticed that the target is gone");
    let lost = session.execute(&[0; 6], Data::None, Patience::Question);
    assert!(matches!(lost, Answer::Lost { .. }));
}

#[test]
fn a_target_that_closes_or_talks_of_something_else_is_told_of() {
    let closes = target(drop);
    assert!(matches!(
        Session::connect(closes, &names()),
        Err(Refused::Unreachable(_))
    ));
    let web = target(|mut stream| {
        let page = [
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            vec![b' '; 9_000],
        ]
        .concat();
        let _ = stream.write_all(&page);
        hear(&mut stream);
    });
    assert!(matches!(
        Session::connect(web, &names()),
        Err(Refused::Nonsense(_))
    ));
    let nobody = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.local_addr().expect("an address")
    };
    assert!(matches!(
        Session::connect(nobody, &names()),
        Err(Refused::Unreachable(_))
    ));
}

#[test]
fn a_target_that_closes_in_a_command_leaves_it_open() {
    let portal = target(|mut stream| {
        log_in(&mut stream);
        let asked = hear(&mut stream);
        let half = &answer(&asked, 0x21, &[])[..20];
        stream.write_all(half).expect("sent");
    });
    let mut session = Session::connect(portal, &names()).expect("a session");
    let answer = session.execute(&[0x0a, 0, 0, 0, 1, 0], Data::Out(&[1]), Patience::Block);
    let Answer::Lost { why } = answer else {
        panic!("{answer:?}");
    };
    assert!(why.starts_with("the target cannot be reached"), "{why}");
}
