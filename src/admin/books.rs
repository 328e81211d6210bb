//! The catalog as the office's books: gives each command its number, and its sender's time.

use std::sync::{Arc, Mutex, PoisonError};

use holdfast_actors::catalog::command::{Actor, Command, Submission};
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::{Catalog, Outcome, SubmitError};
use holdfast_actors::front::Front;
use holdfast_actors::ports::{Clock, Entropy, Pending};

use super::Problem;
use super::office::Books;

/// Writes into a catalog as one client of it.
pub struct CatalogBooks {
    catalog: Catalog,
    clock: Arc<dyn Clock>,
    front: Option<Front>,
    client: u64,
    /// The number of the last command. Held while a command is handed over, so that commands
    /// arrive in the order of their numbers.
    last: Mutex<u64>,
}

impl CatalogBooks {
    /// Opens the books; draws the number under which the catalog knows them.
    pub fn new(catalog: Catalog, clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> Self {
        let mut client = [0; 8];
        entropy.fill(&mut client);
        Self {
            catalog,
            clock,
            front: None,
            client: u64::from_le_bytes(client),
            last: Mutex::new(0),
        }
    }

    /// Has the parts behind this front know of each command before its sender hears that it is
    /// done.
    #[must_use]
    pub fn telling(self, front: Front) -> Self {
        let front = Some(front);
        Self { front, ..self }
    }
}

impl Books for CatalogBooks {
    fn rows(&self) -> Arc<Rows> {
        Arc::new(self.catalog.rows())
    }

    fn submit(&self, by: Actor, command: Command) -> Pending<Result<Outcome, Problem>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last += 1;
        let answer = self.catalog.submit(Submission {
            client: self.client,
            sequence: *last,
            by,
            at: self.clock.now().wall,
            command,
        });
        drop(last);
        let (front, catalog) = (self.front.clone(), self.catalog.clone());
        Box::pin(async move {
            match answer.await {
                Ok((outcome, _)) => {
                    if let Some(front) = front {
                        front.follow(&Arc::new(catalog.rows()));
                    }
                    Ok(outcome)
                }
                Err(SubmitError::Refused(refused)) => Err(refused.into()),
                Err(gone @ SubmitError::Gone(_)) => Err(Problem::failed(gone)),
            }
        })
    }

    fn changed(&self) -> Pending<()> {
        let mut rows = self.catalog.subscribe();
        rows.mark_unchanged();
        Box::pin(async move {
            // A catalog that ended changes no more; its supervisor starts it, or ends the node.
            if rows.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}
