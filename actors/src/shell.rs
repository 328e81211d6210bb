//! The one ractor actor: runs any [`Machine`], and performs what it asks for through its [`Hands`].
//!
//! Order is the contract. The acts of one event are performed in the order they were pushed. What
//! others can see waits until every fact persisted before it is durable, in order; the next message
//! does not wait. A fault (a failed effect, a panic, a lost sync) ends the actor: its supervisor
//! starts it again from what is durable, and recovery is boot.

mod directory;
mod recorder;
mod runner;
mod watch;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ractor::{ActorCell, ActorRef};
use tokio::sync::oneshot;

use crate::kernel::Machine;
use crate::ports::{Pending, Ports};

pub use directory::{Directory, Inspection, Listing, Path, Standing};
pub use recorder::Decision;
pub use runner::spawn;
pub use watch::{Step, Watch};

/// What a machine lacks: a vocabulary, and the means to act.
pub trait Hands: Sized + Send + 'static {
    /// The machine these hands belong to.
    type Machine: Machine;
    /// What other actors may say; the only place where a reply port is seen.
    type Message: Send + 'static;

    /// Turns a message into an event, keeping hold of whom to answer; `None` if the hands answered
    /// it themselves from what they hold.
    fn admit(
        &mut self,
        message: Self::Message,
        context: &Context<Self>,
    ) -> Option<<Self::Machine as Machine>::Event>;

    /// Begins to make a fact durable. The futures of one actor may end in any order, but a fact is
    /// durable only when those before it are.
    fn persist(
        &mut self,
        record: <Self::Machine as Machine>::Record,
        context: &Context<Self>,
    ) -> Pending<Result<(), Fault>>;

    /// Performs one effect, or begins it and says later, as a message to itself, what came of it.
    /// An expected failure is such a message; a [`Fault`] ends the actor.
    fn perform(
        &mut self,
        effect: <Self::Machine as Machine>::Effect,
        context: &Context<Self>,
    ) -> Result<Option<Pending<Self::Message>>, Fault>;

    /// A child of this actor ended; what to tell the machine, if anything.
    fn ended(&mut self, _child: &ActorCell, _end: End) -> Option<Self::Message> {
        None
    }
}

/// How an actor ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It was asked to stop, or stopped itself.
    Stopped,
    /// A fault ended it.
    Failed(String),
}

/// An error inside this node that ends the actor that met it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

impl Fault {
    /// A fault caused by an error, with its chain of sources.
    pub fn of(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        Self(text)
    }
}

/// What hands know of the actor they belong to.
pub struct Context<H: Hands> {
    /// The actor itself.
    pub myself: Handle<H::Message>,
    /// Where it stands in the supervision tree.
    pub path: Path,
    /// The node's ports.
    pub ports: Ports,
}

/// What arrives in a shell's mailbox.
pub enum Input<M> {
    /// Somebody said something.
    Message(M),
    /// The alarm went off.
    Wake,
    /// The fact with this number is durable.
    Durable(u64),
    /// Somebody looks.
    Inspect(oneshot::Sender<Inspection>),
    /// Work that this actor began came to a bad end.
    Fault(Fault),
}

/// How an actor is spoken to.
pub struct Handle<M> {
    actor: ActorRef<Input<M>>,
    depth: Arc<AtomicUsize>,
}

impl<M> Clone for Handle<M> {
    fn clone(&self) -> Self {
        Self {
            actor: self.actor.clone(),
            depth: Arc::clone(&self.depth),
        }
    }
}

impl<M> fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle")
    }
}

/// The actor does not run any more, or ended before it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the actor ended")]
pub struct Gone;

impl<M: Send + 'static> Handle<M> {
    /// Says something and does not wait.
    ///
    /// # Errors
    /// When the actor has ended.
    pub fn tell(&self, message: M) -> Result<(), Gone> {
        self.input(Input::Message(message))
    }

    /// Says something that has an answer, and waits for it.
    ///
    /// # Errors
    /// When the actor ends before it answers.
    pub fn ask<R: Send + 'static>(
        &self,
        message: impl FnOnce(oneshot::Sender<R>) -> M,
    ) -> impl Future<Output = Result<R, Gone>> + Send + 'static {
        let (reply, answer) = oneshot::channel();
        let told = self.tell(message(reply));
        async move {
            told?;
            answer.await.map_err(|_| Gone)
        }
    }

    /// Stops the actor after what is in its mailbox now being handled is handled.
    pub fn stop(&self) {
        self.actor.stop(None);
    }

    /// The actor behind the handle, to link and to recognise it.
    pub fn cell(&self) -> ActorCell {
        self.actor.get_cell()
    }

    fn input(&self, input: Input<M>) -> Result<(), Gone> {
        self.depth.fetch_add(1, Ordering::Relaxed);
        self.actor.cast(input).map_err(|_| {
            self.depth.fetch_sub(1, Ordering::Relaxed);
            Gone
        })
    }
}
