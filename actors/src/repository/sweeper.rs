//! How space comes back: the log is asked, and what is of no use any more goes.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};

use super::audit::{self, Audit};
use super::denied::Denied;
use super::entry::{FRAME_BYTES, Place, Stored};
use super::event::{Copied, Discard, Uncopied};
use super::hands::Message;
use super::reader::{ReadError, Reader};
use super::register::Register;
use super::uploads::UploadId;
use crate::extent;
use crate::kernel::{Epoch, ExtentId, RepositoryId};
use crate::object::Hash;
use crate::ports::Pending;
use crate::shell::{Fault, Handle};

/// The side of a repository's hands that gives space back.
#[derive(Clone)]
pub(super) struct Sweeper {
    id: RepositoryId,
    epoch: Epoch,
    register: Arc<dyn Register>,
    reader: Reader,
}

/// Why emptied extents are not gone yet.
#[derive(Debug, thiserror::Error)]
enum DiscardError {
    #[error("the catalog does not agree")]
    Catalog(#[source] Fault),
    #[error("its files cannot be removed")]
    Files(#[from] io::Error),
}

/// Why an object was not written again.
#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error("it cannot be read")]
    Read(#[from] ReadError),
    #[error("it cannot be written")]
    Write(#[from] Denied),
    #[error("its bytes do not hash to what they were")]
    Hash,
    #[error("its repository ended")]
    Gone,
}

impl CopyError {
    /// What it means to the repository, when this was known of the object.
    fn uncopied(&self, stored: Option<Stored>) -> Uncopied {
        match (self, stored) {
            (Self::Write(_) | Self::Gone | Self::Read(ReadError::Silent { .. }), _)
            | (Self::Read(ReadError::Disk { .. }), None) => Uncopied::Failed,
            (Self::Read(_) | Self::Hash, Some(stored)) => Uncopied::Unread(Box::new(stored)),
            (Self::Read(_) | Self::Hash, None) => Uncopied::Damaged,
        }
    }
}

impl Sweeper {
    pub(super) const fn new(
        id: RepositoryId,
        epoch: Epoch,
        register: Arc<dyn Register>,
        reader: Reader,
    ) -> Self {
        Self {
            id,
            epoch,
            register,
            reader,
        }
    }

    /// Asks the log what the oldest extents hold.
    pub(super) fn audit(&self, audit: Audit) -> Pending<Message> {
        let (id, disk) = (self.id, Arc::clone(self.reader.disk()));
        Box::pin(async move {
            let found = audit::audit(&disk, id, audit).await;
            let found = found.map_err(|error| {
                let (verdict, error) = (error.verdict(), Fault::of(&error));
                tracing::error!(repository = %id, %error, "no space is given back");
                verdict
            });
            Message::Audited(found, disk.storage())
        })
    }

    /// Reads an object and writes it again. One frame is under way at a time, through the same door
    /// as those of clients.
    pub(super) fn copy(
        &self,
        upload: UploadId,
        place: Place,
        myself: Handle<Message>,
    ) -> Pending<Message> {
        let sweeper = self.clone();
        Box::pin(async move {
            let result = match sweeper.reader.entry(place).await {
                Ok(stored) => match sweeper.rewrite(upload, &stored, &myself).await {
                    Ok(()) => Ok(stored),
                    Err(error) => Err((error, Some(stored))),
                },
                Err(error) => Err((CopyError::Read(error), None)),
            };
            let result = result.map_err(|(error, stored)| sweeper.told(place, &error, stored));
            let storage = sweeper.reader.disk().storage();
            Message::Copied(Copied {
                upload,
                result,
                storage,
            })
        })
    }

    /// Logs why an object was not moved, and says what that means.
    fn told(&self, place: Place, error: &CopyError, stored: Option<Stored>) -> Uncopied {
        let (repository, Place { extent, offset }) = (self.id, place);
        let (fault, uncopied) = (Fault::of(error), error.uncopied(stored));
        match uncopied {
            Uncopied::Damaged | Uncopied::Unread(_) => {
                tracing::error!(%repository, %extent, offset, error = %fault, "object damaged");
            }
            Uncopied::Failed => {
                tracing::warn!(%repository, %extent, offset, error = %fault, "object not moved");
            }
        }
        uncopied
    }

    async fn rewrite(
        &self,
        upload: UploadId,
        stored: &Stored,
        myself: &Handle<Message>,
    ) -> Result<(), CopyError> {
        let mut body = self.reader.body(stored, 0..stored.size.as_bytes()).await?;
        let (mut digest, mut frame) = (Sha256::new(), BytesMut::with_capacity(FRAME_BYTES));
        loop {
            let piece = body.next().await.transpose()?;
            let is_over = piece.is_none();
            let mut piece = piece.unwrap_or_default();
            digest.update(&piece);
            // Clients may have sent smaller frames.
            while frame.len() + piece.len() >= FRAME_BYTES {
                frame.extend_from_slice(&piece.split_to(FRAME_BYTES - frame.len()));
                self.append(upload, frame.split().freeze(), myself).await?;
            }
            frame.extend_from_slice(&piece);
            if is_over {
                break;
            }
        }
        if !frame.is_empty() {
            self.append(upload, frame.freeze(), myself).await?;
        }
        if Hash::new(digest.finalize().into()) != stored.hash {
            return Err(CopyError::Hash);
        }
        Ok(())
    }

    async fn append(
        &self,
        upload: UploadId,
        bytes: Bytes,
        myself: &Handle<Message>,
    ) -> Result<(), CopyError> {
        let taken = myself.ask(|reply| Message::Frame(upload, bytes, None, reply));
        match taken.await {
            Ok(taken) => Ok(taken?),
            Err(_) => Err(CopyError::Gone),
        }
    }

    /// Takes emptied extents out of the catalog, then their files away.
    pub(super) fn discard(&self, discard: Discard) -> Pending<Message> {
        let sweeper = self.clone();
        Box::pin(async move {
            let discarded = sweeper.sweep(discard).await;
            if let Err(error) = &discarded {
                let (repository, error) = (sweeper.id, Fault::of(error));
                tracing::warn!(%repository, %error, "emptied extents are not gone yet");
            }
            Message::Discarded {
                done: discarded.is_ok(),
            }
        })
    }

    /// The oldest first: of the log, an end is left at every moment. The catalog forgets an extent
    /// before its file goes, and a file goes only if its extent is emptied by the log, and the
    /// catalog, in which this owner has just had its say, does not name it. One that is kept stays
    /// named.
    async fn sweep(&self, Discard { until, kept }: Discard) -> Result<(), DiscardError> {
        for extent in kept.iter().filter(|(_, news)| **news).map(|(id, _)| *id) {
            let told = self.register.keep(extent, self.epoch).await;
            told.map_err(DiscardError::Catalog)?;
        }
        let named = || {
            let extents = self.register.extents(self.id).into_iter();
            extents.filter(|(extent, _)| *extent <= until)
        };
        for (extent, sealed) in named() {
            // One that an owner before never wrote to is sealed at the next start.
            if sealed.is_some() && !kept.contains_key(&extent) {
                let forgotten = self.register.forget(extent, self.epoch).await;
                forgotten.map_err(DiscardError::Catalog)?;
            }
        }
        let named: BTreeSet<ExtentId> = named().map(|(extent, _)| extent).collect();
        let (disk, folder) = (self.reader.disk(), extent::folder(self.id));
        for name in disk.list(&folder).await? {
            let extent = extent::named(&name);
            let Some(extent) = extent.filter(|id| *id <= until && !named.contains(id)) else {
                continue;
            };
            // Space comes back when nobody has it open any more.
            self.reader.close(extent);
            disk.remove(&extent::path(self.id, extent)).await?;
            tracing::info!(repository = %self.id, %extent, "gone: nothing in it counts");
        }
        Ok(disk.sync_folder(&folder).await?)
    }
}
