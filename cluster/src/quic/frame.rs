//! How frames and permits lie in a stream, behind the greeting.
//!
//! An item begins with four bytes, little endian. The two highest bits say what it is: `00` a frame
//! of that many bytes, which follow; `10` that many frames were taken, so that their permits are
//! free again. What is announced is checked before room is made for it.

use bytes::Bytes;
use holdfast_actors::ports::FRAME_MAX;

use super::permits::WINDOW;

/// Bytes before each item.
pub const HEADER: usize = 4;
/// Marks permits that are given back.
const TAKEN: u32 = 0b10 << 30;
const KIND: u32 = 0b11 << 30;

/// One thing in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A frame of at most [`FRAME_MAX`] bytes.
    Frame(Bytes),
    /// So many frames were taken, from 1 to [`WINDOW`].
    Taken(u32),
}

/// What no healthy peer writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A frame is announced that nobody may send.
    #[error("a frame of {0} bytes is announced")]
    TooLarge(u32),
    /// None, or more than can have been under way.
    #[error("{0} frames are said to be taken")]
    Taken(u32),
    /// Bits that mean nothing in this version.
    #[error("an item of an unknown kind")]
    Kind,
}

/// The header of a frame; `None` if it is too large to be sent.
pub fn frame_header(length: usize) -> Option<[u8; HEADER]> {
    let fits = u32::try_from(length).ok().filter(|_| length <= FRAME_MAX)?;
    Some(fits.to_le_bytes())
}

/// The item that gives permits back.
pub const fn taken(count: u32) -> [u8; HEADER] {
    (TAKEN | count).to_le_bytes()
}

/// Cuts a stream into items, however its bytes come in.
#[derive(Debug, Default)]
pub struct Decoder {
    header: [u8; HEADER],
    /// How many bytes of the header are there.
    have: usize,
    /// A frame that is not complete: its bytes so far, and its length.
    body: Option<(Vec<u8>, usize)>,
}

impl Decoder {
    /// Takes the next bytes of the stream and appends what is complete to `items`.
    ///
    /// # Errors
    /// When the peer breaks the format; the stream is of no use then.
    pub fn feed(&mut self, mut bytes: &[u8], items: &mut Vec<Item>) -> Result<(), Malformed> {
        loop {
            if let Some((mut body, length)) = self.body.take() {
                let part = bytes.len().min(length - body.len());
                body.extend_from_slice(&bytes[..part]);
                bytes = &bytes[part..];
                if body.len() < length {
                    self.body = Some((body, length));
                    return Ok(());
                }
                items.push(Item::Frame(body.into()));
            }
            let part = bytes.len().min(HEADER - self.have);
            self.header[self.have..self.have + part].copy_from_slice(&bytes[..part]);
            self.have += part;
            bytes = &bytes[part..];
            if self.have < HEADER {
                return Ok(());
            }
            self.have = 0;
            self.begin(u32::from_le_bytes(self.header), items)?;
        }
    }

    fn begin(&mut self, header: u32, items: &mut Vec<Item>) -> Result<(), Malformed> {
        let number = header & !KIND;
        match header & KIND {
            0 if number as usize > FRAME_MAX => return Err(Malformed::TooLarge(number)),
            0 => {
                let length = number as usize;
                self.body = Some((Vec::with_capacity(length), length));
            }
            TAKEN if number == 0 || number as usize > WINDOW => {
                return Err(Malformed::Taken(number));
            }
            TAKEN => items.push(Item::Taken(number)),
            _ => return Err(Malformed::Kind),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(items: &[Item]) -> Vec<u8> {
        let one = |item: &Item| match item {
            Item::Frame(body) => [&frame_header(body.len()).unwrap(), body.as_ref()].concat(),
            Item::Taken(count) => taken(*count).to_vec(),
        };
        items.iter().flat_map(one).collect()
    }

    fn item() -> impl Strategy<Value = Item> {
        let body = prop::collection::vec(any::<u8>(), 0..300);
        prop_oneof![
            body.prop_map(|body| Item::Frame(body.into())),
            (1..=WINDOW as u32).prop_map(Item::Taken),
        ]
    }

    proptest! {
        #[test]
        fn a_stream_is_cut_into_what_was_written_however_it_arrives(
            items in prop::collection::vec(item(), 0..20),
            step in 1..50_usize,
        ) {
            let (mut decoder, mut read) = (Decoder::default(), Vec::new());
            for part in encode(&items).chunks(step) {
                decoder.feed(part, &mut read).unwrap();
            }
            prop_assert_eq!(read, items);
        }
    }

    #[test]
    fn the_bytes_of_this_version_stay_as_they_are() {
        let items = [Item::Frame(Bytes::from_static(b"abc")), Item::Taken(16)];
        assert_eq!(encode(&items), b"\x03\0\0\0abc\x10\0\0\x80");
    }

    #[test]
    fn what_no_healthy_peer_writes_is_refused_before_room_is_made() {
        let cases = [
            (
                FRAME_MAX as u32 + 1,
                Malformed::TooLarge(FRAME_MAX as u32 + 1),
            ),
            (TAKEN, Malformed::Taken(0)),
            (
                TAKEN | (WINDOW as u32 + 1),
                Malformed::Taken(WINDOW as u32 + 1),
            ),
            (0b01 << 30, Malformed::Kind),
            (KIND | 5, Malformed::Kind),
        ];
        for (header, expected) in cases {
            let mut items = Vec::new();
            let told = Decoder::default().feed(&header.to_le_bytes(), &mut items);
            assert_eq!((told, items), (Err(expected), vec![]));
        }
    }
}
