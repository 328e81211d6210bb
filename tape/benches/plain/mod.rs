//! A folder of the host as a disk, without threads of its own: who waits, waits.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::ports::{Disk, File, Pending, Storage};

pub(crate) struct Plain(pub(crate) PathBuf);

struct Open(Arc<fs::File>);

fn ready<T: Send + 'static>(value: T) -> Pending<T> {
    Box::pin(std::future::ready(value))
}

impl Plain {
    fn file(&self, path: &str, is_new: bool) -> io::Result<Arc<dyn File>> {
        let path = self.0.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create_new(is_new)
            .open(path)?;
        Ok(Arc::new(Open(Arc::new(file))))
    }
}

impl Disk for Plain {
    fn create(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        ready(self.file(path, true))
    }

    fn open(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        ready(self.file(path, false))
    }

    fn list(&self, _: &str) -> Pending<io::Result<Vec<String>>> {
        ready(Ok(Vec::new()))
    }

    fn rename(&self, from: &str, to: &str) -> Pending<io::Result<()>> {
        ready(fs::rename(self.0.join(from), self.0.join(to)))
    }

    fn remove(&self, path: &str) -> Pending<io::Result<()>> {
        ready(fs::remove_file(self.0.join(path)))
    }

    fn sync_folder(&self, folder: &str) -> Pending<io::Result<()>> {
        ready(fs::File::open(self.0.join(folder)).and_then(|it| it.sync_all()))
    }

    fn storage(&self) -> Option<Storage> {
        None
    }
}

impl File for Open {
    fn write(&self, at: u64, parts: Vec<Bytes>) -> Pending<io::Result<()>> {
        ready(self.0.write_all_at(&parts.concat(), at))
    }

    fn sync(&self) -> Pending<io::Result<()>> {
        ready(self.0.sync_data())
    }

    fn read(&self, at: u64, length: usize) -> Pending<io::Result<Bytes>> {
        let mut bytes = vec![0; length];
        let read = self.0.read_at(&mut bytes, at);
        ready(read.map(|count| {
            bytes.truncate(count);
            bytes.into()
        }))
    }

    fn length(&self) -> Pending<io::Result<u64>> {
        ready(self.0.metadata().map(|it| it.len()))
    }

    fn truncate(&self, length: u64) -> Pending<io::Result<()>> {
        ready(self.0.set_len(length))
    }

    fn reserve(&self, _: u64) -> Pending<io::Result<()>> {
        ready(Ok(()))
    }
}
