//! The catalog on one node: its records lie in the node's journal, its rows go to readers as
//! snapshots. In a cluster another actor stands behind the same [`Catalog`], and no caller notices.

use std::collections::BTreeMap;
use std::sync::Arc;

use ractor::{ActorCell, SpawnErr};
use tokio::sync::{oneshot, watch};

use super::command::Submission;
use super::machine::{Answer, Effect, Event, Keeper};
use super::record::Record;
use super::rows::Rows;
use super::{Outcome, Refused};
use crate::kernel::{Sequence, Ticket};
use crate::ports::{Journal, Pending, Ports};
use crate::shell::{self, Context, Fault, Gone, Handle, Hands, Path};

/// How everybody speaks to the catalog. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    actor: Handle<Message>,
    rows: watch::Receiver<Arc<Rows>>,
}

/// What an actor that keeps a catalog is told.
#[derive(Debug)]
pub enum Message {
    /// Decide this, and answer when it is durable.
    Submit {
        /// What.
        submission: Submission,
        /// Whom to answer.
        reply: oneshot::Sender<Answer>,
    },
}

/// Why a command has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// It was refused and changed nothing.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Nobody answered. It may have been done: send it again under its number to know.
    #[error("the catalog does not answer")]
    Gone(#[from] Gone),
}

impl Catalog {
    /// Submits a command; the outcome, with its place in the log, is durable when it is known, and
    /// in [`Catalog::rows`] already.
    ///
    /// # Errors
    /// When a rule refuses it, or the catalog has ended.
    pub fn submit(
        &self,
        submission: Submission,
    ) -> Pending<Result<(Outcome, Sequence), SubmitError>> {
        let answer = self
            .actor
            .ask(|reply| Message::Submit { submission, reply });
        Box::pin(async move { Ok(answer.await??) })
    }

    /// The rows as of now.
    pub fn rows(&self) -> Arc<Rows> {
        Arc::clone(&self.rows.borrow())
    }

    /// The rows as of now and notice of every change. A slow reader sees the newest only.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Rows>> {
        self.rows.clone()
    }
}

/// Starts the catalog of one node, and returns once its clock has been looked at.
///
/// # Errors
/// When it ends before that.
pub async fn start(
    path: Path,
    keeper: Keeper,
    journal: Arc<dyn Journal>,
    ports: Ports,
    supervisor: Option<ActorCell>,
) -> Result<Catalog, SpawnErr> {
    let (publish, mut rows) = watch::channel(Arc::new(keeper.rows().clone()));
    let hands = Clerk {
        journal,
        publish,
        waiting: BTreeMap::new(),
        last: Ticket::default(),
    };
    let actor = shell::spawn(path, keeper, hands, ports, supervisor).await?;
    // Before its first tick nobody knows which day it is.
    let ticked = rows.changed().await;
    ticked.map_err(|_| SpawnErr::StartupFailed(Box::new(Gone)))?;
    Ok(Catalog { actor, rows })
}

/// Writes records down, answers callers, hands out rows.
struct Clerk {
    journal: Arc<dyn Journal>,
    publish: watch::Sender<Arc<Rows>>,
    waiting: BTreeMap<Ticket, oneshot::Sender<Answer>>,
    last: Ticket,
}

impl Hands for Clerk {
    type Machine = Keeper;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        let Message::Submit { submission, reply } = message;
        self.last = self.last.next();
        self.waiting.insert(self.last, reply);
        Some(Event::Submit {
            ticket: self.last,
            submission,
        })
    }

    fn persist(&mut self, record: Record, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        self.journal.append(record.encode())
    }

    fn perform(
        &mut self,
        effect: Effect,
        _: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        match effect {
            Effect::Answer { ticket, answer } => {
                if let Some(reply) = self.waiting.remove(&ticket) {
                    // Whoever asked may have gone; what was done is done.
                    let _ = reply.send(answer);
                }
            }
            Effect::Publish(rows) => drop(self.publish.send_replace(rows)),
        }
        Ok(None)
    }
}
