//! The least that a tape must do. Adapters of real drives and the [`Reel`](super::Reel) offer it.

use bytes::Bytes;

use crate::ssc::Erase;

/// Why a tape did not do what it was told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The physical end: nothing of this order was written.
    #[error("the tape is at its end")]
    HardEnd,
    /// The order had no effect that can be relied on; what was buffered may be lost.
    #[error("the drive failed: {0}")]
    Failed(String),
    /// The block cannot be read.
    #[error("the tape cannot be read here: {0}")]
    Unreadable(String),
    /// The drive has no such order.
    #[error("the drive cannot do that")]
    Unsupported,
}

/// A block or filemark was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The drive warned that the end is near.
    pub near_end: bool,
}

/// What stood under the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// One block.
    Block(Bytes),
    /// A filemark; the head stands behind it.
    Filemark,
    /// Nothing was ever written here.
    End,
}

/// A way to go, relative but for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// So many blocks inside the tape file.
    Blocks(i64),
    /// Over so many filemarks; forward the head ends behind the last, backward before it.
    Filemarks(i64),
    /// To the end of what was written.
    End,
}

/// One mounted tape. Every order may fail with any [`Fault`].
pub trait Medium {
    /// Writes one block of [`BLOCK`](super::BLOCK) bytes.
    ///
    /// # Errors
    /// [`Fault::HardEnd`] when it was not written for want of tape.
    fn write(&mut self, block: &[u8]) -> Result<Written, Fault>;

    /// Writes one filemark without waiting for it to be on tape.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn filemark(&mut self) -> Result<Written, Fault>;

    /// Waits until all that was written is on tape.
    ///
    /// # Errors
    /// When any of it may not be.
    fn flush(&mut self) -> Result<(), Fault>;

    /// The address of the head, where the drive knows it.
    ///
    /// # Errors
    /// When the drive did not answer.
    fn position(&mut self) -> Result<Option<u64>, Fault>;

    /// Goes to an address.
    ///
    /// # Errors
    /// [`Fault::Unsupported`] where the drive has no addresses.
    fn locate(&mut self, address: u64) -> Result<(), Fault>;

    /// Goes to the beginning.
    ///
    /// # Errors
    /// When the drive failed.
    fn rewind(&mut self) -> Result<(), Fault>;

    /// Goes a way.
    ///
    /// # Errors
    /// When the way ends before.
    fn space(&mut self, way: Space) -> Result<(), Fault>;

    /// Reads what is under the head and goes on.
    ///
    /// # Errors
    /// [`Fault::Unreadable`] when it cannot.
    fn read(&mut self) -> Result<Read, Fault>;

    /// Erases from the head on.
    ///
    /// # Errors
    /// [`Fault::Unsupported`] where nothing is erased, else when the drive failed.
    fn erase(&mut self, _: Erase) -> Result<(), Fault> {
        Err(Fault::Unsupported)
    }
}
