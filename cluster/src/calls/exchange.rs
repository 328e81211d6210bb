//! Calls over a link: the adapter that the node's actors hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::{Machine, Never, NodeId, Ticket};
use holdfast_actors::ports::{Entropy, Link, Pending, Ports};
use holdfast_actors::shell::{self, Handle, Path};
use ractor::{ActorCell, SpawnErr};
use tokio::sync::oneshot;

use super::hands::{ExchangeHands, Message};
use super::inbox::{Inbox, Told};
use super::machine::{Ask, Effect, Event, Limits, News, Switchboard};
use super::{Answers, CallError, Calls, Passing, Watches};

/// The calls of one node over any link. Cheap to clone; it outlives the actor behind it, and what
/// is asked while there is none is refused.
#[derive(Clone, Debug)]
pub struct Exchange {
    node: NodeId,
    inbox: Arc<Inbox>,
    tickets: Arc<AtomicU64>,
}

impl Exchange {
    /// Of a node. Numbers of calls begin anywhere, so that no answer for a former life of the node
    /// is taken for one of this life's.
    pub fn new(node: NodeId, entropy: &dyn Entropy) -> Self {
        let mut first = [0; 8];
        entropy.fill(&mut first);
        // The lower half of all numbers: there are always more.
        let first = u64::from_le_bytes(first) >> 1;
        Self {
            node,
            inbox: Arc::default(),
            tickets: Arc::new(AtomicU64::new(first)),
        }
    }

    /// Starts the actor of calls at `path`; again after it has failed. Until it is started for the
    /// first time, calls wait for it.
    ///
    /// # Errors
    /// When the supervisor is ending.
    pub async fn start(
        &self,
        path: Path,
        link: Arc<dyn Link>,
        limits: Limits,
        ports: Ports,
        supervisor: Option<ActorCell>,
    ) -> Result<Handle<Message>, SpawnErr> {
        let machine = Switchboard::new(self.node, limits);
        self.start_with(path, link, machine, ports, supervisor)
            .await
    }

    /// The same with a machine that does it in another way.
    ///
    /// # Errors
    /// When the supervisor is ending.
    pub async fn start_with<M>(
        &self,
        path: Path,
        link: Arc<dyn Link>,
        machine: M,
        ports: Ports,
        supervisor: Option<ActorCell>,
    ) -> Result<Handle<Message>, SpawnErr>
    where
        M: Machine<Event = Event, Effect = Effect, Record = Never>,
    {
        let hands = ExchangeHands::<M>::new(link, Arc::clone(&self.inbox));
        let actor = shell::spawn(path, machine, hands, ports, supervisor).await?;
        self.inbox.belongs_to(actor.clone());
        Ok(actor)
    }

    fn leaving(&self) -> Leaving {
        let ticket = Ticket::new(self.tickets.fetch_add(1, Ordering::Relaxed));
        Leaving {
            inbox: Arc::clone(&self.inbox),
            ticket,
            waits: true,
        }
    }

    fn watches(&self, node: NodeId, path: Bytes) -> Pending<Passing> {
        let mut leaving = self.leaving();
        let (watcher, passing) = oneshot::channel();
        let watches = Told::Watches(leaving.ticket, node, path, watcher);
        self.inbox.leave(watches);
        Box::pin(async move {
            let passing = passing.await;
            leaving.ends();
            // Without its actor of calls this node has no connections.
            passing.unwrap_or(Passing::NoConnection)
        })
    }
}

impl Calls for Exchange {
    fn node(&self) -> NodeId {
        self.node
    }

    fn call(
        &self,
        to: NodeId,
        service: &'static str,
        body: Bytes,
        within: Duration,
    ) -> Pending<Result<Bytes, CallError>> {
        let mut leaving = self.leaving();
        let ask = Ask {
            ticket: leaving.ticket,
            to,
            service,
            body,
            within,
        };
        let (reply, result) = oneshot::channel();
        self.inbox.leave(Told::Asked(ask, reply));
        Box::pin(async move {
            let result = result.await;
            leaving.ends();
            // The actor of calls failed, and took with it what it knew of this one.
            result.unwrap_or(Err(CallError::Unknown(to)))
        })
    }

    fn serve(&self, service: &'static str, answers: Arc<dyn Answers>) {
        self.inbox.serve(service, answers);
    }
}

impl Watches for Exchange {
    fn watch(&self, node: NodeId, path: &Path) -> Pending<Passing> {
        self.watches(node, Bytes::copy_from_slice(path.as_str().as_bytes()))
    }

    fn watch_node(&self, node: NodeId) -> Pending<Passing> {
        self.watches(node, Bytes::new())
    }
}

/// Says that its caller has turned away, if it did.
struct Leaving {
    inbox: Arc<Inbox>,
    ticket: Ticket,
    waits: bool,
}

impl Leaving {
    /// The caller has its result.
    const fn ends(&mut self) {
        self.waits = false;
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if self.waits {
            self.inbox.leave(Told::News(News::TurnedAway(self.ticket)));
        }
    }
}
