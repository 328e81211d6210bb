//! The bytes of an object on their way out: read a few frames at once, each of them checked.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{Opened, ReadError};
use crate::frame::{FrameError, HEADER, Header};
use crate::kernel::{ExtentId, Size};
use crate::object::{Hash, Key};
use crate::repository::entry::{FRAME_BYTES, FRAME_DATA, Piece, Stored};

/// Bytes read at once: two full frames. Each read is a thread's errand, so fewer cost less.
const RUN_MAX: usize = 2 * (HEADER + FRAME_BYTES);

/// The frames of a piece that hold a range of its bytes.
pub(super) fn frames_of(
    piece: &Piece,
    opened: &Opened,
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
            opened: opened.clone(),
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
    let bytes = match first.opened.file.read(first.offset, length).await {
        Ok(bytes) => bytes,
        Err(source) => {
            let extent = first.extent;
            return VecDeque::from([Err(ReadError::failed(extent, source))]);
        }
    };
    let mut fetched = VecDeque::new();
    for one in run {
        fetched.push_back(match one.cut(first.offset, &bytes) {
            Ok(body) => Ok(body),
            Err(_) => one.fetch_again().await,
        });
    }
    fetched
}

/// The frame that some bytes begin with, and its body.
pub(super) fn checked(bytes: &Bytes) -> Result<(Header, Bytes), FrameError> {
    let header = Header::decode(bytes)?;
    let total = HEADER + header.length as usize;
    let body = bytes.slice(HEADER.min(bytes.len())..total.min(bytes.len()));
    header.check(&body)?;
    Ok((header, body))
}

/// What is wanted of one frame.
#[derive(Clone)]
pub(super) struct Stretch {
    opened: Opened,
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

    /// What is wanted, once it was read and is damaged: another copy may have it.
    async fn fetch_again(&self) -> Result<Bytes, ReadError> {
        let (one, offset, extent) = (self.clone(), self.offset, self.extent);
        let is_sound = Arc::new(move |bytes: &Bytes| one.cut(one.offset, bytes).is_ok());
        let again = self.opened.file.read_sound(offset, self.total(), is_sound);
        let again = again
            .await
            .map_err(|source| ReadError::failed(extent, source))?;
        self.cut(offset, &again)
    }

    /// What is wanted, out of bytes that were read from `begin` on.
    fn cut(&self, begin: u64, bytes: &Bytes) -> Result<Bytes, ReadError> {
        let (extent, offset) = (self.extent, self.offset);
        let from = bytes.len().min((offset - begin) as usize);
        let body = checked(&bytes.slice(from..bytes.len().min(from + self.total())));
        let (header, body) = body.map_err(|source| ReadError::Frame {
            extent,
            offset,
            source,
        })?;
        let is_ours = self.opened.epoch.is_none_or(|epoch| header.epoch == epoch);
        if header.kind == FRAME_DATA && is_ours && body.len() == self.length {
            Ok(body.slice(self.wanted.clone()))
        } else {
            Err(ReadError::Elsewhere { extent, offset })
        }
    }
}

/// The bytes of an object, frame by frame.
pub struct Body {
    size: Size,
    frames: VecDeque<Stretch>,
    /// What was read together and not yet asked for.
    ready: VecDeque<Result<Bytes, ReadError>>,
    /// For a whole object, what all of it must hash to.
    proof: Option<Proof>,
}

/// What became of a whole object so far.
struct Proof {
    key: Key,
    hash: Hash,
    found: Sha256,
    left: u64,
}

impl Proof {
    /// Takes the next bytes; whether nothing speaks against them.
    fn holds(&mut self, piece: &Bytes) -> bool {
        self.found.update(piece);
        self.left = self.left.saturating_sub(piece.len() as u64);
        self.left > 0 || Hash::new(self.found.clone().finalize().into()) == self.hash
    }
}

impl Body {
    /// The bytes in these frames, of an object of this length.
    pub(super) fn of(size: Size, frames: VecDeque<Stretch>) -> Self {
        Self {
            size,
            frames,
            ready: VecDeque::new(),
            proof: None,
        }
    }

    /// The length of the whole object.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The same, if all of it has the hash that it was taken in with.
    pub(super) fn proved(self, stored: &Stored) -> Self {
        let proof = Proof {
            key: stored.key,
            hash: stored.hash,
            found: Sha256::new(),
            left: stored.size.as_bytes(),
        };
        Self {
            proof: Some(proof),
            ..self
        }
    }

    /// Reads the first bytes ahead: whoever cannot have them is told so before anything else.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn begin(&mut self) -> Result<(), ReadError> {
        self.read_ahead().await;
        match self.ready.pop_front_if(|first| first.is_err()) {
            Some(Err(error)) => Err(error),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// The next bytes, at most a frame's; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, ReadError>> {
        self.read_ahead().await;
        let next = self.ready.pop_front()?;
        let is_good = match (&next, &mut self.proof) {
            (Ok(piece), Some(proof)) => proof.holds(piece),
            (Ok(_) | Err(_), _) => true,
        };
        match &self.proof {
            Some(proof) if !is_good => Some(Err(ReadError::Bytes(proof.key))),
            Some(_) | None => Some(next),
        }
    }

    async fn read_ahead(&mut self) {
        if self.ready.is_empty() {
            let run = self.next_run();
            self.ready = fetch(&run).await;
        }
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
