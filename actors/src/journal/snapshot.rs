//! Snapshot files: parts, and an end that says how many there are and what they add up to.
//!
//! A snapshot gets its name only when all of it is durable, so one that does not check has rotted.

use std::io;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::recovery::read_all;
use super::segment::frame_at;
use super::{FOLDER, KIND_END, KIND_PART, Snapshot, segment_path, snapshot_path};
use crate::frame::{BODY_MAX, HEADER, Header};
use crate::kernel::{Epoch, Sequence};
use crate::ports::{Disk, File};

/// The body of the end: the last record, the number of parts, CRC-32C of all parts together.
const END: usize = 8 + 8 + 4;
/// How many bytes are handed to the disk at a time.
const WRITE_MAX: usize = 4 << 20;

/// What stands behind a snapshot's name until it is whole.
pub(super) const UNFINISHED: &str = ".new";

/// Writes a snapshot into a folder and makes it durable.
///
/// # Errors
/// When the disk says no; then there is none.
pub async fn write(disk: &dyn Disk, folder: &str, snapshot: Snapshot) -> io::Result<()> {
    let path = snapshot_path(folder, snapshot.through);
    let unfinished = format!("{path}{UNFINISHED}");
    disk.remove(&unfinished).await?;
    let file = disk.create(&unfinished).await?;
    let written = match fill(&file, snapshot).await {
        Ok(()) => disk.rename(&unfinished, &path).await,
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        // The space comes back; if it does not, the next start removes the file.
        let _ = disk.remove(&unfinished).await;
        return Err(error);
    }
    disk.sync_folder(folder).await
}

/// Makes the journal of a node that never ran begin behind a snapshot.
///
/// # Errors
/// When the disk says no; what is there then is no journal, and the node has to be made anew.
pub async fn found(disk: &dyn Disk, snapshot: Snapshot) -> io::Result<()> {
    let next = segment_path(snapshot.through.next());
    disk.remove(&next).await?;
    disk.create(&next).await?.sync().await?;
    write(disk, FOLDER, snapshot).await
}

async fn fill(file: &Arc<dyn File>, snapshot: Snapshot) -> io::Result<()> {
    let end = end_of(&snapshot);
    let count = snapshot.parts.len() as u64;
    let parts = snapshot.parts.into_iter().map(|part| (KIND_PART, part));
    let frames = parts.chain([(KIND_END, end)]).zip(1..=count + 1);
    let (mut at, mut size, mut gathered) = (0, 0, Vec::new());
    for ((kind, body), number) in frames {
        let header = Header::of(kind, Epoch::default(), Sequence::new(number), &body);
        size += HEADER + body.len();
        gathered.extend([header.encode(), body]);
        if size >= WRITE_MAX || kind == KIND_END {
            file.write(at, std::mem::take(&mut gathered)).await?;
            at += size as u64;
            size = 0;
        }
    }
    file.sync().await
}

fn end_of(snapshot: &Snapshot) -> Bytes {
    let mut end = BytesMut::with_capacity(END);
    end.put_u64_le(snapshot.through.raw());
    end.put_u64_le(snapshot.parts.len() as u64);
    end.put_u32_le(checksum(&snapshot.parts));
    end.freeze()
}

fn checksum(parts: &[Bytes]) -> u32 {
    parts
        .iter()
        .fold(0, |sum, part| crc32c::crc32c_append(sum, part))
}

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The disk said no.
    #[error("it cannot be read")]
    Disk(#[source] io::Error),
    /// It does not check at this offset.
    #[error("it does not check at offset {0}")]
    Damaged(u64),
}

/// Reads a file that should be the snapshot of this record, and checks all of it.
///
/// # Errors
/// When the disk says no, or it is not what was written.
pub async fn read(file: &dyn File, through: Sequence) -> Result<Snapshot, Unusable> {
    let bytes = read_all(file).await.map_err(Unusable::Disk)?;
    parse(&bytes, through).map_err(Unusable::Damaged)
}

/// The snapshot in a file's bytes, or the offset at which it does not check.
fn parse(bytes: &Bytes, through: Sequence) -> Result<Snapshot, u64> {
    let (mut at, mut parts) = (0, Vec::new());
    loop {
        let (header, body) = frame_at(bytes, at).map_err(|_| at)?;
        let number = parts.len() as u64 + 1;
        if header.sequence.raw() != number || header.epoch != Epoch::default() {
            return Err(at);
        }
        let end = at + header.total();
        if header.kind == KIND_PART {
            parts.push(body);
            at = end;
            continue;
        }
        let snapshot = Snapshot { through, parts };
        let whole = header.kind == KIND_END && body == end_of(&snapshot);
        let sound = whole && end == bytes.len() as u64;
        return if sound { Ok(snapshot) } else { Err(at) };
    }
}

// The end is a frame like any other.
const _: () = assert!(END <= BODY_MAX);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_version_of_an_end_stays_readable() {
        let snapshot = Snapshot {
            through: Sequence::new(258),
            parts: vec![Bytes::from_static(b"hold"), Bytes::from_static(b"fast")],
        };
        let hex: String = end_of(&snapshot)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        expect_test::expect!["0201000000000000020000000000000000dd925e"].assert_eq(&hex);
    }
}
