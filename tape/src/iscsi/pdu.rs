//! What travels on the wire: a header of 48 bytes, and a padded body behind it.

use super::Refused;
use crate::scsi::{number, three};

/// Kinds of messages.
pub(super) mod opcode {
    pub(in super::super) const IMMEDIATE: u8 = 0x40;
    pub(in super::super) const NOP_OUT: u8 = 0x00;
    pub(in super::super) const COMMAND: u8 = 0x01;
    pub(in super::super) const TASK: u8 = 0x02;
    pub(in super::super) const LOGIN: u8 = 0x03;
    pub(in super::super) const TEXT: u8 = 0x04;
    pub(in super::super) const DATA_OUT: u8 = 0x05;
    pub(in super::super) const LOGOUT: u8 = 0x06;
    pub(in super::super) const NOP_IN: u8 = 0x20;
    pub(in super::super) const RESPONSE: u8 = 0x21;
    pub(in super::super) const TASK_DONE: u8 = 0x22;
    pub(in super::super) const LOGGED_IN: u8 = 0x23;
    pub(in super::super) const TEXT_BACK: u8 = 0x24;
    pub(in super::super) const DATA_IN: u8 = 0x25;
    pub(in super::super) const READY: u8 = 0x31;
    pub(in super::super) const ASYNC: u8 = 0x32;
    pub(in super::super) const REJECT: u8 = 0x3f;
}

/// Bytes of a header.
const HEAD: usize = 48;
/// The longest body that we agree to take once logged in, in bytes.
pub(super) const BODY_MAX: usize = 1 << 20;
/// The longest body before anything is agreed, in bytes.
pub(super) const BODY_FIRST: usize = 8_192;
/// All ones: no tag.
pub(super) const NO_TAG: u32 = u32::MAX;

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) bytes: [u8; HEAD],
}

impl Head {
    pub(super) fn of(opcode: u8) -> Self {
        let mut bytes = [0; HEAD];
        bytes[0] = opcode;
        Self { bytes }
    }

    pub(super) fn opcode(&self) -> u8 {
        self.bytes[0] & 0x3f
    }

    pub(super) fn number(&self, at: usize) -> u32 {
        u32::try_from(number(&self.bytes, at, 4)).unwrap_or(0)
    }

    /// A number that counts bytes.
    pub(super) fn count(&self, at: usize) -> usize {
        usize::try_from(self.number(at)).unwrap_or(usize::MAX)
    }

    pub(super) fn set(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }

    /// Header and body as they travel.
    pub(super) fn encode(mut self, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        self.bytes[5..8].copy_from_slice(&three(length));
        let mut message = Vec::with_capacity(HEAD + body.len().next_multiple_of(4));
        message.extend(self.bytes);
        message.extend(body);
        message.resize(message.len().next_multiple_of(4), 0);
        message
    }
}

/// A header and what came with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) head: Head,
    pub(super) body: Vec<u8>,
}

/// Cuts a stream of bytes into messages. Holds at most one message, no longer than allowed.
#[derive(Debug)]
pub(super) struct Splitter {
    head: Head,
    /// Additional headers, which say nothing to us, and the padded body.
    rest: Vec<u8>,
    filled: usize,
    longest: usize,
}

impl Splitter {
    /// Bodies are at most this long.
    pub(super) fn new(longest: usize) -> Self {
        Self {
            head: Head::of(0),
            rest: Vec::new(),
            filled: 0,
            longest,
        }
    }

    /// From now on bodies are at most this long.
    pub(super) fn allow(&mut self, longest: usize) {
        self.longest = longest;
    }

    /// Where the next bytes of the stream go; never empty.
    pub(super) fn room(&mut self) -> &mut [u8] {
        match self.filled.checked_sub(HEAD) {
            None => &mut self.head.bytes[self.filled..],
            Some(at) => &mut self.rest[at..],
        }
    }

    /// So many bytes were put there; gives the message that they complete.
    pub(super) fn filled(&mut self, count: usize) -> Result<Option<Message>, Refused> {
        let had_head = self.filled >= HEAD;
        self.filled += count;
        if self.filled < HEAD {
            return Ok(None);
        }
        let additional = usize::from(self.head.bytes[4]) * 4;
        let length = usize::try_from(number(&self.head.bytes, 5, 3)).unwrap_or(usize::MAX);
        if !had_head {
            if length > self.longest {
                return Err(Refused::Nonsense("more than it may send at once"));
            }
            self.rest = vec![0; additional + length.next_multiple_of(4)];
        }
        if self.filled < HEAD + self.rest.len() {
            return Ok(None);
        }
        let mut body = std::mem::take(&mut self.rest);
        body.drain(..additional);
        body.truncate(length);
        self.filled = 0;
        Ok(Some(Message {
            head: self.head,
            body,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All messages of a stream that arrives in pieces of these sizes, in turn.
    fn cut(stream: &[u8], pieces: &[usize], longest: usize) -> Result<Vec<Message>, Refused> {
        let mut splitter = Splitter::new(longest);
        let (mut rest, mut found) = (stream, Vec::new());
        for piece in pieces.iter().cycle() {
            let room = splitter.room();
            let count = room.len().min(*piece).min(rest.len());
            if count == 0 {
                break;
            }
            room[..count].copy_from_slice(&rest[..count]);
            rest = &rest[count..];
            found.extend(splitter.filled(count)?);
            assert!(splitter.rest.len() <= longest.next_multiple_of(4) + 1_020);
        }
        Ok(found)
    }

    #[test]
    fn additional_headers_are_passed_over() {
        let mut bytes = Head::of(opcode::NOP_IN).encode(&[]);
        bytes[4] = 1;
        bytes[7] = 3;
        bytes.extend([9, 9, 9, 9, 1, 2, 3, 0]);
        let found = cut(&bytes, &[5], 8).expect("a message");
        assert_eq!(found[0].body, [1, 2, 3]);
    }

    #[test]
    fn a_body_longer_than_agreed_is_refused_before_it_is_taken() {
        let bytes = Head::of(opcode::DATA_IN).encode(&[0; 9]);
        assert!(cut(&bytes[..HEAD], &[48], 8).is_err());
        assert!(cut(&bytes[..HEAD], &[48], 9).is_ok());
    }

    proptest! {
        #[test]
        fn messages_arrive_as_they_were_sent(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
            pieces in prop::collection::vec(1_usize..60, 1..5),
        ) {
            let mut stream = Vec::new();
            for (tag, body) in (0..).zip(&bodies) {
                let mut head = Head::of(opcode::NOP_IN);
                head.set(16, tag);
                stream.extend(head.encode(body));
            }
            let found = cut(&stream, &pieces, 64).expect("well formed");
            prop_assert_eq!(found.len(), bodies.len());
            for ((tag, body), message) in (0..).zip(&bodies).zip(&found) {
                prop_assert_eq!(message.head.number(16), tag);
                prop_assert_eq!(&message.body, body);
            }
        }

        #[test]
        fn no_stream_is_too_strange(
            stream in prop::collection::vec(any::<u8>(), 0..400),
            pieces in prop::collection::vec(1_usize..60, 1..5),
        ) {
            let _ = cut(&stream, &pieces, 128);
        }
    }
}
