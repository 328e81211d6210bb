//! Waiting for something of tape that goes on by itself, and saying meanwhile how far it is.

use std::time::Duration;

use holdfast_actors::catalog::rows::Rows;
use tokio::time::timeout;

use super::super::super::protocol::Progress;
use super::super::super::{Items, Problem};
use super::super::Office;
use crate::commands::shell::Place;

/// How often is said how far it is.
const LOOK: Duration = Duration::from_millis(500);

impl Office {
    /// Waits until the catalog says what came of it; `path` is the actor that does it. Whoever
    /// hangs up leaves it at work.
    pub(super) async fn follow<T>(
        &self,
        (path, what): (&str, &str),
        items: &Items,
        mut over: impl FnMut(&Rows) -> Result<Option<T>, Problem>,
    ) -> Result<T, Problem> {
        loop {
            // Asked for before the rows are read, so that no change falls between.
            let changed = self.books.changed();
            if let Some(came) = over(&self.books.rows())? {
                return Ok(came);
            }
            if timeout(LOOK, changed).await.is_err() {
                self.tell(path, what, items).await;
            }
        }
    }

    async fn tell(&self, path: &str, what: &str, items: &Items) {
        let Ok(place) = Place::parse(path) else {
            return;
        };
        // It may have ended, or run on another node.
        let Ok(seen) = self.inspect(&place).await else {
            return;
        };
        let bytes = |name: &str| seen.state.get(name)?.as_u64();
        if let (Some(done), Some(total)) = (bytes("done-bytes"), bytes("of-bytes")) {
            let fed = bytes("waiting-bytes").zip(bytes("starved-ms"));
            items.progress(Progress {
                done,
                total,
                what: fed.map_or_else(
                    || what.to_owned(),
                    |(waiting, starved)| {
                        let (mib, seconds) = (waiting >> 20, starved / 1_000);
                        format!("{what}, {mib} MiB wait for the drive, it starved {seconds} s")
                    },
                ),
            });
        }
    }
}
