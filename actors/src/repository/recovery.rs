//! What a repository's extents say after a stop, of whatever kind.
//!
//! A sealed extent is believed up to its sealed length: its headers and entries are read, the
//! bodies of its data frames are left to whoever reads them. An extent that was open is read whole.
//! What is cut off there was never acknowledged: each entry says how far its extent was durable
//! when it was written, so a bad frame below such a mark is damage, and an error, while above it is
//! a torn tail. What the index knows is not read again, and is told apart from what it makes up.

mod known;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::chain::Chain;
use super::checkpoint::Unusable;
use super::entry::Entry;
use super::head::HEAD_BYTES;
use super::machine::Repository;
use super::report::Source;
use super::scan::Scan;
use super::standby::Standby;
use crate::extent;
use crate::kernel::{ExtentId, RepositoryId, Sequence};
use crate::ports::{Disk, File, Ports, SILENT};
use crate::schema::SchemaError;
use crate::shell::Fault;

pub(super) use known::{Start, behind, indexed};

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
    /// A file is gone, or cut short of its head, that was durable once.
    #[error("the file of {extent} is lost, and with it what it may have held")]
    Lost {
        /// Of which extent.
        extent: ExtentId,
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

/// Makes sure that the files of extents are there which were begun and never sealed. Without it, a
/// lost one would pass for one that was never made, and be sealed empty.
///
/// # Errors
/// When the disk fails, or a file is lost.
pub async fn present(
    disk: &Arc<dyn Disk>,
    id: RepositoryId,
    begun: &[ExtentId],
) -> Result<(), RecoveryError> {
    for extent in begun.iter().copied() {
        let length = match disk.open(&extent::path(id, extent)).await {
            Ok(file) => file.length().await,
            Err(error) => Err(error),
        };
        match length {
            Ok(length) if length >= HEAD_BYTES => {}
            Ok(_) => return Err(RecoveryError::Lost { extent }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(RecoveryError::Lost { extent });
            }
            Err(source) => return Err(RecoveryError::Disk { extent, source }),
        }
    }
    Ok(())
}

/// Brings a repository back from what the index has and from the log behind that; from the whole
/// log if the index is behind for ever, ahead, damaged or empty, which is logged.
///
/// # Errors
/// When the disk fails, or what had been durable is damaged.
pub async fn recover_by_index(
    ports: &Ports,
    id: RepositoryId,
    extents: &[(ExtentId, Option<u64>)],
    repository: &mut Repository,
) -> Result<Recovered, RecoveryError> {
    recover_with(ports, id, extents, None, repository).await
}

/// As [`recover_by_index`], but goes by what stood by for the repository, if that is of use.
///
/// # Errors
/// When the disk fails, or what had been durable is damaged.
pub async fn recover_with(
    ports: &Ports,
    id: RepositoryId,
    extents: &[(ExtentId, Option<u64>)],
    standby: Option<Standby>,
    repository: &mut Repository,
) -> Result<Recovered, RecoveryError> {
    let stood = match standby {
        Some(standby) => standby.step_in(&ports.disk, id, extents, repository).await,
        None => None,
    };
    let known = match stood {
        Some(start) => Ok((start, Source::Standby)),
        None => {
            let indexed = indexed(ports, id, extents, Disk::open, repository).await;
            indexed.map(|start| (start, Source::Index))
        }
    };
    let unusable = match known {
        Ok((from, source)) => {
            let mut chain = from.chain;
            let recovered = scan(&ports.disk, id, extents, repository, from, &mut chain).await?;
            if !chain.misses(repository.state().emptied()) {
                repository.came_back(source, chain.seen());
                return Ok(recovered);
            }
            repository.restart();
            Unusable::Behind(from.known)
        }
        Err(unusable) => unusable,
    };
    // One that was never written to has no log to read, and no index for a good reason.
    if !extents.is_empty() {
        let error = Fault::of(&unusable);
        tracing::info!(repository = %id, %error, "read the whole log to make the index again");
    }
    recover(&ports.disk, id, extents, repository).await
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
    let mut from = Start::default();
    loop {
        // All that there is counts, whatever is missing in between.
        let mut chain = Chain::default();
        let scanned = scan(disk, id, extents, repository, from, &mut chain).await;
        let emptied = match &scanned {
            Ok(_) => repository.state().emptied(),
            // Entries that do not count any more need not be what they were, nor be there now;
            // whether they count is said behind them.
            Err(RecoveryError::Damaged { extent, .. } | RecoveryError::Entry { extent, .. }) => {
                emptied_behind(disk, id, extents, *extent).await
            }
            Err(RecoveryError::Disk { extent, source }) if source.kind() == SILENT => {
                emptied_behind(disk, id, extents, *extent).await
            }
            Err(_) => return scanned,
        };
        let still_there =
            |(extent, _): &(ExtentId, _)| from.emptied < *extent && *extent <= emptied;
        if !extents.iter().any(still_there) {
            repository.came_back(Source::Log, chain.seen());
            return scanned;
        }
        // They were not discarded yet, or are kept for bytes in them. Not all that is said of them
        // needs to be there any more, so nothing of it is believed.
        repository.restart();
        from.emptied = emptied;
    }
}

/// Up to which extent, by what is said behind a damaged one, nothing counts; none if it does count.
async fn emptied_behind(
    disk: &Arc<dyn Disk>,
    id: RepositoryId,
    extents: &[(ExtentId, Option<u64>)],
    damaged: ExtentId,
) -> ExtentId {
    let behind = extents.iter().filter(|(extent, _)| *extent > damaged);
    let mut emptied = ExtentId::default();
    for (extent, sealed) in behind.copied() {
        let Ok(Some(mut scan)) = open(disk, id, extent, sealed).await else {
            continue;
        };
        while let Ok(Some(frame)) = scan.next().await {
            if let Some((Entry::Emptied { until, .. }, _)) = frame.entry {
                emptied = emptied.max(until);
            }
        }
    }
    Some(emptied)
        .filter(|emptied| *emptied >= damaged)
        .unwrap_or_default()
}

async fn scan(
    disk: &Arc<dyn Disk>,
    id: RepositoryId,
    extents: &[(ExtentId, Option<u64>)],
    repository: &mut Repository,
    from: Start,
    chain: &mut Chain,
) -> Result<Recovered, RecoveryError> {
    let mut recovered = Recovered {
        last: from.chain.last(),
        ..Recovered::default()
    };
    let mut lengths = BTreeMap::new();
    for (extent, sealed) in extents.iter().copied() {
        let past = extent < from.place.extent || extent <= from.emptied;
        let known = sealed.filter(|length| *length == 0 || past);
        if let Some(length) = known {
            lengths.insert(extent, length);
            continue;
        }
        let Some(mut scan) = open(disk, id, extent, sealed).await? else {
            lengths.insert(extent, 0);
            recovered.open.push((extent, 0));
            continue;
        };
        // The index never goes further than what is durable.
        let mut durable = 0;
        if extent == from.place.extent {
            scan.at = from.place.offset;
            durable = scan.at;
        }
        lengths.insert(extent, scan.end);
        while let Some(frame) = scan.next().await? {
            let mark = frame.entry.as_ref().map_or(0, |(_, mark)| *mark);
            durable = durable.max(mark);
            let sequence = frame.header.sequence;
            recovered.last = recovered.last.max(sequence);
            chain.add(extent, sequence);
            match frame.entry {
                Some((entry, _)) if sequence > from.known && is_whole(&entry, &lengths) => {
                    repository.recover(sequence, frame.place, &entry);
                }
                // It is known, or its frames in another extent did not become durable, so that
                // nobody was told of it.
                Some(_) | None => {}
            }
        }
        lengths.insert(extent, scan.at);
        if sealed.is_none() {
            let settled = settle(scan.file(), durable, scan.at).await;
            settled.map_err(|source| RecoveryError::Disk { extent, source })?;
            recovered.open.push((extent, scan.at));
        }
    }
    repository.recovered(recovered.last, lengths);
    Ok(recovered)
}

/// Opens an extent to be scanned; `None` if there is no file and nobody was ever told of one.
async fn open(
    disk: &Arc<dyn Disk>,
    id: RepositoryId,
    extent: ExtentId,
    sealed: Option<u64>,
) -> Result<Option<Scan>, RecoveryError> {
    let failed = |source| RecoveryError::Disk { extent, source };
    let file = match disk.open(&extent::path(id, extent)).await {
        Ok(file) => file,
        // It was named in the catalog, and the stop came before its file was durable: nothing in it
        // was ever acknowledged.
        Err(error) if error.kind() == io::ErrorKind::NotFound && sealed.is_none() => {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    let end = file.length().await.map_err(failed)?;
    let Some(sealed) = sealed else {
        // The head was not durable yet, so nobody had begun to write behind it.
        if end <= HEAD_BYTES {
            return Ok(None);
        }
        return Ok(Some(Scan::new(extent, file, end, true).await?));
    };
    if end < sealed {
        return Err(RecoveryError::Short {
            extent,
            end,
            sealed,
        });
    }
    Ok(Some(Scan::new(extent, file, sealed, false).await?))
}

/// Bytes written again at once.
const REWRITE: usize = 1 << 20;

/// Makes durable what is about to be believed, which may lie in the page cache only.
///
/// Below `durable` it was synced. What is above is written again: if a sync of it failed, the
/// kernel shows it and has forgotten that it is not on the disk.
async fn settle(file: &dyn File, durable: u64, end: u64) -> io::Result<()> {
    let mut at = durable;
    while at < end {
        let bytes = file.read(at, REWRITE.min((end - at) as usize)).await?;
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
///
/// An extent that is not listed was emptied. An object that still counted was moved before, and
/// stands behind this entry once more; of any other, nothing need be known.
pub(super) fn is_whole(entry: &Entry, lengths: &BTreeMap<ExtentId, u64>) -> bool {
    let Some(stored) = entry.stored() else {
        return true;
    };
    stored.pieces.iter().all(|piece| {
        let length = lengths.get(&piece.extent);
        length.is_some_and(|length| piece.end() <= *length)
    })
}
