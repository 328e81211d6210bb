//! What a repository's extents say after a stop, of whatever kind.
//!
//! A sealed extent is believed up to its sealed length: its headers and entries are read, the bodies
//! of its data frames are left to whoever reads them. An extent that was open is read whole. What is
//! cut off there was never acknowledged: each entry says how far its extent was durable when it was
//! written, so a bad frame below such a mark is damage, and an error, while above it is a torn tail.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::entry::{Entry, FRAME_ENTRY, Place};
use super::machine::{MARK, Repository};
use crate::extent;
use crate::frame::{BODY_MAX, FrameError, HEADER, Header};
use crate::kernel::{ExtentId, RepositoryId, Sequence};
use crate::ports::{Disk, File};
use crate::schema::{self, SchemaError};

/// Bytes read at once.
const WINDOW: usize = 2 * (HEADER + BODY_MAX);
/// Bytes read at once where bodies are stepped over.
const GLANCE: usize = 16 << 10;

/// Why a repository cannot be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The disk.
    #[error("the disk failed to read {extent}")]
    Disk {
        /// Of which extent.
        extent: ExtentId,
        /// How.
        source: io::Error,
    },
    /// A frame that was durable is not what it was.
    #[error("{extent} is damaged at byte {offset}, where it had been durable")]
    Damaged {
        /// Which extent.
        extent: ExtentId,
        /// Where.
        offset: u64,
    },
    /// A sealed extent ends early.
    #[error("{extent} ends at byte {end} and was sealed at {sealed}")]
    Short {
        /// Which extent.
        extent: ExtentId,
        /// Where it ends.
        end: u64,
        /// Where it should.
        sealed: u64,
    },
    /// A newer program wrote there; this one would take it for a torn tail.
    #[error("{extent} has a frame of format version {version} at byte {offset}, which is newer")]
    Newer {
        /// In which extent.
        extent: ExtentId,
        /// Where.
        offset: u64,
        /// Of which version.
        version: u8,
    },
    /// An entry cannot be read.
    #[error("an entry of {extent} at byte {offset} cannot be read")]
    Entry {
        /// In which extent.
        extent: ExtentId,
        /// Where.
        offset: u64,
        /// How.
        source: SchemaError,
    },
}

/// What recovery found besides the entries.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The number of the last frame.
    pub last: Sequence,
    /// Extents that were open, with the lengths to seal them at; made durable already.
    pub open: Vec<(ExtentId, u64)>,
}

/// Reads all extents in their order, each with its sealed length if it has one, into `repository`.
///
/// # Errors
/// When the disk fails, or what had been durable is damaged.
pub async fn recover(
    disk: &Arc<dyn Disk>,
    id: RepositoryId,
    extents: &[(ExtentId, Option<u64>)],
    repository: &mut Repository,
) -> Result<Recovered, RecoveryError> {
    let mut recovered = Recovered::default();
    let mut lengths = BTreeMap::new();
    for (extent, sealed) in extents.iter().copied() {
        let failed = |source| RecoveryError::Disk { extent, source };
        if sealed == Some(0) {
            continue;
        }
        let file = match disk.open(&extent::path(id, extent)).await {
            Ok(file) => file,
            // It was named in the catalog, and the stop came before its file was durable: nothing
            // in it was ever acknowledged.
            Err(error) if error.kind() == io::ErrorKind::NotFound && sealed.is_none() => {
                recovered.open.push((extent, 0));
                continue;
            }
            Err(error) => return Err(failed(error)),
        };
        let end = file.length().await.map_err(failed)?;
        let believed = sealed.unwrap_or(end);
        if end < believed {
            let sealed = believed;
            return Err(RecoveryError::Short {
                extent,
                end,
                sealed,
            });
        }
        lengths.insert(extent, believed);
        let mut scan = Scan::new(extent, file, believed, sealed.is_none());
        let mut durable = 0;
        while let Some(frame) = scan.next().await? {
            durable = frame
                .entry
                .as_ref()
                .map_or(durable, |(_, mark)| durable.max(*mark));
            recovered.last = recovered.last.max(frame.header.sequence);
            match frame.entry {
                Some((entry, _)) if is_whole(&entry, &lengths) => {
                    repository.recover(frame.header.sequence, frame.place, &entry);
                }
                // Its frames in another extent did not become durable, so nobody was told of it.
                Some(_) | None => {}
            }
        }
        lengths.insert(extent, scan.at);
        if sealed.is_none() {
            settle(scan.file.as_ref(), durable, scan.at)
                .await
                .map_err(failed)?;
            recovered.open.push((extent, scan.at));
        }
    }
    repository.recovered(recovered.last);
    Ok(recovered)
}

/// Makes durable what is about to be believed, which may lie in the page cache only.
///
/// Below `durable` it was synced. What is above is written again: if a sync of it failed, the kernel
/// shows it and has forgotten that it is not on the disk.
async fn settle(file: &dyn File, durable: u64, end: u64) -> io::Result<()> {
    let mut at = durable;
    while at < end {
        let bytes = file.read(at, WINDOW.min((end - at) as usize)).await?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let next = at + bytes.len() as u64;
        file.write(at, vec![bytes]).await?;
        at = next;
    }
    file.sync().await
}

/// Whether all frames of an object lie within the lengths that their extents turned out to have.
fn is_whole(entry: &Entry, lengths: &BTreeMap<ExtentId, u64>) -> bool {
    let Entry::Stored(stored) = entry else {
        return true;
    };
    stored.pieces.iter().all(|piece| {
        let end = piece.end();
        // An extent that is not listed any more was emptied by compaction, and this entry with it.
        lengths
            .get(&piece.extent)
            .is_none_or(|length| end <= *length)
    })
}

/// A walk over the frames of one extent.
struct Scan {
    extent: ExtentId,
    file: Arc<dyn File>,
    /// Where the next frame begins.
    at: u64,
    end: u64,
    /// Whether data bodies are read and checked too.
    whole: bool,
    window: Bytes,
    window_at: u64,
}

struct Frame {
    header: Header,
    place: Place,
    entry: Option<(Entry, u64)>,
}

impl Scan {
    const fn new(extent: ExtentId, file: Arc<dyn File>, end: u64, whole: bool) -> Self {
        Self {
            extent,
            file,
            at: 0,
            end,
            whole,
            window: Bytes::new(),
            window_at: 0,
        }
    }

    /// The next good frame; `None` at the end, or where an open extent's torn tail begins.
    async fn next(&mut self) -> Result<Option<Frame>, RecoveryError> {
        if self.at >= self.end {
            return Ok(None);
        }
        match self.frame(self.at).await? {
            Ok(frame) => {
                self.at += frame.header.total();
                Ok(Some(frame))
            }
            Err(FrameError::Version(version)) => Err(RecoveryError::Newer {
                extent: self.extent,
                offset: self.at,
                version,
            }),
            Err(_) if !self.whole => Err(RecoveryError::Damaged {
                extent: self.extent,
                offset: self.at,
            }),
            Err(_) => self.tail().await.map(|()| None),
        }
    }

    /// Makes sure that nothing behind a bad frame claims that the frame had been durable.
    async fn tail(&mut self) -> Result<(), RecoveryError> {
        let bad = self.at;
        let mut at = bad + 1;
        while at + HEADER as u64 <= self.end {
            let window = self.bytes(at, HEADER, WINDOW).await?;
            let step = window.windows(2).position(|pair| pair == b"HF");
            let Some(step) = step else {
                at += (window.len() as u64).saturating_sub(1).max(1);
                continue;
            };
            at += step as u64;
            match self.frame(at).await? {
                Ok(Frame {
                    entry: Some((_, mark)),
                    ..
                }) if mark > bad => {
                    return Err(RecoveryError::Damaged {
                        extent: self.extent,
                        offset: bad,
                    });
                }
                Ok(frame) => at += frame.header.total(),
                Err(_) => at += 1,
            }
        }
        Ok(())
    }

    async fn frame(&mut self, at: u64) -> Result<Result<Frame, FrameError>, RecoveryError> {
        let glance = if self.whole { WINDOW } else { GLANCE };
        let bytes = self.bytes(at, HEADER, glance).await?;
        let header = match Header::decode(&bytes) {
            Ok(header) if at + header.total() <= self.end => header,
            Ok(_) => return Ok(Err(FrameError::Short)),
            Err(error) => return Ok(Err(error)),
        };
        let place = Place {
            extent: self.extent,
            offset: at,
        };
        let is_entry = header.kind == FRAME_ENTRY;
        if !is_entry && !self.whole {
            return Ok(Ok(Frame {
                header,
                place,
                entry: None,
            }));
        }
        let total = header.total() as usize;
        let bytes = self.bytes(at, total, glance).await?;
        let body = bytes.slice(HEADER..bytes.len().clamp(HEADER, total));
        if let Err(error) = header.check(&body) {
            return Ok(Err(error));
        }
        let entry = if is_entry {
            Some(self.entry(at, &body)?)
        } else {
            None
        };
        Ok(Ok(Frame {
            header,
            place,
            entry,
        }))
    }

    fn entry(&self, offset: u64, body: &[u8]) -> Result<(Entry, u64), RecoveryError> {
        let (encoded, mark) = body
            .split_last_chunk::<{ MARK as usize }>()
            .unwrap_or((&[], &[0; 8]));
        let extent = self.extent;
        let entry = schema::decode(encoded).map_err(|source| RecoveryError::Entry {
            extent,
            offset,
            source,
        })?;
        Ok((entry, u64::from_le_bytes(*mark)))
    }

    /// At least `least` bytes from `at` on, unless the extent ends before; reads ahead by `ahead`.
    async fn bytes(&mut self, at: u64, least: usize, ahead: usize) -> Result<Bytes, RecoveryError> {
        let inside = at.checked_sub(self.window_at).map(|skip| skip as usize);
        let held = inside.filter(|skip| skip + least <= self.window.len());
        if let Some(skip) = held {
            return Ok(self.window.slice(skip..));
        }
        let length = least.max(ahead).min((self.end - at) as usize);
        let read = self.file.read(at, length).await;
        self.window = read.map_err(|source| RecoveryError::Disk {
            extent: self.extent,
            source,
        })?;
        self.window_at = at;
        Ok(self.window.clone())
    }
}
