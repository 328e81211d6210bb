//! The log of consensus, in a journal of its own.
//!
//! Entries, truncations, purges and votes are records of one journal (`raft/journal/`), in the
//! order in which they happened; all that is not purged is in memory as well, so the disk is read
//! at a start alone. One sync serves all that arrived during the last one, off the caller's task:
//! an append is answered when it can be read, and its callback is called when it is durable. Since
//! the journal keeps the order, what is durable says the same of all before it, so that a
//! truncation or a purge waits for nothing.
//!
//! When enough was purged, the log is written once more as a whole, as a snapshot of the journal,
//! and old segments go: files are removed one by one, and nothing is ever moved.

mod window;

use std::fmt;
use std::io;
use std::ops::RangeBounds;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_actors::journal::{self, JournalError, Recovered, SnapshotError};
use holdfast_actors::kernel::Sequence;
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::schema::SchemaError;
use holdfast_actors::shell::{Fault, Path};
use openraft::async_runtime::AsyncRuntime;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend, RaftLogReader};
use ractor::ActorCell;
use tokio::sync::mpsc;

use super::tasks::Tasks;
use super::types::{Entry, Kind, LogId, Vote};
use crate::folder::Folder;
pub(super) use window::Record;
pub(super) use window::Window;

/// The folder of all that consensus keeps.
pub(super) const FOLDER: &str = "raft";
/// So many bytes of records are appended before the log is written as a whole again.
const WHOLE: u64 = 4;

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The journal cannot be read.
    #[error("the log of the replicated catalog cannot be read")]
    Journal(#[from] JournalError),
    /// A record that checks is not one of ours.
    #[error("record {at} of the replicated catalog's log, counted from its snapshot, is none")]
    Record {
        /// Which.
        at: usize,
        /// What is wrong with it.
        #[source]
        error: SchemaError,
    },
    /// The journal's actor does not start.
    #[error("the log of the replicated catalog does not start")]
    Start(#[from] ractor::SpawnErr),
}

/// The log of one node. Clones are the same log.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    journal: journal::Handle,
    state: Mutex<State>,
    /// To the one task that tells consensus what is durable, in order.
    flushed: mpsc::UnboundedSender<Flush>,
    segment_bytes: u64,
}

struct State {
    window: Window,
    /// Bytes of records since the log was last written as a whole.
    since: u64,
    is_keeping: bool,
    /// What is known to be agreed on is not in the journal yet.
    is_unsaved: bool,
}

type Durable = Pending<Result<Sequence, Fault>>;

/// What waits for the disk, and who wants to know.
struct Flush {
    durable: Vec<Durable>,
    told: IOFlushed<Kind>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}

/// The log as its journal has it.
pub(super) fn window(recovered: Recovered) -> Result<Window, LogError> {
    let Recovered {
        snapshot, records, ..
    } = recovered;
    let parts = snapshot.into_iter().flat_map(|snapshot| snapshot.parts);
    let bodies = parts.chain(records.into_iter().map(|record| record.body));
    Window::recover(bodies).map_err(|(at, error)| LogError::Record { at, error })
}

impl Log {
    /// Brings the log of a node back and goes on with it.
    ///
    /// # Errors
    /// When what had been durable is damaged or missing, naming the record, or the disk says no.
    pub async fn open(
        path: Path,
        options: journal::Options,
        ports: Ports,
        supervisor: Option<ActorCell>,
        on_failure: journal::OnFailure,
    ) -> Result<Self, LogError> {
        let disk = Arc::new(Folder::new(Arc::clone(&ports.disk), FOLDER));
        let ports = Ports { disk, ..ports };
        let recovered = journal::recover(ports.disk.as_ref()).await?;
        let position = recovered.position.clone();
        let window = window(recovered)?;
        let journal =
            journal::start(path, position, options, ports, supervisor, on_failure).await?;
        let (flushed, waiting) = mpsc::unbounded_channel();
        Tasks::spawn(tell(waiting));
        let state = State {
            window,
            since: 0,
            is_keeping: false,
            is_unsaved: false,
        };
        Ok(Self(Arc::new(Inner {
            journal,
            state: Mutex::new(state),
            flushed,
            segment_bytes: options.segment_bytes,
        })))
    }

    /// Ends it; whoever waits for the disk is told so.
    pub(super) fn stop(&self) {
        self.0.journal.stop();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a fact in and hands it to the journal, both in one order.
    fn put(&self, record: Record) -> Durable {
        let body = record.encode();
        let mut state = self.state();
        if std::mem::take(&mut state.is_unsaved) {
            let committed = Record::Committed(state.window.committed);
            drop(self.0.journal.append(committed.encode()));
        }
        state.since += body.len() as u64;
        state.window.apply(record);
        self.0.journal.append(body)
    }

    /// Writes the log as a whole if enough came since it last was. It is as the record that was put
    /// last left it, whose end in the journal is `through`.
    fn keep(&self, record: Record) {
        let body = record.encode();
        let mut state = self.state();
        state.window.apply(record);
        let through = self.0.journal.append(body);
        if state.is_keeping || state.since < WHOLE * self.0.segment_bytes {
            return;
        }
        (state.is_keeping, state.since) = (true, 0);
        let parts = state.window.parts();
        drop(state);
        let log = self.clone();
        Tasks::spawn(async move {
            let kept = match through.await {
                Ok(through) => log.0.journal.snapshot(through, parts).await,
                Err(_) => Err(SnapshotError::Ended),
            };
            if let Err(error) = kept {
                // The log goes on as it is, and takes more space than it should.
                tracing::warn!(%error, "the replicated catalog's log is not cut");
            }
            log.state().is_keeping = false;
        });
    }
}

/// Tells consensus what is durable, one after the other.
async fn tell(mut waiting: mpsc::UnboundedReceiver<Flush>) {
    while let Some(flush) = waiting.recv().await {
        let mut result = Ok(());
        for durable in flush.durable {
            if let Err(fault) = durable.await {
                result = Err(io::Error::other(fault.to_string()));
                break;
            }
        }
        flush.told.io_completed(result);
    }
}

impl RaftLogReader<Kind> for Log {
    async fn try_get_log_entries<R>(&mut self, range: R) -> Result<Vec<Entry>, io::Error>
    where
        R: RangeBounds<u64> + Clone + fmt::Debug + OptionalSend,
    {
        Ok(self.state().window.range(range))
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.state().window.vote)
    }
}

impl RaftLogStorage<Kind> for Log {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Kind>, io::Error> {
        let state = self.state();
        Ok(LogState {
            last_purged_log_id: state.window.purged,
            last_log_id: state.window.last(),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        // A vote is visible to others at once, so it is waited for.
        let durable = self.put(Record::Vote(*vote)).await;
        durable.map(|_| ()).map_err(io::Error::other)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        // It spares work after a start and proves nothing: it rides on the next record's sync.
        let mut state = self.state();
        state.window.apply(Record::Committed(committed));
        state.is_unsaved = true;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.state().window.committed)
    }

    async fn append<I>(&mut self, entries: I, told: IOFlushed<Kind>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries = entries.into_iter();
        let durable = entries
            .map(|entry| self.put(Record::Entry(entry)))
            .collect();
        let flush = Flush { durable, told };
        let told = self.0.flushed.send(flush);
        told.map_err(|_| io::Error::other("the log has ended"))
    }

    async fn truncate_after(&mut self, after: Option<LogId>) -> Result<(), io::Error> {
        drop(self.put(Record::Truncate(after)));
        Ok(())
    }

    async fn purge(&mut self, through: LogId) -> Result<(), io::Error> {
        self.keep(Record::Purged(through));
        Ok(())
    }
}
