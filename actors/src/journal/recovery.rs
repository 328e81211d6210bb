//! From files to records: what is there after a start, whatever ended the life before.
//!
//! Nothing is changed on disk until all of it is understood. Then the torn tail is cut off, and
//! what is left is made durable before anybody hears of it: a process that was killed may have left
//! records that no sync had covered.

use std::collections::BTreeSet;
use std::io;

use bytes::{Bytes, BytesMut};

use super::segment::{index, scan};
use super::snapshot::{self, UNFINISHED, Unusable};
use super::{FOLDER, JournalError, Record, Snapshot, segment_path, snapshot_path};
use crate::kernel::Sequence;
use crate::ports::{Disk, File};

/// How much is read at a time.
const READ: usize = 1 << 20;
/// What a journal holds.
#[derive(Debug)]
pub struct Recovered {
    /// The newest snapshot that checks.
    pub snapshot: Option<Snapshot>,
    /// All records after it, in order.
    pub records: Vec<Record>,
    /// Where the journal goes on.
    pub position: Position,
    /// The torn tail that was cut off, if there was one.
    pub cut: Option<Cut>,
    /// Newer snapshots that did not check and were set aside, since an older one and all records
    /// after it are there: an operator wants to know.
    pub set_aside: Vec<String>,
}

/// Where a journal goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The number of the next record.
    pub(super) next: Sequence,
    /// All segments by their first records; the last one takes the next record.
    pub(super) segments: BTreeSet<Sequence>,
    /// Where in the last segment.
    pub(super) at: u64,
    pub(super) snapshots: BTreeSet<Sequence>,
}

impl Position {
    /// The number that the next record will have; the last durable one is before it.
    pub fn next(&self) -> Sequence {
        self.next
    }
}

/// A torn tail: bytes of a write that was not durable when the node ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The segment.
    pub file: String,
    /// Where it ends now.
    pub offset: u64,
    /// How many bytes were behind.
    pub bytes: u64,
}

/// Reads the journal of a node, repairs its tail, and makes durable what is left.
///
/// # Errors
/// When what had been durable is damaged or missing, or the disk says no.
pub async fn recover(disk: &dyn Disk) -> Result<Recovered, JournalError> {
    let files = Listing::read(disk).await?;
    let (snapshot, flaw) = newest_snapshot(disk, &files.snapshots).await?;
    let base = snapshot.as_ref().map_or(Sequence::default(), |s| s.through);
    let log = match (Log::read(disk, &files, base).await, flaw) {
        (Ok(log), _) => log,
        (Err(_), Some(flaw)) => return Err(flaw),
        (Err(error), None) => return Err(error),
    };
    let set_aside: Vec<_> = files.snapshots.iter().filter(|one| **one > base).collect();
    let mut recovered = Recovered {
        position: Position {
            next: log.next,
            segments: files.segments.clone(),
            at: log.end,
            snapshots: files.snapshots.range(..=base).copied().collect(),
        },
        snapshot,
        records: log.records,
        cut: None,
        set_aside: set_aside
            .iter()
            .map(|one| snapshot_path(FOLDER, **one))
            .collect(),
    };
    repair(disk, &mut recovered, log.last_write)
        .await
        .map_err(disk_error(FOLDER))?;
    for name in files.unfinished {
        let path = format!("{FOLDER}/{name}");
        disk.remove(&path).await.map_err(disk_error(&path))?;
    }
    Ok(recovered)
}

/// Cuts off the torn tail, sets bad snapshots aside, and makes all that is left durable.
///
/// The last write is written again: if its sync failed, the kernel shows it and has forgotten that
/// it is not on the disk. The writes before it were synced, or it would not have begun.
async fn repair(
    disk: &dyn Disk,
    recovered: &mut Recovered,
    (at, last_write): (u64, Bytes),
) -> io::Result<()> {
    for path in &recovered.set_aside {
        disk.rename(path, &format!("{path}.damaged")).await?;
    }
    let Some(last) = recovered.position.segments.last() else {
        return Ok(());
    };
    let path = segment_path(*last);
    let end = recovered.position.at;
    let file = disk.open(&path).await?;
    let length = file.length().await?;
    if length > end {
        file.truncate(end).await?;
        recovered.cut = Some(Cut {
            file: path,
            offset: end,
            bytes: length - end,
        });
    }
    if !last_write.is_empty() {
        file.write(at, vec![last_write]).await?;
    }
    file.sync().await?;
    disk.sync_folder(FOLDER).await
}

/// The files of a journal by the sequence in their names; others are none of its own.
struct Listing {
    segments: BTreeSet<Sequence>,
    snapshots: BTreeSet<Sequence>,
    unfinished: Vec<String>,
}

impl Listing {
    async fn read(disk: &dyn Disk) -> Result<Self, JournalError> {
        let names = disk.list(FOLDER).await.map_err(disk_error(FOLDER))?;
        let numbered = |suffix| {
            let numbers = names.iter().filter_map(move |name| number(name, suffix));
            numbers.collect()
        };
        Ok(Self {
            segments: numbered(".log"),
            snapshots: numbered(".snapshot"),
            unfinished: {
                let unfinished = names.iter().filter(|name| name.ends_with(UNFINISHED));
                unfinished.cloned().collect()
            },
        })
    }
}

fn number(name: &str, suffix: &str) -> Option<Sequence> {
    let digits = name.strip_suffix(suffix).filter(|text| text.len() == 20)?;
    digits.parse().ok().map(Sequence::new)
}

/// The newest snapshot that checks, and what is wrong with the newest of all if that is another.
async fn newest_snapshot(
    disk: &dyn Disk,
    snapshots: &BTreeSet<Sequence>,
) -> Result<(Option<Snapshot>, Option<JournalError>), JournalError> {
    let mut flaw = None;
    for through in snapshots.iter().rev() {
        let file = snapshot_path(FOLDER, *through);
        let read = match disk.open(&file).await {
            Ok(open) => snapshot::read(open.as_ref(), *through).await,
            Err(error) => Err(Unusable::Disk(error)),
        };
        match read {
            Ok(snapshot) => return Ok((Some(snapshot), flaw)),
            Err(Unusable::Disk(source)) => return Err(JournalError::Disk { file, source }),
            Err(Unusable::Damaged(offset)) => {
                flaw.get_or_insert(JournalError::Snapshot { file, offset });
            }
        }
    }
    Ok((None, flaw))
}

/// The records of the segments.
struct Log {
    records: Vec<Record>,
    next: Sequence,
    /// Where the last segment ends.
    end: u64,
    /// The last write in it, at its offset.
    last_write: (u64, Bytes),
}

impl Log {
    /// Reads all records after `base`, and makes sure that none is missing.
    async fn read(disk: &dyn Disk, files: &Listing, base: Sequence) -> Result<Self, JournalError> {
        let newest = files.snapshots.last().copied().unwrap_or_default();
        let mut log = Self {
            records: Vec::new(),
            next: base.next(),
            end: 0,
            last_write: (0, Bytes::new()),
        };
        let first = files.segments.range(..=base.next()).next_back();
        let Some(first) = first else {
            return match files.segments.first() {
                None if newest == Sequence::default() => Ok(log),
                behind => Err(JournalError::Missing {
                    sequence: base.next(),
                    file: segment_path(behind.copied().unwrap_or(base.next())),
                    offset: 0,
                }),
            };
        };
        log.next = *first;
        for segment in files.segments.range(first..) {
            let behind = files.segments.range(segment.next()..).next();
            log.read_segment(disk, *segment, behind.copied(), base)
                .await?;
        }
        // A snapshot was made of durable records alone.
        log.reaches(newest.next(), *files.segments.last().unwrap_or(first))?;
        Ok(log)
    }

    async fn read_segment(
        &mut self,
        disk: &dyn Disk,
        segment: Sequence,
        behind: Option<Sequence>,
        base: Sequence,
    ) -> Result<(), JournalError> {
        let file = segment_path(segment);
        let handle = disk.open(&file).await.map_err(disk_error(&file))?;
        let bytes = read_all(handle.as_ref()).await.map_err(disk_error(&file))?;
        let scan = scan(&bytes, segment, behind).map_err(|flaw| flaw.in_file(file))?;
        let later = scan.records.into_iter().filter(|one| one.sequence > base);
        self.records.extend(later);
        self.next = scan.next;
        self.end = scan.end;
        let last_write = bytes.slice(index(scan.last_write)..index(scan.end));
        self.last_write = (scan.last_write, last_write);
        match behind {
            Some(behind) => self.reaches(behind, segment),
            None => Ok(()),
        }
    }

    /// Fails if there are no records up to `next`.
    fn reaches(&self, next: Sequence, segment: Sequence) -> Result<(), JournalError> {
        if self.next >= next {
            return Ok(());
        }
        Err(JournalError::Missing {
            sequence: self.next,
            file: segment_path(segment),
            offset: self.end,
        })
    }
}

/// All bytes of a file.
pub(super) async fn read_all(file: &dyn File) -> io::Result<Bytes> {
    let length = index(file.length().await?);
    let mut bytes = BytesMut::with_capacity(length);
    while bytes.len() < length {
        let piece = file.read(bytes.len() as u64, READ).await?;
        if piece.is_empty() {
            break;
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

fn disk_error(file: &str) -> impl FnOnce(io::Error) -> JournalError {
    let file = file.to_owned();
    move |source| JournalError::Disk { file, source }
}
