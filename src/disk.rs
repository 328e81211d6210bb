//! A folder of the filesystem, behind the [`Disk`] port.
//!
//! Every call runs on a thread of its own, because none of them can be asked of the kernel without
//! blocking. Nothing here retries: a failed sync spoils its handle for good, since the kernel has
//! dropped the pages it could not write and would call the next sync a success.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use holdfast_actors::kernel::Size;
use holdfast_actors::ports::{Disk, File, Pending, Storage, is_path};
use rustix::fs::FallocateFlags;
use rustix::io::Errno;

/// The most parts that Linux takes in one call.
const PARTS_MAX: usize = 1_024;

/// A folder and what is below it.
#[derive(Debug)]
pub struct Folder(Arc<Root>);

#[derive(Debug)]
struct Root {
    path: PathBuf,
    /// Folders that this process knows to be durable, so that each is synced once.
    durable: Mutex<BTreeSet<String>>,
}

impl Folder {
    /// The folder at `path`, which exists.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Root {
            path: path.into(),
            durable: Mutex::default(),
        }))
    }

    fn run<T: Send + 'static>(
        &self,
        paths: &[&str],
        work: impl FnOnce(&Root) -> io::Result<T> + Send + 'static,
    ) -> Pending<io::Result<T>> {
        if let Some(bad) = paths.iter().find(|path| !is_path(path)) {
            let text = format!("{bad:?} is no path inside the data folder");
            let error = io::Error::new(io::ErrorKind::InvalidInput, text);
            return Box::pin(async move { Err(error) });
        }
        let root = Arc::clone(&self.0);
        on_a_thread(move || work(&root))
    }
}

impl Disk for Folder {
    fn create(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        let name = path.to_owned();
        self.run(&[path], move |root| {
            root.make_folder(folder_of(&name))?;
            let mut options = fs::OpenOptions::new();
            options.read(true).write(true).create_new(true);
            Ok(OpenFile::shared(options.open(root.path.join(&name))?))
        })
    }

    fn open(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        let name = path.to_owned();
        self.run(&[path], move |root| {
            let mut options = fs::OpenOptions::new();
            options.read(true).write(true);
            Ok(OpenFile::shared(options.open(root.path.join(&name))?))
        })
    }

    fn list(&self, folder: &str) -> Pending<io::Result<Vec<String>>> {
        let name = folder.to_owned();
        self.run(below_the_root(&[folder]), move |root| {
            match fs::read_dir(root.path.join(&name)) {
                Ok(entries) => file_names(entries),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
                Err(error) => Err(error),
            }
        })
    }

    fn rename(&self, from: &str, to: &str) -> Pending<io::Result<()>> {
        let (old, new) = (from.to_owned(), to.to_owned());
        self.run(&[from, to], move |root| {
            fs::rename(root.path.join(&old), root.path.join(&new))
        })
    }

    fn remove(&self, path: &str) -> Pending<io::Result<()>> {
        let name = path.to_owned();
        self.run(&[path], move |root| {
            match fs::remove_file(root.path.join(&name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        })
    }

    fn sync_folder(&self, folder: &str) -> Pending<io::Result<()>> {
        let name = folder.to_owned();
        self.run(below_the_root(&[folder]), move |root| {
            sync_names(&root.path.join(&name))
        })
    }

    fn storage(&self) -> Option<Storage> {
        let told = rustix::fs::statvfs(&self.0.path).ok()?;
        let blocks = |count: u64| Size::bytes(count.saturating_mul(told.f_frsize));
        // A file system in user space that does not know says zero.
        (told.f_blocks > 0).then(|| Storage {
            free: blocks(told.f_bavail),
            total: blocks(told.f_blocks),
        })
    }
}

impl Root {
    /// Makes a folder and those above it, and makes their names durable.
    fn make_folder(&self, folder: &str) -> io::Result<()> {
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if folder.is_empty() || durable.contains(folder) {
            return Ok(());
        }
        let mut made = self.path.clone();
        for part in folder.split('/') {
            let above = made.clone();
            made.push(part);
            match fs::create_dir(&made) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => sync_names(&above)?,
            }
        }
        durable.insert(folder.to_owned());
        Ok(())
    }
}

/// One open file of the filesystem.
#[derive(Clone, Debug)]
struct OpenFile {
    file: Arc<fs::File>,
    /// A sync failed: the kernel has forgotten writes.
    spoilt: Arc<AtomicBool>,
}

impl OpenFile {
    fn shared(file: fs::File) -> Arc<dyn File> {
        Arc::new(Self {
            file: Arc::new(file),
            spoilt: Arc::default(),
        })
    }

    /// Changes the file, unless an earlier sync failed.
    fn change(
        &self,
        work: impl FnOnce(&fs::File) -> io::Result<()> + Send + 'static,
    ) -> Pending<io::Result<()>> {
        let open = self.clone();
        on_a_thread(move || {
            if open.spoilt.load(Ordering::Acquire) {
                return Err(io::Error::other("an earlier sync of this file failed"));
            }
            work(&open.file)
        })
    }
}

impl File for OpenFile {
    fn write(&self, at: u64, parts: Vec<Bytes>) -> Pending<io::Result<()>> {
        self.change(move |file| write_all(file, at, &parts))
    }

    fn sync(&self) -> Pending<io::Result<()>> {
        let spoilt = Arc::clone(&self.spoilt);
        self.change(move |file| {
            let synced = file.sync_data();
            if synced.is_err() {
                spoilt.store(true, Ordering::Release);
            }
            synced
        })
    }

    fn read(&self, at: u64, length: usize) -> Pending<io::Result<Bytes>> {
        let file = Arc::clone(&self.file);
        on_a_thread(move || {
            let end = file.metadata()?.len().saturating_sub(at);
            let length = length.min(usize::try_from(end).unwrap_or(usize::MAX));
            let mut bytes = vec![0; length];
            let mut filled = 0;
            while filled < length {
                match file.read_at(&mut bytes[filled..], at + filled as u64) {
                    Ok(0) => break,
                    Ok(read) => filled += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            bytes.truncate(filled);
            Ok(bytes.into())
        })
    }

    fn length(&self) -> Pending<io::Result<u64>> {
        let file = Arc::clone(&self.file);
        on_a_thread(move || Ok(file.metadata()?.len()))
    }

    fn truncate(&self, length: u64) -> Pending<io::Result<()>> {
        self.change(move |file| file.set_len(length))
    }

    fn reserve(&self, length: u64) -> Pending<io::Result<()>> {
        self.change(move |file| {
            match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, length) {
                Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
                Err(error) => Err(error.into()),
            }
        })
    }
}

fn write_all(file: &fs::File, mut at: u64, parts: &[Bytes]) -> io::Result<()> {
    let full = parts.iter().filter(|part| !part.is_empty());
    let mut slices: Vec<IoSlice<'_>> = full.map(|part| IoSlice::new(part)).collect();
    let mut left = slices.as_mut_slice();
    while !left.is_empty() {
        let count = left.len().min(PARTS_MAX);
        match rustix::io::pwritev(file, &left[..count], at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                at += written as u64;
                IoSlice::advance_slices(&mut left, written);
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The names of plain files that the port would take, sorted; others are none of ours.
fn file_names(entries: fs::ReadDir) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().into_string().ok();
        if let Some(name) = name.filter(|name| is_path(name))
            && entry.file_type()?.is_file()
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn sync_names(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The root itself has no name to check.
fn below_the_root<'a, 'b>(folders: &'a [&'b str]) -> &'a [&'b str] {
    if folders == [""] { &[] } else { folders }
}

/// Runs blocking work; a full disk or quota surfaces as [`io::ErrorKind::StorageFull`].
#[expect(
    clippy::disallowed_methods,
    reason = "the kernel offers no files without blocking; this is the adapter of the port"
)]
fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Pending<io::Result<T>> {
    Box::pin(async move {
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(io::Error::other)?.map_err(|error| {
            let full = error.kind() == io::ErrorKind::QuotaExceeded;
            if full {
                io::Error::new(io::ErrorKind::StorageFull, error)
            } else {
                error
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use holdfast_actors::ports::conformance;

    use super::*;

    #[tokio::test]
    async fn a_real_folder_keeps_the_promises_of_the_port() {
        let folder = tempfile::tempdir().unwrap();
        conformance::disk(Arc::new(Folder::new(folder.path()))).await;
    }

    #[tokio::test]
    async fn a_folder_and_a_foreign_name_are_not_listed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("Foreign"), "x").unwrap();
        fs::write(folder.path().join("ours"), "x").unwrap();
        let disk = Folder::new(folder.path());
        assert_eq!(disk.list("").await.unwrap(), ["ours"]);
    }

    #[tokio::test]
    async fn a_file_whose_sync_failed_takes_no_more_writes() {
        // A pipe cannot be synced: the one way to see a failing sync without a broken disk.
        let (_reader, writer) = io::pipe().unwrap();
        let file = OpenFile::shared(fs::File::from(std::os::fd::OwnedFd::from(writer)));
        file.sync().await.unwrap_err();
        for refused in [
            file.write(0, Vec::new()).await,
            file.truncate(0).await,
            file.sync().await,
        ] {
            let text = refused.unwrap_err().to_string();
            assert_eq!(text, "an earlier sync of this file failed");
        }
    }

    #[tokio::test]
    async fn a_full_filesystem_is_told_apart_from_a_broken_one() {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let file = OpenFile::shared(full);
        let written = file.write(0, vec![Bytes::from_static(b"x")]).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
