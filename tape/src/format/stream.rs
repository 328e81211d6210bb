//! One tape file while it is written: bytes in, full blocks out.

use bytes::{Bytes, BytesMut};

use super::BLOCK;
use super::pax::{self, Type, UNIT};

/// What fills.
pub(crate) static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// The bytes that do not make a block yet.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    partial: BytesMut,
    blocks: u32,
}

impl Stream {
    /// How many bytes the file has.
    pub(crate) fn at(&self) -> u64 {
        u64::from(self.blocks) * BLOCK as u64 + self.partial.len() as u64
    }

    /// Adds bytes.
    pub(crate) fn put(&mut self, mut bytes: &[u8], out: &mut Vec<Bytes>) {
        while !bytes.is_empty() {
            let room = BLOCK - self.partial.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            if self.partial.is_empty() {
                self.partial.reserve(BLOCK);
            }
            self.partial.extend_from_slice(now);
            bytes = later;
            if self.partial.len() == BLOCK {
                let block = self.partial.split().freeze();
                self.emit(block, out);
            }
        }
    }

    /// Adds bytes, as they are where they make whole blocks.
    pub(crate) fn piece(&mut self, mut bytes: Bytes, out: &mut Vec<Bytes>) {
        if self.partial.is_empty() {
            while bytes.len() >= BLOCK {
                self.emit(bytes.split_to(BLOCK), out);
            }
        }
        self.put(&bytes, out);
    }

    fn emit(&mut self, block: Bytes, out: &mut Vec<Bytes>) {
        self.blocks += 1;
        out.push(block);
    }

    /// Adds `count` zeros.
    pub(crate) fn zeros(&mut self, mut count: u64, out: &mut Vec<Bytes>) {
        while count > 0 {
            let now = count.min(BLOCK as u64);
            self.put(&ZEROS[..usize::try_from(now).unwrap_or(BLOCK)], out);
            count -= now;
        }
    }

    /// Fills the last unit.
    pub(crate) fn fill(&mut self, out: &mut Vec<Bytes>) {
        self.zeros(pax::units(self.at()) - self.at(), out);
    }

    /// Adds padding so that what follows `header` more bytes begins a block.
    pub(crate) fn align(&mut self, header: usize, time: u64, out: &mut Vec<Bytes>) {
        let block = BLOCK as u64;
        let begins = self.at() + header as u64;
        let need = begins.next_multiple_of(block) - begins;
        // The units are as large as a header, so a gap that is one holds at least that.
        if let Some(length) = need.checked_sub(UNIT as u64) {
            self.put(&pax::header(Type::Regular, ".pad", length, time), out);
            self.zeros(length, out);
        }
    }

    /// Ends the archive and fills the last block.
    pub(crate) fn close(&mut self, out: &mut Vec<Bytes>) {
        self.zeros(2 * UNIT as u64, out);
        let at = self.at();
        self.zeros(at.next_multiple_of(BLOCK as u64) - at, out);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_aligned_begins_a_block(units in 0usize..1200, header in 1usize..5) {
            let (mut stream, mut out) = (Stream::default(), Vec::new());
            stream.put(&vec![7; units * UNIT], &mut out);
            stream.align(header * UNIT, 0, &mut out);
            let begins = stream.at() + (header * UNIT) as u64;
            prop_assert_eq!(begins % BLOCK as u64, 0);
            prop_assert!(begins < ((units + header) * UNIT + BLOCK) as u64);
        }

        #[test]
        fn pieces_of_any_size_make_the_same_blocks(
            cuts in proptest::collection::vec(0usize..700_000, 0..6),
        ) {
            let bytes: Vec<u8> = (0..cuts.iter().sum()).map(|n: usize| (n / 97) as u8).collect();
            let (mut stream, mut out, mut at) = (Stream::default(), Vec::new(), 0);
            for cut in cuts {
                stream.piece(Bytes::copy_from_slice(&bytes[at..at + cut]), &mut out);
                at += cut;
            }
            stream.close(&mut out);
            prop_assert!(out.iter().all(|block| block.len() == BLOCK));
            let all = out.concat();
            prop_assert_eq!(&all[..bytes.len()], &bytes[..]);
            prop_assert!(all[bytes.len()..].iter().all(|byte| *byte == 0));
            prop_assert!(all.len() >= bytes.len() + 2 * UNIT);
        }
    }
}
