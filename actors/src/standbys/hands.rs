//! The hands of standbys: they read logs, write to the index, and give what is known away.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::event::{Effect, Event, Lost};
use super::machine::Standbys;
use crate::catalog::rows::Rows;
use crate::kernel::{Epoch, ExtentId, Never, NodeId, RepositoryId, Sequence, Ticket};
use crate::ports::{Pending, Ports};
use crate::repository::{self, Found, Standby, Unfollowed};
use crate::shell::{Context, Fault, Hands};
use crate::tenants::changes;

/// What standbys are told.
pub enum Message {
    /// The catalog changed.
    Rows(Arc<Rows>),
    /// One was begun or caught up, or could not be.
    Followed(RepositoryId, Result<(Box<Standby>, Found), Unfollowed>),
    /// The index was told all up to an entry, or not.
    Written(RepositoryId, Option<Sequence>),
    /// One that was destroyed is in the index no more.
    Cleared,
    /// This node has become the owner of a repository under this epoch, and wants what is known of
    /// it; none if nothing is. Nobody stands by for it here until it has another owner.
    Take(RepositoryId, Epoch, oneshot::Sender<Option<Standby>>),
}

/// Belongs to the standbys of one node.
pub struct StandbysHands {
    node: NodeId,
    rows: Arc<Rows>,
    /// Repositories that this node took over, and under which epoch: what it writes of them to its
    /// index nobody else may.
    taken: BTreeMap<RepositoryId, Epoch>,
    /// Those with which nothing is done at the moment, or that are written.
    known: BTreeMap<RepositoryId, Box<Standby>>,
    /// How those that are written are told to leave off.
    writing: BTreeMap<RepositoryId, oneshot::Sender<()>>,
    askers: BTreeMap<Ticket, oneshot::Sender<Option<Standby>>>,
    last: Ticket,
}

impl fmt::Debug for StandbysHands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StandbysHands({} known)", self.known.len())
    }
}

impl StandbysHands {
    /// Of a node that knows nothing of the catalog yet.
    pub fn new(node: NodeId) -> Self {
        Self {
            node,
            rows: Arc::default(),
            taken: BTreeMap::new(),
            known: BTreeMap::new(),
            writing: BTreeMap::new(),
            askers: BTreeMap::new(),
            last: Ticket::default(),
        }
    }

    fn follow(&mut self, rows: Arc<Rows>) -> Option<Event> {
        if rows.index < self.rows.index {
            return None;
        }
        let moved = rows.moved(&self.rows);
        // Rows may be older than what this node did since.
        for id in &moved {
            let row = rows.repositories.get(id);
            let taken = self.taken.get(id).copied();
            if taken.is_some_and(|taken| row.is_none_or(|row| row.epoch > taken)) {
                self.taken.remove(id);
            }
        }
        let gone = changes(self.rows.repositories.diff(&rows.repositories));
        let gone = gone.filter(|(_, _, after)| after.is_none());
        let gone = gone.map(|(id, ..)| *id).collect();
        let (wanted, unwanted) = moved
            .into_iter()
            .partition(|id| rows.stands_by(self.node, *id) && !self.taken.contains_key(id));
        self.rows = rows;
        Some(Event::News {
            wanted,
            unwanted,
            gone,
        })
    }

    fn clear(&mut self, id: RepositoryId, ports: &Ports) -> Pending<Message> {
        self.known.remove(&id);
        self.taken.remove(&id);
        let index = Arc::clone(&ports.index);
        Box::pin(async move {
            repository::clear(&index, id).await;
            Message::Cleared
        })
    }

    fn extents(&self, id: RepositoryId) -> Vec<(ExtentId, Option<u64>)> {
        let mine = self.rows.extents_of(id);
        mine.map(|(extent, row)| (extent, row.sealed)).collect()
    }

    /// Begins one, or goes on with it.
    fn read(&mut self, id: RepositoryId, anew: bool, ports: &Ports) -> Pending<Message> {
        let (known, extents) = (self.known.remove(&id), self.extents(id));
        let ports = ports.clone();
        Box::pin(async move {
            let read = async {
                let mut standby = match known {
                    Some(known) => known,
                    None if anew => Box::new(Standby::anew(&ports, id, &extents).await?),
                    None => Box::new(Standby::begin(&ports, id, &extents).await?),
                };
                let found = standby.catch_up(&ports.disk, &extents).await?;
                Ok((standby, found))
            };
            Message::Followed(id, read.await)
        })
    }

    fn write(&mut self, id: RepositoryId, ports: &Ports) -> Pending<Message> {
        let checkpoint = self.known.get_mut(&id).and_then(|it| it.checkpoint());
        let Some(checkpoint) = checkpoint else {
            return Box::pin(async move { Message::Written(id, None) });
        };
        let (leave_off, left_off) = oneshot::channel();
        self.writing.insert(id, leave_off);
        let index = Arc::clone(&ports.index);
        Box::pin(async move {
            let written = Standby::write(&index, id, checkpoint);
            let written = tokio::select! {
                biased;
                Ok(()) = left_off => None,
                written = written => match written {
                    Ok(sequence) => Some(sequence),
                    Err(error) => {
                        tracing::warn!(repository = %id, %error, "a standby's index is behind");
                        None
                    }
                },
            };
            Message::Written(id, written)
        })
    }

    fn answer(&mut self, ticket: Ticket, standby: Option<Standby>) {
        if let Some(asker) = self.askers.remove(&ticket) {
            // Who went away takes nothing over.
            let _ = asker.send(standby);
        }
    }
}

impl Hands for StandbysHands {
    type Machine = Standbys;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        match message {
            Message::Rows(rows) => self.follow(rows),
            Message::Followed(id, Ok((standby, found))) => {
                self.known.insert(id, standby);
                let found = Ok(found);
                Some(Event::Followed { id, found })
            }
            Message::Followed(id, Err(error)) => {
                let lost = match &error {
                    Unfollowed::Missed(_) => Lost::Missed,
                    Unfollowed::Recovery(_) => Lost::Failed,
                };
                let error = Fault::of(&error);
                tracing::info!(repository = %id, %error, "not followed now");
                let found = Err(lost);
                Some(Event::Followed { id, found })
            }
            Message::Written(id, sequence) => {
                self.writing.remove(&id);
                if let Some(standby) = self.known.get_mut(&id) {
                    standby.told(sequence);
                }
                let done = sequence.is_some();
                Some(Event::Written { id, done })
            }
            Message::Cleared => None,
            Message::Take(id, epoch, asker) => {
                self.taken.insert(id, epoch);
                self.last = self.last.next();
                self.askers.insert(self.last, asker);
                let ticket = self.last;
                Some(Event::Asked { id, ticket })
            }
        }
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Effect,
        context: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        match effect {
            Effect::Begin { id, anew } => return Ok(Some(self.read(id, anew, &context.ports))),
            Effect::CatchUp(id) => return Ok(Some(self.read(id, false, &context.ports))),
            Effect::Write(id) => return Ok(Some(self.write(id, &context.ports))),
            Effect::LeaveOff(id) => {
                // One that has just ended needs not be told.
                let _ = self.writing.remove(&id).map(|writing| writing.send(()));
            }
            Effect::Forget(id) => drop(self.known.remove(&id)),
            Effect::Give(id, ticket) => {
                let standby = self.known.remove(&id).map(|standby| *standby);
                self.answer(ticket, standby);
            }
            Effect::Refuse(ticket) => self.answer(ticket, None),
            Effect::Clear(id) => return Ok(Some(self.clear(id, &context.ports))),
        }
        Ok(None)
    }
}
