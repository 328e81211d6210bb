//! The rows of tapes in files: `MEDIUM.jsonl` for each cartridge, a line for each row, as the index
//! on the tape has them. What is added at once has a line before it that says how much that is,
//! and its sum.
//!
//! Invariant: a row that [`Shelf::add`] returned for is there after any crash. What a crash left of
//! the last addition was never promised, and is left out; damage before it is an error.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::ports::{Disk, File, Pending};
use holdfast_actors::tape::MediumId;
use tokio::sync::Mutex;

use crate::format::{Directory, Lines, Row, Sum};
use crate::ports::{Failed, Shelf};

/// With this begins what was added at once.
const HEAD: u8 = b'#';
/// Bytes of the line before it, at most.
const HEAD_MAX: usize = 96;
/// So many rows have one sum.
const ADDITION: usize = 1_024;
/// More bytes than any of that take: a path has at most a few hundred.
const WINDOW: usize = 4 << 20;
/// So many bytes of a file are read at once.
const PART: usize = 1 << 20;

/// Rows in one folder of a disk. Cheap to clone.
#[derive(Clone)]
pub struct Files(Arc<Folder>);

struct Folder {
    disk: Arc<dyn Disk>,
    path: String,
    /// Whoever reads or writes files holds it. How far files are whole, where that is known.
    turn: Mutex<BTreeMap<MediumId, u64>>,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.path)
    }
}

impl Files {
    /// The rows in this folder of the disk, which is made with the first of them.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, path: &str) -> Self {
        Self(Arc::new(Folder {
            disk,
            path: path.to_owned(),
            turn: Mutex::default(),
        }))
    }
}

impl Folder {
    fn path(&self, medium: MediumId) -> String {
        format!("{}/{:032x}.jsonl", self.path, medium.raw())
    }

    /// The file of a cartridge, if there is one.
    async fn open(&self, medium: MediumId) -> io::Result<Option<Arc<dyn File>>> {
        match self.disk.open(&self.path(medium)).await {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn read(&self, medium: MediumId) -> Result<Option<Vec<Row>>, Failed> {
        let _turn = self.turn.lock().await;
        let at = |error| failed(medium, &error);
        let Some(file) = self.open(medium).await.map_err(at)? else {
            return Ok(None);
        };
        let (mut lines, mut rows, mut directory) = (Lines::default(), Vec::new(), None);
        let each = |added: &Bytes| {
            let before = rows.len();
            lines.push(added, &mut rows).map_err(io::Error::other)?;
            let new = rows[before..].iter_mut();
            new.for_each(|row: &mut Row| share(&mut row.path.directory, &mut directory));
            Ok(())
        };
        scan(file.as_ref(), each).await.map_err(at)?;
        lines.finish().map_err(|error| failed(medium, &error))?;
        Ok(Some(rows))
    }

    async fn append(&self, medium: MediumId, lines: Bytes) -> io::Result<()> {
        let mut turn = self.turn.lock().await;
        // It is known again when all is well.
        let known = turn.remove(&medium);
        let (file, is_new) = match self.open(medium).await? {
            Some(file) => (file, false),
            None => (self.disk.create(&self.path(medium)).await?, true),
        };
        let end = match known {
            Some(end) => end,
            None => scan(file.as_ref(), |_| Ok(())).await?,
        };
        if end < file.length().await? {
            // Half a line in the middle would be damage.
            file.truncate(end).await?;
        }
        let after = end + lines.len() as u64;
        file.write(end, vec![lines]).await?;
        file.sync().await?;
        if is_new {
            self.disk.sync_folder(&self.path).await?;
        }
        turn.insert(medium, after);
        Ok(())
    }

    async fn remove(&self, medium: MediumId) -> io::Result<()> {
        let mut turn = self.turn.lock().await;
        turn.remove(&medium);
        // Before the first rows there is no folder either.
        if self.open(medium).await?.is_none() {
            return Ok(());
        }
        self.disk.remove(&self.path(medium)).await?;
        self.disk.sync_folder(&self.path).await
    }
}

/// Goes over the additions that are whole; where the last of them ends. The file is never held
/// whole: a million rows are a quarter of a GB.
async fn scan(file: &dyn File, mut each: impl FnMut(&Bytes) -> io::Result<()>) -> io::Result<u64> {
    let (mut at, mut held) = (0, Bytes::new());
    loop {
        if let Some(added) = addition(&held) {
            at += added.end as u64;
            let rest = held.split_off(added.end);
            each(&held.slice(added))?;
            held = rest;
            continue;
        }
        let end = at + held.len() as u64;
        let more = match held.len() < WINDOW {
            true => file.read(end, PART).await?,
            false => Bytes::new(),
        };
        if more.is_empty() {
            break;
        }
        held = [held, more].concat().into();
    }
    // Before one is begun, the one before it is whole: behind what a crash cut off is nothing.
    let mut later = (0..held.len()).filter(|at| held[*at] == HEAD);
    if held.len() >= WINDOW || later.any(|at| addition(&held.slice(at..)).is_some()) {
        return Err(io::Error::other(format!("damaged at byte {at}")));
    }
    Ok(at)
}

/// The lines of the addition that begins these bytes, if it is whole.
fn addition(bytes: &Bytes) -> Option<Range<usize>> {
    let end = bytes
        .iter()
        .take(HEAD_MAX)
        .position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let (length, _) = head.strip_prefix('#')?.split_once(' ')?;
    let from = end + 1;
    let lines = from..from.checked_add(length.parse().ok()?)?;
    (head_of(bytes.get(lines.clone())?) == head).then_some(lines)
}

/// What stands before lines that were added at once.
fn head_of(lines: &[u8]) -> String {
    format!("#{} {}", lines.len(), Sum::of(lines))
}

/// Neighbours are mostly of one repository: they hold the name of its directory together.
fn share(directory: &mut Option<Directory>, last: &mut Option<Directory>) {
    if directory == last {
        directory.clone_from(last);
    } else {
        last.clone_from(directory);
    }
}

fn failed(medium: MediumId, error: &dyn std::error::Error) -> Failed {
    Failed::Other(format!("the rows of cartridge {medium}: {error}"))
}

impl Shelf for Files {
    fn rows(&self, medium: MediumId) -> Pending<Result<Option<Vec<Row>>, Failed>> {
        let folder = Arc::clone(&self.0);
        Box::pin(async move { folder.read(medium).await })
    }

    fn add(&self, medium: MediumId, rows: &[Row]) -> Pending<Result<(), Failed>> {
        let (folder, lines) = (Arc::clone(&self.0), lines(rows));
        Box::pin(async move {
            let done = folder.append(medium, lines).await;
            done.map_err(|error| failed(medium, &error))
        })
    }

    fn clear(&self, medium: MediumId) -> Pending<Result<(), Failed>> {
        let folder = Arc::clone(&self.0);
        Box::pin(async move {
            let done = folder.remove(medium).await;
            done.map_err(|error| failed(medium, &error))
        })
    }
}

/// Rows as they are added: none is longer than [`ADDITION`] allows for.
fn lines(rows: &[Row]) -> Bytes {
    let mut all = Vec::new();
    for rows in rows.chunks(ADDITION) {
        let lines: Vec<u8> = rows.iter().flat_map(Row::line).collect();
        all.extend_from_slice(head_of(&lines).as_bytes());
        all.push(b'\n');
        all.extend_from_slice(&lines);
    }
    all.into()
}

#[cfg(test)]
pub(crate) mod tests;
