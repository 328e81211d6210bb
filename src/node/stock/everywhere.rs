//! Repositories wherever they are at home, as the catalog says at that moment.

use std::sync::Arc;

use holdfast_actors::catalog::Catalog;
use holdfast_actors::kernel::{RepositoryId, Timestamp};
use holdfast_actors::object::Key;
use holdfast_actors::ports::Pending;
use holdfast_cluster::calls::Calls;
use holdfast_tape::ports::{Failed, Item, Pieces, Repositories};
use holdfast_tape::stock::Stock;

use super::away::Away;

/// The repositories of all nodes. One that moves meanwhile fails what is under way, which is tried
/// again where it is then.
pub(in crate::node) struct Everywhere {
    pub(in crate::node) own: Stock,
    pub(in crate::node) catalog: Catalog,
    /// None where the node stands alone.
    pub(in crate::node) calls: Option<Arc<dyn Calls>>,
}

impl Everywhere {
    fn of(&self, id: RepositoryId) -> Result<Arc<dyn Repositories>, Failed> {
        let Some(calls) = &self.calls else {
            return Ok(Arc::new(self.own.clone()));
        };
        match self.catalog.rows().home_of(id) {
            Some(node) if node == calls.node() => Ok(Arc::new(self.own.clone())),
            Some(node) => {
                let calls = Arc::clone(calls);
                Ok(Arc::new(Away { calls, node }))
            }
            None => Err(Failed::Other(format!("no node can serve {id} now"))),
        }
    }

    fn with<T: Send + 'static>(
        &self,
        id: RepositoryId,
        ask: impl FnOnce(&dyn Repositories) -> Pending<Result<T, Failed>>,
    ) -> Pending<Result<T, Failed>> {
        match self.of(id) {
            Ok(repositories) => ask(repositories.as_ref()),
            Err(failed) => Box::pin(async { Err(failed) }),
        }
    }
}

impl Repositories for Everywhere {
    fn view(&self, id: RepositoryId, at: Timestamp) -> Pending<Result<Vec<Item>, Failed>> {
        self.with(id, |its| its.view(id, at))
    }

    fn read(&self, id: RepositoryId, item: Item) -> Pending<Result<Box<dyn Pieces>, Failed>> {
        self.with(id, |its| its.read(id, item))
    }

    fn write(
        &self,
        id: RepositoryId,
        item: Item,
        from: Box<dyn Pieces>,
    ) -> Pending<Result<(), Failed>> {
        self.with(id, |its| its.write(id, item, from))
    }

    fn hide(&self, id: RepositoryId, key: Key) -> Pending<Result<(), Failed>> {
        self.with(id, |its| its.hide(id, key))
    }
}
