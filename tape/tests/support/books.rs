//! A node's surroundings for tests: the catalog decides as it does in production, without a log.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use holdfast_actors::catalog::apply;
use holdfast_actors::catalog::command::{Actor, Command, Submission};
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::tape::TapeCommand;
use holdfast_actors::kernel::{Instant, Now, Sequence, Timestamp};
use holdfast_actors::ports::{
    Change, Clock, Disk, Entries, Entropy, File, Index, Pending, Ports, Storage,
};
use holdfast_actors::shell::Directory;
use holdfast_tape::ports::{Books, Failed};
use tokio::time::Instant as Real;

/// The catalog, as rows that commands change.
#[derive(Debug, Default)]
pub(crate) struct Office {
    rows: Mutex<Arc<Rows>>,
    told: Mutex<Vec<TapeCommand>>,
}

impl Office {
    /// Gives a command on somebody's behalf.
    pub(crate) fn order(&self, by: Actor, command: Command) -> Result<(), Failed> {
        let mut rows = self.rows.lock().unwrap();
        let submission = Submission {
            client: 0,
            sequence: 0,
            by,
            at: Timestamp::from_millis(1_795_000_000_000),
            command,
        };
        let index = Sequence::new(rows.index.raw() + 1);
        let (after, answer) = apply(&rows, index, &submission);
        *rows = Arc::new(after);
        answer.map(|_| ()).map_err(Failed::Refused)
    }

    /// All commands about tapes that were submitted, in order.
    pub(crate) fn told(&self) -> Vec<TapeCommand> {
        self.told.lock().unwrap().clone()
    }
}

impl Books for Office {
    fn rows(&self) -> Arc<Rows> {
        Arc::clone(&self.rows.lock().unwrap())
    }

    fn submit(&self, command: TapeCommand) -> Pending<Result<(), Failed>> {
        self.told.lock().unwrap().push(command.clone());
        let done = self.order(Actor::System, Command::Tape(command));
        Box::pin(std::future::ready(done))
    }
}

struct Today(Real);

impl Clock for Today {
    fn now(&self) -> Now {
        let passed = self.0.elapsed();
        Now {
            monotonic: Instant::default() + passed,
            wall: Timestamp::from_millis(1_795_000_000_000) + passed,
        }
    }
}

struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            part.copy_from_slice(&number[8 - part.len()..]);
        }
    }
}

struct Nothing;

fn none<T: Send + 'static>() -> Pending<io::Result<T>> {
    Box::pin(std::future::ready(Err(io::ErrorKind::NotFound.into())))
}

impl Disk for Nothing {
    fn create(&self, _: &str) -> Pending<io::Result<Arc<dyn File>>> {
        none()
    }
    fn open(&self, _: &str) -> Pending<io::Result<Arc<dyn File>>> {
        none()
    }
    fn list(&self, _: &str) -> Pending<io::Result<Vec<String>>> {
        none()
    }
    fn rename(&self, _: &str, _: &str) -> Pending<io::Result<()>> {
        none()
    }
    fn remove(&self, _: &str) -> Pending<io::Result<()>> {
        none()
    }
    fn sync_folder(&self, _: &str) -> Pending<io::Result<()>> {
        none()
    }
    fn storage(&self) -> Option<Storage> {
        None
    }
}

impl Index for Nothing {
    fn get(&self, _: &[u8]) -> Pending<io::Result<Option<Vec<u8>>>> {
        none()
    }
    fn scan(&self, _: &[u8], _: &[u8], _: usize) -> Pending<io::Result<Entries>> {
        none()
    }
    fn apply(&self, _: Vec<Change>) -> Pending<io::Result<()>> {
        none()
    }
    fn flush(&self) -> Pending<io::Result<()>> {
        none()
    }
}

/// Ports whose clock runs, and whose disk and index have nothing.
#[expect(clippy::disallowed_methods, reason = "a clock that a test can halt")]
pub(crate) fn ports() -> Ports {
    Ports {
        clock: Arc::new(Today(Real::now())),
        entropy: Arc::new(Counting(AtomicU64::new(1))),
        disk: Arc::new(Nothing),
        index: Arc::new(Nothing),
        directory: Arc::new(Directory::default()),
    }
}
