//! What the root does: it carries news between its parts.

use std::fmt;
use std::sync::Arc;

use ractor::ActorCell;
use tokio::sync::watch;

use super::machine::{Effect, Event, Root};
use crate::caretaker;
use crate::catalog::command::{Command, ServiceCommand};
use crate::catalog::rows::Rows;
use crate::catalog::{self, Catalog};
use crate::frame::BODY_MAX;
use crate::front::Front;
use crate::journal;
use crate::kernel::Never;
use crate::ports::Pending;
use crate::shell::{self, Context, End, Fault, Handle};
use crate::tenant::SessionEnd;

/// What the root is told.
pub(super) enum Message {
    /// All parts run: carry news between them.
    Follow(Box<Following>),
    /// The catalog changed.
    Rows(Arc<Rows>),
    /// A snapshot of the catalog was made, or not.
    Kept,
    /// Something for the caretaker.
    Care(caretaker::Message),
    /// A session ended.
    SessionEnded(Box<SessionEnd>),
    /// A part ended, and how.
    Lost(String),
    /// What was begun for nobody's answer came to an end.
    Done,
}

/// The parts between which news is carried.
pub(super) struct Following {
    pub(super) front: Front,
    pub(super) caretaker: Handle<caretaker::Message>,
    pub(super) catalog: Catalog,
    /// Where snapshots of the catalog go, if they go anywhere.
    pub(super) journal: Option<journal::Handle>,
}

/// Belongs to the root.
pub(super) struct NodeHands {
    end: watch::Sender<Option<String>>,
    parts: Option<Box<Following>>,
    rows: Arc<Rows>,
}

impl fmt::Debug for NodeHands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeHands")
    }
}

impl NodeHands {
    /// Hands that say through `end` when the node has failed.
    pub(super) fn new(end: watch::Sender<Option<String>>) -> Self {
        Self {
            end,
            parts: None,
            rows: Arc::default(),
        }
    }

    /// Tells all parts what the catalog says, and waits for what it says next.
    fn spread(&self) -> Option<Pending<Message>> {
        let parts = self.parts.as_ref()?;
        parts.front.follow(&self.rows);
        let _ = parts
            .caretaker
            .tell(caretaker::Message::Rows(Arc::clone(&self.rows)));
        let (mut news, known) = (parts.catalog.subscribe(), self.rows.index);
        Some(Box::pin(async move {
            match news.wait_for(|rows| rows.index != known).await {
                Ok(rows) => Message::Rows(Arc::new(rows.clone())),
                Err(_) => Message::Lost("the catalog ended".to_owned()),
            }
        }))
    }

    fn keep(&self) -> Option<Pending<Message>> {
        let whole = catalog::snapshot(&self.rows);
        let parts = (0..whole.len()).step_by(BODY_MAX);
        let parts = parts
            .map(|at| whole.slice(at..whole.len().min(at + BODY_MAX)))
            .collect();
        // The catalog alone writes to the journal, one record a command, so their numbers agree.
        let kept = self
            .parts
            .as_ref()?
            .journal
            .as_ref()?
            .snapshot(self.rows.index, parts);
        Some(Box::pin(async move {
            if let Err(error) = kept.await {
                tracing::warn!(error = %Fault::of(&error), "no snapshot of the catalog");
            }
            Message::Kept
        }))
    }

    fn record(&self, end: SessionEnd, context: &Context<Self>) -> Option<Pending<Message>> {
        let (tenant, result) = (end.tenant, end.report.result);
        let command = Command::Service(ServiceCommand::SessionEnded { tenant, result });
        let at = context.ports.clock.now().wall;
        let told = self.parts.as_ref()?.catalog.order(at, command);
        Some(Box::pin(async move {
            if let Err(error) = told.await {
                tracing::warn!(error = %Fault::of(&error), "the end of a session was not recorded");
            }
            Message::Done
        }))
    }
}

impl shell::Hands for NodeHands {
    type Machine = Root;
    type Message = Message;

    fn admit(&mut self, message: Message, context: &Context<Self>) -> Option<Event> {
        match message {
            Message::Follow(parts) => {
                self.rows = Arc::new(parts.catalog.rows());
                self.parts = Some(parts);
                Some(Event::Changed(self.rows.index))
            }
            Message::Rows(rows) => {
                self.rows = rows;
                Some(Event::Changed(self.rows.index))
            }
            Message::Care(news) => {
                // Before all parts run no repository is loaded. A part that ended takes the node
                // with it.
                let _ = self.parts.as_ref().map(|parts| parts.caretaker.tell(news));
                None
            }
            Message::Kept => Some(Event::Kept),
            Message::SessionEnded(end) => Some(Event::SessionEnded(end)),
            Message::Lost(what) => {
                self.end.send_replace(Some(what));
                context.myself.stop();
                None
            }
            Message::Done => None,
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
        Ok(match effect {
            Effect::Record(end) => self.record(*end, context),
            Effect::Spread => self.spread(),
            Effect::Keep => self.keep(),
        })
    }

    fn ended(&mut self, _: &ActorCell, end: End) -> Option<Message> {
        match end {
            End::Stopped => Some(Message::Lost("a part of the node stopped".to_owned())),
            End::Failed(error) => Some(Message::Lost(error)),
        }
    }
}
