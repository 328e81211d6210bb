//! How a repository is brought back from its log.

use std::sync::Arc;

use ractor::{ActorCell, SpawnErr};

use crate::catalog::rows::Rows;
use crate::kernel::{Epoch, RepositoryId};
use crate::ports::Ports;
use crate::repository::{
    self, Hands, Idle, Promises, Reader, RecoveryError, Register, Repository, Settings, present,
    recover_with,
};
use crate::shell::{self, Fault, Handle, Path};
use crate::standbys;

/// Why a repository is not served.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The catalog does not know it, or it is to be destroyed.
    #[error("the catalog does not know {0}")]
    Unknown(RepositoryId),
    /// The catalog does not let this node write, or does not answer.
    #[error("{repository} cannot be acquired")]
    Catalog {
        /// Which.
        repository: RepositoryId,
        /// Why.
        source: Fault,
    },
    /// Another node is to have it, or this one ends.
    #[error("{0} is to be served by another node")]
    Elsewhere(RepositoryId),
    /// Its log cannot be read.
    #[error("{repository} cannot be recovered")]
    Recovery {
        /// Which.
        repository: RepositoryId,
        /// Why.
        source: RecoveryError,
    },
    /// The node is ending.
    #[error("{repository} cannot be started")]
    Spawn {
        /// Which.
        repository: RepositoryId,
        /// Why.
        source: SpawnErr,
    },
}

/// A repository that runs.
pub struct Loaded {
    /// Its actor.
    pub(super) handle: Handle<repository::Message>,
    /// Under which it was acquired.
    pub(super) epoch: Epoch,
}

/// All that loading a repository takes.
pub(super) struct Loading {
    pub(super) id: RepositoryId,
    pub(super) path: Path,
    pub(super) rows: Arc<Rows>,
    pub(super) register: Arc<dyn Register>,
    pub(super) promises: Promises,
    pub(super) ports: Ports,
    pub(super) supervisor: ActorCell,
    pub(super) idle: Idle,
    /// Who may know what an owner before wrote.
    pub(super) standbys: Option<Handle<standbys::Message>>,
}

/// Acquires a repository, reads its log, seals what an earlier owner left open, and starts it.
pub(super) async fn load(loading: Loading) -> Result<Loaded, LoadError> {
    let Loading {
        id,
        path,
        rows,
        register,
        promises,
        ports,
        supervisor,
        idle,
        standbys,
    } = loading;
    let row = rows.repositories.get(&id);
    let is_doomed = row
        .and_then(|row| row.removed.as_ref())
        .is_some_and(|removal| removal.purge);
    let settings = Settings::of(&rows, id).filter(|_| !is_doomed);
    let settings = settings.ok_or(LoadError::Unknown(id))?;
    let catalog = |source| LoadError::Catalog {
        repository: id,
        source,
    };
    let epoch = register.acquire(id).await.map_err(catalog)?;
    // The rows at hand may be older than what the owner before has done.
    let extents = register.extents(id);
    let mut machine = Repository::new(id, epoch, settings);
    let unreadable = |source| LoadError::Recovery {
        repository: id,
        source,
    };
    let begun = register.begun(id);
    present(&ports.disk, id, &begun).await.map_err(unreadable)?;
    let standby = match standbys {
        // Nothing is known where nobody stands by any more.
        Some(standbys) => {
            let asked = standbys.ask(|asker| standbys::Message::Take(id, epoch, asker));
            asked.await.ok().flatten()
        }
        None => None,
    };
    let recovered = recover_with(&ports, id, &extents, standby, &mut machine).await;
    let recovered = recovered.map_err(unreadable)?;
    let (source, frames) = machine.origin();
    tracing::info!(repository = %id, %epoch, from = %source, frames, "a repository came back");
    for (extent, length) in recovered.open {
        register
            .seal(extent, epoch, length)
            .await
            .map_err(catalog)?;
    }
    let reader = Reader::new(Arc::clone(&ports.disk), id, Arc::clone(&register));
    let hands = Hands::new(id, epoch, register, reader, &promises, idle);
    let spawned = shell::spawn(path, machine, hands, ports, Some(supervisor)).await;
    let handle = spawned.map_err(|source| LoadError::Spawn {
        repository: id,
        source,
    })?;
    Ok(Loaded { handle, epoch })
}
