//! One node's domain, put together: the same in production and in simulation, whoever made the
//! ports.
//!
//! ```text
//! node
//! ├── journal        facts, in order
//! ├── catalog        what is rare and precious
//! ├── gateway        who may come in
//! ├── bandwidth      how fast, if the node was told its bandwidth
//! ├── tenants ── tenant ── session
//! ├── repositories ── repository ── extent
//! ├── standbys       what other nodes write, in a cluster
//! └── caretaker      bins that are due, data to be read back or destroyed
//! ```
//!
//! A tenant or a repository that fails is started again by its supervisor and goes out of service
//! alone when that does not help. If one of the others fails, nothing right can be said any
//! more: the node ends, and its start is its recovery.

mod hands;
mod machine;
mod stem;

use std::sync::Arc;

use ractor::{ActorCell, SpawnErr};
use tokio::sync::watch;

use crate::catalog::{self, Catalog, Keeper, RecoverError};
use crate::front::Front;
use crate::journal::{self, JournalError};
use crate::kernel::Rate;
use crate::ports::{Journal, Passwords, Pending, Ports};
use crate::repositories::CatalogRegister;
use crate::shell::Handle;

pub use stem::{Ground, Stem};

/// Why a node does not start. Nothing was changed that a later start could miss.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal cannot be read.
    #[error("the journal cannot be read")]
    Journal(#[from] JournalError),
    /// The catalog cannot be brought back.
    #[error("the catalog cannot be read")]
    Catalog(#[from] RecoverError),
    /// An actor did not start.
    #[error("the node's actors do not start")]
    Spawn(#[from] SpawnErr),
}

/// What whoever starts a node may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What all tenants together send at most (R15.20); none for no limit.
    pub bandwidth: Option<Rate>,
    /// How the journal is cut.
    pub journal: journal::Options,
    /// Commands between two snapshots of the catalog, at least one: what a start replays at most.
    pub snapshot_every: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bandwidth: None,
            journal: journal::Options::default(),
            snapshot_every: machine::SNAPSHOT_EVERY,
        }
    }
}

/// A node at work.
pub struct Node {
    /// What faces call.
    pub front: Front,
    /// What operators' commands change.
    pub catalog: Catalog,
    root: Handle<hands::Message>,
    ended: watch::Receiver<Option<String>>,
}

impl Node {
    /// Reads what is durable and starts all actors.
    ///
    /// # Errors
    /// When the journal or the catalog cannot be read.
    pub async fn start(ports: Ports, passwords: Arc<dyn Passwords>) -> Result<Self, StartError> {
        Self::start_with(Settings::default(), ports, passwords).await
    }

    /// As [`Node::start`], with what can be chosen.
    ///
    /// # Errors
    /// When the journal or the catalog cannot be read.
    pub async fn start_with(
        settings: Settings,
        ports: Ports,
        passwords: Arc<dyn Passwords>,
    ) -> Result<Self, StartError> {
        let recovered = journal::recover(ports.disk.as_ref()).await?;
        let snapshot = recovered.snapshot.map(|snapshot| snapshot.parts.concat());
        let records = recovered.records.into_iter().map(|record| record.body);
        let keeper = Keeper::recover(snapshot.as_deref(), records)?;

        let stem = Stem::start(Some(settings.snapshot_every), &ports).await?;
        let journal = journal::start(
            stem.path().child("journal"),
            recovered.position,
            settings.journal,
            ports.clone(),
            Some(stem.cell()),
            stem.on_failure(),
        );
        let journal = journal.await?;
        let log: Arc<dyn Journal> = Arc::new(journal.clone());
        let catalog = catalog::start(
            stem.path().child("catalog"),
            keeper,
            log,
            ports.clone(),
            Some(stem.cell()),
        );
        let catalog = catalog.await?;
        let register = CatalogRegister::new(catalog.clone(), Arc::clone(&ports.clock));
        let ground = Ground {
            catalog,
            journal: Some(journal),
            register: Arc::new(register),
            extents: Arc::clone(&ports.disk),
            node: None,
        };
        Ok(stem.grow(&settings, ground, ports, passwords).await?)
    }

    /// Resolves when the node has failed, with what failed.
    pub fn ended(&self) -> Pending<String> {
        let mut ended = self.ended.clone();
        Box::pin(async move {
            let end = ended.wait_for(Option::is_some).await;
            end.ok()
                .and_then(|end| end.clone())
                .unwrap_or_else(|| "the node stopped".to_owned())
        })
    }

    /// The root of the tree, for parts that the binary adds. If one of them fails, the node ends.
    pub fn root(&self) -> ActorCell {
        self.root.cell()
    }

    /// Stops all actors. What was acknowledged is durable; what was not, never happened.
    pub fn stop(&self) {
        self.root.stop();
    }
}
