//! What a call by name says, and what it is told: `version | …`, both ways.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use holdfast_actors::kernel::NodeId;

/// The most bytes of an actor's name.
pub const NAME_MAX: usize = 1024;

const VERSION: u8 = 1;
const DONE: u8 = 0;
const MOVED: u8 = 1;
const NOT_HERE: u8 = 2;

/// For whom, and what: `version | length u16 | name | body`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The actor's name; at most [`NAME_MAX`] bytes.
    pub name: Bytes,
    /// What is asked of it.
    pub body: Bytes,
}

/// What came of it: `version | kind | …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The actor's answer.
    Done(Bytes),
    /// Another node owns the actor. Nothing was done.
    Moved(NodeId),
    /// The node does not own it. Nothing was done.
    NotHere,
}

/// Bytes that are no such word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a call by name of another form")]
pub struct WordError;

impl Question {
    /// Its bytes.
    pub fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(3 + self.name.len() + self.body.len());
        bytes.put_u8(VERSION);
        bytes.put_u16_le(u16::try_from(self.name.len()).unwrap_or(u16::MAX));
        bytes.put_slice(&self.name);
        bytes.put_slice(&self.body);
        bytes.freeze()
    }

    /// The question behind bytes; its parts are parts of them.
    ///
    /// # Errors
    /// When the bytes are of another form or version.
    pub fn decode(mut bytes: Bytes) -> Result<Self, WordError> {
        if bytes.len() < 3 || bytes.get_u8() != VERSION {
            return Err(WordError);
        }
        let length = usize::from(bytes.get_u16_le());
        if length > bytes.len() || length > NAME_MAX {
            return Err(WordError);
        }
        let name = bytes.split_to(length);
        Ok(Self { name, body: bytes })
    }
}

impl Answer {
    /// Its bytes.
    pub fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        bytes.put_u8(VERSION);
        match self {
            Self::Done(body) => {
                bytes.reserve(1 + body.len());
                bytes.put_u8(DONE);
                bytes.put_slice(body);
            }
            Self::Moved(to) => {
                bytes.put_u8(MOVED);
                bytes.put_u64_le(to.raw());
            }
            Self::NotHere => bytes.put_u8(NOT_HERE),
        }
        bytes.freeze()
    }

    /// The answer behind bytes.
    ///
    /// # Errors
    /// When the bytes are of another form or version.
    pub fn decode(mut bytes: Bytes) -> Result<Self, WordError> {
        if bytes.len() < 2 || bytes.get_u8() != VERSION {
            return Err(WordError);
        }
        match bytes.get_u8() {
            DONE => Ok(Self::Done(bytes)),
            MOVED if bytes.len() == 8 => Ok(Self::Moved(NodeId::new(bytes.get_u64_le()))),
            NOT_HERE if bytes.is_empty() => Ok(Self::NotHere),
            _ => Err(WordError),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn words_come_back_from_their_bytes_which_never_change() {
        let (name, body) = (Bytes::from_static(b"acme"), Bytes::from_static(b"hi"));
        let question = Question { name, body };
        let body = Bytes::from_static(b"hi");
        let answers = [
            Answer::Done(body),
            Answer::Moved(NodeId::new(258)),
            Answer::NotHere,
        ];
        let hex = |bytes: &Bytes| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let mut golden = vec![hex(&question.encode())];
        assert_eq!(Question::decode(question.encode()), Ok(question));
        for answer in answers {
            golden.push(hex(&answer.encode()));
            assert_eq!(Answer::decode(answer.encode()), Ok(answer));
        }
        expect![[r#"
            01040061636d656869
            01006869
            01010201000000000000
            0102"#]]
        .assert_eq(&golden.join("\n"));
    }

    #[test]
    fn other_bytes_are_no_words() {
        for bytes in [&b""[..], b"\x01", b"\x02\x00\x00", b"\x01\x05\x00abc"] {
            assert_eq!(Question::decode(bytes.into()), Err(WordError));
        }
        for bytes in [
            &b"\x01"[..],
            b"\x02\x00",
            b"\x01\x01\x00",
            b"\x01\x02\x00",
            b"\x01\x09",
        ] {
            assert_eq!(Answer::decode(bytes.into()), Err(WordError));
        }
    }
}
