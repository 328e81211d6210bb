//! A folder of a disk as a disk of its own.

use std::fmt;
use std::io;
use std::sync::Arc;

use holdfast_actors::ports::{Disk, File, Pending, Storage};

/// What lies in one folder of another disk.
pub struct Folder {
    disk: Arc<dyn Disk>,
    name: String,
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Folder {
    /// The folder of this name.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, name: &str) -> Self {
        let name = name.to_owned();
        Self { disk, name }
    }

    fn inside(&self, path: &str) -> String {
        format!("{}/{path}", self.name)
    }
}

impl Disk for Folder {
    fn create(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        self.disk.create(&self.inside(path))
    }

    fn open(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        self.disk.open(&self.inside(path))
    }

    fn list(&self, folder: &str) -> Pending<io::Result<Vec<String>>> {
        self.disk.list(&self.inside(folder))
    }

    fn rename(&self, from: &str, to: &str) -> Pending<io::Result<()>> {
        self.disk.rename(&self.inside(from), &self.inside(to))
    }

    fn remove(&self, path: &str) -> Pending<io::Result<()>> {
        self.disk.remove(&self.inside(path))
    }

    fn sync_folder(&self, folder: &str) -> Pending<io::Result<()>> {
        self.disk.sync_folder(&self.inside(folder))
    }

    fn storage(&self) -> Option<Storage> {
        self.disk.storage()
    }
}
