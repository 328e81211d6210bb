//! A cartridge: what is on its tape, what of it is only in the drive's buffer, and its chip.

use std::io;

use super::store::{InMemory, Kind, Memory, Object, Store};

/// Bytes of tape that a filemark takes.
const FILEMARK: u64 = 512;

/// One cartridge.
pub struct Cartridge {
    /// What the label says; what the changer reads of it is a matter of faults.
    pub(super) barcode: String,
    pub(super) memory: Memory,
    store: Box<dyn Store>,
    objects: Vec<Object>,
    durable: usize,
    marks: Vec<u64>,
}

impl Cartridge {
    /// A cartridge with the content of this store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open(barcode: &str, memory: Memory, mut store: Box<dyn Store>) -> io::Result<Self> {
        let objects = store.objects()?;
        store.remember(&memory)?;
        let marks = (0..)
            .zip(&objects)
            .filter(|(_, found)| found.length.is_none());
        Ok(Self {
            barcode: barcode.to_owned(),
            memory,
            store,
            durable: objects.len(),
            marks: marks.map(|(at, _)| at).collect(),
            objects,
        })
    }

    /// An empty one in memory with so many bytes of tape, an eighth of them after the warning.
    #[must_use]
    pub fn empty(barcode: &str, kind: Kind, capacity: u64) -> Self {
        Self {
            barcode: barcode.to_owned(),
            memory: Memory {
                kind,
                capacity,
                warning: capacity / 8,
                protected: false,
                loads: 0,
                attributes: std::collections::BTreeMap::new(),
            },
            store: Box::new(InMemory::default()),
            objects: Vec::new(),
            durable: 0,
            marks: Vec::new(),
        }
    }

    /// The same with the tab set that forbids writing.
    #[must_use]
    pub fn protected(mut self) -> Self {
        self.memory.protected = true;
        self
    }

    pub(super) fn end(&self) -> u64 {
        self.objects.len() as u64
    }

    pub(super) fn object(&self, at: u64) -> Option<Object> {
        let at = usize::try_from(at).ok()?;
        self.objects.get(at).copied()
    }

    /// Filemarks before this object.
    pub(super) fn marks_before(&self, at: u64) -> u64 {
        self.marks.partition_point(|mark| *mark < at) as u64
    }

    /// The object that is the filemark of this number.
    pub(super) fn mark(&self, number: u64) -> Option<u64> {
        let number = usize::try_from(number).ok()?;
        self.marks.get(number).copied()
    }

    /// Bytes of tape before this object.
    pub(super) fn used(&self, at: u64) -> u64 {
        let last = at.checked_sub(1).and_then(|last| self.object(last));
        last.map_or(0, Object::end) + self.marks_before(at) * FILEMARK
    }

    /// Whether another object still fits.
    pub(super) fn fits(&self, at: u64, length: Option<u32>) -> bool {
        self.used(at) + length.map_or(FILEMARK, u64::from) <= self.memory.capacity
    }

    /// Whether the tape's end is near at this object.
    pub(super) fn is_near_end(&self, at: u64) -> bool {
        self.used(at) + self.memory.warning >= self.memory.capacity
    }

    pub(super) fn read(&mut self, object: Object) -> io::Result<Vec<u8>> {
        self.store.read(object.start, object.length.unwrap_or(0))
    }

    /// Adds a block or filemark behind all there is.
    pub(super) fn append(&mut self, block: Option<&[u8]>) -> io::Result<()> {
        let start = self.objects.last().map_or(0, |last| last.end());
        if let Some(bytes) = block {
            self.store.write(start, bytes)?;
        } else {
            self.marks.push(self.end());
        }
        let length = block.and_then(|bytes| u32::try_from(bytes.len()).ok());
        self.objects.push(Object { start, length });
        Ok(())
    }

    /// Forgets this object and all behind it, at once and for ever.
    pub(super) fn cut(&mut self, at: u64) -> io::Result<()> {
        let kept = usize::try_from(at).unwrap_or(usize::MAX);
        if kept < self.durable {
            self.store.commit(kept, &[])?;
            self.durable = kept;
        }
        self.shorten(kept);
        Ok(())
    }

    /// What was cut off cannot be found by other ways either.
    pub(super) fn wipe(&mut self) -> io::Result<()> {
        let end = self.objects.last().map_or(0, |last| last.end());
        self.store.wipe(end)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.durable < self.objects.len() {
            self.store
                .commit(self.durable, &self.objects[self.durable..])?;
            self.durable = self.objects.len();
        }
        Ok(())
    }

    /// The buffer is gone.
    pub(super) fn lose_buffer(&mut self) {
        self.shorten(self.durable);
    }

    fn shorten(&mut self, kept: usize) {
        self.objects.truncate(kept);
        let kept = self.marks_before(self.end());
        self.marks.truncate(usize::try_from(kept).unwrap_or(0));
    }

    pub(super) fn remember(&mut self) -> io::Result<()> {
        self.store.remember(&self.memory)
    }
}

impl std::fmt::Debug for Cartridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} objects)", self.barcode, self.objects.len())
    }
}
