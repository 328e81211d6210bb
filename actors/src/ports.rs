//! All that the domain asks of the node it runs on.
//!
//! Every port has a real adapter in the binary and a simulated one in `simulations`; one suite in
//! [`conformance`] is run on both.

pub mod conformance;
mod link;
mod storage;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::kernel::Now;
use crate::shell::Fault;

pub use link::{Arrival, COPIED_MAX, FRAME_MAX, Link, PERMITS, Unsent};
pub use storage::Storage;

/// Something that will be known later.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Where a shell reads the time.
pub trait Clock: Send + Sync + 'static {
    /// Both times at this moment. The monotonic one never falls; the wall may jump.
    fn now(&self) -> Now;
}

/// Where hands draw ids, salts and passwords.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes` with numbers that nobody can guess (in production).
    fn fill(&self, bytes: &mut [u8]);
}

/// How passwords that people chose are kept and checked: slowly, on purpose.
pub trait Passwords: Send + Sync + 'static {
    /// Whether `password` is the one that `kept` was made from; false too if `kept` is no text that
    /// [`Passwords::keep`] makes. `None` stands for an account that has no such password: it costs
    /// as much and is false.
    fn verify(&self, kept: Option<&str>, password: &[u8]) -> Pending<bool>;
    /// What to keep of a password, in PHC form; never twice the same.
    fn keep(&self, password: &[u8]) -> Pending<String>;
}

/// A folder of files, and nothing outside of it.
///
/// Paths are relative, parts joined by `/`, each part of `a-z 0-9 . - _` and not starting with a
/// dot. A name made, renamed or removed is durable only after [`Disk::sync_folder`] of its folder.
pub trait Disk: Send + Sync + 'static {
    /// Makes an empty file; [`io::ErrorKind::AlreadyExists`] if the name is taken. Folders on the
    /// way are made too, and theirs are durable when this returns.
    fn create(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>>;
    /// Opens a file to read and write; [`io::ErrorKind::NotFound`] if there is none.
    fn open(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>>;
    /// Opens a file to read of it what is there already, though somebody may still be writing to it
    /// elsewhere: its length is not known then, and what nobody said to be durable may yet go.
    /// [`io::ErrorKind::NotFound`] if there is none.
    fn follow(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        self.open(path)
    }
    /// The names of files in a folder, sorted; empty if there is no such folder.
    fn list(&self, folder: &str) -> Pending<io::Result<Vec<String>>>;
    /// Gives a file another name, replacing what had it.
    fn rename(&self, from: &str, to: &str) -> Pending<io::Result<()>>;
    /// Takes a file's name away; no error if there is none. Open handles go on reading.
    fn remove(&self, path: &str) -> Pending<io::Result<()>>;
    /// Makes the names in a folder durable; [`io::ErrorKind::NotFound`] if there is no such folder.
    fn sync_folder(&self, folder: &str) -> Pending<io::Result<()>>;
    /// The space of the file system that holds the folder, as it is at this moment; none if that
    /// does not say. The kernel answers from memory, so this does not wait for the disk.
    fn storage(&self) -> Option<Storage>;
}

/// Whether a [`Disk`] takes this path: parts as its documentation says, each at most 255 bytes.
pub fn is_path(path: &str) -> bool {
    path.split('/').all(|part| {
        let letters = part
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_'));
        letters && (1..=255).contains(&part.len()) && !part.starts_with('.')
    })
}

/// Says whether bytes that were read are what was written there.
pub type IsSound = Arc<dyn Fn(&Bytes) -> bool + Send + Sync>;

/// How reading fails where the nodes that hold the bytes do not answer now: they may later.
pub const SILENT: io::ErrorKind = io::ErrorKind::TimedOut;

/// One open file.
pub trait File: Send + Sync + 'static {
    /// Writes the parts one behind the other from offset `at` on.
    fn write(&self, at: u64, parts: Vec<Bytes>) -> Pending<io::Result<()>>;
    /// Makes all writes that completed before durable. After an error nothing may be written to
    /// this handle again: the kernel has forgotten what it could not write.
    fn sync(&self) -> Pending<io::Result<()>>;
    /// Reads up to `length` bytes from offset `at`; fewer only at the end of the file. An error of
    /// the kind [`SILENT`] says nothing about the bytes.
    fn read(&self, at: u64, length: usize) -> Pending<io::Result<Bytes>>;
    /// Reads again what [`Self::read`] gave and is damaged. Where there are several copies it gives
    /// what a sound one has, and whoever sees to copies hears which are not; where none is sound,
    /// or there is only one, it gives what `read` gives. It fails as [`SILENT`] while a copy that
    /// may be sound cannot be asked.
    fn read_sound(&self, at: u64, length: usize, sound: IsSound) -> Pending<io::Result<Bytes>> {
        drop(sound);
        self.read(at, length)
    }
    /// The length in bytes.
    fn length(&self) -> Pending<io::Result<u64>>;
    /// Cuts or extends the file; space that is new reads as zeros.
    fn truncate(&self, length: u64) -> Pending<io::Result<()>>;
    /// Asks for disk blocks up to `length` without changing what is read; advice, so a filesystem
    /// that cannot is no error, but a full one is.
    fn reserve(&self, length: u64) -> Pending<io::Result<()>>;
}

/// A sorted map on disk that may forget: what it held last, or all of it, but never half a batch.
///
/// It is an index, not a truth: everything in it can be rebuilt. Keys stay under 256 bytes, values
/// under 16 KiB.
pub trait Index: Send + Sync + 'static {
    /// The value at `key`.
    fn get(&self, key: &[u8]) -> Pending<io::Result<Option<Vec<u8>>>>;
    /// Up to `limit` entries whose keys start with `prefix` and are greater than `after`, sorted.
    fn scan(&self, prefix: &[u8], after: &[u8], limit: usize) -> Pending<io::Result<Entries>>;
    /// Puts and removes together: all of the batch is kept or none of it.
    fn apply(&self, batch: Vec<Change>) -> Pending<io::Result<()>>;
    /// Makes all batches that completed before durable.
    fn flush(&self) -> Pending<io::Result<()>>;
}

/// Keys with their values.
pub type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// One change of an [`Index`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The value of a key from now on.
    Put(Vec<u8>, Vec<u8>),
    /// The key is gone.
    Remove(Vec<u8>),
}

/// The node's log of facts, shared by the actors that keep theirs in it.
pub trait Journal: Send + Sync + 'static {
    /// Appends one fact of at most 1 MiB and returns when it and all before it are durable. Facts
    /// lie in the order of the calls, not of the futures' ends. A fault is final.
    fn append(&self, body: Bytes) -> Pending<Result<(), Fault>>;
}

/// All ports of one node, as its actors hold them.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Files.
    pub disk: Arc<dyn Disk>,
    /// What can be rebuilt.
    pub index: Arc<dyn Index>,
    /// Who is alive, for those who look.
    pub directory: Arc<crate::shell::Directory>,
}
