//! The asker's side: passes an order over calls between nodes, and brings back what came of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::{Instant, NodeId};
use holdfast_actors::ports::Pending;
use holdfast_cluster::calls::{CallError, Calls};
use holdfast_cluster::raft::{Held, Standing};
use serde_json::Value;
use tokio::sync::watch;

use super::super::protocol::Line;
use super::super::{Items, Problem, ProblemClass};
use super::wire::{self, SERVICE};
use super::{Errand, Others, no_answer, unreachable};

/// How long a node may be silent: it answers every call at once or within half a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells at any moment how consensus stands.
type Stands = Arc<dyn Fn() -> Standing + Send + Sync>;

/// The other offices, over calls between nodes.
#[derive(Clone)]
pub struct Passing {
    calls: Arc<dyn Calls>,
    stands: Stands,
    held: watch::Receiver<Option<Held>>,
}

impl Passing {
    /// Over these calls.
    pub fn new(calls: Arc<dyn Calls>, stands: Stands, held: watch::Receiver<Option<Held>>) -> Self {
        Self {
            calls,
            stands,
            held,
        }
    }
}

impl Others for Passing {
    fn node(&self) -> NodeId {
        self.calls.node()
    }

    fn standing(&self) -> Standing {
        (self.stands)()
    }

    fn holds_lease(&self, now: Instant) -> bool {
        self.held.borrow().is_some_and(|held| held.is_held(now))
    }

    fn ask(&self, to: NodeId, errand: Errand, items: Items) -> Pending<Result<Value, Problem>> {
        let calls = Arc::clone(&self.calls);
        Box::pin(async move {
            let mut word = wire::begin(&errand)?;
            let mut has_begun = false;
            loop {
                let answer = calls.call(to, SERVICE, Bytes::from(word), PATIENCE).await;
                let answer = answer.map_err(|error| unanswered(&error, to, has_begun))?;
                let (ticket, lines) = wire::replied(&answer)?;
                for line in lines {
                    match line {
                        Line::Item(row) => items.send(&row).await?,
                        Line::Progress(progress) => items.progress(progress),
                        Line::Done(value) => return Ok(value),
                        Line::Error(problem) => return Err(problem),
                    }
                }
                let Some(ticket) = ticket else {
                    return Err(no_answer(&to.to_string()));
                };
                (word, has_begun) = (wire::go(ticket)?, true);
            }
        })
    }
}

fn unanswered(error: &CallError, to: NodeId, has_begun: bool) -> Problem {
    let node = to.to_string();
    match error {
        CallError::Rejected(said) => {
            let told = format!("{node} refuses: {said}");
            Problem::new(ProblemClass::Failed, "not-taken", told)
        }
        // Before its first line an order is known to nobody.
        CallError::NoService(..) | CallError::Unreachable(_) if !has_begun => unreachable(&node),
        CallError::NoService(..) | CallError::Unreachable(_) | CallError::Unknown(_) => {
            no_answer(&node)
        }
        CallError::TooLarge(_) => Problem::failed(error),
    }
}
