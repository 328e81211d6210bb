//! What a node knows of a repository that another node writes, so that it goes on at once when that
//! one is gone.
//!
//! It follows the log while it is written. Sealed extents it reads as recovery does. Of the first
//! extent that is not sealed it takes what the log itself says to be durable on every replica: each
//! entry says how far its extent was when it was written. That much is never cut off, whoever seals
//! the extent; all that is behind is left to who takes over. So nothing that it knows may turn out
//! to be wrong; if it does anyhow, the whole log is read as if it knew nothing.

mod shown;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::chain::Chain;
use super::checkpoint::{self, Checkpoint, Stamp};
use super::entry::Place;
use super::head::HEAD_BYTES;
use super::machine::Repository;
use super::recovery::{RecoveryError, Start, behind, indexed, is_whole, recover};
use super::scan::{Frame, Scan};
use super::settings::Settings;
use crate::extent;
use crate::kernel::{Epoch, ExtentId, RepositoryId, Sequence};
use crate::ports::{Disk, File, Index, Ports};
use crate::shell::Fault;

/// Extents of a repository, oldest first, each with its length once it is sealed.
type Extents<'a> = &'a [(ExtentId, Option<u64>)];

/// Follows one repository.
pub struct Standby {
    id: RepositoryId,
    repository: Repository,
    /// Where it goes on.
    next: Place,
    /// The checksum of the last entry's frame.
    checksum: u32,
    chain: Chain,
    /// Up to which entry the index knows; none if nothing is known of it.
    indexed: Option<Sequence>,
    /// Entries that the index does not know of.
    unwritten: u64,
}

/// What came of following.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Entries that were new.
    pub entries: u64,
    /// How many objects are known now, those in the bin included.
    pub objects: u64,
    /// Entries that the index does not know of; none if it is to be written anew.
    pub unwritten: Option<u64>,
}

/// What becomes of what a replica has and the log does not say to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    /// It is left to who takes over.
    Left,
    /// It is taken.
    Taken,
}

/// Why a repository cannot be followed any more from where its standby is.
#[derive(Debug, thiserror::Error)]
pub enum Unfollowed {
    /// Its log cannot be read.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// What came next was given back before it was read.
    #[error("what came behind {0} is gone, since the log was emptied meanwhile")]
    Missed(ExtentId),
}

impl fmt::Debug for Standby {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.repository.state().sequence();
        write!(f, "of {} at {known}", self.id)
    }
}

impl Standby {
    /// Begins with what the index has, or with the sealed part of the log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn begin(
        ports: &Ports,
        id: RepositoryId,
        extents: Extents<'_>,
    ) -> Result<Self, RecoveryError> {
        let mut repository = Repository::new(id, Epoch::default(), Settings::default());
        match indexed(ports, id, extents, Disk::follow, &mut repository).await {
            Ok(start) => {
                let checksum = start.checksum;
                Ok(Self {
                    id,
                    repository,
                    next: start.place,
                    checksum,
                    chain: start.chain,
                    indexed: Some(start.known),
                    unwritten: 0,
                })
            }
            Err(unusable) => {
                let error = Fault::of(&unusable);
                tracing::debug!(repository = %id, %error, "stand by with the whole log");
                Self::anew(ports, id, extents).await
            }
        }
    }

    /// Begins with the sealed part of the log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn anew(
        ports: &Ports,
        id: RepositoryId,
        extents: Extents<'_>,
    ) -> Result<Self, RecoveryError> {
        let mut repository = Repository::new(id, Epoch::default(), Settings::default());
        let sealed = extents.iter().take_while(|(_, sealed)| sealed.is_some());
        let sealed: Vec<_> = sealed.copied().collect();
        let recovered = recover(&ports.disk, id, &sealed, &mut repository).await?;
        let end = sealed.last().copied().unwrap_or_default();
        let next = Place {
            extent: end.0,
            offset: end.1.unwrap_or_default(),
        };
        let mut standby = Self {
            id,
            repository,
            next,
            checksum: 0,
            chain: Chain::behind(next.extent, recovered.last),
            indexed: None,
            unwritten: 0,
        };
        standby.checksum = standby.last_checksum(&ports.disk).await?;
        Ok(standby)
    }

    /// Of the frame of the last entry.
    async fn last_checksum(&self, disk: &Arc<dyn Disk>) -> Result<u32, RecoveryError> {
        let Place { extent, offset } = self.repository.state().end();
        if extent == ExtentId::default() {
            return Ok(0);
        }
        let mut scan = self.walk(disk, extent, u64::MAX).await?;
        match scan.as_mut() {
            Some(scan) => match scan.frame(offset).await? {
                Ok(frame) => Ok(frame.header.checksum),
                Err(_) => Err(RecoveryError::Damaged { extent, offset }),
            },
            None => Err(RecoveryError::Lost { extent }),
        }
    }

    /// A walk over an extent that may be written; none if it has no head yet.
    async fn walk(
        &self,
        disk: &Arc<dyn Disk>,
        extent: ExtentId,
        end: u64,
    ) -> Result<Option<Scan>, RecoveryError> {
        let failed = |source| RecoveryError::Disk { extent, source };
        let file = match disk.follow(&extent::path(self.id, extent)).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if !has_head(file.as_ref()).await.map_err(failed)? {
            return Ok(None);
        }
        Scan::new(extent, file, end, false).await.map(Some)
    }

    /// Goes on to what is known to be durable now.
    ///
    /// # Errors
    /// When the log cannot be read, or has been emptied of what came next.
    pub async fn catch_up(
        &mut self,
        disk: &Arc<dyn Disk>,
        extents: Extents<'_>,
    ) -> Result<Found, Unfollowed> {
        self.go_on(disk, extents, Tail::Left).await
    }

    async fn go_on(
        &mut self,
        disk: &Arc<dyn Disk>,
        extents: Extents<'_>,
        tail: Tail,
    ) -> Result<Found, Unfollowed> {
        let is_there = extents
            .iter()
            .any(|(extent, _)| *extent == self.next.extent);
        if self.next != Place::default() && !is_there {
            return Err(Unfollowed::Missed(self.next.extent));
        }
        let before = self.unwritten;
        let mut lengths = BTreeMap::new();
        for (extent, sealed) in extents.iter().copied() {
            let past = extent < self.next.extent || extent <= self.repository.state().emptied();
            if !past && sealed != Some(0) {
                lengths.insert(extent, sealed.unwrap_or(u64::MAX));
                self.pass(disk, (extent, sealed), &lengths, tail).await?;
            }
            if tail == Tail::Left {
                lengths.insert(extent, sealed.unwrap_or_default());
                if sealed.is_none() {
                    break;
                }
            } else {
                lengths.insert(extent, sealed.unwrap_or(u64::MAX));
            }
        }
        if self.chain.misses(self.repository.state().emptied()) {
            return Err(Unfollowed::Missed(self.next.extent));
        }
        Ok(self.found(self.unwritten - before))
    }

    /// Takes what there is of one extent.
    async fn pass(
        &mut self,
        disk: &Arc<dyn Disk>,
        (extent, sealed): (ExtentId, Option<u64>),
        lengths: &BTreeMap<ExtentId, u64>,
        tail: Tail,
    ) -> Result<(), RecoveryError> {
        let from = match extent == self.next.extent {
            true => self.next.offset,
            false => HEAD_BYTES,
        };
        if sealed.is_some_and(|length| length <= from) {
            return Ok(());
        }
        let scan = self.walk(disk, extent, sealed.unwrap_or(u64::MAX)).await?;
        let Some(mut scan) = scan else {
            let lost = RecoveryError::Lost { extent };
            return sealed.map_or(Ok(()), |_| Err(lost));
        };
        scan.at = from;
        if sealed.is_some() {
            while let Some(frame) = scan.next().await? {
                self.take(&frame, lengths);
            }
            self.next = Place {
                extent,
                offset: scan.at,
            };
            return Ok(());
        }
        let mut waiting = Vec::new();
        while let Ok(frame) = scan.frame(scan.at).await? {
            scan.at += frame.header.total();
            let mark = frame.entry.as_ref().map_or(0, |(_, mark)| *mark);
            waiting.push((scan.at, frame));
            let durable = waiting.partition_point(|(end, _)| *end <= mark);
            for (end, frame) in waiting.drain(..durable) {
                self.take(&frame, lengths);
                self.next = Place {
                    extent,
                    offset: end,
                };
            }
        }
        if tail == Tail::Taken {
            for (_, frame) in &waiting {
                self.take(frame, lengths);
            }
        }
        Ok(())
    }

    fn take(&mut self, frame: &Frame, lengths: &BTreeMap<ExtentId, u64>) {
        let sequence = frame.header.sequence;
        self.chain.add(frame.place.extent, sequence);
        let known = self.repository.state().sequence();
        if let Some((entry, _)) = frame.entry.as_ref()
            && sequence > known
            && is_whole(entry, lengths)
        {
            self.repository.recover(sequence, frame.place, entry);
            self.checksum = frame.header.checksum;
            self.unwritten += 1;
        }
    }

    fn found(&self, entries: u64) -> Found {
        let held = self.repository.state().held();
        Found {
            entries,
            objects: held.count(),
            unwritten: self.indexed.map(|_| self.unwritten),
        }
    }

    /// What the index is to be told; none if it knows all.
    pub fn checkpoint(&mut self) -> Option<Checkpoint> {
        let is_new = self.indexed != Some(self.repository.state().sequence());
        let has_entries = self.repository.state().sequence() > Sequence::default();
        let mut checkpoint = (is_new && has_entries).then(|| self.repository.tell_index())?;
        checkpoint.stamp.checksum = self.checksum;
        self.unwritten = 0;
        Some(checkpoint)
    }

    /// Tells the index.
    ///
    /// # Errors
    /// When the index fails.
    pub async fn write(
        index: &Arc<dyn Index>,
        id: RepositoryId,
        checkpoint: Checkpoint,
    ) -> Result<Sequence, Fault> {
        let sequence = checkpoint.stamp.sequence;
        let written = checkpoint::write(index, id, checkpoint).await;
        written
            .map(|()| sequence)
            .map_err(|error| Fault::of(&error))
    }

    /// The index was told all up to an entry, or failed, so that nothing is known of it.
    pub fn told(&mut self, sequence: Option<Sequence>) {
        self.indexed = sequence;
        if sequence.is_none() {
            self.repository.forget_index();
        }
    }

    /// Steps in for the owner that is gone, if the log is the one that was followed: says where
    /// recovery goes on.
    pub(super) async fn step_in(
        self,
        disk: &Arc<dyn Disk>,
        id: RepositoryId,
        extents: Extents<'_>,
        repository: &mut Repository,
    ) -> Option<Start> {
        let Self {
            id: followed,
            repository: mut stood,
            checksum,
            chain,
            indexed,
            ..
        } = self;
        let known = stood.state().sequence();
        let stamp = Stamp {
            sequence: known,
            place: stood.state().end(),
            checksum,
            emptied: stood.state().emptied(),
            ..Stamp::default()
        };
        let is_there = id == followed && known > Sequence::default();
        let start = match is_there {
            true => behind(disk, id, extents, Disk::open, &stamp).await,
            false => None,
        };
        if start.is_none() && is_there {
            tracing::info!(repository = %id, "what stood by for it is of no use");
        }
        let start = start?;
        repository.take_on(stood.give(), indexed.unwrap_or_default());
        // Data behind the last entry may have been passed, and is read again.
        let chain = chain.back_to(stamp.place.extent, known);
        Some(Start { chain, ..start })
    }
}

/// Whether a file has begun.
async fn has_head(file: &dyn File) -> io::Result<bool> {
    let head = file.read(0, HEAD_BYTES as usize).await;
    match head {
        Ok(head) => Ok(head.len() as u64 == HEAD_BYTES),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
