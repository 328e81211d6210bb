//! The files to back up, with an eye on those that cannot be read: the library goes on without
//! them, and the tenant must know.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustic_core::{LocalSource, ReadSource, ReadSourceEntry, ReadSourceOpen, RusticResult};

type LocalOpen = <LocalSource as ReadSource>::Open;
type LocalEntries = <LocalSource as ReadSource>::Iter;

/// How many things could not be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unread(Arc<AtomicU64>);

impl Unread {
    /// So many up to now.
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn note<T, E>(&self, result: Result<T, E>) -> Result<T, E> {
        if result.is_err() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        result
    }
}

/// A local source that counts.
pub(crate) struct Source {
    local: LocalSource,
    unread: Unread,
}

impl Source {
    /// Counts what of `local` cannot be read.
    pub(crate) fn new(local: LocalSource, unread: Unread) -> Self {
        Self { local, unread }
    }
}

impl ReadSource for Source {
    type Open = Open;
    type Iter = Entries;

    fn size(&self) -> RusticResult<Option<u64>> {
        self.local.size()
    }

    fn entries(&self) -> Entries {
        Entries {
            local: self.local.entries(),
            unread: self.unread.clone(),
        }
    }
}

/// The entries of a [`Source`].
pub(crate) struct Entries {
    local: LocalEntries,
    unread: Unread,
}

impl Iterator for Entries {
    type Item = RusticResult<ReadSourceEntry<Open>>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.unread.note(self.local.next()?);
        Some(
            entry.map(|ReadSourceEntry { path, node, open }| ReadSourceEntry {
                path,
                node,
                open: open.map(|local| Open {
                    local,
                    unread: self.unread.clone(),
                }),
            }),
        )
    }
}

/// A file to be opened.
pub(crate) struct Open {
    local: LocalOpen,
    unread: Unread,
}

impl ReadSourceOpen for Open {
    type Reader = Counted;

    fn open(self) -> RusticResult<Counted> {
        let Self { local, unread } = self;
        let file = unread.note(local.open())?;
        Ok(Counted { file, unread })
    }
}

/// An open file.
pub(crate) struct Counted {
    file: File,
    unread: Unread,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer);
        match &read {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => read,
            _ => self.unread.note(read),
        }
    }
}
