//! A tape in a drive, as the format wants it: orders of the format in, commands of SSC out.

use bytes::Bytes;

use crate::exchange::Failure;
use crate::format::{BLOCK, Fault, Medium, Read, Space, Written};
use crate::scsi::Scsi;
use crate::sense::Decision;
use crate::ssc::{self, Drive, Erase, Locates, Marks, Position};

/// A tape that is loaded, in a drive that was asked what it can do.
#[derive(Debug)]
pub struct Mounted<S> {
    drive: Drive<S>,
    buffer: Vec<u8>,
    failed: Option<Failure>,
}

impl<S: Scsi> Mounted<S> {
    /// Takes a drive whose tape is loaded, and learns what it can do; the tape is rewound.
    ///
    /// # Errors
    /// When it is not ready, or does not take blocks of [`BLOCK`] bytes.
    pub fn new(mut drive: Drive<S>) -> Result<Self, Failure> {
        let (shortest, longest) = drive.learn()?.blocks;
        let fits = u32::try_from(BLOCK).is_ok_and(|block| (shortest..=longest).contains(&block));
        if !fits {
            return Err(Failure::Nonsense("blocks of 256 KiB"));
        }
        drive.any_length()?;
        Ok(Self {
            drive,
            buffer: vec![0; BLOCK],
            failed: None,
        })
    }

    /// The drive, which then stands where whoever takes it leaves it.
    pub fn drive(&mut self) -> &mut Drive<S> {
        &mut self.drive
    }

    /// The drive alone.
    pub fn into_drive(self) -> Drive<S> {
        self.drive
    }

    /// Why the last order that failed did, as the drive said it.
    pub fn failure(&mut self) -> Option<Failure> {
        self.failed.take()
    }

    /// What came of an order, as the format wants it.
    fn told<R>(&mut self, done: Result<R, Failure>) -> Result<R, Fault> {
        done.map_err(|failure| {
            let fault = fault(&failure);
            self.failed = Some(failure);
            fault
        })
    }
}

fn fault(failure: &Failure) -> Fault {
    let decision = failure.decision();
    if failure.is_unsupported() {
        return Fault::Unsupported;
    }
    match decision {
        Some(Decision::Overflow) => Fault::HardEnd,
        Some(Decision::ReadFault) => Fault::Unreadable(failure.to_string()),
        _ => Fault::Failed(failure.to_string()),
    }
}

fn taken(written: ssc::Written) -> Written {
    Written {
        near_end: written.near_end,
    }
}

/// A way that one command can carry back.
fn back(count: i64) -> Result<u32, Failure> {
    u32::try_from(count.unsigned_abs()).map_err(|_| Failure::Nonsense("a way too far"))
}

impl<S: Scsi> Medium for Mounted<S> {
    fn write(&mut self, block: &[u8]) -> Result<Written, Fault> {
        let written = self.drive.write(block);
        self.told(written).map(taken)
    }

    fn filemark(&mut self) -> Result<Written, Fault> {
        let written = self.drive.filemarks(1, Marks::Buffered);
        self.told(written).map(taken)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let flushed = self.drive.flush();
        self.told(flushed)
    }

    fn position(&mut self) -> Result<Option<u64>, Fault> {
        match self.drive.position() {
            Ok(Position::Address(address)) => Ok(Some(address)),
            Ok(Position::Counted(_)) | Err(Failure::Nowhere) => Ok(None),
            Err(failure) => self.told(Err(failure)),
        }
    }

    fn locate(&mut self, address: u64) -> Result<(), Fault> {
        if self.drive.abilities().locates == Locates::Never {
            return Err(Fault::Unsupported);
        }
        let gone = self.drive.locate(Position::Address(address));
        self.told(gone)
    }

    fn rewind(&mut self) -> Result<(), Fault> {
        let rewound = self.drive.rewind();
        self.told(rewound)
    }

    fn space(&mut self, way: Space) -> Result<(), Fault> {
        let drive = &mut self.drive;
        let gone = match way {
            Space::Blocks(count @ 0..) => drive.skip_blocks(count.unsigned_abs()),
            Space::Blocks(count) => back(count).and_then(|count| drive.back_blocks(count)),
            Space::Filemarks(count @ 0..) => drive.skip_files(count.unsigned_abs()),
            Space::Filemarks(count) => back(count).and_then(|count| drive.back_files(count)),
            Space::End => drive.end().map(|_| ()),
        };
        self.told(gone)
    }

    fn erase(&mut self, erase: Erase) -> Result<(), Fault> {
        let erased = self.drive.erase(erase);
        self.told(erased)
    }

    fn read(&mut self) -> Result<Read, Fault> {
        match self.drive.read(&mut self.buffer) {
            Ok(ssc::Read::Block(length)) => {
                let block = self.buffer.get(..length).unwrap_or_default();
                Ok(Read::Block(Bytes::copy_from_slice(block)))
            }
            Ok(ssc::Read::Longer(length)) => {
                let told = format!("a block of {length} bytes, which is none of ours");
                Err(Fault::Unreadable(told))
            }
            Ok(ssc::Read::Filemark) => Ok(Read::Filemark),
            Ok(ssc::Read::End) => Ok(Read::End),
            Err(failure) => self.told(Err(failure)),
        }
    }
}
