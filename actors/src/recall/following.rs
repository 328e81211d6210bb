//! Extents that nobody writes any more, as far as this node can tell, and that nobody may touch.

use std::io;
use std::sync::Arc;

use crate::ports::{Disk, File, Pending, Storage};

/// A disk of which all is read as if somebody wrote it elsewhere: nobody is fenced for it.
pub(super) struct Following(pub(super) Arc<dyn Disk>);

fn never<T: Send + 'static>() -> Pending<io::Result<T>> {
    Box::pin(async { Err(io::ErrorKind::ReadOnlyFilesystem.into()) })
}

impl Disk for Following {
    fn create(&self, _: &str) -> Pending<io::Result<Arc<dyn File>>> {
        never()
    }

    fn open(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        self.0.follow(path)
    }

    fn follow(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        self.0.follow(path)
    }

    fn list(&self, folder: &str) -> Pending<io::Result<Vec<String>>> {
        self.0.list(folder)
    }

    fn rename(&self, _: &str, _: &str) -> Pending<io::Result<()>> {
        never()
    }

    fn remove(&self, _: &str) -> Pending<io::Result<()>> {
        never()
    }

    fn sync_folder(&self, _: &str) -> Pending<io::Result<()>> {
        never()
    }

    fn storage(&self) -> Option<Storage> {
        self.0.storage()
    }
}
