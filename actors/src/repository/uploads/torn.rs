//! Uploads with bytes in an extent that failed. One that its client goes on with loses only what is
//! not durable, and is kept up to there; every other ends.
//!
//! How far an extent is durable is known once it is sealed. Until then nobody goes on.

use super::super::entry::{FRAME_BYTES, Piece};
use super::{Upload, UploadId, Uploads};
use crate::frame::HEADER;
use crate::kernel::{ExtentId, Size};
use crate::object::Hashing;

/// How far apart the places are to which an upload goes back.
const MARKS: Size = Size::mib(1);

impl Uploads {
    /// An extent failed. What is kept waits for [`Uploads::mend`], under a new number: whoever was
    /// sending it is not heard any more.
    pub(in crate::repository) fn tear(&mut self, extent: ExtentId) {
        let is_in = |upload: &Upload| {
            let has = upload.pieces.iter().any(|piece| piece.extent == extent);
            has && !upload.safe.contains(&extent)
        };
        let mut hit = self.under_way.iter().filter(|(_, upload)| is_in(upload));
        let hit: Vec<UploadId> = hit.by_ref().map(|(id, _)| *id).collect();
        for id in hit {
            let upload = self.end(id).filter(|upload| upload.hashed.is_some());
            if let Some(mut upload) = upload {
                upload.parked = true;
                upload.torn.insert(extent);
                self.begun += 1;
                self.under_way.insert(UploadId(self.begun), upload);
            }
        }
    }

    /// A failed extent has ended, and is durable up to there.
    pub(in crate::repository) fn mend(&mut self, extent: ExtentId, durable: u64) {
        self.under_way.retain(|_, upload| {
            if !upload.torn.remove(&extent) {
                return true;
            }
            upload.safe.insert(extent);
            upload.go_back(extent, durable)
        });
    }
}

impl Upload {
    /// Notes what the bytes up to now hash to, if it may be gone on with.
    pub(in crate::repository) fn hashed_to(&mut self, hashed: Option<Hashing>) {
        let last = self.marks.last().map_or(Size::ZERO, |(at, _)| *at);
        match &hashed {
            Some(hashed) if self.received >= last + MARKS => {
                self.marks.push((self.received, hashed.clone()));
            }
            Some(_) => {}
            None => self.marks.clear(),
        }
        self.hashed = hashed;
    }

    /// Forgets what of it lies in an extent behind its durable end, and all that came later; false
    /// if nothing is left.
    fn go_back(&mut self, extent: ExtentId, durable: u64) -> bool {
        let mut kept = 0;
        for piece in &self.pieces {
            let whole = match piece.extent == extent {
                true => below(piece, durable),
                false => piece.length,
            };
            kept += whole;
            if whole < piece.length {
                break;
            }
        }
        if kept >= self.received.as_bytes() {
            return true;
        }
        self.marks.retain(|(at, _)| at.as_bytes() <= kept);
        let Some((received, hashed)) = self.marks.last().cloned() else {
            return false;
        };
        let mut left = received.as_bytes();
        self.pieces.retain_mut(|piece| {
            piece.length = piece.length.min(left);
            left -= piece.length;
            piece.length > 0
        });
        self.received = received;
        self.written = self.written.min(received);
        self.hashed = Some(hashed);
        true
    }
}

/// How many bytes of a piece lie in frames that end below an offset.
fn below(piece: &Piece, durable: u64) -> u64 {
    if piece.end() <= durable {
        return piece.length;
    }
    let full = (HEADER + FRAME_BYTES) as u64;
    let frames = durable.saturating_sub(piece.offset) / full;
    piece.length.min(frames * FRAME_BYTES as u64)
}
