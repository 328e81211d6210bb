//! An object on its way in, as a client sends it: with its length or without, to the end or not.

use std::sync::Arc;

use holdfast_actors::kernel::Size;
use holdfast_actors::object::Hash;
use holdfast_actors::refusal::{Reason, Refusal};
use holdfast_actors::service::{Entry, Intent, PIECE_MAX, Upload};

use super::request::{Caller, Manner, is_certain, show};
use super::thing::Thing;
use crate::invariants::{acknowledged, reserve, shut, tasks};
use crate::oracle::End;
use crate::world::pass;

impl Caller {
    /// Stores an object.
    pub(crate) async fn store(&self, thing: &Thing, manner: Manner) -> Result<(), Refusal> {
        let (size, started) = (Size::bytes(thing.size()), self.ledger.now());
        let act = {
            let mut book = self.ledger.book();
            book.oracle
                .stores(self.shelf, thing.name, thing.size(), thing.hash)
        };
        let (end, told) = self.upload(thing, size, manner).await;
        {
            let mut book = self.ledger.book();
            if manner == Manner::Wrong && told.is_ok() {
                let story = format_args!("wrong bytes taken for {}", show(&thing.name));
                book.breach(acknowledged::ID, story);
            }
            if told.is_ok() {
                book.figures.stored += 1;
                shut::done(&mut book, self.shelf, started, thing.name.0);
            }
            reserve::stored(&mut book, started, thing.name.0, &told);
            book.oracle.ends(&act, end);
            if end == End::Done
                && let Some(wall) = book.highest_wall()
            {
                book.oracle.stored(&act, wall);
            }
        }
        let what = format_args!("store {} {size} {manner:?}", show(&thing.name));
        self.note(what, &told);
        told
    }

    async fn upload(
        &self,
        thing: &Thing,
        size: Size,
        manner: Manner,
    ) -> (End, Result<(), Refusal>) {
        let (kind, name) = thing.name;
        let said = if thing.is_announced() {
            size
        } else {
            Size::ZERO
        };
        let begun = async {
            let entry = self.inside(Intent::Write(kind, said)).await?;
            let upload = self.patient("begin", entry.begin(kind, name, said)).await?;
            Ok((entry, upload))
        };
        let (entry, mut upload) = match begun.await {
            Ok(begun) => begun,
            Err(refusal) => return (End::Refused, Err(refusal)),
        };
        let mut task = self.task(said);
        let sent = self
            .send(&entry, upload.as_mut(), thing, manner, &mut task)
            .await;
        if let Err(refusal) = sent {
            return (End::Refused, Err(refusal));
        }
        if let Manner::Late(wait) = manner
            && let Err(refusal) = self.wait(&entry, wait).await
        {
            return (End::Refused, Err(refusal));
        }
        let hash = if manner == Manner::Wrong {
            Hash::ZERO
        } else {
            thing.hash
        };
        let finished = self.cut(&entry, "finish", upload.finish(hash)).await;
        let end = match &finished {
            Ok(()) => End::Done,
            Err(refusal) if is_certain(refusal.reason) => End::Refused,
            Err(_) => End::Unknown,
        };
        (end, finished)
    }

    /// Counts an upload that may hold a task from now on, if this client hears when it is cut.
    fn task(&self, size: Size) -> Option<tasks::Running> {
        let counts = !self.is_deaf;
        counts
            .then(|| tasks::Running::begin(&self.ledger, self.shelf, size))
            .flatten()
    }

    /// Lets time pass, unless the session is ended meanwhile and the client hears of it.
    async fn wait(&self, entry: &Arc<dyn Entry>, millis: u64) -> Result<(), Refusal> {
        if self.is_deaf {
            pass(millis).await;
            return Ok(());
        }
        tokio::select! {
            biased;
            refusal = entry.ended() => Err(refusal),
            () = pass(millis) => Ok(()),
        }
    }

    async fn send(
        &self,
        entry: &Arc<dyn Entry>,
        upload: &mut dyn Upload,
        thing: &Thing,
        manner: Manner,
        task: &mut Option<tasks::Running>,
    ) -> Result<(), Refusal> {
        let mut said = 0;
        let mut left = thing.bytes.clone();
        let mut sent = 0;
        while !left.is_empty() {
            if manner == Manner::Cut(sent) {
                return Err(Refusal::new(Reason::Ended, "the client went away"));
            }
            let piece = left.split_to(left.len().min(PIECE_MAX));
            if !thing.is_announced() {
                let more = upload.grow(Size::bytes(piece.len() as u64));
                self.cut(entry, "grow", more).await?;
                said += piece.len() as u64;
                if task.is_none() {
                    *task = self.task(Size::bytes(said));
                }
            }
            self.cut(entry, "write", upload.write(piece)).await?;
            sent += 1;
        }
        if matches!(manner, Manner::Cut(_)) {
            return Err(Refusal::new(Reason::Ended, "the client went away"));
        }
        Ok(())
    }
}
