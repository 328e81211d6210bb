//! A way to a device over iSCSI (RFC 7143): one session, one connection, one command in flight.
//!
//! A session that failed once is dead: every later command is lost at once, and nothing is ever
//! sent again. Whoever connects anew asks the device where its tape stands.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::scsi::{Answer, Data, Patience, Scsi};
use login::Limits;
use pdu::{Pdu, opcode};

mod login;
mod pdu;

/// A stream of bytes that gives up after a silence.
pub trait Wire: Read + Write {
    /// How long a silence may be from now on.
    ///
    /// # Errors
    /// When the stream cannot.
    fn patience(&mut self, silence: Duration) -> io::Result<()>;
}

impl Wire for TcpStream {
    fn patience(&mut self, silence: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(silence))?;
        self.set_write_timeout(Some(silence))
    }
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The target cannot be reached, or fell silent.
    #[error("the target cannot be reached")]
    Unreachable(#[from] io::Error),
    /// The target said no: its class and detail.
    #[error("the target refused the login: {0:02x}{1:02x}")]
    Login(u8, u8),
    /// The target speaks otherwise than agreed.
    #[error("the target answered nonsense: {0}")]
    Nonsense(&'static str),
}

/// Whom to speak to, and as whom.
#[derive(Clone, Debug)]
pub struct Names {
    /// Our own name, `iqn.…`.
    pub initiator: String,
    /// The target's name.
    pub target: String,
    /// Number of this session among those of our name.
    pub session: u16,
    /// The device behind the target.
    pub unit: u8,
}

/// A session with one device.
pub struct Session<W> {
    wire: W,
    unit: u8,
    /// Number of the next command for the target's order.
    command: u32,
    /// Number of the answer that is expected next.
    status: u32,
    tag: u32,
    limits: Limits,
    dead: Option<String>,
}

impl<W> fmt::Debug for Session<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session with unit {} ({:?})", self.unit, self.limits)
    }
}

/// Most silence while the session is opened.
const OPENING: Duration = Duration::from_secs(30);

impl Session<TcpStream> {
    /// Connects and logs in.
    ///
    /// # Errors
    /// When the target cannot be reached or refuses.
    pub fn connect(portal: SocketAddr, names: &Names) -> Result<Self, Refused> {
        let wire = TcpStream::connect_timeout(&portal, OPENING)?;
        wire.set_nodelay(true)?;
        Self::open(wire, names)
    }
}

impl<W: Wire> Session<W> {
    /// Logs in over a stream.
    ///
    /// # Errors
    /// When the target refuses or falls silent.
    pub fn open(mut wire: W, names: &Names) -> Result<Self, Refused> {
        wire.patience(OPENING)?;
        let (limits, status) = login::login(&mut wire, names)?;
        Ok(Self {
            wire,
            unit: names.unit,
            command: 1,
            status,
            tag: 1,
            limits,
            dead: None,
        })
    }

    fn exchange(&mut self, cdb: &[u8], data: &mut Data<'_>) -> Result<Answer, Refused> {
        let tag = self.tag;
        // All ones are no tag.
        self.tag = tag
            .checked_add(1)
            .filter(|tag| *tag < u32::MAX)
            .unwrap_or(1);
        let asked = data.len();
        let out = match data {
            Data::Out(bytes) => *bytes,
            Data::None | Data::In(_) => &[],
        };
        let first = out.len().min(self.limits.first_burst);
        let immediate = match self.limits.immediate {
            true => first.min(self.limits.receives),
            false => 0,
        };
        let unsolicited = if self.limits.waits { immediate } else { first };
        let mut head = Pdu::of(opcode::COMMAND);
        head.bytes[1] = 0x01
            | u8::from(unsolicited == immediate) << 7
            | u8::from(matches!(data, Data::In(_))) << 6
            | u8::from(!out.is_empty()) << 5;
        head.bytes[9] = self.unit;
        head.set(16, tag);
        head.set(20, u32::try_from(asked).unwrap_or(u32::MAX));
        head.set(24, self.command);
        head.set(28, self.status);
        for (place, byte) in head.bytes[32..48].iter_mut().zip(cdb) {
            *place = *byte;
        }
        self.command = self.command.wrapping_add(1);
        head.send(&mut self.wire, &out[..immediate])?;
        if unsolicited > immediate {
            self.give(tag, u32::MAX, out, immediate..unsolicited)?;
        }
        self.follow(tag, out, data)
    }

    /// Serves what the target asks for until it answers.
    fn follow(&mut self, tag: u32, out: &[u8], data: &mut Data<'_>) -> Result<Answer, Refused> {
        let asked = data.len();
        loop {
            let (head, body) = Pdu::receive(&mut self.wire)?;
            if head.opcode() == opcode::NOP_IN {
                self.pong(&head)?;
                continue;
            }
            if head.number(16) != tag {
                return Err(Refused::Nonsense("an answer to no question"));
            }
            match head.opcode() {
                opcode::DATA_IN => {
                    let at = head.number(40) as usize;
                    let place = match data {
                        Data::In(buffer) => buffer.get_mut(at..at.saturating_add(body.len())),
                        Data::None | Data::Out(_) => None,
                    };
                    let place = place.ok_or(Refused::Nonsense("data beyond the buffer"))?;
                    place.copy_from_slice(&body);
                    // The answer may ride on the last data.
                    if head.bytes[1] & 0x01 != 0 {
                        self.status = head.number(24).wrapping_add(1);
                        return Ok(answer(&head, &[], asked));
                    }
                }
                opcode::READY => {
                    let at = head.number(40) as usize;
                    let end = at.saturating_add(head.number(44) as usize);
                    if end > out.len() {
                        return Err(Refused::Nonsense("a wish beyond the data"));
                    }
                    self.give(tag, head.number(20), out, at..end)?;
                }
                opcode::RESPONSE => {
                    self.status = head.number(24).wrapping_add(1);
                    return Ok(match head.bytes[2] {
                        0 => answer(&head, &body, asked),
                        _ => Answer::Lost {
                            why: "the target failed".into(),
                        },
                    });
                }
                _ => return Err(Refused::Nonsense("something else than an answer")),
            }
        }
    }

    /// Sends a part of the data, in pieces that the target can take.
    fn give(
        &mut self,
        tag: u32,
        transfer: u32,
        out: &[u8],
        range: std::ops::Range<usize>,
    ) -> Result<(), Refused> {
        let (mut at, mut number) = (range.start, 0);
        while at < range.end {
            let end = range.end.min(at + self.limits.receives);
            let mut head = Pdu::of(opcode::DATA_OUT);
            head.bytes[1] = u8::from(end == range.end) << 7;
            head.bytes[9] = self.unit;
            head.set(16, tag);
            head.set(20, transfer);
            head.set(28, self.status);
            head.set(36, number);
            head.set(40, u32::try_from(at).unwrap_or(u32::MAX));
            head.send(&mut self.wire, &out[at..end])?;
            (at, number) = (end, number + 1);
        }
        Ok(())
    }

    /// Shows the target that we are there, if it asks.
    fn pong(&mut self, asked: &Pdu) -> Result<(), Refused> {
        if asked.number(20) == u32::MAX {
            return Ok(());
        }
        let mut head = Pdu::of(opcode::NOP_OUT | opcode::IMMEDIATE);
        head.bytes[1] = 0x80;
        head.bytes[8..16].copy_from_slice(&asked.bytes[8..16]);
        head.set(16, u32::MAX);
        head.set(20, asked.number(20));
        head.set(24, self.command);
        head.set(28, self.status);
        head.send(&mut self.wire, &[])?;
        Ok(())
    }
}

fn answer(head: &Pdu, body: &[u8], asked: usize) -> Answer {
    let count = i64::from(head.number(44));
    let residual = match head.bytes[1] & 0x06 {
        0x02 => count.min(i64::try_from(asked).unwrap_or(i64::MAX)),
        0x04 => -count,
        _ => 0,
    };
    match head.bytes[3] {
        0x00 => Answer::Good { residual },
        0x02 => {
            let length = crate::scsi::number(body, 0, 2) as usize;
            let sense = body.get(2..).unwrap_or_default();
            let sense = sense[..length.min(sense.len())].to_vec();
            Answer::Check { sense, residual }
        }
        0x08 | 0x28 => Answer::Busy,
        0x18 => Answer::Conflict,
        other => Answer::Lost {
            why: format!("status {other:02x}"),
        },
    }
}

impl<W: Wire> Scsi for Session<W> {
    fn execute(&mut self, cdb: &[u8], mut data: Data<'_>, patience: Patience) -> Answer {
        if let Some(why) = &self.dead {
            return Answer::Lost { why: why.clone() };
        }
        let silence = self.wire.patience(patience.limit());
        let outcome = silence
            .map_err(Refused::from)
            .and_then(|()| self.exchange(cdb, &mut data));
        outcome.unwrap_or_else(|refused| {
            let why = match &refused {
                Refused::Unreachable(error) => format!("{refused}: {error}"),
                Refused::Login(..) | Refused::Nonsense(_) => refused.to_string(),
            };
            self.dead = Some(why.clone());
            Answer::Lost { why }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A target that says what it was told to, whatever it hears.
    struct Canned(io::Cursor<Vec<u8>>);

    impl Read for Canned {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Canned {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Wire for Canned {
        fn patience(&mut self, _: Duration) -> io::Result<()> {
            Ok(())
        }
    }

    fn session(said: Vec<u8>) -> Session<Canned> {
        Session {
            wire: Canned(io::Cursor::new(said)),
            unit: 0,
            command: 1,
            status: 1,
            tag: 1,
            limits: Limits::default(),
            dead: None,
        }
    }

    fn said(opcode: u8, with: &[(usize, u8)], body: &[u8]) -> Vec<u8> {
        let mut head = Pdu::of(opcode);
        head.set(16, 1);
        for (at, byte) in with {
            head.bytes[*at] = *byte;
        }
        let mut bytes = Vec::new();
        head.send(&mut bytes, body).expect("memory");
        bytes
    }

    #[test]
    fn data_and_a_residual_arrive() {
        let mut target = said(opcode::DATA_IN, &[], &[7, 8]);
        target.extend(said(opcode::RESPONSE, &[(1, 0x82), (47, 2)], &[]));
        let mut buffer = [0; 4];
        let answer = session(target).execute(&[8], Data::In(&mut buffer), Patience::Block);
        assert_eq!(answer, Answer::Good { residual: 2 });
        assert_eq!(buffer, [7, 8, 0, 0]);
    }

    #[test]
    fn a_target_that_wants_more_than_there_is_ends_the_session() {
        let target = said(opcode::READY, &[(43, 2), (47, 9)], &[]);
        let mut session = session(target);
        for _ in 0..2 {
            let answer = session.execute(&[10], Data::Out(&[1; 8]), Patience::Block);
            let why = "the target answered nonsense: a wish beyond the data".into();
            assert_eq!(answer, Answer::Lost { why });
        }
    }

    proptest! {
        #[test]
        fn no_target_is_too_strange(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            kind in prop::sample::select(vec![0x20_u8, 0x21, 0x25, 0x31, 0x3f]),
            small in any::<bool>(),
        ) {
            let mut bytes = bytes;
            if small && bytes.len() > 20 {
                bytes[0] = kind;
                bytes[4..8].copy_from_slice(&[0, 0, 0, 40]);
                bytes[16..20].copy_from_slice(&[0, 0, 0, 1]);
            }
            let mut buffer = [0; 64];
            session(bytes.clone()).execute(&[8], Data::In(&mut buffer), Patience::Block);
            session(bytes.clone()).execute(&[10], Data::Out(&[1; 64]), Patience::Block);
            let names = Names {
                initiator: "iqn.a".into(),
                target: "iqn.b".into(),
                session: 1,
                unit: 0,
            };
            let _ = Session::open(Canned(io::Cursor::new(bytes)), &names);
        }
    }
}
