//! Whether the bytes of an extent are those that its writer put there.
//!
//! An extent is frames, each with its checksum, one behind the other; the last one may be cut
//! short, where the writer ended. So a reader that goes through all of it finds whatever a disk
//! made of it.

use bytes::{Buf, Bytes, BytesMut};
use holdfast_actors::frame::{HEADER, Header};

/// Bytes that are no frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("damaged at byte {0}")]
pub(crate) struct Damaged(pub(crate) u64);

/// Goes through an extent from its beginning, in pieces.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// Where the frame begins whose end has not come yet.
    at: u64,
    begun: BytesMut,
}

impl Frames {
    /// The next bytes.
    ///
    /// # Errors
    /// At the first frame that does not check.
    pub(crate) fn take(&mut self, bytes: &Bytes) -> Result<(), Damaged> {
        self.begun.extend_from_slice(bytes);
        while self.begun.len() >= HEADER {
            let damaged = Damaged(self.at);
            let header = Header::decode(&self.begun).map_err(|_| damaged)?;
            let total = header.total() as usize;
            let Some(body) = self.begun.get(HEADER..total) else {
                break;
            };
            header.check(body).map_err(|_| damaged)?;
            self.begun.advance(total);
            self.at += header.total();
        }
        Ok(())
    }

    /// How far it came.
    pub(crate) fn end(&self) -> u64 {
        self.at + self.begun.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use holdfast_actors::kernel::{Epoch, Sequence};
    use proptest::prelude::*;

    use super::*;

    fn extent(bodies: &[Vec<u8>]) -> Vec<u8> {
        let frames = bodies.iter().enumerate().map(|(number, body)| {
            let header = Header::of(1, Epoch::new(5), Sequence::new(number as u64), body);
            [header.encode().as_ref(), body].concat()
        });
        frames.collect::<Vec<_>>().concat()
    }

    fn read(bytes: &[u8], piece: usize) -> Result<u64, Damaged> {
        let mut frames = Frames::default();
        for part in bytes.chunks(piece) {
            frames.take(&Bytes::copy_from_slice(part))?;
        }
        Ok(frames.end())
    }

    proptest! {
        #[test]
        fn what_was_written_is_sound_wherever_it_was_cut_and_one_flipped_bit_is_found(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8),
            piece in 1usize..500, cut: prop::sample::Index, flipped: prop::sample::Index,
        ) {
            let whole = extent(&bodies);
            let end = cut.index(whole.len() + 1);
            prop_assert_eq!(read(&whole[..end], piece), Ok(end as u64));
            let mut rotten = whole.clone();
            rotten[flipped.index(whole.len())] ^= 4;
            prop_assert!(read(&rotten, piece).is_err());
        }
    }
}
