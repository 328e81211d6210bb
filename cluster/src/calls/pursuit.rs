//! Calls to actors by name, wherever they live.
//!
//! Who asks says a name and how long there is; where its owner is, whether it has just moved, and
//! when to try again, is decided here. A call is made again only while it is certain that nothing
//! was done, or when it does no harm twice.

mod hands;
pub mod machine;
mod word;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::{NodeId, Ticket};
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::shell::{self, Handle, Path};
use ractor::{ActorCell, SpawnErr};
use tokio::sync::oneshot;

use super::{Answers, CallError, Calls, Rejected};
use hands::PursuerHands;
use machine::Pursuits;

pub use hands::Message;
pub use word::{Answer, NAME_MAX, Question, WordError};

/// Who knows where actors live.
pub trait Whereabouts: Send + Sync + 'static {
    /// The node that owns the actor of this name, as far as is known here; it may have moved.
    fn find(&self, name: &str) -> Option<NodeId>;
}

/// The actors that a node owns, as others call them.
pub trait Residents: Send + Sync + 'static {
    /// Answers a call of a node to the actor of this name.
    fn answer(&self, name: &str, from: NodeId, body: Bytes) -> Pending<Result<Bytes, Elsewhere>>;
}

/// Why an actor does not answer here. In each case nothing was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// Another node owns it now.
    Moved(NodeId),
    /// This node does not own it, and does not know who does.
    NotHere,
    /// It says no.
    Rejected(Rejected),
}

/// Whether a call does harm when it is made twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It may, so that a call whose end is unknown is not made again.
    Harms,
    /// It does not.
    Harmless,
}

/// Why a call by name has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PursuitError {
    /// The last try ended so, or one before it whose end is [`CallError::Unknown`].
    #[error(transparent)]
    Call(#[from] CallError),
    /// Within its time nobody said that it owns the actor. Nothing was done.
    #[error("nobody is known to be {0}")]
    NotFound(String),
    /// Too many calls by name are under way on this node. Nothing was done.
    #[error("too many calls by name are under way")]
    Crowded,
}

/// Calls actors by name. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pursuer {
    actor: Handle<Message>,
    tickets: Arc<AtomicU64>,
}

impl Pursuer {
    /// Starts the actor behind it.
    ///
    /// # Errors
    /// When the supervisor is ending.
    pub async fn start(
        path: Path,
        calls: Arc<dyn Calls>,
        whereabouts: Arc<dyn Whereabouts>,
        ports: Ports,
        supervisor: Option<ActorCell>,
    ) -> Result<Self, SpawnErr> {
        let hands = PursuerHands::new(calls, whereabouts);
        let actor = shell::spawn(path, Pursuits::default(), hands, ports, supervisor).await?;
        let tickets = Arc::default();
        Ok(Self { actor, tickets })
    }

    /// Asks the actor of a name behind a service, which [`at_home`] serves where it lives, and
    /// waits for its answer at most so long.
    ///
    /// # Errors
    /// See [`PursuitError`].
    pub fn call(
        &self,
        service: &'static str,
        name: &str,
        body: Bytes,
        within: Duration,
        repeat: Repeat,
    ) -> Pending<Result<Bytes, PursuitError>> {
        let (reply, result) = oneshot::channel();
        let question = Question {
            name: Bytes::copy_from_slice(name.as_bytes()),
            body,
        };
        let ticket = Ticket::new(self.tickets.fetch_add(1, Ordering::Relaxed));
        let asked = Message::Asked {
            ticket,
            service,
            question,
            within,
            repeat,
            reply,
        };
        // An actor that is gone has dropped the reply.
        let told = self.actor.tell(asked);
        let name = name.to_owned();
        let mut leaving = Leaving(Some((self.actor.clone(), ticket)));
        Box::pin(async move {
            let result = result.await;
            leaving.ends();
            match (told, result) {
                (Ok(()), Ok(result)) => result,
                // It was never taken up.
                (Err(_), _) => Err(PursuitError::NotFound(name)),
                // The actor failed; the call may be under way.
                (Ok(()), Err(_)) => Err(CallError::Unknown(NodeId::default()).into()),
            }
        })
    }
}

/// Says that its caller has turned away, if it did.
struct Leaving(Option<(Handle<Message>, Ticket)>);

impl Leaving {
    /// The caller has its result.
    fn ends(&mut self) {
        self.0 = None;
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some((actor, ticket)) = self.0.take() {
            // An actor that is gone has forgotten it already.
            let _ = actor.tell(Message::TurnedAway(ticket));
        }
    }
}

/// The service through which a node's actors are called by name.
pub fn at_home(residents: Arc<dyn Residents>) -> Arc<dyn Answers> {
    Arc::new(Home(residents))
}

struct Home(Arc<dyn Residents>);

impl Answers for Home {
    fn answer(&self, from: NodeId, body: Bytes) -> Pending<Result<Bytes, Rejected>> {
        let question = match Question::decode(body) {
            Ok(question) => question,
            Err(error) => return Box::pin(async move { Err(Rejected(error.to_string())) }),
        };
        let name = String::from_utf8_lossy(&question.name).into_owned();
        let answer = self.0.answer(&name, from, question.body);
        Box::pin(async move {
            match answer.await {
                Ok(body) => Ok(Answer::Done(body).encode()),
                Err(Elsewhere::Moved(to)) => Ok(Answer::Moved(to).encode()),
                Err(Elsewhere::NotHere) => Ok(Answer::NotHere.encode()),
                Err(Elsewhere::Rejected(rejected)) => Err(rejected),
            }
        })
    }
}
