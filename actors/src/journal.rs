//! The journal: the order in which facts became durable, and the truth of a node.
//!
//! ```text
//! journal/<first sequence>.log        frames of records, their sequence rising by one
//! journal/<sequence>.snapshot         the state after that record, in parts
//! journal/<sequence>.snapshot.new     one that is being written; removed at start
//! journal/<sequence>.snapshot.damaged one that did not check, set aside for people to look at
//! ```
//!
//! Sequences have 20 digits and begin with 1. One write and one sync serve all records that arrived
//! during the last one. A record's frame says whether it began its write: once a later write is
//! there, all records before it had been durable, so a bad one among them is damage. Behind the
//! last write nothing proves that, and what does not check there is a torn tail, which is cut off.
//!
//! A failed sync ends the node: nothing is ever retried on a handle whose kernel has forgotten
//! writes. A full disk ends nothing: appends wait until there is space. The journal never looks
//! into what it stores.

mod hands;
mod machine;
mod recovery;
mod segment;
pub mod snapshot;

use std::io;

use bytes::Bytes;
use ractor::{ActorCell, SpawnErr};

use crate::frame::{BODY_MAX, FrameError};
use crate::kernel::Sequence;
use crate::ports::{self, Pending, Ports};
use crate::shell::{self, Fault, Path};

use hands::{JournalHands, Message};
use machine::Journal;
pub use recovery::{Cut, Position, Recovered, recover};

/// The folder of all that the journal keeps.
pub const FOLDER: &str = "journal";

/// A record that begins its write: all before it were durable when it was written.
const KIND_RECORD: u8 = 1;
/// A part of a snapshot.
const KIND_PART: u8 = 2;
/// The end of a snapshot.
const KIND_END: u8 = 3;
/// A record in the same write as the one before.
const KIND_FOLLOWING: u8 = 4;

/// How a journal is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The size in bytes at which the next segment begins; a record larger than that gets a segment
    /// of its own.
    pub segment_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 16 << 20,
        }
    }
}

/// One durable fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place in the order; the first is 1.
    pub sequence: Sequence,
    /// What was appended.
    pub body: Bytes,
}

/// The state after a record, so that those before it need not be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last record that is contained.
    pub through: Sequence,
    /// The parts as they were given, each at most [`BODY_MAX`].
    pub parts: Vec<Bytes>,
}

/// Why a journal cannot be read; nothing has been changed on disk.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk said no.
    #[error("{file} cannot be used")]
    Disk {
        /// Which file or folder.
        file: String,
        /// What the disk said.
        source: io::Error,
    },
    /// A record that had been durable does not check.
    #[error("record {sequence} in {file} at offset {offset} is damaged")]
    Damaged {
        /// The record that should be there.
        sequence: Sequence,
        /// Where.
        file: String,
        /// Where in the file, in bytes.
        offset: u64,
        /// What is wrong with it.
        source: FrameError,
    },
    /// Records that had been durable are not there.
    #[error("record {sequence} is missing: looked for in {file} at offset {offset}")]
    Missing {
        /// The first that is missing.
        sequence: Sequence,
        /// Where it should be, or the file behind the gap if there is none before it.
        file: String,
        /// Where in the file, in bytes.
        offset: u64,
    },
    /// A sound frame that does not belong where it is.
    #[error("{file} holds {found} at offset {offset}, where record {expected} belongs")]
    Misplaced {
        /// The record that should be there.
        expected: Sequence,
        /// The number of the frame that is there.
        found: Sequence,
        /// Where.
        file: String,
        /// Where in the file, in bytes.
        offset: u64,
    },
    /// Written by a newer program.
    #[error("record {sequence} in {file} at offset {offset} is of a newer format")]
    Newer {
        /// The record that should be there.
        sequence: Sequence,
        /// Where.
        file: String,
        /// Where in the file, in bytes.
        offset: u64,
        /// Which format.
        source: FrameError,
    },
    /// The newest snapshot does not check, and an older one with all records since is not there.
    #[error("{file} does not check at offset {offset}, and what came before it is gone")]
    Snapshot {
        /// The newest snapshot.
        file: String,
        /// Where in the file, in bytes.
        offset: u64,
    },
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Another one is being written.
    #[error("another snapshot is being written")]
    Busy,
    /// There is one of this record or a later one.
    #[error("a snapshot that new exists")]
    Stale,
    /// The record is not durable yet.
    #[error("a snapshot of a record that is not durable")]
    Ahead,
    /// A part is larger than a frame's body may be.
    #[error("a part of {0} bytes, larger than a frame may be")]
    Part(usize),
    /// The disk said no; the journal goes on without it.
    #[error("the snapshot cannot be written")]
    Disk(#[from] io::Error),
    /// The journal has ended.
    #[error("the journal ended")]
    Ended,
}

/// What a node does when its journal fails; in production it ends the process.
pub type OnFailure = Box<dyn FnOnce(Fault) + Send>;

/// How other actors' hands speak to the journal.
#[derive(Clone, Debug)]
pub struct Handle(shell::Handle<Message>);

impl Handle {
    /// Hands over a record, at once and in the order of calls; the answer comes when it is durable,
    /// in that order too. A [`Fault`] when the body is larger than [`BODY_MAX`] or the journal has
    /// failed. On a full disk the answer waits for space.
    pub fn append(&self, body: Bytes) -> Pending<Result<Sequence, Fault>> {
        if body.len() > BODY_MAX {
            let fault = Fault(format!("a record of {} bytes", body.len()));
            return Box::pin(async move { Err(fault) });
        }
        let asked = self.0.ask(|reply| Message::Append { body, reply });
        Box::pin(async move {
            let answer = asked.await;
            answer.unwrap_or_else(|gone| Err(Fault(format!("the journal: {gone}"))))
        })
    }

    /// Keeps the state after the record `through`, which is durable, and drops what is no longer
    /// needed: the last two snapshots stay, and all records since the older one. The answer comes
    /// when the snapshot is durable.
    pub fn snapshot(
        &self,
        through: Sequence,
        parts: Vec<Bytes>,
    ) -> Pending<Result<(), SnapshotError>> {
        if let Some(part) = parts.iter().find(|part| part.len() > BODY_MAX) {
            let error = SnapshotError::Part(part.len());
            return Box::pin(async move { Err(error) });
        }
        let asked = self.0.ask(|reply| Message::Snapshot {
            through,
            parts,
            reply,
        });
        Box::pin(async move { asked.await.unwrap_or(Err(SnapshotError::Ended)) })
    }

    /// Stops the journal after what it does now; appends that wait are answered with a fault.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// The actor, to link and to recognise it.
    pub fn cell(&self) -> ActorCell {
        self.0.cell()
    }
}

impl ports::Journal for Handle {
    fn append(&self, body: Bytes) -> Pending<Result<(), Fault>> {
        let appended = Self::append(self, body);
        Box::pin(async move { appended.await.map(|_| ()) })
    }
}

/// Starts a journal where recovery ended.
///
/// # Errors
/// When the supervisor is ending.
pub async fn start(
    path: Path,
    position: Position,
    options: Options,
    ports: Ports,
    supervisor: Option<ActorCell>,
    on_failure: OnFailure,
) -> Result<Handle, SpawnErr> {
    let machine = Journal::new(position, options);
    let hands = JournalHands::new(ports.disk.clone(), options, on_failure);
    let actor = shell::spawn(path, machine, hands, ports, supervisor).await?;
    Ok(Handle(actor))
}

/// The path of the segment that begins with this record.
fn segment_path(first: Sequence) -> String {
    format!("{FOLDER}/{:020}.log", first.raw())
}

/// The path of the snapshot that contains this record, in a folder of snapshots.
pub fn snapshot_path(folder: &str, through: Sequence) -> String {
    format!("{folder}/{:020}.snapshot", through.raw())
}
