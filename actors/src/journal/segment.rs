//! What the bytes of one segment say: its records, where it ends, and whether what stands there is
//! a torn tail or damage. Nothing here touches a disk.

use bytes::Bytes;

use super::{JournalError, KIND_FOLLOWING, KIND_RECORD, Record};
use crate::frame::{FrameError, HEADER, Header};
use crate::kernel::{Epoch, Sequence};

/// What a drive writes whole or not at all.
const SECTOR: u64 = 512;

/// The records of one segment.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) records: Vec<Record>,
    pub(super) next: Sequence,
    pub(super) end: u64,
    /// Where the last write begins.
    pub(super) last_write: u64,
}

/// What is wrong with a segment, and where.
#[derive(Debug)]
pub(super) struct Flaw {
    expected: Sequence,
    offset: u64,
    kind: FlawKind,
}

#[derive(Debug)]
enum FlawKind {
    Damaged(FrameError),
    Newer(FrameError),
    Misplaced(Sequence),
}

impl Flaw {
    pub(super) fn in_file(self, file: String) -> JournalError {
        let (sequence, offset) = (self.expected, self.offset);
        match self.kind {
            FlawKind::Damaged(source) => JournalError::Damaged {
                sequence,
                file,
                offset,
                source,
            },
            FlawKind::Newer(source) => JournalError::Newer {
                sequence,
                file,
                offset,
                source,
            },
            FlawKind::Misplaced(found) => JournalError::Misplaced {
                expected: sequence,
                found,
                file,
                offset,
            },
        }
    }
}

/// Reads a segment's records from its first on. `behind` is where the next segment begins: a
/// segment was whole when the next one was made, so only the last one can have a torn tail.
pub(super) fn scan(bytes: &Bytes, first: Sequence, behind: Option<Sequence>) -> Result<Scan, Flaw> {
    let mut scan = Scan {
        records: Vec::new(),
        next: first,
        end: 0,
        last_write: 0,
    };
    loop {
        let flaw = |kind| Flaw {
            expected: scan.next,
            offset: scan.end,
            kind,
        };
        if behind == Some(scan.next) {
            return Ok(scan);
        }
        match frame_at(bytes, scan.end) {
            Ok((header, body)) if is_record(&header) && header.sequence == scan.next => {
                scan.records.push(Record {
                    sequence: header.sequence,
                    body,
                });
                if header.kind == KIND_RECORD {
                    scan.last_write = scan.end;
                }
                scan.end += header.total();
                scan.next = scan.next.next();
            }
            Ok((header, _)) => return Err(flaw(FlawKind::Misplaced(header.sequence))),
            Err(FrameError::Version(version)) => {
                return Err(flaw(FlawKind::Newer(FrameError::Version(version))));
            }
            Err(_) if is_zeros(bytes, scan.end, bytes.len() as u64) => return Ok(scan),
            Err(error) => {
                let durable = behind.is_some() || was_durable(bytes, scan.end, scan.next);
                return if durable {
                    Err(flaw(FlawKind::Damaged(error)))
                } else {
                    Ok(scan)
                };
            }
        }
    }
}

/// Whether what stands behind a bad frame proves that it had been durable.
///
/// A record that began a write proves it for all before. One that followed in its write does not:
/// drives put the sectors of a write in an order of their own. But then the bad frame has a sector
/// that never arrived.
fn was_durable(bytes: &Bytes, bad: u64, expected: Sequence) -> bool {
    let length = bytes.len() as u64;
    let (mut at, known) = match bytes.get(index(bad)..).map(Header::decode) {
        Some(Ok(header)) => (bad + header.total(), true),
        _ => (bad + 1, false),
    };
    let end = at;
    let mut following = None;
    while at < length {
        if let Ok((header, _)) = frame_at(bytes, at)
            && is_record(&header)
            && could_follow(header.sequence, expected, at - bad)
        {
            if header.kind == KIND_RECORD {
                return true;
            }
            following.get_or_insert(if known { end } else { at });
            at += header.total();
        } else {
            at += 1;
        }
    }
    following.is_some_and(|end| !lacks_a_sector(bytes, bad, end))
}

/// Whether so many records fit between the two.
fn could_follow(found: Sequence, expected: Sequence, distance: u64) -> bool {
    let between = found.raw().checked_sub(expected.raw());
    between.is_some_and(|count| count > 0 && count <= distance / HEADER as u64)
}

/// Whether a stretch has a sector of which nothing is there.
fn lacks_a_sector(bytes: &Bytes, mut from: u64, to: u64) -> bool {
    while from < to {
        let end = (from / SECTOR + 1) * SECTOR;
        if is_zeros(bytes, from, end.min(to)) {
            return true;
        }
        from = end;
    }
    false
}

fn is_zeros(bytes: &Bytes, from: u64, to: u64) -> bool {
    let stretch = bytes.get(index(from)..index(to)).unwrap_or_default();
    stretch.iter().all(|byte| *byte == 0)
}

fn is_record(header: &Header) -> bool {
    let kind = header.kind == KIND_RECORD || header.kind == KIND_FOLLOWING;
    kind && header.epoch == Epoch::default()
}

/// The frame at an offset, checked.
pub(super) fn frame_at(bytes: &Bytes, offset: u64) -> Result<(Header, Bytes), FrameError> {
    let rest = bytes.get(index(offset)..).unwrap_or_default();
    let header = Header::decode(rest)?;
    let body = rest.get(HEADER..index(header.total()));
    let body = body.ok_or(FrameError::Short)?;
    header.check(body)?;
    Ok((header, bytes.slice_ref(body)))
}

/// An offset as memory counts it.
pub(super) fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
