//! Where the head stands, and how it gets elsewhere.

use super::{Drive, Locates, Tells};
use crate::exchange::{Done, Failure};
use crate::scsi::{Data, Scsi, number, three};
use crate::sense::Decision;

/// The flag of a drive that does not know where it is.
pub(super) const UNKNOWN: u8 = 0x04;

/// A position counted from the beginning of the tape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Filemarks before it.
    pub file: u64,
    /// Blocks after the last of them.
    pub block: u64,
}

/// A position in the way this drive understands; of no use for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// As the drive counts, which need not begin at 0.
    Address(u64),
    /// As we count.
    Counted(Place),
}

/// The command that goes to an address.
pub(super) fn locate(locates: Locates, address: u64) -> Vec<u8> {
    let near = u32::try_from(address);
    match (locates, near) {
        (Locates::Near, Ok(near)) => {
            let mut cdb = vec![0x2b, 0, 0];
            cdb.extend(near.to_be_bytes());
            cdb.extend([0; 3]);
            cdb
        }
        _ => {
            let mut cdb = vec![0x92, 0, 0, 0];
            cdb.extend(address.to_be_bytes());
            cdb.extend([0; 4]);
            cdb
        }
    }
}

impl<S: Scsi> Drive<S> {
    /// Where the head stands.
    ///
    /// # Errors
    /// [`Failure::Nowhere`] when nobody knows: rewind then.
    pub fn position(&mut self) -> Result<Position, Failure> {
        let form = match self.abilities.tells {
            Tells::Nothing => {
                let counted = self.counted.ok_or(Failure::Nowhere)?;
                return Ok(Position::Counted(counted));
            }
            Tells::Short => 0,
            Tells::Long => 6,
        };
        let mut bytes = [0; 32];
        let cdb = [0x34, form, 0, 0, 0, 0, 0, 0, 0, 0];
        let length = if form == 6 { 32 } else { 20 };
        let done = self.question(&cdb, Data::In(&mut bytes[..length]))?;
        if bytes[0] & UNKNOWN != 0 {
            return Err(Failure::Nowhere);
        }
        let (at, width) = if form == 6 { (8, 8) } else { (4, 4) };
        if done.moved < at + width {
            return Err(Failure::Nonsense("READ POSITION"));
        }
        Ok(Position::Address(number(&bytes, at, width)))
    }

    /// Goes to the beginning.
    ///
    /// # Errors
    /// When it cannot.
    pub fn rewind(&mut self) -> Result<(), Failure> {
        self.counted = None;
        self.wind(&[0x01, 0, 0, 0, 0, 0])?;
        self.counted = Some(Place::default());
        Ok(())
    }

    /// Goes to a position that this drive gave for this tape.
    ///
    /// # Errors
    /// When the tape ends before, or the drive cannot.
    pub fn locate(&mut self, position: Position) -> Result<(), Failure> {
        match position {
            Position::Counted(place) => self.go(place),
            Position::Address(address) => {
                self.counted = None;
                if self.abilities.locates == Locates::Never {
                    return Err(Failure::Nowhere);
                }
                self.wind(&locate(self.abilities.locates, address))?;
                Ok(())
            }
        }
    }

    /// Goes to a counted place: rewinds, spaces over filemarks, then over blocks.
    ///
    /// # Errors
    /// As [`locate`](Self::locate).
    pub fn go(&mut self, place: Place) -> Result<(), Failure> {
        self.rewind()?;
        self.skip_files(place.file)?;
        self.skip_blocks(place.block)
    }

    /// Spaces forward over so many filemarks.
    ///
    /// # Errors
    /// At the end of data, or when it cannot.
    pub fn skip_files(&mut self, count: u64) -> Result<(), Failure> {
        self.skip(1, count)?;
        if count > 0 {
            self.count_marks(count);
        }
        Ok(())
    }

    /// Spaces forward over so many blocks of one tape file. Some drives run over its end
    /// without a word: ask for no more than there are.
    ///
    /// # Errors
    /// At a filemark, at the end of data, or when it cannot.
    pub fn skip_blocks(&mut self, count: u64) -> Result<(), Failure> {
        self.skip(0, count)?;
        if let Some(place) = &mut self.counted {
            place.block += count;
        }
        Ok(())
    }

    /// Spaces back over so many filemarks and stands before the last of them.
    ///
    /// # Errors
    /// At the beginning, or when it cannot.
    pub fn back_files(&mut self, count: u32) -> Result<(), Failure> {
        self.counted = None;
        let back = -i32::try_from(count.min(1 << 22)).unwrap_or(0);
        self.space(1, back).map(|_| ())
    }

    /// Spaces back over so many blocks of one tape file.
    ///
    /// # Errors
    /// At a filemark, at the beginning, or when it cannot.
    pub fn back_blocks(&mut self, count: u32) -> Result<(), Failure> {
        let counted = self.counted.take();
        let back = -i32::try_from(count.min(1 << 22)).unwrap_or(0);
        self.space(0, back)?;
        self.counted = counted.and_then(|place| {
            let block = place.block.checked_sub(u64::from(count))?;
            Some(Place { block, ..place })
        });
        Ok(())
    }

    /// Goes to the end of what was written and says where that is.
    ///
    /// # Errors
    /// When it cannot.
    pub fn end(&mut self) -> Result<Position, Failure> {
        if self.abilities.tells != Tells::Nothing {
            self.counted = None;
            self.space(3, 0)?;
            return self.position();
        }
        // The drive cannot say where the end is: count the way there, file by file, then the
        // blocks of what stands behind the last filemark.
        self.rewind()?;
        let mut end = Place::default();
        while self.is_done_until_the_end(1)? {
            end.file += 1;
        }
        self.rewind()?;
        self.skip_files(end.file)?;
        while self.is_done_until_the_end(0)? {
            end.block += 1;
        }
        self.counted = Some(end);
        Ok(Position::Counted(end))
    }

    fn is_done_until_the_end(&mut self, code: u8) -> Result<bool, Failure> {
        match self.space(code, 1) {
            Ok(_) => Ok(true),
            Err(failure) => match failure.decision() {
                Some(Decision::EndOfData) => Ok(false),
                _ => Err(failure),
            },
        }
    }

    /// Spaces forward, in steps that the command can carry.
    fn skip(&mut self, code: u8, count: u64) -> Result<(), Failure> {
        let counted = self.counted.take();
        let mut left = count;
        while left > 0 {
            let step = i32::try_from(left.min(1 << 22)).unwrap_or(0);
            self.space(code, step)?;
            left -= u64::from(step.unsigned_abs());
        }
        self.counted = counted;
        Ok(())
    }

    fn space(&mut self, code: u8, count: i32) -> Result<Done, Failure> {
        let [a, b, c] = three(count.cast_unsigned());
        self.wind(&[0x11, code, a, b, c, 0])
    }
}
