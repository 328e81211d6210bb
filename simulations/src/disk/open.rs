//! An open file: written at once as a process sees it, and durable only behind a sync.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use holdfast_actors::ports::{self, Pending};

use super::files::Change;
use super::{Life, State};

/// One open file of one life.
#[derive(Debug)]
pub(super) struct OpenFile {
    life: Life,
    inode: u64,
    /// A sync failed: nothing may be written any more.
    spoilt: Arc<AtomicBool>,
}

impl OpenFile {
    /// A file that one life has opened.
    pub(super) fn new(life: Life, inode: u64) -> Self {
        Self {
            life,
            inode,
            spoilt: Arc::default(),
        }
    }

    fn change(
        &self,
        work: impl FnOnce(&mut State) -> io::Result<()> + Send + 'static,
    ) -> Pending<io::Result<()>> {
        let spoilt = Arc::clone(&self.spoilt);
        self.life.run(move |state| {
            if spoilt.load(Ordering::Relaxed) {
                return Err(io::Error::other("an earlier sync of this file failed"));
            }
            work(state)
        })
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if let Ok(mut state) = self.life.state() {
            state.files.close(self.inode);
        }
    }
}

impl ports::File for OpenFile {
    fn write(&self, at: u64, parts: Vec<Bytes>) -> Pending<io::Result<()>> {
        let inode = self.inode;
        self.change(move |state| {
            if let Some(left) = state.faults.failing_writes.checked_sub(1) {
                state.faults.failing_writes = left;
                return Err(io::Error::other("a planted write error"));
            }
            let mut bytes = parts.concat();
            let room = state.files.room_in(inode, state.faults.capacity);
            let fits = usize::try_from(room.saturating_sub(at)).unwrap_or(usize::MAX);
            let full = bytes.len() > fits;
            // A full disk takes what fits and then says no, as the system call does.
            bytes.truncate(fits);
            state.files.change(inode, Change::Write { at, bytes });
            if full {
                Err(io::ErrorKind::StorageFull.into())
            } else {
                Ok(())
            }
        })
    }

    fn sync(&self) -> Pending<io::Result<()>> {
        let (life, inode) = (self.life.clone(), self.inode);
        let spoilt = Arc::clone(&self.spoilt);
        Box::pin(async move {
            // Only what was written before the call is covered by it.
            let mark = life.state()?.files.mark();
            life.wait().await?;
            let mut state = life.state()?;
            if spoilt.load(Ordering::Relaxed) {
                return Err(io::Error::other("an earlier sync of this file failed"));
            }
            if let Some(left) = state.faults.failing_syncs.checked_sub(1) {
                state.faults.failing_syncs = left;
                state.files.forget(inode);
                spoilt.store(true, Ordering::Relaxed);
                return Err(io::Error::other("a planted sync error"));
            }
            if !state.faults.lying_syncs {
                state.files.sync(inode, mark);
            }
            Ok(())
        })
    }

    fn read(&self, at: u64, length: usize) -> Pending<io::Result<Bytes>> {
        let inode = self.inode;
        self.life.run(move |state| {
            let bytes = state.files.bytes(inode);
            let start = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            let end = start.saturating_add(length).min(bytes.len());
            Ok(Bytes::copy_from_slice(&bytes[start..end]))
        })
    }

    fn length(&self) -> Pending<io::Result<u64>> {
        let inode = self.inode;
        self.life
            .run(move |state| Ok(state.files.bytes(inode).len() as u64))
    }

    fn truncate(&self, length: u64) -> Pending<io::Result<()>> {
        let inode = self.inode;
        self.change(move |state| {
            state.files.change(inode, Change::Truncate(length));
            Ok(())
        })
    }

    fn reserve(&self, length: u64) -> Pending<io::Result<()>> {
        let inode = self.inode;
        self.change(move |state| {
            if length > state.files.room_in(inode, state.faults.capacity) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            state.files.reserve(inode, length);
            Ok(())
        })
    }
}
