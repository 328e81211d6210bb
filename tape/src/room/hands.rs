//! Starts and ends the parts of a room.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use holdfast_actors::catalog::rows::{RestoreEnd, Rows};
use holdfast_actors::catalog::tape::{RestoreCommand, TapeCommand};
use holdfast_actors::kernel::{Never, NodeId, RestoreId};
use holdfast_actors::names::TapeName;
use holdfast_actors::ports::Pending;
use holdfast_actors::shell::{self, Context, End, Fault, Handle, Hands};
use ractor::ActorCell;
use tokio::sync::oneshot;

use super::{Effect, Event, Part, Room, Wanted};
use crate::archive;
use crate::job;
use crate::ports::{Failed, Reach, Station};
use crate::restore::{self, Folders, Restore, RestoreHands};
use crate::station::{self, Site};
use crate::threads::Threads;

/// What the parts of a room are made with.
#[derive(Clone)]
pub struct Tools {
    /// Which node this is, of a cluster.
    pub here: Option<NodeId>,
    /// How devices are reached.
    pub reach: Arc<dyn Reach>,
    /// Where devices have their threads.
    pub threads: Arc<dyn Threads>,
    /// Folders of this node.
    pub folders: Folders,
    /// What archives use. Libraries are at hand from when the room has opened them.
    pub site: archive::Site,
}

/// Who can be spoken to.
#[derive(Clone)]
enum Running {
    Job(Handle<job::Message>),
    Restore(Handle<restore::Message>),
}

impl Running {
    fn cell(&self) -> ActorCell {
        match self {
            Self::Job(handle) => handle.cell(),
            Self::Restore(handle) => handle.cell(),
        }
    }

    fn stop(&self) {
        match self {
            Self::Job(handle) => handle.stop(),
            Self::Restore(handle) => handle.stop(),
        }
    }
}

/// A part that was started, and how.
pub struct Made(Result<Kind, Failed>);

enum Kind {
    Library(Arc<dyn Station>),
    Actor(Running),
    /// It was over before it began.
    Nothing,
}

/// What the room is told.
pub enum Message {
    /// The catalog changed.
    Rows(Arc<Rows>),
    /// A part runs, or does not start.
    Started(Part, Made),
    /// An actor of the room ended.
    Ended(Part, bool),
    /// Somebody wants to use a library.
    Station(TapeName, oneshot::Sender<Result<Arc<dyn Station>, Failed>>),
    /// An operator wants something of a job; whether it is here.
    Job(TapeName, job::Message, oneshot::Sender<bool>),
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => write!(f, "Rows {}", rows.index),
            Self::Started(part, made) => write!(f, "Started {part:?} {}", made.0.is_ok()),
            Self::Ended(part, failed) => write!(f, "Ended {part:?} {failed}"),
            Self::Station(name, _) => write!(f, "Station {name}"),
            Self::Job(name, ..) => write!(f, "Job {name}"),
        }
    }
}

/// Belongs to the room of one node.
pub struct RoomHands {
    tools: Tools,
    running: BTreeMap<Part, Running>,
    /// Who wants something of a part that was not tried yet.
    waiting: BTreeMap<Part, Vec<Waiter>>,
    /// Parts that did not start when they were tried last.
    /// Why parts did not start the last time.
    failed: BTreeMap<Part, String>,
}

/// Somebody who wants something of a part. Whoever asked may have gone away.
enum Waiter {
    Station(oneshot::Sender<Result<Arc<dyn Station>, Failed>>),
    Job(job::Message, oneshot::Sender<bool>),
}

impl fmt::Debug for RoomHands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoomHands({} running)", self.running.len())
    }
}

impl RoomHands {
    /// Hands with nothing in them yet.
    #[must_use]
    pub fn new(tools: Tools) -> Self {
        Self {
            tools,
            running: BTreeMap::new(),
            waiting: BTreeMap::new(),
            failed: BTreeMap::new(),
        }
    }

    fn start(&self, part: Part, context: &Context<Self>) -> Pending<Message> {
        let made: Pending<Result<Kind, Failed>> = match &part {
            Part::Library(name) => self.open_library(name.clone(), context),
            Part::Job(name) => self.job(name.clone(), context),
            Part::Restore(id) => self.restore(*id, context),
        };
        Box::pin(async move {
            let made = made.await;
            if let Err(failed) = &made {
                tracing::error!(?part, %failed, "a part of the tape room does not start");
            }
            Message::Started(part, Made(made))
        })
    }

    fn open_library(
        &self,
        name: TapeName,
        context: &Context<Self>,
    ) -> Pending<Result<Kind, Failed>> {
        let site = Site {
            path: context.path.child("libraries").child(&name),
            above: Some(context.myself.cell()),
            ports: context.ports.clone(),
            books: Arc::clone(&self.tools.site.books),
            threads: Arc::clone(&self.tools.threads),
        };
        let (books, reach) = (
            Arc::clone(&self.tools.site.books),
            Arc::clone(&self.tools.reach),
        );
        Box::pin(async move {
            let rows = books.rows();
            let Some(row) = rows.tape.libraries.get(&name) else {
                return Ok(Kind::Nothing);
            };
            Ok(Kind::Library(
                station::open(&name, row, &reach, site).await?,
            ))
        })
    }

    fn job(&self, name: TapeName, context: &Context<Self>) -> Pending<Result<Kind, Failed>> {
        let site = self.tools.site.clone();
        let path = context.path.child("jobs").child(&name);
        let (ports, above) = (context.ports.clone(), Some(context.myself.cell()));
        Box::pin(async move {
            let started = job::start(name, site, path, ports, above).await;
            Ok(started.map_or(Kind::Nothing, |it| Kind::Actor(Running::Job(it))))
        })
    }

    fn restore(&self, id: RestoreId, context: &Context<Self>) -> Pending<Result<Kind, Failed>> {
        let rows = self.tools.site.books.rows();
        let stations = self.tools.site.stations.clone();
        let shelf = Arc::clone(&self.tools.site.shelf);
        let books = Arc::clone(&self.tools.site.books);
        let row = rows.tape.restores.get(&id);
        let is_begun = row.is_some_and(|row| row.begun.is_some());
        let tools = restore::Tools {
            stations: stations.clone(),
            repositories: Arc::clone(&self.tools.site.repositories),
            books: Arc::clone(&books),
            folders: Arc::clone(&self.tools.folders),
            clock: Arc::clone(&context.ports.clock),
            threads: Arc::clone(&self.tools.threads),
            keys: self.tools.site.keys.clone(),
        };
        let (path, above) = (
            context.path.child("restores").child(id),
            Some(context.myself.cell()),
        );
        let ports = context.ports.clone();
        Box::pin(async move {
            let known = restore::shelved(&rows, shelf.as_ref(), id).await;
            let is_here = |name: &TapeName| stations.get(name).is_some();
            let order = known
                .map_err(|failed| failed.to_string())
                .and_then(|known| {
                    let order = restore::order(&rows, &known, &is_here, id);
                    order.map_err(|unready| unready.to_string())
                });
            let order = match order {
                Ok(order) => order,
                Err(why) => {
                    let end = RestoreCommand::End(RestoreEnd::Failed(why));
                    let ended = books.submit(TapeCommand::Restore(id, end)).await;
                    return ended.map(|()| Kind::Nothing);
                }
            };
            let hands = RestoreHands::new(id, &order, is_begun, tools);
            let spawned = shell::spawn(path, Restore::new(order), hands, ports, above).await;
            let handle = spawned.map_err(|error| Failed::Other(error.to_string()))?;
            // One that ended at once is heard of by its supervisor.
            let _ = handle.tell(restore::Message::Start);
            Ok(Kind::Actor(Running::Restore(handle)))
        })
    }

    /// A job that has ended looks for itself when it is started again.
    fn tell(&self, name: TapeName, message: job::Message) {
        if let Some(Running::Job(handle)) = self.running.get(&Part::Job(name)) {
            let _ = handle.tell(message);
        }
    }

    fn take(&mut self, part: Part, made: Made) -> Event {
        self.failed.remove(&part);
        let event = match (made.0, &part) {
            (Ok(Kind::Library(station)), Part::Library(name)) => {
                self.tools.site.stations.insert(name.clone(), station);
                Event::Started(part.clone(), true)
            }
            (Ok(Kind::Actor(running)), _) => {
                self.running.insert(part.clone(), running);
                Event::Started(part.clone(), true)
            }
            (Ok(_), _) => Event::Ended(part.clone(), false),
            (Err(why), _) => {
                self.failed.insert(part.clone(), why.to_string());
                Event::Started(part.clone(), false)
            }
        };
        // A job that runs hears first whether it is enabled.
        if !matches!((&part, &event), (Part::Job(_), Event::Started(_, true))) {
            self.answer_all(&part);
        }
        event
    }

    /// Whether a part of the catalog was not tried yet: it soon will be.
    fn is_coming(&self, part: &Part) -> bool {
        let wanted = Wanted::of(&self.tools.site.books.rows(), self.tools.here);
        let is_running = match part {
            Part::Library(name) => self.tools.site.stations.get(name).is_some(),
            Part::Job(_) | Part::Restore(_) => self.running.contains_key(part),
        };
        wanted.has(part) && !is_running && !self.failed.contains_key(part)
    }

    fn hear(&mut self, part: Part, waiter: Waiter) {
        if self.is_coming(&part) {
            self.waiting.entry(part).or_default().push(waiter);
        } else {
            self.answer(&part, waiter);
        }
    }

    fn answer_all(&mut self, part: &Part) {
        for waiter in self.waiting.remove(part).unwrap_or_default() {
            self.answer(part, waiter);
        }
    }

    fn answer(&self, part: &Part, waiter: Waiter) {
        match (waiter, part) {
            (Waiter::Station(reply), Part::Library(name)) => {
                let station = self.tools.site.stations.get(name);
                let idle = || format!("library {name} is out of service here");
                let why = || self.failed.get(part).cloned().unwrap_or_else(idle);
                let none = || Failed::Other(why());
                let _ = reply.send(station.ok_or_else(none));
            }
            (Waiter::Job(message, reply), _) => {
                let told = match self.running.get(part) {
                    Some(Running::Job(handle)) => handle.tell(message).is_ok(),
                    Some(Running::Restore(_)) | None => false,
                };
                let _ = reply.send(told);
            }
            (Waiter::Station(_), Part::Job(_) | Part::Restore(_)) => {}
        }
    }
}

impl Hands for RoomHands {
    type Machine = Room;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        Some(match message {
            Message::Rows(rows) => {
                // Who waits for what nobody wants any more hears so by the end of the line. The
                // rows that came may be older than those by which it began to wait.
                let now = Wanted::of(&self.tools.site.books.rows(), self.tools.here);
                self.waiting.retain(|part, _| now.has(part));
                self.failed.retain(|part, _| now.has(part));
                Event::Rows(Wanted::of(&rows, self.tools.here))
            }
            Message::Started(part, made) => self.take(part, made),
            Message::Ended(part, failed) => {
                self.running.remove(&part);
                Event::Ended(part, failed)
            }
            Message::Job(name, event, reply) => {
                self.hear(Part::Job(name), Waiter::Job(event, reply));
                return None;
            }
            Message::Station(name, reply) => {
                self.hear(Part::Library(name), Waiter::Station(reply));
                return None;
            }
        })
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
            Effect::Start(part) => return Ok(Some(self.start(part, context))),
            Effect::Stop(Part::Library(name)) => {
                // It ends, with its actors, when no job and no restore has it any more.
                self.tools.site.stations.remove(&name);
            }
            Effect::Stop(part) => {
                let running = self.running.get(&part);
                running.into_iter().for_each(Running::stop);
            }
            Effect::Enable(name, is_enabled) => {
                self.tell(name.clone(), job::Message::Enabled(is_enabled));
                self.answer_all(&Part::Job(name));
            }
            Effect::Tape(name) => self.tell(name, job::Message::Tape),
            Effect::Cancel(id) => {
                if let Some(Running::Restore(handle)) = self.running.get(&Part::Restore(id)) {
                    // One that has ended need not be told.
                    let _ = handle.tell(restore::Message::Stop);
                }
            }
        }
        Ok(None)
    }

    fn ended(&mut self, child: &ActorCell, end: End) -> Option<Message> {
        let is_child = |running: &Running| running.cell().get_id() == child.get_id();
        let found = self.running.iter().find(|(_, running)| is_child(running));
        let failed = matches!(end, End::Failed(_));
        match found {
            Some((part, _)) => Some(Message::Ended(part.clone(), failed)),
            // A drive or an arm: its library says so to whoever uses it.
            None if failed => {
                tracing::error!(?end, "a part of a tape library ended");
                None
            }
            None => None,
        }
    }
}
