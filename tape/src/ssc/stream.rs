//! Blocks and filemarks.

use super::{Drive, Place};
use crate::exchange::Failure;
use crate::scsi::{Data, Patience, Scsi, three};
use crate::sense::{Decision, Order};

/// Something was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The end of the tape is near.
    pub near_end: bool,
}

/// What was under the head. The head stands behind it, but for [`Read::End`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// A block of so many bytes.
    Block(usize),
    /// A block that did not fit: so many bytes long, as far as the drive tells.
    Longer(u64),
    /// A filemark.
    Filemark,
    /// Nothing was ever written here.
    End,
}

/// Whether the drive waits until filemarks are on tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marks {
    /// They and all before them are on tape when the answer comes.
    OnTape,
    /// They may be in the buffer.
    Buffered,
}

/// How thoroughly a tape is erased from the head on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erase {
    /// An end of data is written here.
    Short,
    /// The whole rest is overwritten, which takes hours.
    Long,
}

impl<S: Scsi> Drive<S> {
    /// Writes one block, which may then be in the drive's buffer only.
    ///
    /// # Errors
    /// After [`Failure::Lost`] the block may be on tape or not: never write it again before
    /// asking for the position.
    pub fn write(&mut self, block: &[u8]) -> Result<Written, Failure> {
        let length = u32::try_from(block.len()).map_err(|_| Failure::Nonsense("a long block"))?;
        if length == 0 || length >= 1 << 24 {
            return Err(Failure::Nonsense("a block without a length"));
        }
        let [a, b, c] = three(length);
        let cdb = [0x0a, 0, a, b, c, 0];
        let done = self.send(&cdb, Data::Out(block), Patience::Block, Order::Write)?;
        self.count_block();
        Ok(Written {
            near_end: done.near_end,
        })
    }

    /// Writes so many filemarks.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn filemarks(&mut self, count: u32, marks: Marks) -> Result<Written, Failure> {
        let [a, b, c] = three(count);
        let cdb = [0x10, u8::from(marks == Marks::Buffered), a, b, c, 0];
        let done = self.send(&cdb, Data::None, Patience::Flush, Order::Write)?;
        if count > 0 {
            self.count_marks(u64::from(count));
        }
        Ok(Written {
            near_end: done.near_end,
        })
    }

    /// Waits until all that was written is on tape.
    ///
    /// # Errors
    /// When any of it may not be.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.filemarks(0, Marks::OnTape).map(|_| ())
    }

    /// Reads the next block. `buffer` is as long as the longest block that may be met: with
    /// shorter ones a drive may give the beginning of a block without a word.
    ///
    /// # Errors
    /// When the block cannot be read here.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Read, Failure> {
        let asked = buffer.len() as u64;
        let length = u32::try_from(buffer.len()).unwrap_or(0);
        let [a, b, c] = three(length);
        if length == 0 || length >= 1 << 24 {
            return Err(Failure::Nonsense("a buffer without a length"));
        }
        // Shorter blocks are no failure.
        let cdb = [0x08, 0x02, a, b, c, 0];
        let outcome = self.send(&cdb, Data::In(buffer), Patience::Block, Order::Read);
        let Err(Failure::Told {
            sense, decision, ..
        }) = outcome
        else {
            let done = outcome?;
            self.count_block();
            return Ok(Read::Block(done.moved));
        };
        match (decision, sense.information) {
            (Decision::Filemark, _) => {
                self.count_marks(1);
                Ok(Read::Filemark)
            }
            (Decision::EndOfData, _) => Ok(Read::End),
            // One emulator tells of shorter blocks although it was asked not to.
            (Decision::Length, Some(over @ 0..)) => {
                self.count_block();
                let own = asked.saturating_sub(over.unsigned_abs());
                Ok(Read::Block(usize::try_from(own).unwrap_or(0)))
            }
            (Decision::Length, over) => {
                self.count_block();
                let over = over.unwrap_or(0).unsigned_abs();
                Ok(Read::Longer(asked.saturating_add(over)))
            }
            _ => {
                self.counted = None;
                outcome.map(|done| Read::Block(done.moved))
            }
        }
    }

    /// Erases from the head on.
    ///
    /// # Errors
    /// When the tape is protected or the drive cannot.
    pub fn erase(&mut self, erase: Erase) -> Result<(), Failure> {
        let cdb = [0x19, u8::from(erase == Erase::Long), 0, 0, 0, 0];
        self.send(&cdb, Data::None, Patience::Erase, Order::Write)
            .map(|_| ())
    }

    fn count_block(&mut self) {
        if let Some(place) = &mut self.counted {
            place.block += 1;
        }
    }

    pub(super) fn count_marks(&mut self, count: u64) {
        self.counted = self.counted.map(|place| Place {
            file: place.file + count,
            block: 0,
        });
    }
}
