//! sled behind the [`Index`] port.
//!
//! sled's own flush asks for `sync_file_range`, which neither empties the drive's cache nor writes
//! the file's length; a sync of its `db` file follows each. Values stay small enough that sled
//! never puts one in a file of its own, which it would not sync at all. On damage sled panics, so
//! every call is guarded; what cannot be opened is thrown away, because all of it can be rebuilt.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use holdfast_actors::ports::{Change, Entries, Index, Pending};

/// Longer values would go to files that sled never syncs.
const VALUE_MAX: usize = 16 << 10;
/// What the port promises.
const KEY_MAX: usize = 255;
/// A node that was killed holds the lock until the kernel has cleaned up behind it.
const LOCK_TRIES: u32 = 100;
const LOCK_WAIT: Duration = Duration::from_millis(100);

/// A sled database.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: sled::Db,
    /// The file that sled writes and does not sync.
    file: PathBuf,
}

/// A store and how it came to be.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Why the former content was thrown away, if it was.
    pub emptied: Option<String>,
}

impl Store {
    /// Opens the store in the folder at `path`, making it if there is none. A store that does not
    /// open is removed, and an empty one takes its place.
    ///
    /// # Errors
    /// When another process holds it for 10 s, or no empty one can be made.
    #[expect(
        clippy::disallowed_methods,
        reason = "sled blocks; this is the adapter of the port"
    )]
    pub async fn open(path: PathBuf) -> io::Result<Opened> {
        let opened = tokio::task::spawn_blocking(move || open(&path)).await;
        opened.map_err(io::Error::other)?
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "sled blocks; this is the adapter of the port"
    )]
    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> sled::Result<T> + Send + 'static,
    ) -> Pending<io::Result<T>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || guarded(|| work(&inner))).await;
            done.map_err(io::Error::other)?
        })
    }
}

impl Index for Store {
    fn get(&self, key: &[u8]) -> Pending<io::Result<Option<Vec<u8>>>> {
        let key = key.to_vec();
        self.run(move |inner| Ok(inner.db.get(key)?.map(|value| value.to_vec())))
    }

    fn scan(&self, prefix: &[u8], after: &[u8], limit: usize) -> Pending<io::Result<Entries>> {
        let (prefix, after) = (prefix.to_vec(), after.to_vec());
        self.run(move |inner| {
            let first = prefix.clone().max(after.clone());
            let mut entries = Entries::new();
            for entry in inner.db.range(first..) {
                let (key, value) = entry?;
                if entries.len() == limit || !key.starts_with(&prefix) {
                    break;
                }
                // The empty key is greater than no key at all.
                if key.as_ref() > after.as_slice() || after.is_empty() {
                    entries.push((key.to_vec(), value.to_vec()));
                }
            }
            Ok(entries)
        })
    }

    fn apply(&self, batch: Vec<Change>) -> Pending<io::Result<()>> {
        if batch.iter().any(is_too_large) {
            let text = "an index takes keys under 256 bytes and values up to 16 KiB";
            let error = io::Error::new(io::ErrorKind::InvalidInput, text);
            return Box::pin(async move { Err(error) });
        }
        self.run(move |inner| {
            let mut changes = sled::Batch::default();
            for change in batch {
                match change {
                    Change::Put(key, value) => changes.insert(key, value),
                    Change::Remove(key) => changes.remove(key),
                }
            }
            inner.db.apply_batch(changes)
        })
    }

    fn flush(&self) -> Pending<io::Result<()>> {
        self.run(|inner| {
            inner.db.flush()?;
            fs::File::open(&inner.file)?.sync_data()?;
            Ok(())
        })
    }
}

fn is_too_large(change: &Change) -> bool {
    match change {
        Change::Put(key, value) => key.len() > KEY_MAX || value.len() > VALUE_MAX,
        Change::Remove(key) => key.len() > KEY_MAX,
    }
}

fn open(path: &Path) -> io::Result<Opened> {
    // sled would let every local user read the names of objects.
    make(path)?;
    let (db, emptied) = match open_patiently(path) {
        Ok(db) => (db, None),
        Err(error) if is_no_damage(&error) => return Err(error),
        Err(damage) => {
            fs::remove_dir_all(path)?;
            make(path)?;
            (open_patiently(path)?, Some(damage.to_string()))
        }
    };
    let file = path.join("db");
    Ok(Opened {
        store: Store(Arc::new(Inner { db, file })),
        emptied,
    })
}

/// Makes the folder, for its owner alone; no error if there is one.
fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens what is there, waiting for another process to let go of it.
fn open_patiently(path: &Path) -> io::Result<sled::Db> {
    let config = sled::Config::default().path(path).flush_every_ms(None);
    for _ in 1..LOCK_TRIES {
        match guarded(|| config.open()) {
            Err(error) if is_locked(&error) => thread::sleep(LOCK_WAIT),
            ended => return ended,
        }
    }
    guarded(|| config.open())
}

/// Runs sled and takes its panics for errors.
fn guarded<T>(work: impl FnOnce() -> sled::Result<T>) -> io::Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(io::Error::from),
        Err(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "sled met damage and gave up",
        )),
    }
}

/// A store that cannot be opened for one of these reasons may be sound.
fn is_no_damage(error: &io::Error) -> bool {
    let outside = [
        io::ErrorKind::PermissionDenied,
        io::ErrorKind::ReadOnlyFilesystem,
        io::ErrorKind::StorageFull,
        io::ErrorKind::QuotaExceeded,
        io::ErrorKind::OutOfMemory,
    ];
    is_locked(error) || outside.contains(&error.kind())
}

/// sled passes the lock's error on with its kind lost in a text.
fn is_locked(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.to_string().contains("acquire lock")
}

#[cfg(test)]
mod tests {
    use holdfast_actors::ports::conformance;

    use super::*;

    #[tokio::test]
    async fn sled_keeps_the_promises_of_the_port() {
        let folder = tempfile::tempdir().unwrap();
        let opened = Store::open(folder.path().join("index")).await.unwrap();
        assert_eq!(opened.emptied, None);
        conformance::index(Arc::new(opened.store)).await;
    }

    #[tokio::test]
    async fn the_names_in_an_index_are_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        let _opened = Store::open(path.clone()).await.unwrap();
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[tokio::test]
    async fn what_was_flushed_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        let put = |value: &[u8]| vec![Change::Put(b"key".to_vec(), value.to_vec())];
        let store = Store::open(path.clone()).await.unwrap().store;
        store.apply(put(b"one")).await.unwrap();
        store.flush().await.unwrap();
        drop(store);
        let opened = Store::open(path).await.unwrap();
        assert_eq!(opened.emptied, None);
        assert_eq!(
            opened.store.get(b"key").await.unwrap(),
            Some(b"one".to_vec())
        );
    }

    #[tokio::test]
    async fn a_damaged_store_is_thrown_away_and_its_opener_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        drop(Store::open(path.clone()).await.unwrap());
        fs::write(path.join("conf"), "no configuration of sled's").unwrap();
        let opened = Store::open(path.clone()).await.unwrap();
        assert!(opened.emptied.is_some());
        let all = opened.store.scan(b"", b"", 10).await.unwrap();
        assert_eq!(all, Entries::new());
        drop(opened);
        assert_eq!(Store::open(path).await.unwrap().emptied, None);
    }

    #[tokio::test]
    async fn a_flipped_byte_anywhere_never_keeps_a_store_from_opening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        let store = Store::open(path.clone()).await.unwrap().store;
        for number in 0..200_u32 {
            let value = vec![number.to_le_bytes()[0]; 100];
            let put = Change::Put(number.to_be_bytes().to_vec(), value);
            store.apply(vec![put]).await.unwrap();
        }
        store.flush().await.unwrap();
        drop(store);
        let file = path.join("db");
        let sound = fs::read(&file).unwrap();
        let written = sound.iter().rposition(|byte| *byte != 0).unwrap();
        for part in 0..32 {
            let mut rotten = sound.clone();
            rotten[written * part / 32] ^= 0x10;
            fs::remove_dir_all(&path).unwrap();
            drop(Store::open(path.clone()).await.unwrap());
            fs::write(&file, rotten).unwrap();
            let store = Store::open(path.clone()).await.unwrap().store;
            // What is left may be less than there was, and a look may meet more damage: an error.
            let _ = store.scan(b"", b"", 1_000).await;
        }
    }

    #[tokio::test]
    async fn a_store_held_by_another_is_opened_once_it_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        let holder = Store::open(path.clone()).await.unwrap().store;
        let mut waiting = Box::pin(Store::open(path));
        let early = tokio::time::timeout(LOCK_WAIT * 3, &mut waiting).await;
        assert!(early.is_err(), "two hold one store");
        drop(holder);
        assert_eq!(waiting.await.unwrap().emptied, None);
    }

    #[tokio::test]
    async fn a_folder_that_may_not_be_read_is_not_thrown_away() {
        let error = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(is_no_damage(&error));
        let text = "could not acquire lock on \"db\": Os { code: 11, kind: WouldBlock }";
        assert!(is_no_damage(&io::Error::other(text)));
        assert!(!is_no_damage(&io::Error::from(io::ErrorKind::InvalidData)));
    }
}
