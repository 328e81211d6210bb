//! What repositories ask of the catalog, on a node of a cluster: the right to write is had under
//! the node's lease.

mod claiming;

use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::catalog::command::{ClusterCommand, Command};
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::{Catalog, Outcome, SubmitError};
use holdfast_actors::kernel::{Epoch, ExtentId, Instant, NodeId, RepositoryId};
use holdfast_actors::ports::{Clock, Pending};
use holdfast_actors::recall::CutOff;
use holdfast_actors::repositories::CatalogRegister;
use holdfast_actors::repository::{Register, Tenure};
use holdfast_actors::shell::Fault;
use openraft::async_runtime::AsyncRuntime;
use tokio::sync::watch;

use crate::raft::{Held, Tasks};
use claiming::{Claim, Claiming, Next};

/// Speaks to the catalog for the repositories of one node of a cluster.
#[derive(Clone)]
pub struct Claims {
    node: NodeId,
    catalog: Catalog,
    held: watch::Receiver<Option<Held>>,
    clock: Arc<dyn Clock>,
    /// What is asked in the same way everywhere.
    common: Arc<CatalogRegister>,
}

impl Claims {
    /// Of a node, under the lease that it holds.
    pub fn new(
        node: NodeId,
        catalog: Catalog,
        held: watch::Receiver<Option<Held>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let common = CatalogRegister::new(catalog.clone(), Arc::clone(&clock));
        Self {
            node,
            catalog,
            held,
            clock,
            common: Arc::new(common),
        }
    }

    fn now(&self) -> Instant {
        self.clock.now().monotonic
    }

    fn order(&self, command: ClusterCommand) -> Pending<Result<Outcome, SubmitError>> {
        let at = self.clock.now().wall;
        let answer = self.catalog.order(at, Command::Cluster(command));
        Box::pin(async move { answer.await.map(|(outcome, _)| outcome) })
    }

    /// Waits so long, or until another owns a repository, or nobody.
    async fn wait(&self, repository: RepositoryId, pause: Duration) {
        let mut rows = self.catalog.subscribe();
        let owner = |rows: &Rows| rows.cluster.owners.get(&repository).copied();
        let before = owner(&rows.borrow_and_update());
        let changed = rows.wait_for(|rows| owner(rows) != before);
        // A catalog that ended says so when it is asked.
        let _ = Tasks::timeout(pause, changed).await;
    }

    /// Asks once, under the lease that is held now.
    async fn claim(&self, repository: RepositoryId) -> Claim {
        let held = *self.held.borrow();
        let Some(held) = held.filter(|held| held.is_held(self.now())) else {
            return Claim::without_lease(self.node);
        };
        let answer = self.order(ClusterCommand::Own {
            repository,
            node: self.node,
            lease: held.epoch,
        });
        Claim::of(answer.await)
    }
}

impl Register for Claims {
    fn acquire(&self, repository: RepositoryId) -> Pending<Result<Epoch, Fault>> {
        let claims = self.clone();
        Box::pin(async move {
            let claiming = Claiming::begin(claims.now());
            loop {
                let claim = claims.claim(repository).await;
                match claiming.told(claims.now(), claim) {
                    Next::Done(epoch) => return Ok(epoch),
                    Next::Wait(pause) => claims.wait(repository, pause).await,
                    Next::Fail(fault) => return Err(fault),
                }
            }
        })
    }

    fn release(&self, repository: RepositoryId, epoch: Epoch) -> Pending<Result<(), Fault>> {
        let answer = self.order(ClusterCommand::Disown { repository, epoch });
        Box::pin(async move { answer.await.map(|_| ()).map_err(|error| Fault::of(&error)) })
    }

    fn tenure(&self, epoch: Epoch) -> Tenure {
        let held = *self.held.borrow();
        held.map_or(Tenure::Doubted, |held| held.tenure(self.now(), epoch))
    }

    fn cut_off(&self) -> Option<CutOff> {
        let held = (*self.held.borrow())?;
        held.cut_off(self.clock.now(), self.catalog.rows().clock)
    }

    fn extents(&self, repository: RepositoryId) -> Vec<(ExtentId, Option<u64>)> {
        self.common.extents(repository)
    }

    fn open(&self, repository: RepositoryId, epoch: Epoch) -> Pending<Result<ExtentId, Fault>> {
        self.common.open(repository, epoch)
    }

    fn begin(&self, extent: ExtentId, epoch: Epoch) -> Pending<Result<(), Fault>> {
        self.common.begin(extent, epoch)
    }

    fn begun(&self, repository: RepositoryId) -> Vec<ExtentId> {
        self.common.begun(repository)
    }

    fn writer(&self, extent: ExtentId) -> Option<Epoch> {
        self.common.writer(extent)
    }

    fn seal(&self, extent: ExtentId, epoch: Epoch, length: u64) -> Pending<Result<(), Fault>> {
        self.common.seal(extent, epoch, length)
    }

    fn keep(&self, extent: ExtentId, epoch: Epoch) -> Pending<Result<(), Fault>> {
        self.common.keep(extent, epoch)
    }

    fn forget(&self, extent: ExtentId, epoch: Epoch) -> Pending<Result<(), Fault>> {
        self.common.forget(extent, epoch)
    }
}
