//! A target of this test's making, on a clock of its own.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::pdu::{Message, NO_TAG, Splitter};
use super::super::*;
use super::*;

/// What a target says to a message.
pub(super) type Said = Vec<(Head, Vec<u8>)>;

/// What was seen from outside.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) now: Duration,
    pub(super) heard: Vec<Message>,
    /// Bytes on their way to us.
    pub(super) inbox: Vec<u8>,
}

impl Seen {
    /// The headers of this kind that were sent.
    pub(super) fn of(&self, opcode: u8) -> Vec<&Message> {
        let heard = self.heard.iter();
        heard.filter(|one| one.head.opcode() == opcode).collect()
    }
}

/// The stream to a target that answers by a script.
pub(super) struct Fake {
    pub(super) seen: Rc<RefCell<Seen>>,
    splitter: Splitter,
    script: Box<dyn FnMut(&Message) -> Said>,
    /// Said again and again when there is nothing else to say.
    pub(super) flood: Option<(Head, Vec<u8>)>,
    /// Between two pieces, and their size.
    pub(super) pace: (Duration, usize),
    pub(super) closes: bool,
}

impl Fake {
    pub(super) fn new(script: impl FnMut(&Message) -> Said + 'static) -> Self {
        Self {
            seen: Rc::default(),
            splitter: Splitter::new(1 << 24),
            script: Box::new(script),
            flood: None,
            pace: (Duration::from_micros(1), 7),
            closes: false,
        }
    }
}

impl Wire for Fake {
    fn now(&self) -> Instant {
        Instant::from_micros(0) + self.seen.borrow().now
    }

    fn receive(&mut self, room: &mut [u8], until: Instant) -> io::Result<usize> {
        let wait = self.now().until(until);
        let seen = &mut *self.seen.borrow_mut();
        if let (true, Some((head, body))) = (seen.inbox.is_empty(), &self.flood) {
            seen.inbox = head.encode(body);
        }
        if seen.inbox.is_empty() && self.closes {
            return Ok(0);
        }
        if seen.inbox.is_empty() || wait < self.pace.0 {
            seen.now += wait;
            return Err(io::ErrorKind::TimedOut.into());
        }
        seen.now += self.pace.0;
        let count = room.len().min(self.pace.1).min(seen.inbox.len());
        room[..count].copy_from_slice(&seen.inbox[..count]);
        seen.inbox.drain(..count);
        Ok(count)
    }

    fn send(&mut self, bytes: &[u8], _: Instant) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = self.splitter.room();
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            rest = &rest[count..];
            if let Some(message) = self.splitter.filled(count).expect("it speaks well") {
                let said = (self.script)(&message);
                let mut seen = self.seen.borrow_mut();
                for (head, body) in said {
                    seen.inbox.extend(head.encode(&body));
                }
                seen.heard.push(message);
            }
        }
        Ok(())
    }
}

/// A header that answers, with bytes set.
pub(super) fn head(asked: &Message, opcode: u8, with: &[(usize, u8)]) -> Head {
    let mut head = Head::of(opcode);
    head.set(16, asked.head.number(16));
    head.set(20, NO_TAG);
    head.set(24, 7);
    head.set(28, asked.head.number(24).wrapping_add(1));
    head.set(32, asked.head.number(24).wrapping_add(1));
    for (at, byte) in with {
        head.bytes[*at] = *byte;
    }
    head
}

/// A step of the login that goes where the initiator wants.
pub(super) fn logged_in(asked: &Message, text: &str) -> Said {
    let mut head = head(asked, opcode::LOGGED_IN, &[(1, asked.head.bytes[1])]);
    head.set(20, 0);
    head.set(28, asked.head.number(24));
    head.set(32, asked.head.number(24) + 1);
    vec![(head, text.as_bytes().to_vec())]
}

/// A target that is satisfied with everything.
pub(super) fn polite(asked: &Message) -> Said {
    match asked.head.opcode() {
        opcode::LOGIN => logged_in(asked, ""),
        opcode::COMMAND => vec![(head(asked, opcode::RESPONSE, &[(1, 0x80)]), vec![])],
        opcode::NOP_OUT if asked.head.number(16) != NO_TAG => {
            vec![(head(asked, opcode::NOP_IN, &[(1, 0x80)]), vec![])]
        }
        opcode::TASK => vec![(head(asked, opcode::TASK_DONE, &[(1, 0x80)]), vec![])],
        _ => vec![],
    }
}

pub(super) fn names() -> Names {
    Names {
        initiator: "iqn.2026-11.test.holdfast:here".into(),
        target: "iqn.2026-11.test.holdfast:there".into(),
        session: 0x1234,
        unit: 3,
    }
}

/// A session with a target that is polite at the login.
pub(super) fn session(
    mut script: impl FnMut(&Message) -> Said + 'static,
) -> (Session<Fake>, Rc<RefCell<Seen>>) {
    let fake = Fake::new(move |asked| match asked.head.opcode() {
        opcode::LOGIN => logged_in(asked, ""),
        _ => script(asked),
    });
    let seen = Rc::clone(&fake.seen);
    let session = Session::open(fake, &names(), None).expect("a session");
    (session, seen)
}
