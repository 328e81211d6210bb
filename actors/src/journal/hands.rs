//! What the journal does to the disk: frames, writes, syncs, and the answers.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::machine::{Effect, Event, Files, Journal, Refusal, Tickets};
use super::{
    FOLDER, KIND_FOLLOWING, KIND_RECORD, OnFailure, Options, Snapshot, SnapshotError, segment_path,
    snapshot, snapshot_path,
};
use crate::frame::Header;
use crate::kernel::{Epoch, Never, Sequence, Ticket};
use crate::ports::{Disk, File, Pending};
use crate::shell::{Context, Fault, Hands};

type Answer = oneshot::Sender<Result<Sequence, Fault>>;
type SnapshotAnswer = oneshot::Sender<Result<(), SnapshotError>>;

/// What is said to the journal; the last four come from its own work.
pub(super) enum Message {
    Append {
        body: Bytes,
        reply: Answer,
    },
    Snapshot {
        through: Sequence,
        parts: Vec<Bytes>,
        reply: SnapshotAnswer,
    },
    Opened(io::Result<Arc<dyn File>>),
    Written(io::Result<()>),
    Kept(Ticket, io::Result<()>),
    Purged(Files, io::Result<()>),
}

/// The hands of one journal.
pub(super) struct JournalHands {
    disk: Arc<dyn Disk>,
    options: Options,
    on_failure: Option<OnFailure>,
    /// The disk was full when it was last asked for anything, and the operator was told.
    is_full: bool,
    /// The segment that takes records.
    file: Option<Arc<dyn File>>,
    last: Ticket,
    waiting: BTreeMap<Ticket, (Bytes, Answer)>,
    snapshots: BTreeMap<Ticket, Snapshooting>,
}

/// One who has a snapshot to keep, and what became of it.
struct Snapshooting {
    parts: Vec<Bytes>,
    result: io::Result<()>,
    reply: SnapshotAnswer,
}

impl JournalHands {
    pub(super) fn new(disk: Arc<dyn Disk>, options: Options, on_failure: OnFailure) -> Self {
        Self {
            disk,
            options,
            on_failure: Some(on_failure),
            is_full: false,
            file: None,
            last: Ticket::default(),
            waiting: BTreeMap::new(),
            snapshots: BTreeMap::new(),
        }
    }

    fn ticket(&mut self) -> Ticket {
        self.last = self.last.next();
        self.last
    }

    fn opened(&mut self, result: io::Result<Arc<dyn File>>) -> Event {
        let ended = result.map(|file| self.file = Some(file));
        self.ended_as(Event::Opened, "open a segment", ended)
    }

    /// What the end of a piece of work means: only a full disk is expected. The operator hears when
    /// that begins and when it is over, not of every try.
    fn ended_as(&mut self, event: Event, what: &str, result: io::Result<()>) -> Event {
        match result {
            Ok(()) => {
                if matches!(event, Event::Written) && std::mem::take(&mut self.is_full) {
                    tracing::warn!("the journal has space again");
                }
                event
            }
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                if !std::mem::replace(&mut self.is_full, true) {
                    tracing::error!("the disk is full: nothing is lost, and all changes wait");
                }
                Event::Full
            }
            Err(error) => Event::Broken {
                reason: format!("cannot {what}: {error}"),
            },
        }
    }

    fn write(&self, at: u64, first: Sequence, tickets: &Tickets) -> Result<Work, Fault> {
        let file = self.file.clone();
        let file = file.ok_or_else(|| Fault("a write without a segment".to_owned()))?;
        let mut parts = Vec::with_capacity(tickets.0.len() * 2);
        for (ticket, number) in tickets.0.iter().zip(first.raw()..) {
            let waits = self.waiting.get(ticket);
            let (body, _) = waits.ok_or_else(|| Fault(format!("{ticket} has no record")))?;
            let kind = if number == first.raw() {
                KIND_RECORD
            } else {
                KIND_FOLLOWING
            };
            let header = Header::of(kind, Epoch::default(), Sequence::new(number), body);
            parts.extend([header.encode(), body.clone()]);
        }
        Ok(Box::pin(async move {
            let written = match file.write(at, parts).await {
                Ok(()) => file.sync().await.map_err(unsynced),
                Err(error) => Err(error),
            };
            Message::Written(written)
        }))
    }

    fn answer(&mut self, first: Sequence, tickets: &Tickets) {
        for (ticket, number) in tickets.0.iter().zip(first.raw()..) {
            if let Some((_, reply)) = self.waiting.remove(ticket) {
                // Whoever asked may have ended; his record is durable all the same.
                let _ = reply.send(Ok(Sequence::new(number)));
            }
        }
    }

    fn refuse(&mut self, tickets: &Tickets) {
        for ticket in &tickets.0 {
            if let Some((_, reply)) = self.waiting.remove(ticket) {
                let _ = reply.send(Err(Fault("the journal has failed".to_owned())));
            }
        }
    }

    fn keep(&mut self, ticket: Ticket, through: Sequence) -> Option<Work> {
        let waits = self.snapshots.get_mut(&ticket)?;
        let parts = std::mem::take(&mut waits.parts);
        let disk = Arc::clone(&self.disk);
        Some(Box::pin(async move {
            let kept = snapshot::write(disk.as_ref(), FOLDER, Snapshot { through, parts }).await;
            Message::Kept(ticket, kept)
        }))
    }

    fn answer_snapshot(&mut self, ticket: Ticket, refusal: Option<Refusal>) {
        let Some(waits) = self.snapshots.remove(&ticket) else {
            return;
        };
        let answer = match refusal {
            None => waits.result.map_err(SnapshotError::Disk),
            Some(Refusal::Busy) => Err(SnapshotError::Busy),
            Some(Refusal::Stale) => Err(SnapshotError::Stale),
            Some(Refusal::Ahead) => Err(SnapshotError::Ahead),
            Some(Refusal::Ended) => Err(SnapshotError::Ended),
        };
        // Whoever asked may have ended; the snapshot stays.
        let _ = waits.reply.send(answer);
    }
}

type Work = Pending<Message>;

impl Hands for JournalHands {
    type Machine = Journal;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        Some(match message {
            Message::Append { body, reply } => {
                let ticket = self.ticket();
                let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
                self.waiting.insert(ticket, (body, reply));
                Event::Append { ticket, length }
            }
            Message::Snapshot {
                through,
                parts,
                reply,
            } => {
                let ticket = self.ticket();
                let waits = Snapshooting {
                    parts,
                    result: Ok(()),
                    reply,
                };
                self.snapshots.insert(ticket, waits);
                Event::Snapshot { ticket, through }
            }
            Message::Opened(result) => self.opened(result),
            Message::Written(result) => self.ended_as(Event::Written, "write", result),
            Message::Kept(ticket, result) => {
                let event = if result.is_ok() {
                    Event::Kept
                } else {
                    Event::Dropped
                };
                let waits = self.snapshots.get_mut(&ticket)?;
                waits.result = result;
                event
            }
            Message::Purged(files, Ok(())) => Event::Purged(files),
            Message::Purged(_, Err(error)) => {
                // They cost space and nothing else; the next snapshot purges them again.
                tracing::warn!(%error, "old journal files stay");
                return None;
            }
        })
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(&mut self, effect: Effect, _: &Context<Self>) -> Result<Option<Work>, Fault> {
        let disk = Arc::clone(&self.disk);
        let reserved = self.options.segment_bytes;
        Ok(match effect {
            Effect::Create { segment } => Some(Box::pin(async move {
                Message::Opened(create(disk.as_ref(), segment, reserved).await)
            })),
            Effect::Open { segment } => Some(Box::pin(async move {
                Message::Opened(open(disk.as_ref(), segment, reserved).await)
            })),
            Effect::Write { at, first, tickets } => Some(self.write(at, first, &tickets)?),
            Effect::Answer { first, tickets } => {
                self.answer(first, &tickets);
                None
            }
            Effect::Refuse { tickets } => {
                self.refuse(&tickets);
                None
            }
            Effect::End { reason } => {
                tracing::error!(reason, "the journal failed");
                if let Some(on_failure) = self.on_failure.take() {
                    on_failure(Fault(reason));
                }
                None
            }
            Effect::Keep { ticket, through } => self.keep(ticket, through),
            Effect::AnswerSnapshot { ticket } => {
                self.answer_snapshot(ticket, None);
                None
            }
            Effect::RefuseSnapshot { ticket, reason } => {
                self.answer_snapshot(ticket, Some(reason));
                None
            }
            Effect::Purge(files) => Some(Box::pin(async move {
                let purged = purge(disk.as_ref(), &files).await;
                Message::Purged(files, purged)
            })),
        })
    }
}

/// A failed sync has lost writes, whatever its reason: it must not pass for a full disk.
fn unsynced(error: io::Error) -> io::Error {
    io::Error::other(format!("sync: {error}"))
}

/// Makes a segment whose name is durable. One with this name was made for the same record, found no
/// space, and holds nothing.
async fn create(disk: &dyn Disk, segment: Sequence, reserved: u64) -> io::Result<Arc<dyn File>> {
    let path = segment_path(segment);
    let file = match disk.create(&path).await {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.open(&path).await?,
        made => made?,
    };
    reserve(file.as_ref(), reserved).await?;
    disk.sync_folder(FOLDER).await.map_err(unsynced)?;
    Ok(file)
}

async fn open(disk: &dyn Disk, segment: Sequence, reserved: u64) -> io::Result<Arc<dyn File>> {
    let file = disk.open(&segment_path(segment)).await?;
    reserve(file.as_ref(), reserved).await?;
    Ok(file)
}

/// Asks for a segment's blocks ahead. A disk that has not as many may still have room for a few
/// records, so that is for each write to find out.
async fn reserve(file: &dyn File, length: u64) -> io::Result<()> {
    match file.reserve(length).await {
        Err(error) if error.kind() == io::ErrorKind::StorageFull => Ok(()),
        reserved => reserved,
    }
}

async fn purge(disk: &dyn Disk, files: &Files) -> io::Result<()> {
    for segment in &files.segments {
        disk.remove(&segment_path(*segment)).await?;
    }
    for through in &files.snapshots {
        disk.remove(&snapshot_path(FOLDER, *through)).await?;
    }
    disk.sync_folder(FOLDER).await
}
