//! The hands of calls by name: they keep the questions and make the tries.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::{Never, NodeId, Ticket};
use holdfast_actors::ports::Pending;
use holdfast_actors::shell::{Context, Fault, Hands};
use tokio::sync::oneshot;

use super::machine::{Effect, Event, Pursuits, Tried};
use super::{Answer, PursuitError, Question, Repeat, Whereabouts};
use crate::calls::{CallError, Calls};

type Reply = oneshot::Sender<Result<Bytes, PursuitError>>;

/// What the actor of calls by name is told.
pub enum Message {
    /// Somebody calls.
    Asked {
        /// The number of the call, never used before.
        ticket: Ticket,
        /// Which service knows the actors of that kind.
        service: &'static str,
        /// Whom, and what.
        question: Question,
        /// How long there is.
        within: Duration,
        /// Whether it may be made twice.
        repeat: Repeat,
        /// Whom to answer.
        reply: oneshot::Sender<Result<Bytes, PursuitError>>,
    },
    /// A try is over.
    Tried(Ticket, Tried),
    /// The caller has turned away.
    TurnedAway(Ticket),
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked { service, .. } => write!(f, "Asked {service}"),
            Self::Tried(ticket, tried) => write!(f, "Tried {ticket} {tried:?}"),
            Self::TurnedAway(ticket) => write!(f, "TurnedAway {ticket}"),
        }
    }
}

struct Caller {
    service: &'static str,
    name: Bytes,
    question: Bytes,
    reply: Reply,
    /// Dropped when nobody waits for the try that is under way.
    stays: Option<oneshot::Sender<()>>,
}

/// Belongs to the calls by name of a node.
pub(super) struct PursuerHands {
    calls: Arc<dyn Calls>,
    whereabouts: Arc<dyn Whereabouts>,
    callers: BTreeMap<Ticket, Caller>,
}

impl PursuerHands {
    pub(super) const fn new(calls: Arc<dyn Calls>, whereabouts: Arc<dyn Whereabouts>) -> Self {
        Self {
            calls,
            whereabouts,
            callers: BTreeMap::new(),
        }
    }

    /// Makes one try; it is given up when its caller is.
    fn attempt(
        &mut self,
        ticket: Ticket,
        at: Option<NodeId>,
        within: Duration,
    ) -> Option<Pending<Message>> {
        let caller = self.callers.get_mut(&ticket)?;
        let name = String::from_utf8_lossy(&caller.name);
        let Some(node) = at.or_else(|| self.whereabouts.find(&name)) else {
            let nowhere = Message::Tried(ticket, Tried::Nowhere);
            return Some(Box::pin(std::future::ready(nowhere)));
        };
        let question = caller.question.clone();
        let call = self.calls.call(node, caller.service, question, within);
        let (stays, leaves) = oneshot::channel();
        caller.stays = Some(stays);
        Some(Box::pin(async move {
            tokio::select! {
                biased;
                _ = leaves => Message::TurnedAway(ticket),
                result = call => Message::Tried(ticket, told(node, result)),
            }
        }))
    }
}

fn told(node: NodeId, result: Result<Bytes, CallError>) -> Tried {
    let answer = match result {
        Ok(body) => Answer::decode(body),
        Err(error) => return Tried::Failed(error),
    };
    match answer {
        Ok(Answer::Done(body)) => Tried::Answer(body),
        Ok(Answer::Moved(to)) => Tried::Moved(to),
        Ok(Answer::NotHere) => Tried::NotHere,
        // A service that is none of actors, or of a later version: it may have done something.
        Err(_) => Tried::Failed(CallError::Unknown(node)),
    }
}

impl Hands for PursuerHands {
    type Machine = Pursuits;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        match message {
            Message::Asked {
                ticket,
                service,
                question,
                within,
                repeat,
                reply,
            } => {
                let caller = Caller {
                    service,
                    question: question.encode(),
                    name: question.name,
                    reply,
                    stays: None,
                };
                self.callers.insert(ticket, caller);
                Some(Event::Asked {
                    ticket,
                    within,
                    repeat,
                })
            }
            Message::Tried(ticket, tried) => Some(Event::Tried(ticket, tried)),
            Message::TurnedAway(ticket) => Some(Event::TurnedAway(ticket)),
        }
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Effect,
        _: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        match effect {
            Effect::Try { ticket, at, within } => return Ok(self.attempt(ticket, at, within)),
            Effect::Conclude(ticket, result) => {
                if let Some(caller) = self.callers.remove(&ticket) {
                    let result = result.map_err(|error| error.named(&caller.name));
                    // A caller that turns away does not want to know.
                    let _ = caller.reply.send(result);
                }
            }
            Effect::Drop(ticket) => drop(self.callers.remove(&ticket)),
        }
        Ok(None)
    }
}
