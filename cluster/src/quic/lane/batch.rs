//! What is written to a stream at once: many small frames cost one write.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use holdfast_actors::ports::COPIED_MAX;

use super::super::frame::{HEADER, frame_header, taken};
use super::super::permits::TELL;

/// About so many bytes are handed over in one write.
const BATCH: usize = 64 << 10;

/// Bytes in order.
#[derive(Debug, Default)]
pub(in super::super) struct Batch {
    pub(in super::super) chunks: Vec<Bytes>,
    /// How many frames are in them.
    pub(super) frames: usize,
}

impl Batch {
    /// Takes frames from the queue, and the permits to give back. Permits alone are no reason to
    /// write before there are a few.
    pub(super) fn of(outgoing: &mut VecDeque<Vec<Bytes>>, owed: &mut u32) -> Self {
        let mut batch = Self::default();
        if outgoing.is_empty() && *owed < TELL {
            return batch;
        }
        let all: usize = outgoing.iter().map(|frame| HEADER + length(frame)).sum();
        let mut small = BytesMut::with_capacity(HEADER + all.min(BATCH + COPIED_MAX));
        if *owed > 0 {
            small.put_slice(&taken(*owed));
            *owed = 0;
        }
        let mut bytes = 0;
        while bytes < BATCH {
            let Some(frame) = outgoing.pop_front() else {
                break;
            };
            bytes += HEADER + length(&frame);
            batch.frames += 1;
            if let Some(header) = frame_header(length(&frame)) {
                small.put_slice(&header);
            }
            for part in frame {
                if part.len() <= COPIED_MAX {
                    small.put_slice(&part);
                } else {
                    batch.chunks.push(small.split().freeze());
                    batch.chunks.push(part);
                }
            }
        }
        if !small.is_empty() {
            batch.chunks.push(small.freeze());
        }
        batch
    }

    pub(in super::super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }
}

fn length(frame: &[Bytes]) -> usize {
    frame.iter().map(Bytes::len).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::frame::{Decoder, Item};
    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_in_the_same_order(
            lengths in prop::collection::vec(
                prop_oneof![0..300_usize, 4_000..70_000_usize], 0..40),
            mut owed in 0..100_u32,
        ) {
            let mut outgoing: VecDeque<Vec<Bytes>> = lengths
                .iter()
                .enumerate()
                .map(|(number, length)| {
                    let mut frame = Bytes::from(vec![number as u8; *length]);
                    let head = frame.split_to(number * 97 % (length + 1));
                    vec![head, frame]
                })
                .collect();
            let frames = outgoing.iter().map(|parts| parts.concat().into());
            let mut expected: Vec<Item> = frames.map(Item::Frame).collect();
            if owed >= TELL || (owed > 0 && !outgoing.is_empty()) {
                expected.insert(0, Item::Taken(owed));
            }
            let (mut decoder, mut read) = (Decoder::default(), Vec::new());
            loop {
                let batch = Batch::of(&mut outgoing, &mut owed);
                if batch.is_empty() {
                    break;
                }
                for chunk in batch.chunks {
                    decoder.feed(&chunk, &mut read).unwrap();
                }
            }
            prop_assert_eq!(read, expected);
        }
    }
}
