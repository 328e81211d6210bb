//! A tape in memory, as strict as the strictest drive: for tests and simulations.

use bytes::Bytes;

use super::BLOCK;
use super::medium::{Fault, Medium, Read, Space, Written};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Mark {
    Block(Bytes),
    Filemark,
}

/// A tape of blocks and filemarks. Positions count both, from 0.
#[derive(Clone, Debug)]
pub struct Reel {
    marks: Vec<Mark>,
    head: usize,
    flushed: usize,
    near_end: usize,
    hard_end: usize,
    has_positions: bool,
}

impl Default for Reel {
    fn default() -> Self {
        Self::new(usize::MAX, usize::MAX)
    }
}

impl Reel {
    /// A blank tape that warns from mark `near_end` on and holds `hard_end` marks.
    pub const fn new(near_end: usize, hard_end: usize) -> Self {
        Self {
            marks: Vec::new(),
            head: 0,
            flushed: 0,
            near_end,
            hard_end,
            has_positions: true,
        }
    }

    /// The same tape in a drive that knows no positions.
    #[must_use]
    pub const fn without_positions(mut self) -> Self {
        self.has_positions = false;
        self
    }

    /// Blocks and filemarks on it.
    pub const fn len(&self) -> usize {
        self.marks.len()
    }

    /// Whether nothing was ever written.
    pub const fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// How much of it the last flush made safe.
    pub const fn flushed(&self) -> usize {
        self.flushed
    }

    /// Loses all behind the first `keep` marks, as a power cut loses what was not flushed.
    pub fn cut(&mut self, keep: usize) {
        self.marks.truncate(keep);
        (self.head, self.flushed) = (0, self.flushed.min(keep));
    }

    /// Flips one bit of the block at mark `at`; nothing at a filemark or behind the end.
    pub fn flip(&mut self, at: usize, byte: usize, bit: u32) {
        if let Some(Mark::Block(block)) = self.marks.get_mut(at) {
            let mut bytes = block.to_vec();
            bytes[byte % BLOCK] ^= 1 << (bit % 8);
            *block = bytes.into();
        }
    }

    /// The tape files, as dumping the tape gives them. The last may be torn.
    pub fn files(&self) -> Vec<Vec<u8>> {
        let mut files = Vec::new();
        for part in self.marks.split(|mark| *mark == Mark::Filemark) {
            let mut bytes = Vec::new();
            for mark in part {
                if let Mark::Block(block) = mark {
                    bytes.extend_from_slice(block);
                }
            }
            files.push(bytes);
        }
        while files.last().is_some_and(Vec::is_empty) {
            files.pop();
        }
        files
    }

    /// A tape with these files, each ended by a filemark.
    pub fn of(files: &[Vec<u8>]) -> Self {
        let mut reel = Self::default();
        for file in files {
            let blocks = file
                .chunks(BLOCK)
                .map(|b| Mark::Block(Bytes::copy_from_slice(b)));
            reel.marks.extend(blocks);
            reel.marks.push(Mark::Filemark);
        }
        reel.flushed = reel.marks.len();
        reel
    }

    fn put(&mut self, mark: Mark) -> Result<Written, Fault> {
        if self.head >= self.hard_end {
            return Err(Fault::HardEnd);
        }
        self.marks.truncate(self.head);
        self.marks.push(mark);
        self.head += 1;
        self.flushed = self.flushed.min(self.head - 1);
        Ok(Written {
            near_end: self.head > self.near_end,
        })
    }

    fn one_back(&mut self) -> Result<&Mark, Fault> {
        self.head = self.head.checked_sub(1).ok_or(beginning())?;
        Ok(&self.marks[self.head])
    }
}

fn beginning() -> Fault {
    Fault::Failed("the tape is at its beginning".to_owned())
}

fn end() -> Fault {
    Fault::Failed("nothing was ever written here".to_owned())
}

impl Medium for Reel {
    fn write(&mut self, block: &[u8]) -> Result<Written, Fault> {
        if block.len() != BLOCK {
            return Err(Fault::Failed(format!("a block of {} bytes", block.len())));
        }
        self.put(Mark::Block(Bytes::copy_from_slice(block)))
    }

    fn filemark(&mut self) -> Result<Written, Fault> {
        self.put(Mark::Filemark)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        self.flushed = self.marks.len();
        Ok(())
    }

    fn position(&mut self) -> Result<Option<u64>, Fault> {
        Ok(self.has_positions.then_some(self.head as u64))
    }

    fn locate(&mut self, address: u64) -> Result<(), Fault> {
        if !self.has_positions {
            return Err(Fault::Unsupported);
        }
        let address = usize::try_from(address).map_err(|_| end())?;
        self.head = address.min(self.marks.len());
        if self.head == address {
            Ok(())
        } else {
            Err(end())
        }
    }

    fn rewind(&mut self) -> Result<(), Fault> {
        self.head = 0;
        Ok(())
    }

    fn space(&mut self, way: Space) -> Result<(), Fault> {
        match way {
            Space::End => self.head = self.marks.len(),
            Space::Blocks(count) if count >= 0 => {
                for _ in 0..count {
                    if !matches!(self.marks.get(self.head).ok_or(end())?, Mark::Block(_)) {
                        return Err(Fault::Failed("a filemark stands in the way".to_owned()));
                    }
                    self.head += 1;
                }
            }
            Space::Blocks(count) => {
                for _ in count..0 {
                    if *self.one_back()? == Mark::Filemark {
                        return Err(Fault::Failed("a filemark stands in the way".to_owned()));
                    }
                }
            }
            Space::Filemarks(count) if count >= 0 => {
                for _ in 0..count {
                    while *self.marks.get(self.head).ok_or(end())? != Mark::Filemark {
                        self.head += 1;
                    }
                    self.head += 1;
                }
            }
            Space::Filemarks(count) => {
                for _ in count..0 {
                    while *self.one_back()? != Mark::Filemark {}
                }
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Result<Read, Fault> {
        let Some(mark) = self.marks.get(self.head) else {
            return Ok(Read::End);
        };
        self.head += 1;
        Ok(match mark {
            Mark::Block(block) => Read::Block(block.clone()),
            Mark::Filemark => Read::Filemark,
        })
    }
}
