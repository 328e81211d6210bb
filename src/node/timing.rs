//! The disk with a stopwatch: how long the journal takes to become durable.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::journal;
use holdfast_actors::ports::{Clock, Disk, File, Pending, Storage};

use crate::metrics::Metrics;

/// Passes everything on, and times the syncs of the journal's files.
pub(super) struct Timed {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) watch: Stopwatch,
}

/// What times, and where it is written down.
#[derive(Clone)]
pub(super) struct Stopwatch {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
}

impl Timed {
    /// Times the syncs of a file of the journal.
    fn opened(
        &self,
        path: &str,
        file: Pending<io::Result<Arc<dyn File>>>,
    ) -> Pending<io::Result<Arc<dyn File>>> {
        let folder = path.split('/').next();
        if folder != Some(journal::FOLDER) {
            return file;
        }
        let watch = self.watch.clone();
        Box::pin(async move {
            let timed: Arc<dyn File> = Arc::new(TimedFile {
                file: file.await?,
                watch,
            });
            Ok(timed)
        })
    }
}

impl Disk for Timed {
    fn create(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        self.opened(path, self.disk.create(path))
    }

    fn open(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        self.opened(path, self.disk.open(path))
    }

    fn list(&self, folder: &str) -> Pending<io::Result<Vec<String>>> {
        self.disk.list(folder)
    }

    fn rename(&self, from: &str, to: &str) -> Pending<io::Result<()>> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> Pending<io::Result<()>> {
        self.disk.remove(path)
    }

    fn sync_folder(&self, folder: &str) -> Pending<io::Result<()>> {
        self.disk.sync_folder(folder)
    }

    fn storage(&self) -> Option<Storage> {
        self.disk.storage()
    }
}

struct TimedFile {
    file: Arc<dyn File>,
    watch: Stopwatch,
}

impl File for TimedFile {
    fn write(&self, at: u64, parts: Vec<Bytes>) -> Pending<io::Result<()>> {
        self.file.write(at, parts)
    }

    fn sync(&self) -> Pending<io::Result<()>> {
        let (sync, Stopwatch { clock, metrics }) = (self.file.sync(), self.watch.clone());
        Box::pin(async move {
            let began = clock.now().monotonic;
            let synced = sync.await;
            metrics.journal_synced(began.until(clock.now().monotonic));
            synced
        })
    }

    fn read(&self, at: u64, length: usize) -> Pending<io::Result<Bytes>> {
        self.file.read(at, length)
    }

    fn length(&self) -> Pending<io::Result<u64>> {
        self.file.length()
    }

    fn truncate(&self, length: u64) -> Pending<io::Result<()>> {
        self.file.truncate(length)
    }

    fn reserve(&self, length: u64) -> Pending<io::Result<()>> {
        self.file.reserve(length)
    }
}
