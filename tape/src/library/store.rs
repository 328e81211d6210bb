//! Where a cartridge keeps its bytes: the storage port, and the adapter in memory.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

/// One block or filemark, by where its bytes begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// Bytes of blocks before this one.
    pub start: u64,
    /// Bytes of the block; `None` for a filemark.
    pub length: Option<u32>,
}

impl Object {
    /// Where the next object's bytes begin.
    #[must_use]
    pub fn end(self) -> u64 {
        self.start + u64::from(self.length.unwrap_or(0))
    }
}

/// What a cartridge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Written and overwritten.
    Data,
    /// Written once.
    Worm,
    /// Cleans a drive, so often.
    Cleaning {
        /// Uses left.
        uses: u32,
    },
}

/// What the chip of a cartridge remembers, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// What it is for.
    pub kind: Kind,
    /// Bytes until the hard end.
    pub capacity: u64,
    /// Bytes before the hard end where warnings begin.
    pub warning: u64,
    /// The tab that forbids writing.
    pub protected: bool,
    /// How often it was threaded.
    pub loads: u64,
    /// Attributes that hosts wrote: identifier to format and value.
    pub attributes: BTreeMap<u16, (u8, Vec<u8>)>,
}

/// The bytes, index and chip of one cartridge. An error means that the device is broken.
pub trait Store: Send {
    /// Writes the bytes of a block; durable by the next [`commit`](Self::commit) alone.
    ///
    /// # Errors
    /// As the storage says.
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Reads the bytes of a block that was written.
    ///
    /// # Errors
    /// As the storage says.
    fn read(&mut self, at: u64, length: u32) -> io::Result<Vec<u8>>;

    /// Makes the first `kept` committed objects and `new` all that is on tape, durably.
    ///
    /// # Errors
    /// As the storage says; then either the old or the new state is found.
    fn commit(&mut self, kept: usize, new: &[Object]) -> io::Result<()>;

    /// Takes away all bytes from this one on, durably; no committed object has any of them.
    ///
    /// # Errors
    /// As the storage says.
    fn wipe(&mut self, from: u64) -> io::Result<()>;

    /// Every committed object.
    ///
    /// # Errors
    /// As the storage says.
    fn objects(&mut self) -> io::Result<Vec<Object>>;

    /// Makes the chip's content durable.
    ///
    /// # Errors
    /// As the storage says.
    fn remember(&mut self, memory: &Memory) -> io::Result<()>;
}

/// A cartridge in memory.
#[derive(Clone, Debug, Default)]
pub struct InMemory {
    bytes: Vec<u8>,
    objects: Vec<Object>,
}

fn range(at: u64, length: usize) -> std::ops::Range<usize> {
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    at..at.saturating_add(length)
}

impl Store for InMemory {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let range = range(at, bytes.len());
        if self.bytes.len() < range.end {
            self.bytes.resize(range.end, 0);
        }
        self.bytes[range].copy_from_slice(bytes);
        Ok(())
    }

    fn read(&mut self, at: u64, length: u32) -> io::Result<Vec<u8>> {
        let found = self.bytes.get(range(at, length as usize));
        found
            .map(<[u8]>::to_vec)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn commit(&mut self, kept: usize, new: &[Object]) -> io::Result<()> {
        self.objects.truncate(kept);
        self.objects.extend_from_slice(new);
        Ok(())
    }

    fn wipe(&mut self, from: u64) -> io::Result<()> {
        self.bytes.truncate(range(from, 0).start);
        Ok(())
    }

    fn objects(&mut self) -> io::Result<Vec<Object>> {
        Ok(self.objects.clone())
    }

    fn remember(&mut self, _: &Memory) -> io::Result<()> {
        Ok(())
    }
}
