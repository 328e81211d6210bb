//! One object from its row: one move of the tape, then its blocks.

use bytes::{Buf, Bytes};

use super::BLOCK;
use super::error::{Garbled, ReadError};
use super::medium::{Fault, Medium, Read, Space};
use super::row::Row;
use super::sum::Summing;

/// The machine: the blocks from [`Row::block`] on go in, the object's bytes come out.
#[derive(Debug)]
pub struct Fetch {
    row: Row,
    skip: usize,
    left: u64,
    summing: Summing,
}

impl Fetch {
    /// Begins to read one object.
    pub fn new(row: Row) -> Self {
        let skip = row.offset as usize;
        Self {
            skip,
            left: row.length,
            row,
            summing: Summing::default(),
        }
    }

    /// Whether another block is needed.
    pub const fn wants(&self) -> bool {
        self.left > 0
    }

    /// Takes in the next block; what of it belongs to the object.
    ///
    /// # Errors
    /// When it is no block of ours.
    pub fn push(&mut self, mut block: Bytes) -> Result<Bytes, Garbled> {
        let length = block.len();
        if length != BLOCK {
            return Err(Garbled::Block { length });
        }
        block.advance(std::mem::take(&mut self.skip).min(length));
        block.truncate(usize::try_from(self.left).unwrap_or(BLOCK));
        self.left -= block.len() as u64;
        self.summing.update(&block);
        Ok(block)
    }

    /// Says that no more blocks come. What came is the object only if this is good.
    ///
    /// # Errors
    /// When bytes are missing, or are others than were written.
    pub fn finish(self) -> Result<(), Garbled> {
        let name = self.row.path.to_string();
        if self.left > 0 {
            return Err(Garbled::Short {
                name,
                missing: self.left,
            });
        }
        let (written, found) = (self.row.sha256, self.summing.finish());
        if written == found {
            Ok(())
        } else {
            Err(Garbled::Damaged {
                name,
                written,
                found,
            })
        }
    }
}

/// Goes to an object and reads it, by the address where the drive has addresses and the row has
/// one, else by counting filemarks and blocks from the beginning.
///
/// # Errors
/// When the drive fails, or the object is not there as it was written; its pieces have been given
/// to `piece` by then, and must be thrown away.
pub fn fetch(
    medium: &mut dyn Medium,
    row: &Row,
    piece: &mut dyn FnMut(Bytes),
) -> Result<(), ReadError> {
    let address = row
        .position
        .map(|position| position.saturating_add(row.block.into()));
    match address.map(|address| medium.locate(address)) {
        Some(Ok(())) => {}
        Some(Err(Fault::Unsupported)) | None => {
            medium.rewind()?;
            medium.space(Space::Filemarks(row.file.into()))?;
            medium.space(Space::Blocks(row.block.into()))?;
        }
        Some(Err(fault)) => return Err(fault.into()),
    }
    let garbled = |source| ReadError::Garbled {
        file: row.file,
        source,
    };
    let mut fetch = Fetch::new(row.clone());
    while fetch.wants() {
        let Read::Block(block) = medium.read()? else {
            break;
        };
        piece(fetch.push(block).map_err(garbled)?);
    }
    fetch.finish().map_err(garbled)
}
