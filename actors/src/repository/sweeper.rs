//! How space comes back: the log is asked, and what is of no use any more goes.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use super::audit::{self, Audit};
use super::hands::{Message, Register};
use super::reader::Reader;
use crate::extent;
use crate::kernel::{Epoch, ExtentId, RepositoryId};
use crate::ports::Pending;
use crate::shell::Fault;

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
            Message::Audited(found.map_err(|error| {
                let (verdict, error) = (error.verdict(), Fault::of(&error));
                tracing::error!(repository = %id, %error, "no space is given back");
                verdict
            }))
        })
    }

    /// Takes emptied extents out of the catalog, then their files away.
    pub(super) fn discard(&self, until: ExtentId) -> Pending<Message> {
        let sweeper = self.clone();
        Box::pin(async move {
            let discarded = sweeper.sweep(until).await;
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
    /// catalog, in which this owner has just had its say, does not name it.
    async fn sweep(&self, until: ExtentId) -> Result<(), DiscardError> {
        let named = || {
            let extents = self.register.extents(self.id).into_iter();
            extents.filter(|(extent, _)| *extent <= until)
        };
        for (extent, sealed) in named() {
            // One that an owner before never wrote to is sealed at the next start.
            if sealed.is_some() {
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
