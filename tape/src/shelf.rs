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

use crate::format::{Lines, Row, Sum};
use crate::ports::{Failed, Shelf};

/// With this begins what was added at once.
const HEAD: u8 = b'#';
/// Bytes of the line before it, at most.
const HEAD_MAX: usize = 96;

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
        let bytes = all(file.as_ref()).await.map_err(at)?;
        let (mut lines, mut rows) = (Lines::default(), Vec::new());
        for added in whole(&bytes).map_err(at)?.0 {
            let read = lines.push(&added, &mut rows);
            read.map_err(|error| failed(medium, &error))?;
        }
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
            None => whole(&all(file.as_ref()).await?)?.1,
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
        self.disk.remove(&self.path(medium)).await?;
        self.disk.sync_folder(&self.path).await
    }
}

async fn all(file: &dyn File) -> io::Result<Bytes> {
    let length = usize::try_from(file.length().await?).map_err(io::Error::other)?;
    file.read(0, length).await
}

/// All additions that are whole, and where the last of them ends.
fn whole(bytes: &Bytes) -> io::Result<(Vec<Bytes>, u64)> {
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(added) = addition(bytes, at) {
        at = added.end;
        all.push(bytes.slice(added));
    }
    // Before one is begun, the one before it is whole.
    let mut later = (at..bytes.len()).filter(|at| bytes[*at] == HEAD);
    if later.any(|at| addition(bytes, at).is_some()) {
        return Err(io::Error::other(format!("damaged at byte {at}")));
    }
    Ok((all, at as u64))
}

/// The lines of the addition that begins there, if it is whole.
fn addition(bytes: &Bytes, at: usize) -> Option<Range<usize>> {
    let rest = bytes.get(at..)?;
    let end = rest.iter().take(HEAD_MAX).position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(rest.get(..end)?).ok()?;
    let (length, _) = head.strip_prefix('#')?.split_once(' ')?;
    let from = at + end + 1;
    let lines = from..from.checked_add(length.parse().ok()?)?;
    (head_of(bytes.get(lines.clone())?) == head).then_some(lines)
}

/// What stands before lines that were added at once.
fn head_of(lines: &[u8]) -> String {
    format!("#{} {}", lines.len(), Sum::of(lines))
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

fn lines(rows: &[Row]) -> Bytes {
    let lines: Vec<u8> = rows.iter().flat_map(Row::line).collect();
    let head = format!("{}\n", head_of(&lines));
    [head.into_bytes(), lines].concat().into()
}

#[cfg(test)]
pub(crate) mod memory;
