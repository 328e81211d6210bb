//! Uploads that are cut and gone on with by offset, as an agent does on its native path.

use bytes::Bytes;
use holdfast_actors::kernel::Size;
use holdfast_actors::object::{Hash, Kind};
use holdfast_actors::refusal::Refusal;
use holdfast_actors::service::{Intent, PIECE_MAX, Progress, Resumed};

use super::super::Flaw;
use super::super::invariants::held;
use super::Client;
use crate::world::pass;

/// Where an upload is cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Behind so many pieces of this attempt.
    pieces: usize,
    /// Milliseconds until it is gone on with.
    pause: u64,
}

impl Client {
    /// Where the next upload is cut; nowhere if it is sent as one.
    pub(super) fn draw_cuts(&mut self) -> Vec<Cut> {
        let count = if self.dice.one_in(3) {
            1 + self.dice.below(3)
        } else {
            0
        };
        let cuts = (0..count).map(|_| Cut {
            pieces: self.dice.below(6) as usize,
            pause: 1 + self.dice.below(1_500),
        });
        cuts.collect()
    }

    /// Sends an object with these cuts: after each it is gone on with behind what is held.
    pub(super) async fn go_on(
        &self,
        hash: Hash,
        bytes: &Bytes,
        cuts: &[Cut],
    ) -> Result<(), Refusal> {
        for cut in cuts {
            if self.attempt(hash, bytes, Some(*cut)).await? {
                return Ok(());
            }
            pass(cut.pause).await;
        }
        self.attempt(hash, bytes, None).await.map(|_| ())
    }

    /// One attempt; whether the object is stored now.
    async fn attempt(&self, hash: Hash, bytes: &Bytes, cut: Option<Cut>) -> Result<bool, Refusal> {
        let size = Size::bytes(bytes.len() as u64);
        let intent = Intent::Write(Kind::Data, size);
        let asked = self.enter(intent).await?;
        let from = match asked.held(Kind::Data, hash, size).await? {
            Progress::Stored => return Ok(true),
            Progress::Part(from) => from,
        };
        let entry = self.enter(intent).await?;
        let resumed = entry.resume(Kind::Data, hash, size, from).await?;
        let Resumed {
            mut upload,
            mut hashed,
        } = resumed;
        let mut at = from.as_bytes() as usize;
        if self.flaw == Some(Flaw::OtherPart) && at > 0 {
            hashed.update(&[0]);
        }
        {
            let now = self.time.world();
            let mut pages = self.book.pages();
            held::check(&mut pages, self.node, bytes, (at, &hashed), now);
            if at > 0 {
                let (who, length) = ((self.node, self.tenant), bytes.len());
                let story = format_args!("{who:?} goes on with {hash} at {at} of {length}");
                pages.log.say(now, story);
            }
        }
        // Small objects have several pieces, too.
        let length = (bytes.len() / 5).clamp(1, PIECE_MAX);
        let mut pieces = 0;
        while at < bytes.len() {
            if cut.is_some_and(|cut| cut.pieces <= pieces) {
                return Ok(false);
            }
            let piece = bytes.slice(at..bytes.len().min(at + length));
            at += piece.len();
            pieces += 1;
            hashed.update(&piece);
            upload.write_on(piece, hashed.clone()).await?;
        }
        upload.finish(hashed.finish()).await.map(|()| true)
    }
}
