//! What repositories ask of the catalog, as its commands.

use std::sync::Arc;

use crate::catalog::command::{Command, ExtentCommand, RepositoryCommand};
use crate::catalog::{Catalog, Outcome};
use crate::kernel::{Epoch, ExtentId, RepositoryId};
use crate::ports::{Clock, Pending};
use crate::repository::{Register, Tenure};
use crate::shell::Fault;

/// Speaks to the catalog for the repositories of this node.
pub struct CatalogRegister {
    catalog: Catalog,
    clock: Arc<dyn Clock>,
}

impl CatalogRegister {
    /// Speaks to this catalog.
    pub const fn new(catalog: Catalog, clock: Arc<dyn Clock>) -> Self {
        Self { catalog, clock }
    }

    fn submit(&self, command: Command) -> Pending<Result<Outcome, Fault>> {
        let at = self.clock.now().wall;
        let answer = self.catalog.order(at, command);
        Box::pin(async move {
            let answer = answer.await.map_err(|error| Fault::of(&error))?;
            Ok(answer.0)
        })
    }
}

impl Register for CatalogRegister {
    fn acquire(&self, repository: RepositoryId) -> Pending<Result<Epoch, Fault>> {
        let answer = self.submit(Command::Repository(RepositoryCommand::Acquire {
            repository,
        }));
        Box::pin(async move {
            let outcome = answer.await?;
            let Outcome::Epoch { epoch } = outcome else {
                return Err(unexpected(outcome));
            };
            Ok(epoch)
        })
    }

    fn release(&self, _: RepositoryId, _: Epoch) -> Pending<Result<(), Fault>> {
        // There is nobody else.
        Box::pin(async { Ok(()) })
    }

    fn tenure(&self, _: Epoch) -> Tenure {
        Tenure::Held
    }

    fn extents(&self, repository: RepositoryId) -> Vec<(ExtentId, Option<u64>)> {
        let rows = self.catalog.rows();
        let mine = rows.extents_of(repository);
        mine.map(|(extent, row)| (extent, row.sealed)).collect()
    }

    fn open(&self, repository: RepositoryId, epoch: Epoch) -> Pending<Result<ExtentId, Fault>> {
        let answer = self.submit(Command::Extent(ExtentCommand::Open { repository, epoch }));
        Box::pin(async move {
            let outcome = answer.await?;
            let Outcome::Extent { id } = outcome else {
                return Err(unexpected(outcome));
            };
            Ok(id)
        })
    }

    fn begin(&self, extent: ExtentId, epoch: Epoch) -> Pending<Result<(), Fault>> {
        let answer = self.submit(Command::Extent(ExtentCommand::Begin { extent, epoch }));
        Box::pin(async move { answer.await.map(|_| ()) })
    }

    fn begun(&self, repository: RepositoryId) -> Vec<ExtentId> {
        let rows = self.catalog.rows();
        let mine = rows.extents_of(repository).map(|(extent, _)| extent);
        mine.filter(|extent| rows.begun.contains(extent)).collect()
    }

    fn writer(&self, extent: ExtentId) -> Option<Epoch> {
        let rows = self.catalog.rows();
        rows.extents.get(&extent).map(|row| row.epoch)
    }

    fn seal(&self, extent: ExtentId, epoch: Epoch, length: u64) -> Pending<Result<(), Fault>> {
        let answer = self.submit(Command::Extent(ExtentCommand::Seal {
            extent,
            epoch,
            length,
        }));
        Box::pin(async move { answer.await.map(|_| ()) })
    }

    fn keep(&self, extent: ExtentId, epoch: Epoch) -> Pending<Result<(), Fault>> {
        let answer = self.submit(Command::Extent(ExtentCommand::Keep { extent, epoch }));
        Box::pin(async move { answer.await.map(|_| ()) })
    }

    fn forget(&self, extent: ExtentId, epoch: Epoch) -> Pending<Result<(), Fault>> {
        let answer = self.submit(Command::Extent(ExtentCommand::Drop { extent, epoch }));
        Box::pin(async move { answer.await.map(|_| ()) })
    }
}

fn unexpected(outcome: Outcome) -> Fault {
    Fault(format!("the catalog answered {outcome:?}"))
}
