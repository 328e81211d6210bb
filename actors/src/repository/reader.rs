//! Reading an object back: its entry says where its frames are, and every frame is checked.

mod body;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::entry::{Entry, FRAME_ENTRY, Moved, Place, Stored};
use super::head::TRAILER;
use super::register::Register;
use super::snapshot::Object;
use crate::extent;
use crate::frame::{BODY_MAX, FrameError, HEADER, Header};
use crate::kernel::{Epoch, ExtentId, RepositoryId};
use crate::object::Key;
use crate::ports::{Disk, File, SILENT};
use crate::schema::{self, SchemaError};

pub use body::Body;
use body::{checked, frames_of};

/// Why an object cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The disk.
    #[error("the disk failed to read {extent}")]
    Disk {
        /// Of which extent.
        extent: ExtentId,
        /// How.
        source: io::Error,
    },
    /// The nodes that hold it do not answer now. Nothing says that it is not what it was.
    #[error("the nodes that hold {extent} do not answer now")]
    Silent {
        /// Which extent.
        extent: ExtentId,
        /// How.
        source: io::Error,
    },
    /// A frame is not what it was.
    #[error("a frame of {extent} at byte {offset} is damaged")]
    Frame {
        /// In which extent.
        extent: ExtentId,
        /// Where.
        offset: u64,
        /// How.
        source: FrameError,
    },
    /// An entry is none.
    #[error("an entry of {extent} at byte {offset} cannot be read")]
    Entry {
        /// In which extent.
        extent: ExtentId,
        /// Where.
        offset: u64,
        /// How.
        source: SchemaError,
    },
    /// What lies there is sound and belongs elsewhere: a disk wrote it to the wrong place.
    #[error("what lies at byte {offset} of {extent} belongs elsewhere")]
    Elsewhere {
        /// In which extent.
        extent: ExtentId,
        /// Where.
        offset: u64,
    },
    /// The bytes of an object are not those that were taken in, though each frame is sound.
    #[error("the bytes of {0:?} are not those that were taken in")]
    Bytes(Key),
    /// The entry at that place is of another kind.
    #[error("there is no object at byte {offset} of {extent}")]
    NoObject {
        /// In which extent.
        extent: ExtentId,
        /// Where.
        offset: u64,
    },
}

impl ReadError {
    /// Of an extent that could not be read.
    fn failed(extent: ExtentId, source: io::Error) -> Self {
        if source.kind() == SILENT {
            Self::Silent { extent, source }
        } else {
            Self::Disk { extent, source }
        }
    }

    /// Whether nobody knows if the object is what it was: it may be read later.
    pub const fn is_silent(&self) -> bool {
        matches!(self, Self::Silent { .. })
    }
}

/// Reads the objects of one repository.
#[derive(Clone)]
pub struct Reader {
    disk: Arc<dyn Disk>,
    repository: RepositoryId,
    register: Arc<dyn Register>,
    files: Arc<Mutex<BTreeMap<ExtentId, Opened>>>,
    /// Where objects went that were moved since the repository was loaded.
    moved: Arc<Mutex<BTreeMap<Place, Place>>>,
}

/// An extent's file, and the epoch of the one writer of all that is in it; none if the catalog has
/// forgotten it. Its head says the same, and is one sector that a disk may have overwritten with
/// another's.
#[derive(Clone)]
struct Opened {
    file: Arc<dyn File>,
    epoch: Option<Epoch>,
}

/// What an entry has at most, mostly.
const GLANCE: usize = HEADER + (16 << 10);
/// Files kept open for reading.
const FILES_MAX: usize = 64;

impl Reader {
    /// A reader of one repository's extents; this says who wrote them.
    pub fn new(disk: Arc<dyn Disk>, repository: RepositoryId, register: Arc<dyn Register>) -> Self {
        Self {
            disk,
            repository,
            register,
            files: Arc::default(),
            moved: Arc::default(),
        }
    }

    /// The disk on which the extents lie.
    pub(super) const fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Finds the bytes of an object in a range that lies inside of it. The files that hold them
    /// stay open as long as what this gives, whatever is given back meanwhile. Of a whole object
    /// the last bytes are given only if all of them are those that were taken in.
    ///
    /// # Errors
    /// When the object's entry cannot be read, or is that of another object.
    pub async fn open(
        &self,
        key: &Key,
        object: Object,
        range: Range<u64>,
    ) -> Result<Body, ReadError> {
        let is_whole = range == (0..object.size.as_bytes());
        let (stored, body) = self.find(key, object, range).await?;
        Ok(if is_whole { body.proved(&stored) } else { body })
    }

    /// Finds an object's entry, and its bytes in a range that lies inside of it.
    pub(super) async fn find(
        &self,
        key: &Key,
        object: Object,
        range: Range<u64>,
    ) -> Result<(Stored, Body), ReadError> {
        loop {
            let place = self.follow(object.place);
            let found = match self.entry(place).await {
                Ok(stored) if stored.key != *key || stored.size != object.size => {
                    let Place { extent, offset } = place;
                    Err(ReadError::Elsewhere { extent, offset })
                }
                Ok(stored) => {
                    let body = self.body(&stored, range.clone()).await;
                    body.map(|body| (stored, body))
                }
                Err(error) => Err(error),
            };
            match found {
                // Who asks may have looked before the object was moved.
                Err(_) if self.follow(place) != place => {}
                found => return found,
            }
        }
    }

    /// Finds the bytes of an object whose entry is known.
    pub(super) async fn body(&self, stored: &Stored, range: Range<u64>) -> Result<Body, ReadError> {
        let mut frames = VecDeque::new();
        let mut begin = 0;
        for piece in &stored.pieces {
            let end = begin + piece.length;
            let wanted = range.start.max(begin)..range.end.min(end);
            if !wanted.is_empty() {
                let extent = piece.extent;
                let opened = self.file(extent).await;
                let opened = opened.map_err(|source| ReadError::failed(extent, source))?;
                let wanted = wanted.start - begin..wanted.end - begin;
                frames_of(piece, &opened, wanted, &mut frames);
            }
            begin = end;
        }
        Ok(Body::of(stored.size, frames))
    }

    /// An object was moved from one place to another. Whoever looked before still finds it, as long
    /// as its repository is loaded.
    pub(super) fn moved(&self, from: Place, to: Place) {
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        moved.insert(from, to);
    }

    /// Where the entry is that once was at a place.
    fn follow(&self, mut place: Place) -> Place {
        let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(next) = moved.get(&place) {
            place = *next;
        }
        place
    }

    /// Reads the entry of an object.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub async fn entry(&self, place: Place) -> Result<Stored, ReadError> {
        let Place { extent, offset } = place;
        let body = self.frame(extent, offset, GLANCE).await?;
        let encoded = body
            .get(..body.len().saturating_sub(TRAILER))
            .unwrap_or_default();
        let entry = schema::decode(encoded).map_err(|source| ReadError::Entry {
            extent,
            offset,
            source,
        })?;
        match entry {
            Entry::Stored(stored)
            | Entry::Moved(Moved { stored, .. })
            | Entry::Stranded(Moved { stored, .. }) => Ok(stored),
            Entry::Deleted { .. }
            | Entry::Purged { .. }
            | Entry::Restored { .. }
            | Entry::Emptied { .. } => Err(ReadError::NoObject { extent, offset }),
        }
    }

    /// The checksum of the frame at a place.
    pub(super) async fn checksum(&self, place: Place) -> Result<u32, ReadError> {
        let body = self.frame(place.extent, place.offset, GLANCE).await?;
        Ok(crc32c::crc32c(&body))
    }

    /// Reads and checks one frame, whose length is likely `guess` bytes; gives its body.
    async fn frame(&self, extent: ExtentId, offset: u64, guess: usize) -> Result<Bytes, ReadError> {
        let opened = self.file(extent).await;
        let opened = opened.map_err(|source| ReadError::failed(extent, source))?;
        frame(&opened, extent, offset, guess).await
    }

    /// Keeps an extent open no longer.
    pub(super) fn close(&self, extent: ExtentId) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.remove(&extent);
    }

    async fn file(&self, extent: ExtentId) -> io::Result<Opened> {
        let known = self
            .files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&extent)
            .cloned();
        if let Some(file) = known {
            return Ok(file);
        }
        let file = self
            .disk
            .open(&extent::path(self.repository, extent))
            .await?;
        let epoch = self.register.writer(extent);
        let opened = Opened { file, epoch };
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() >= FILES_MAX {
            files.pop_first();
        }
        files.insert(extent, opened.clone());
        Ok(opened)
    }
}

/// Reads and checks the frame of an entry, whose length is likely `guess` bytes; gives its body.
async fn frame(
    opened: &Opened,
    extent: ExtentId,
    offset: u64,
    guess: usize,
) -> Result<Bytes, ReadError> {
    let disk = |source| ReadError::failed(extent, source);
    let (place, epoch) = (Place { extent, offset }, opened.epoch);
    let guess = guess.min(HEADER + BODY_MAX);
    let mut bytes = opened.file.read(offset, guess).await.map_err(disk)?;
    let total = Header::decode(&bytes).map_or(0, |header| header.total() as usize);
    if bytes.len() < total {
        bytes = opened.file.read(offset, total).await.map_err(disk)?;
    }
    if let Ok(body) = entry_in(&bytes, place, epoch) {
        return Ok(body);
    }
    let is_sound = Arc::new(move |bytes: &Bytes| entry_in(bytes, place, epoch).is_ok());
    let again = opened.file.read_sound(offset, HEADER + BODY_MAX, is_sound);
    entry_in(&again.await.map_err(disk)?, place, epoch)
}

/// The body of an entry's frame, if bytes that were read at its place begin with that.
fn entry_in(bytes: &Bytes, place: Place, epoch: Option<Epoch>) -> Result<Bytes, ReadError> {
    let Place { extent, offset } = place;
    let damaged = |source| ReadError::Frame {
        extent,
        offset,
        source,
    };
    let (header, body) = checked(bytes).map_err(damaged)?;
    if header.kind != FRAME_ENTRY || epoch.is_some_and(|epoch| header.epoch != epoch) {
        return Err(ReadError::Elsewhere { extent, offset });
    }
    Ok(body)
}
