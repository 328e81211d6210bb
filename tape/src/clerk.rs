//! The catalog, for what is done with tapes: the node itself orders.

use std::sync::Arc;

use holdfast_actors::catalog::command::Command;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::tape::TapeCommand;
use holdfast_actors::catalog::{Catalog, SubmitError};
use holdfast_actors::ports::{Clock, Pending};

use crate::ports::{Books, Failed};

/// Orders by the node's clock.
pub struct Clerk {
    /// The catalog.
    pub catalog: Catalog,
    /// By which is told when something was ordered.
    pub clock: Arc<dyn Clock>,
}

impl Books for Clerk {
    fn rows(&self) -> Arc<Rows> {
        Arc::new(self.catalog.rows())
    }

    fn submit(&self, command: TapeCommand) -> Pending<Result<(), Failed>> {
        let at = self.clock.now().wall;
        let decided = self.catalog.order(at, Command::Tape(command));
        Box::pin(async move {
            match decided.await {
                Ok(_) => Ok(()),
                Err(SubmitError::Refused(refused)) => Err(refused.into()),
                Err(gone @ SubmitError::Gone(_)) => Err(Failed::Other(gone.to_string())),
            }
        })
    }
}
