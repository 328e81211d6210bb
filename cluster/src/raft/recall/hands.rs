//! The hands of what a replica asks the others first: they ask, and tell the catalog who forgot.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use holdfast_actors::catalog::command::{ClusterCommand, Command, Turned, TurnedCause};
use holdfast_actors::catalog::{Catalog, SubmitError};
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::Clock;
use openraft::RaftLogReader;
use openraft::async_runtime::{AsyncRuntime, Instant as _, WatchReceiver};
use openraft::storage::RaftLogStorage;
use tokio::sync::{Notify, watch};

use super::super::log::Log;
use super::super::memory::{Memory, Shown};
use super::super::service::Replication;
use super::super::tasks::Tasks;
use super::super::types::LogId;
use super::super::wire::{NoAnswer, Request, Response, ask};
use super::{Effect, Event, Others, Part, Recall};
use crate::calls::{CallError, Calls};

/// How long an answer may take.
const WITHIN: Duration = Duration::from_millis(500);

type Moment = <Tasks as AsyncRuntime>::Instant;

/// What is under way.
type Work<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// What asks, and who remembers: of one run of a replica. Clones are the same.
#[derive(Clone)]
pub(in super::super) struct Recalls(Arc<Inner>);

struct Inner {
    calls: Arc<dyn Calls>,
    known: Vec<u64>,
    run: u64,
    shown: Shown,
    begun: Moment,
    recall: Mutex<Recall>,
    /// Something happened that [`Recalls::run`] did not do.
    stirred: Notify,
    part: watch::Sender<Part>,
    memory: Mutex<Memory>,
}

impl fmt::Debug for Recalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recalls({:?})", *self.0.part.borrow())
    }
}

impl Recalls {
    /// Of a replica that begins with this log; while it is a member of nothing it asks those it was
    /// told of.
    pub(in super::super) fn new(
        calls: Arc<dyn Calls>,
        known: Vec<u64>,
        run: u64,
        shown: Shown,
    ) -> Self {
        Self(Arc::new(Inner {
            calls,
            known,
            run,
            shown,
            begun: Moment::now(),
            recall: Mutex::default(),
            stirred: Notify::new(),
            part: watch::Sender::new(Part::Asks),
            memory: Mutex::default(),
        }))
    }

    /// What this node remembers of others.
    pub(in super::super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that another has forgotten what it acknowledged: the catalog is told.
    pub(in super::super) fn tell(&self, node: u64) {
        self.step(Event::Forgot(node));
        self.0.stirred.notify_one();
    }

    /// Who has forgotten what he acknowledged.
    #[cfg(test)]
    pub(in super::super) fn forgetful(&self) -> std::collections::BTreeSet<NodeId> {
        self.recall().forgetful().map(NodeId::new).collect()
    }

    /// Whether this replica takes part in votes.
    pub(in super::super) fn part(&self) -> watch::Receiver<Part> {
        self.0.part.subscribe()
    }

    pub(in super::super) fn votes(&self) -> bool {
        *self.0.part.borrow() == Part::Votes
    }

    fn recall(&self) -> MutexGuard<'_, Recall> {
        self.0.recall.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what happened, and gives what has to be waited for.
    fn step(&self, event: Event) -> Vec<Effect> {
        let mut recall = self.recall();
        let mut effects = Vec::new();
        recall.step(self.0.begun.elapsed(), event, &mut effects);
        effects.retain(|effect| match effect {
            Effect::Take(part) => {
                self.0.part.send_replace(*part);
                false
            }
            Effect::Note(node) => {
                let node = NodeId::new(*node);
                tracing::warn!(%node, "a replica has forgotten what it acknowledged");
                false
            }
            Effect::Ask(_) | Effect::Report(_) => true,
        });
        effects
    }

    /// Whether this replica may take something from another. Asks it, if nobody has.
    pub(in super::super) async fn hears(&self, from: u64) -> bool {
        for effect in self.step(Event::Heard(from)) {
            if let Effect::Ask(other) = effect {
                self.ask(other).await;
                self.0.stirred.notify_one();
            }
        }
        self.recall().hears(from)
    }

    async fn ask(&self, other: u64) {
        let Inner { run, shown, .. } = *self.0;
        let question = Request::Recall { run, shown };
        let answer = ask(self.0.calls.as_ref(), other, &question, WITHIN).await;
        let answered = |forgotten| Event::Answered {
            by: other,
            forgotten,
        };
        self.step(match answer {
            Ok(Response::Recalled(forgotten)) => answered(forgotten),
            // One of an earlier version.
            Err(NoAnswer::Call(CallError::Rejected(_))) => answered(None),
            Ok(_) | Err(_) => Event::Silent(other),
        });
    }

    /// Tells the catalog that another has forgotten what it acknowledged.
    async fn report(&self, node: u64, (catalog, clock): &(Catalog, Arc<dyn Clock>)) {
        let peer = NodeId::new(node);
        let command = Command::Cluster(ClusterCommand::Turned(Turned {
            cause: TurnedCause::Forgot,
            peer: Some(peer),
            from: String::new(),
        }));
        let told = catalog.order(clock.now().wall, command).await;
        self.step(match told {
            Ok(_) => Event::Reported(node),
            Err(SubmitError::Refused(error)) => {
                tracing::warn!(node = %peer, %error, "the catalog does not take who forgot");
                Event::Reported(node)
            }
            Err(SubmitError::Gone(error)) => {
                tracing::info!(node = %peer, %error, "the catalog was not told yet who forgot");
                Event::Unreported(node)
            }
        });
    }

    /// Does what is decided, for as long as the replica lives; lets consensus elect once it may.
    pub(in super::super) async fn run(self, raft: Replication, catalog: (Catalog, Arc<dyn Clock>)) {
        let mut work: FuturesUnordered<Work<'_>> = FuturesUnordered::new();
        loop {
            let effects = self.step(Event::Wake(self.others(&raft)));
            raft.runtime_config().elect(self.votes());
            for effect in effects {
                match effect {
                    Effect::Ask(other) => work.push(Box::pin(self.ask(other))),
                    Effect::Report(node) => work.push(Box::pin(self.report(node, &catalog))),
                    Effect::Take(_) | Effect::Note(_) => {}
                }
            }
            let deadline = self.recall().deadline();
            let alarm = async {
                match deadline {
                    Some(at) => Tasks::sleep_until(self.0.begun + at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some(()) = work.next() => {}
                () = self.0.stirred.notified() => {}
                () = alarm => {}
            }
        }
    }

    fn others(&self, raft: &Replication) -> Others {
        let metrics = raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        let mut others = Others {
            voters: membership.voter_ids().collect(),
            all: membership.nodes().map(|(id, _)| *id).collect(),
        };
        if others.all.is_empty() {
            others.all.extend(&self.0.known);
        }
        others.voters.remove(&metrics.id);
        others.all.remove(&metrics.id);
        others
    }
}

/// What a replica that begins shows of its log.
///
/// # Errors
/// When its log cannot be read.
pub(in super::super) async fn shown(log: &Log, applied: Option<LogId>) -> io::Result<Shown> {
    let mut log = log.clone();
    let kept = log.get_log_state().await?;
    let vote = log.read_vote().await?;
    Ok(Shown {
        term: vote.map_or(0, |vote| vote.leader_id.term),
        last: kept.last_log_id.max(applied),
    })
}
