//! A planted bug: what a repository shows to tape jobs is not all that it has.

use std::sync::Arc;

use holdfast_actors::kernel::{RepositoryId, Timestamp};
use holdfast_actors::object::Key;
use holdfast_actors::ports::Pending;
use holdfast_tape::ports::{Failed, Item, Pieces, Repositories};

/// Repositories that may leave something out.
pub(super) struct Partial {
    pub(super) inner: Arc<dyn Repositories>,
    pub(super) leaves_out: bool,
}

impl Repositories for Partial {
    fn view(&self, id: RepositoryId, at: Timestamp) -> Pending<Result<Vec<Item>, Failed>> {
        let (view, leaves_out) = (self.inner.view(id, at), self.leaves_out);
        Box::pin(async move {
            let mut view = view.await?;
            if leaves_out {
                view.pop();
            }
            Ok(view)
        })
    }

    fn read(&self, id: RepositoryId, item: Item) -> Pending<Result<Box<dyn Pieces>, Failed>> {
        self.inner.read(id, item)
    }

    fn write(
        &self,
        id: RepositoryId,
        item: Item,
        from: Box<dyn Pieces>,
    ) -> Pending<Result<(), Failed>> {
        self.inner.write(id, item, from)
    }

    fn hide(&self, id: RepositoryId, key: Key) -> Pending<Result<(), Failed>> {
        self.inner.hide(id, key)
    }
}
