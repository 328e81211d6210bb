//! Reading an object back: its entry says where its frames are, and every frame is checked.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::entry::{Entry, FRAME_BYTES, Moved, Piece, Place, Stored};
use super::head::TRAILER;
use super::snapshot::Object;
use crate::extent;
use crate::frame::{BODY_MAX, FrameError, HEADER, Header};
use crate::kernel::{ExtentId, RepositoryId, Size};
use crate::ports::{Disk, File};
use crate::schema::{self, SchemaError};

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
    /// The entry at that place is of another kind.
    #[error("there is no object at byte {offset} of {extent}")]
    NoObject {
        /// In which extent.
        extent: ExtentId,
        /// Where.
        offset: u64,
    },
}

/// Reads the objects of one repository.
#[derive(Clone)]
pub struct Reader {
    disk: Arc<dyn Disk>,
    repository: RepositoryId,
    files: Arc<Mutex<BTreeMap<ExtentId, Arc<dyn File>>>>,
    /// Where objects went that were moved since the repository was loaded.
    moved: Arc<Mutex<BTreeMap<Place, Place>>>,
}

/// What an entry has at most, mostly.
const GLANCE: usize = HEADER + (16 << 10);
/// Files kept open for reading.
const FILES_MAX: usize = 64;
/// Bytes read at once: two full frames. Each read is a thread's errand, so fewer cost less.
const RUN_MAX: usize = 2 * (HEADER + FRAME_BYTES);

impl Reader {
    /// A reader of one repository's extents.
    pub fn new(disk: Arc<dyn Disk>, repository: RepositoryId) -> Self {
        Self {
            disk,
            repository,
            files: Arc::default(),
            moved: Arc::default(),
        }
    }

    /// The disk on which the extents lie.
    pub(super) const fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Finds the bytes of an object in a range that lies inside of it. The files that hold them
    /// stay open as long as what this gives, whatever is given back meanwhile.
    ///
    /// # Errors
    /// When the object's entry cannot be read.
    pub async fn open(&self, object: Object, range: Range<u64>) -> Result<Body, ReadError> {
        loop {
            let place = self.follow(object.place);
            let found = match self.entry(place).await {
                Ok(stored) => self.body(&stored, range.clone()).await,
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
                let file = self.file(extent).await;
                let file = file.map_err(|source| ReadError::Disk { extent, source })?;
                let wanted = wanted.start - begin..wanted.end - begin;
                frames_of(piece, &file, wanted, &mut frames);
            }
            begin = end;
        }
        Ok(Body {
            size: stored.size,
            frames,
            ready: VecDeque::new(),
        })
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
        let file = self.file(extent).await;
        let file = file.map_err(|source| ReadError::Disk { extent, source })?;
        frame(file.as_ref(), extent, offset, guess).await
    }

    /// Keeps an extent open no longer.
    pub(super) fn close(&self, extent: ExtentId) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.remove(&extent);
    }

    async fn file(&self, extent: ExtentId) -> io::Result<Arc<dyn File>> {
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
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() >= FILES_MAX {
            files.pop_first();
        }
        files.insert(extent, Arc::clone(&file));
        Ok(file)
    }
}

/// Reads and checks one frame, whose length is likely `guess` bytes; gives its body.
async fn frame(
    file: &dyn File,
    extent: ExtentId,
    offset: u64,
    guess: usize,
) -> Result<Bytes, ReadError> {
    let disk = |source| ReadError::Disk { extent, source };
    let damaged = |source| ReadError::Frame {
        extent,
        offset,
        source,
    };
    let guess = guess.min(HEADER + BODY_MAX);
    let mut bytes = file.read(offset, guess).await.map_err(disk)?;
    let header = Header::decode(&bytes).map_err(damaged)?;
    let total = HEADER + header.length as usize;
    if bytes.len() < total {
        bytes = file.read(offset, total).await.map_err(disk)?;
    }
    checked(&bytes).map_err(damaged)
}

/// The frames of a piece that hold a range of its bytes.
fn frames_of(
    piece: &Piece,
    file: &Arc<dyn File>,
    range: Range<u64>,
    frames: &mut VecDeque<Stretch>,
) {
    let full = FRAME_BYTES as u64;
    let mut at = range.start;
    while at < range.end {
        let number = at / full;
        let begin = number * full;
        let end = piece.length.min(begin + full);
        frames.push_back(Stretch {
            file: Arc::clone(file),
            extent: piece.extent,
            offset: piece.offset + number * (HEADER as u64 + full),
            length: (end - begin) as usize,
            wanted: (at - begin) as usize..(end.min(range.end) - begin) as usize,
        });
        at = end;
    }
}

/// Reads and checks frames that lie one behind the other.
async fn fetch(run: &[Stretch]) -> VecDeque<Result<Bytes, ReadError>> {
    let Some(first) = run.first() else {
        return VecDeque::new();
    };
    let length = run.iter().map(Stretch::total).sum();
    match first.file.read(first.offset, length).await {
        Ok(bytes) => run
            .iter()
            .map(|one| one.cut(first.offset, &bytes))
            .collect(),
        Err(source) => {
            let extent = first.extent;
            VecDeque::from([Err(ReadError::Disk { extent, source })])
        }
    }
}

/// The body of the frame that some bytes begin with.
fn checked(bytes: &Bytes) -> Result<Bytes, FrameError> {
    let header = Header::decode(bytes)?;
    let total = HEADER + header.length as usize;
    let body = bytes.slice(HEADER.min(bytes.len())..total.min(bytes.len()));
    header.check(&body)?;
    Ok(body)
}

/// What is wanted of one frame.
struct Stretch {
    file: Arc<dyn File>,
    extent: ExtentId,
    offset: u64,
    length: usize,
    wanted: Range<usize>,
}

impl Stretch {
    /// The bytes of the whole frame.
    const fn total(&self) -> usize {
        HEADER + self.length
    }

    /// Whether it lies right behind another.
    fn follows(&self, other: &Self) -> bool {
        self.extent == other.extent && self.offset == other.offset + other.total() as u64
    }

    /// What is wanted, out of bytes that were read from `begin` on.
    fn cut(&self, begin: u64, bytes: &Bytes) -> Result<Bytes, ReadError> {
        let (extent, offset) = (self.extent, self.offset);
        let from = bytes.len().min((offset - begin) as usize);
        let body = checked(&bytes.slice(from..bytes.len().min(from + self.total())));
        let whole = body.and_then(|body| match body.len() == self.length {
            true => Ok(body.slice(self.wanted.clone())),
            false => Err(FrameError::Body),
        });
        whole.map_err(|source| ReadError::Frame {
            extent,
            offset,
            source,
        })
    }
}

/// The bytes of an object, frame by frame.
pub struct Body {
    size: Size,
    frames: VecDeque<Stretch>,
    /// What was read together and not yet asked for.
    ready: VecDeque<Result<Bytes, ReadError>>,
}

impl Body {
    /// The length of the whole object.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The next bytes, at most a frame's; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, ReadError>> {
        if self.ready.is_empty() {
            let run = self.next_run();
            self.ready = fetch(&run).await;
        }
        self.ready.pop_front()
    }

    /// The next frames that one read fetches: those that lie one behind the other.
    fn next_run(&mut self) -> Vec<Stretch> {
        let mut run: Vec<Stretch> = Vec::new();
        let mut total = 0;
        while let Some(next) = self.frames.pop_front_if(|next| {
            run.last()
                .is_none_or(|last| next.follows(last) && total + next.total() <= RUN_MAX)
        }) {
            total += next.total();
            run.push(next);
        }
        run
    }
}
