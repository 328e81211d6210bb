//! One object from its row: one move of the tape, then its blocks.

use bytes::{Buf, Bytes};

use super::BLOCK;
use super::encryption::{Decrypter, Keys, Secret};
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
    decrypter: Option<Decrypter>,
}

impl Fetch {
    /// Begins to read one object; one that is encrypted needs the secret of its key.
    pub fn new(row: Row, secret: Option<Secret>) -> Self {
        let (skip, left) = (row.offset as usize, row.stored());
        let secret = secret.filter(|_| row.key.is_some());
        let decrypter = secret.map(|secret| Decrypter::new(secret, row.path.clone(), left));
        Self {
            skip,
            left,
            row,
            summing: Summing::default(),
            decrypter,
        }
    }

    /// Whether another block is needed.
    pub const fn wants(&self) -> bool {
        self.left > 0
    }

    /// Takes in the next block; what of it belongs to the object.
    ///
    /// # Errors
    /// When it is no block of ours, or says nothing to the holder of the key.
    pub fn push(&mut self, mut block: Bytes) -> Result<Bytes, Garbled> {
        let length = block.len();
        if length != BLOCK {
            return Err(Garbled::Block { length });
        }
        block.advance(std::mem::take(&mut self.skip).min(length));
        block.truncate(usize::try_from(self.left).unwrap_or(BLOCK));
        self.left -= block.len() as u64;
        if let Some(decrypter) = &mut self.decrypter {
            let name = || self.row.path.to_string();
            let opened = decrypter.push(&block);
            block = opened.ok_or_else(|| Garbled::Ciphertext { name: name() })?;
        }
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

/// A gap of so many blocks and filemarks is read over: that is over before a drive that was sent
/// elsewhere begins to move, on any drive that is still sold.
pub const NEAR: u64 = 256;

/// Goes to an object that is not encrypted and reads it; see [`Reader::fetch`].
///
/// # Errors
/// As there.
pub fn fetch(
    medium: &mut dyn Medium,
    row: &Row,
    piece: &mut dyn FnMut(Bytes),
) -> Result<(), ReadError> {
    Reader::default().fetch(medium, row, piece)
}

/// Reads one object after the other from a mounted tape, and moves the tape only where the next is
/// not just ahead.
#[derive(Debug, Default)]
pub struct Reader {
    /// The address of the head, as far as it is known.
    head: Option<u64>,
    keys: Keys,
}

impl Reader {
    /// A reader with these keys that asks the drive where its head is.
    pub fn at(medium: &mut dyn Medium, keys: Keys) -> Self {
        let head = medium.position().ok().flatten();
        Self { head, keys }
    }

    /// Goes to an object and reads it, by the address where the drive has addresses and the row has
    /// one, else by counting filemarks and blocks from the beginning.
    ///
    /// # Errors
    /// When the drive fails, its key is not open, or the object is not there as it was written; its
    /// pieces have been given to `piece` by then, and must be thrown away.
    pub fn fetch(
        &mut self,
        medium: &mut dyn Medium,
        row: &Row,
        piece: &mut dyn FnMut(Bytes),
    ) -> Result<(), ReadError> {
        let secret = row.key.map(|key| {
            let secret = self.keys.get(key);
            secret.ok_or(ReadError::Key { key })
        });
        let secret = secret.transpose()?;
        let address = row
            .position
            .map(|position| position.saturating_add(row.block.into()));
        let head = self.head.take();
        let is_there = head.zip(address).is_some_and(|(head, address)| {
            head <= address && address - head <= NEAR && over(medium, address - head)
        });
        if !is_there {
            go(medium, row, address)?;
        }
        let garbled = |source| ReadError::Garbled {
            file: row.file,
            source,
        };
        let mut fetch = Fetch::new(row.clone(), secret);
        let mut blocks = 0;
        while fetch.wants() {
            let Read::Block(block) = medium.read()? else {
                break;
            };
            blocks += 1;
            piece(fetch.push(block).map_err(garbled)?);
        }
        fetch.finish().map_err(garbled)?;
        self.head = address.map(|address| address.saturating_add(blocks));
        Ok(())
    }
}

/// Reads over so many blocks and filemarks; whether it came so far.
fn over(medium: &mut dyn Medium, count: u64) -> bool {
    (0..count).all(|_| matches!(medium.read(), Ok(Read::Block(_) | Read::Filemark)))
}

fn go(medium: &mut dyn Medium, row: &Row, address: Option<u64>) -> Result<(), ReadError> {
    match address.map(|address| medium.locate(address)) {
        Some(Ok(())) => Ok(()),
        Some(Err(Fault::Unsupported)) | None => {
            medium.rewind()?;
            medium.space(Space::Filemarks(row.file.into()))?;
            Ok(medium.space(Space::Blocks(row.block.into()))?)
        }
        Some(Err(fault)) => Err(fault.into()),
    }
}
