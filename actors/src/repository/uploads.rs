//! Uploads under way: nothing of this is durable, and all of it is bounded.
//!
//! Invariant: `reserved` is the sum of the reservations of the uploads under way, so a reservation
//! cannot leak.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::denied::Denied;
use super::entry::{FRAME_BYTES, Piece, Place};
use super::event::Held;
use crate::frame::HEADER;
use crate::kernel::{CredentialId, ExtentId, Instant, Size, Space};
use crate::object::{Hashing, Key, Kind};

mod torn;

/// The most uploads under way in one repository.
pub(super) const UPLOADS_MAX: usize = 1024;
/// The most pieces of one object, four times what an object of full frames has at the worst: its
/// entry must fit a frame.
pub(super) const PIECES_MAX: usize = 4096;
/// An upload that says nothing for so long is given up, and its reservation with it.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(150);

/// The most uploads that wait to be gone on with in one repository; for one more the oldest goes.
pub(super) const PARKED_MAX: usize = 64;

/// One upload, unique in the life of its repository's actor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UploadId(u64);

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "upload-{}", self.0)
    }
}

/// One upload under way.
#[derive(Debug)]
pub(super) struct Upload {
    /// What it will be.
    pub key: Key,
    /// By which login.
    pub by: CredentialId,
    /// Bytes announced.
    pub declared: Size,
    /// Bytes that came.
    pub received: Size,
    /// Bytes that went to an extent.
    written: Size,
    /// Where they went.
    pub pieces: Vec<Piece>,
    /// Whether its bytes are kept; those of an object that was there at the beginning are not.
    pub new: bool,
    /// Bytes held back from the quota for it.
    reserved: Size,
    /// The hash of what came, if it may be gone on with once it was cut.
    pub hashed: Option<Hashing>,
    /// The same at some places before, to go back to.
    marks: Vec<(Size, Hashing)>,
    /// Whether nobody sends it, and somebody may come again.
    parked: bool,
    /// Extents with bytes of it that failed, and of which nobody knows how far they are durable.
    torn: BTreeSet<ExtentId>,
    /// Extents that failed, and in which it has only bytes that are durable.
    safe: BTreeSet<ExtentId>,
    deadline: Instant,
}

/// All uploads of one repository.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    under_way: BTreeMap<UploadId, Upload>,
    begun: u64,
}

impl Uploads {
    /// Begins an upload that reserves its announced size, or nothing.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        key: Key,
        by: CredentialId,
        declared: Size,
        new: bool,
        reserved: Size,
    ) -> UploadId {
        self.begun += 1;
        let id = UploadId(self.begun);
        let upload = Upload {
            key,
            by,
            declared,
            received: Size::ZERO,
            written: Size::ZERO,
            pieces: Vec::new(),
            new,
            reserved,
            hashed: None,
            marks: Vec::new(),
            parked: false,
            torn: BTreeSet::new(),
            safe: BTreeSet::new(),
            deadline: now + SILENCE_MAX,
        };
        self.under_way.insert(id, upload);
        id
    }

    /// The upload, to go on with; it spoke at `now`.
    pub(super) fn touch(&mut self, now: Instant, id: UploadId) -> Option<&mut Upload> {
        let upload = self.under_way.get_mut(&id)?;
        upload.deadline = now + SILENCE_MAX;
        upload.parked = false;
        Some(upload)
    }

    /// Nobody sends an upload any more: it waits for who goes on with it, if it may be gone on with
    /// and anything of it came, or else it ends.
    pub(super) fn park(&mut self, now: Instant, id: UploadId) {
        match self.under_way.get_mut(&id) {
            Some(upload) if upload.hashed.is_some() => {
                (upload.parked, upload.deadline) = (true, now + SILENCE_MAX);
            }
            Some(_) | None => drop(self.end(id)),
        }
        let parked = self.under_way.iter().filter(|(_, upload)| upload.parked);
        if parked.clone().count() > PARKED_MAX {
            let oldest = parked.min_by_key(|(id, upload)| (upload.deadline, **id));
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                self.end(oldest);
            }
        }
    }

    /// Hands over what is held of an object, under a new number: of all uploads of it by the same
    /// login and of the same size the one of which most came. It waits until somebody goes on.
    pub(super) fn resume(
        &mut self,
        now: Instant,
        key: Key,
        by: CredentialId,
        size: Size,
    ) -> Result<Option<Held>, Denied> {
        let mine = self.under_way.iter().filter(|(_, upload)| {
            let is_it = upload.key == key && upload.by == by && upload.declared == size;
            is_it && upload.hashed.is_some()
        });
        let most = mine.max_by_key(|(id, upload)| (upload.received, **id));
        let Some((id, upload)) = most else {
            return Ok(None);
        };
        if !upload.torn.is_empty() {
            return Err(Denied::Settling);
        }
        let id = *id;
        let Some((mut upload, hashed)) = self.end(id).and_then(|it| {
            let hashed = it.hashed.clone()?;
            Some((it, hashed))
        }) else {
            return Ok(None);
        };
        (upload.parked, upload.deadline) = (true, now + SILENCE_MAX);
        self.begun += 1;
        let (id, received) = (UploadId(self.begun), upload.received);
        self.under_way.insert(id, upload);
        Ok(Some(Held {
            upload: id,
            received,
            hashed,
        }))
    }

    /// Ends what waits to be gone on with of an object: its login begins it anew.
    pub(super) fn forget(&mut self, key: Key, by: CredentialId) {
        self.under_way
            .retain(|_, upload| !(upload.parked && upload.key == key && upload.by == by));
    }

    /// Whether nobody is sending any.
    pub(super) fn is_quiet(&self) -> bool {
        self.under_way.values().all(|upload| upload.parked)
    }

    /// Announces more bytes of an upload, and reserves them if the quota is charged for it.
    pub(super) fn grow(&mut self, id: UploadId, more: Size) {
        if let Some(upload) = self.under_way.get_mut(&id) {
            upload.declared += more;
            if upload.new && upload.key.kind != Kind::Lock {
                upload.reserved += more;
            }
        }
    }

    /// So many bytes of an upload went to an extent.
    pub(super) fn written(&mut self, id: UploadId, length: Size) {
        if let Some(upload) = self.under_way.get_mut(&id) {
            upload.written += length;
        }
    }

    /// Bytes that may still be written.
    pub(super) fn left(&self) -> Size {
        let kept = self.under_way.values().filter(|upload| upload.new);
        kept.map(|upload| upload.declared.minus(upload.written))
            .sum()
    }

    /// Ends an upload and gives its reservation back.
    pub(super) fn end(&mut self, id: UploadId) -> Option<Upload> {
        self.under_way.remove(&id)
    }

    /// Ends all of them.
    pub(super) fn end_all(&mut self) {
        self.under_way.clear();
    }

    /// The oldest extent with bytes of an upload.
    pub(super) fn oldest(&self) -> Option<ExtentId> {
        let uploads = self.under_way.values();
        let pieces = uploads.flat_map(|upload| &upload.pieces);
        pieces.map(|piece| piece.extent).min()
    }

    /// Ends the uploads that have been silent for too long.
    pub(super) fn end_silent(&mut self, now: Instant) {
        self.under_way.retain(|_, upload| upload.deadline > now);
    }

    /// When the next upload will have been silent for too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.under_way.values().map(|upload| upload.deadline).min()
    }

    /// Bytes reserved in all, or in one space.
    pub(super) fn reserved(&self, space: Option<Space>) -> Size {
        let mine = |upload: &&Upload| space.is_none_or(|space| upload.key.space == space);
        self.under_way
            .values()
            .filter(mine)
            .map(|upload| upload.reserved)
            .sum()
    }

    /// Locks on their way in one space.
    pub(super) fn locks(&self, space: Space) -> usize {
        let lock = |upload: &&Upload| upload.key.space == space && upload.key.kind == Kind::Lock;
        self.under_way.values().filter(lock).count()
    }

    /// Whether no upload has more than was announced, nor holds more back than that.
    pub(super) fn is_sound(&self) -> bool {
        self.under_way.values().all(|upload| {
            let within = upload.written <= upload.received && upload.received <= upload.declared;
            within && upload.reserved <= upload.declared
        })
    }

    /// How many are under way.
    pub(super) fn len(&self) -> usize {
        self.under_way.len()
    }
}

impl Upload {
    /// Notes that `length` bytes went to a frame at `place`. Frames behind one another become one
    /// piece as long as all but the last are full.
    pub(super) fn placed(&mut self, place: Place, length: u64) {
        let full = (HEADER + FRAME_BYTES) as u64;
        if let Some(last) = self.pieces.last_mut() {
            let frames = last.length / FRAME_BYTES as u64;
            let whole = last.length.is_multiple_of(FRAME_BYTES as u64);
            if whole && last.extent == place.extent && last.offset + frames * full == place.offset {
                last.length += length;
                return;
            }
        }
        self.pieces.push(Piece {
            extent: place.extent,
            offset: place.offset,
            length,
        });
    }
}
