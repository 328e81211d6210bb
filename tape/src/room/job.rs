//! The hands of a tape job: the catalog that keeps how far it is, and the archives that it begins.

use std::fmt;
use std::sync::Arc;

use holdfast_actors::catalog::tape::{JobCommand, TapeCommand};
use holdfast_actors::names::TapeName;
use holdfast_actors::ports::Pending;
use holdfast_actors::shell::{self, Context, End, Fault, Handle, Hands};
use holdfast_actors::tape::Job;
use holdfast_actors::tape::job::{Effect, Event, Outcome, State};
use ractor::ActorCell;

use crate::archive::{self, Archive, ArchiveHands, Order, Site};

/// What archives of a node use, as of now: libraries come and go.
pub(super) type Sites = Arc<dyn Fn() -> Site + Send + Sync>;

/// What a job is told.
pub(super) enum Message {
    /// What happened.
    Heard(Event),
    /// An archive runs.
    Began(u64, Handle<archive::Message>),
    /// Nothing more is to be done.
    Done,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heard(event) => fmt::Debug::fmt(event, f),
            Self::Began(attempt, _) => write!(f, "Began {attempt}"),
            Self::Done => f.write_str("Done"),
        }
    }
}

/// Belongs to one job.
pub(super) struct JobHands {
    name: TapeName,
    sites: Sites,
    state: State,
    archive: Option<(u64, Handle<archive::Message>)>,
    /// Attempts up to this one are not wanted any more.
    aborted: u64,
}

impl fmt::Debug for JobHands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.name, f)
    }
}

impl JobHands {
    /// Hands of a job that is this far.
    pub(super) fn new(name: TapeName, state: State, sites: Sites) -> Self {
        Self {
            name,
            sites,
            state,
            archive: None,
            aborted: 0,
        }
    }

    fn tell(&self, command: JobCommand) -> Pending<Result<(), crate::ports::Failed>> {
        let books = (self.sites)().books;
        books.submit(TapeCommand::Job(self.name.clone(), command))
    }

    fn begin(&self, attempt: u64, context: &Context<Self>) -> Option<Pending<Message>> {
        let (set, since) = self.state.running()?;
        let site = (self.sites)();
        let order = Order {
            job: self.name.clone(),
            set,
            since,
        };
        let myself = context.myself.clone();
        let tell = move |outcome| {
            // A job that ended begins again from what the catalog has.
            let _ = myself.tell(Message::Heard(Event::Ended(attempt, outcome)));
        };
        let machine = Archive::new(order, site.house());
        let hands = ArchiveHands::new(site, Arc::clone(&context.ports.entropy), tell);
        let path = context.path.child("run");
        let (ports, above) = (context.ports.clone(), Some(context.myself.cell()));
        Some(Box::pin(async move {
            match shell::spawn(path, machine, hands, ports, above).await {
                Ok(archive) => Message::Began(attempt, archive),
                Err(error) => {
                    tracing::error!(%error, "an archive does not start");
                    Message::Heard(Event::Ended(attempt, Outcome::Failed))
                }
            }
        }))
    }
}

impl Hands for JobHands {
    type Machine = Job;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        match message {
            Message::Heard(event) => Some(event),
            Message::Began(attempt, archive) if attempt <= self.aborted => {
                archive.stop();
                None
            }
            Message::Began(attempt, archive) => {
                // One that ended at once is heard of by its supervisor.
                let _ = archive.tell(archive::Message::Start);
                self.archive = Some((attempt, archive));
                None
            }
            Message::Done => None,
        }
    }

    fn persist(&mut self, state: State, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        self.state = state.clone();
        let kept = self.tell(JobCommand::Keep(Box::new(state)));
        Box::pin(async move { kept.await.map_err(|failed| Fault::of(&failed)) })
    }

    fn perform(
        &mut self,
        effect: Effect,
        context: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        Ok(match effect {
            Effect::Write { attempt, .. } => self.begin(attempt, context),
            Effect::Abort(attempt) => {
                self.aborted = self.aborted.max(attempt);
                if let Some((_, archive)) = self.archive.take() {
                    archive.stop();
                }
                None
            }
            Effect::Notify(set, occasion) => {
                let told = self.tell(JobCommand::Notify(set, occasion));
                Some(Box::pin(async move {
                    if let Err(failed) = told.await {
                        tracing::warn!(%failed, "nobody was told how a tape job goes");
                    }
                    Message::Done
                }))
            }
        })
    }

    fn ended(&mut self, child: &ActorCell, end: End) -> Option<Message> {
        let (attempt, _) = self
            .archive
            .take_if(|(_, archive)| archive.cell().get_id() == child.get_id())?;
        // One that came to its end said so before.
        let failed = matches!(end, End::Failed(_));
        failed.then_some(Message::Heard(Event::Ended(attempt, Outcome::Failed)))
    }
}
