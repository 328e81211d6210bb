//! The hands of the repositories' supervisor: they load and stop repositories and let visitors in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use ractor::ActorCell;
use tokio::sync::oneshot;

use super::Repositories;
use super::load::{LoadError, Loaded, Loading, load};
use crate::caretaker;
use crate::catalog::rows::Rows;
use crate::kernel::{Epoch, Never, NodeId, RepositoryId, Ticket, Timestamp};
use crate::ports::Pending;
use crate::repository::{self, Promises, Register, Settings, Tenure, Visit};
use crate::shell::{Context, End, Fault, Handle, Hands};
use crate::standbys;
use crate::supervision::{Effect, Event, Outcome};

/// What the supervisor is told.
pub enum Message {
    /// The catalog has changed.
    Rows(Arc<Rows>),
    /// Somebody wants to visit a repository; the door is dropped if it is out of service.
    Visit(RepositoryId, oneshot::Sender<Visit>),
    /// A repository runs, or could not be loaded.
    Started(RepositoryId, Result<Loaded, LoadError>),
    /// A repository has seen so many visitors and has none now; when its bin is due, if ever.
    Idle(RepositoryId, u64, Option<Timestamp>),
    /// A repository's actor is gone.
    Ended(RepositoryId, Outcome),
    /// An operator wants a repository back in service.
    Restart(RepositoryId),
    /// The catalog was told that a repository is not written here any more, or was not.
    Released,
    /// The node ends: give all repositories up, in order, load none any more, and say when that is
    /// done.
    Leave(oneshot::Sender<()>),
}

/// Belongs to the one supervisor of repositories.
pub struct RepositoriesHands {
    rows: Arc<Rows>,
    register: Arc<dyn Register>,
    /// Which node of a cluster this is.
    node: Option<NodeId>,
    promises: Promises,
    last_ticket: Ticket,
    visitors: BTreeMap<Ticket, oneshot::Sender<Visit>>,
    running: BTreeMap<RepositoryId, Running>,
    /// Under which repositories were acquired that do not run any more.
    epochs: BTreeMap<RepositoryId, Epoch>,
    /// Those that have said when their bin is due, and are not visited since.
    rested: BTreeSet<RepositoryId>,
    news: Sink,
    /// Who knows what other nodes write, in a cluster.
    standbys: Option<Handle<standbys::Message>>,
    /// How many are being loaded, and how many are being given back.
    loading: usize,
    releasing: usize,
    /// Who waits until all are given up.
    leaving: Vec<oneshot::Sender<()>>,
    is_leaving: bool,
}

struct Running {
    handle: Handle<repository::Message>,
    epoch: Epoch,
    settings: Option<Settings>,
    /// Whether it was told to end.
    yields: bool,
}

impl Running {
    /// Has it end in order; at once if nothing that it says would count.
    fn give_up(&mut self, register: &dyn Register) {
        if register.tenure(self.epoch) != Tenure::Held {
            self.handle.stop();
        } else if !self.yields {
            self.yields = true;
            // One that has just ended needs not be told.
            let _ = self.handle.tell(repository::Message::Yield);
        }
    }
}

/// Takes to the caretaker what repositories say.
pub type Sink = Arc<dyn Fn(caretaker::Message) + Send + Sync>;

impl fmt::Debug for RepositoriesHands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepositoriesHands({} running)", self.running.len())
    }
}

impl RepositoriesHands {
    /// Hands that know the catalog as of `rows`, write to it through `register`, and say through
    /// `news` which repositories rest. In a cluster they load what is at home on this `node`, with
    /// what its `standbys` know.
    pub fn new(
        rows: Arc<Rows>,
        register: Arc<dyn Register>,
        node: Option<NodeId>,
        news: Sink,
        standbys: Option<Handle<standbys::Message>>,
    ) -> Self {
        Self {
            rows,
            register,
            node,
            promises: Promises::default(),
            last_ticket: Ticket::new(0),
            visitors: BTreeMap::new(),
            running: BTreeMap::new(),
            epochs: BTreeMap::new(),
            rested: BTreeSet::new(),
            news,
            standbys,
            loading: 0,
            releasing: 0,
            leaving: Vec::new(),
            is_leaving: false,
        }
    }

    fn follow(&mut self, rows: Arc<Rows>) {
        if rows.index < self.rows.index {
            return;
        }
        self.rows = rows;
        if let Some(standbys) = &self.standbys {
            // Those that ended take the node with them.
            let _ = standbys.tell(standbys::Message::Rows(Arc::clone(&self.rows)));
        }
        for (id, running) in &mut self.running {
            let row = self.rows.repositories.get(id);
            let removal = row.and_then(|row| row.removed.as_ref());
            let is_doomed = row.is_none() || removal.is_some_and(|removal| removal.purge);
            // It is to be destroyed, or is.
            if is_doomed {
                running.handle.stop();
                continue;
            }
            // Its tenant is served elsewhere from now on; or what it writes to has to be sealed.
            let is_held_up = self.rows.stands_badly(*id, running.epoch);
            if is_held_up || !self.rows.serves(self.node, *id) {
                running.give_up(self.register.as_ref());
                continue;
            }
            let settings = Settings::of(&self.rows, *id);
            if settings == running.settings {
                continue;
            }
            running.settings.clone_from(&settings);
            if let Some(settings) = settings {
                // One that has just ended gets them when it is loaded again.
                let _ = running.handle.tell(repository::Message::Settings(settings));
            }
        }
    }

    fn spawn(&mut self, id: RepositoryId, context: &Context<Self>) -> Pending<Message> {
        self.loading += 1;
        if self.is_leaving || !self.rows.serves(self.node, id) {
            let released = self.release(id);
            // It counts among those that are loaded.
            self.releasing -= usize::from(released.is_some());
            return Box::pin(async move {
                if let Some(released) = released {
                    released.await;
                }
                Message::Started(id, Err(LoadError::Elsewhere(id)))
            });
        }
        let myself = context.myself.clone();
        let loading = Loading {
            id,
            path: context.path.child(id),
            rows: Arc::clone(&self.rows),
            register: Arc::clone(&self.register),
            promises: self.promises.clone(),
            ports: context.ports.clone(),
            standbys: self.standbys.clone(),
            supervisor: context.myself.cell(),
            // A supervisor that is gone takes its repositories with it.
            idle: Box::new(move |seen, purge| {
                let _ = myself.tell(Message::Idle(id, seen, purge));
            }),
        };
        Box::pin(async move { Message::Started(id, load(loading).await) })
    }

    /// Lets no visitor in who could not be told the truth; whether he may wait for it.
    fn is_open(&self, id: RepositoryId) -> bool {
        if self.is_leaving || !self.rows.serves(self.node, id) {
            return false;
        }
        let running = self.running.get(&id);
        let tenure = running.map(|running| (running, self.register.tenure(running.epoch)));
        if let Some((running, Tenure::Lost)) = tenure {
            // It is acquired once more for the next visitor.
            running.handle.stop();
        }
        true
    }

    /// What came of loading a repository.
    fn loaded(
        &mut self,
        id: RepositoryId,
        loaded: Result<Loaded, LoadError>,
    ) -> Event<RepositoryId> {
        let error = match loaded {
            Ok(loaded) => {
                self.started(id, loaded);
                return Event::Started(id);
            }
            Err(error) => error,
        };
        let fault = Fault::of(&error);
        if matches!(error, LoadError::Catalog { .. } | LoadError::Elsewhere(_)) {
            tracing::warn!(repository = %id, error = %fault, "not loaded yet");
            return Event::Ended(id, Outcome::Withheld);
        }
        tracing::error!(repository = %id, error = %fault, "not loaded");
        Event::Ended(id, Outcome::Failed)
    }

    fn started(&mut self, id: RepositoryId, loaded: Loaded) {
        let Loaded { handle, epoch } = loaded;
        // The catalog may have changed since the load began.
        let settings = Settings::of(&self.rows, id);
        if let Some(settings) = settings.clone() {
            let _ = handle.tell(repository::Message::Settings(settings));
        }
        let mut running = Running {
            handle,
            epoch,
            settings,
            yields: false,
        };
        if self.is_leaving || !self.rows.serves(self.node, id) {
            running.give_up(self.register.as_ref());
        }
        self.running.insert(id, running);
    }

    /// Says that all repositories are given up, once they are.
    fn settle(&mut self) {
        if self.is_leaving && self.running.is_empty() && self.loading + self.releasing == 0 {
            // Who does not wait any more need not know.
            for reply in self.leaving.drain(..) {
                let _ = reply.send(());
            }
        }
    }

    /// Gives back the right to write to a repository.
    fn release(&mut self, id: RepositoryId) -> Option<Pending<Message>> {
        let released = self.register.release(id, self.epochs.remove(&id)?);
        self.releasing += 1;
        Some(Box::pin(async move {
            if let Err(error) = released.await {
                tracing::debug!(repository = %id, %error, "not released: the lease ends it");
            }
            Message::Released
        }))
    }
}

impl Hands for RepositoriesHands {
    type Machine = Repositories;
    type Message = Message;

    fn admit(&mut self, message: Message, context: &Context<Self>) -> Option<Event<RepositoryId>> {
        match message {
            Message::Rows(rows) => {
                self.follow(rows);
                None
            }
            Message::Visit(key, _) if !self.is_open(key) => None,
            Message::Visit(key, door) => {
                self.last_ticket = self.last_ticket.next();
                let ticket = self.last_ticket;
                self.rested.remove(&key);
                self.visitors.insert(ticket, door);
                Some(Event::Wanted { key, ticket })
            }
            Message::Started(id, loaded) => {
                self.loading = self.loading.saturating_sub(1);
                let event = self.loaded(id, loaded);
                self.settle();
                Some(event)
            }
            Message::Idle(key, seen, purge) => {
                self.rested.insert(key);
                (self.news)(caretaker::Message::Told(key, purge));
                Some(Event::Idle { key, seen })
            }
            Message::Ended(id, outcome) => {
                let running = self.running.remove(&id);
                self.epochs
                    .extend(running.map(|running| (id, running.epoch)));
                if outcome == Outcome::Failed {
                    self.settle();
                }
                if !self.rested.contains(&id) {
                    (self.news)(caretaker::Message::Lost(id));
                }
                Some(Event::Ended(id, outcome))
            }
            Message::Restart(id) => {
                let path = context.path.child(id);
                context.ports.directory.give_up(path, false);
                Some(Event::Restart(id))
            }
            Message::Released => {
                self.releasing = self.releasing.saturating_sub(1);
                self.settle();
                None
            }
            Message::Leave(reply) => {
                self.is_leaving = true;
                self.leaving.push(reply);
                for running in self.running.values_mut() {
                    running.give_up(self.register.as_ref());
                }
                self.settle();
                None
            }
        }
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Effect<RepositoryId>,
        context: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        match effect {
            Effect::Spawn(id) => return Ok(Some(self.spawn(id, context))),
            Effect::Pass(id, ticket) => {
                let door = self.visitors.remove(&ticket);
                if let (Some(door), Some(Running { handle, .. })) = (door, self.running.get(&id)) {
                    // If the repository has just ended, the door is dropped, which says so.
                    let _ = handle.tell(repository::Message::Visit(door));
                }
            }
            Effect::Refuse(_, ticket) => drop(self.visitors.remove(&ticket)),
            Effect::Stop(id) => {
                if let Some(running) = self.running.get(&id) {
                    running.handle.stop();
                }
            }
            Effect::Rest(id) => return Ok(self.release(id)),
            Effect::GiveUp(id) => {
                tracing::error!(repository = %id, "out of service");
                let path = context.path.child(id);
                context.ports.directory.give_up(path, true);
            }
        }
        Ok(None)
    }

    fn ended(&mut self, child: &ActorCell, end: End) -> Option<Message> {
        let is_child = |it: &Running| it.handle.cell().get_id() == child.get_id();
        let mut running = self.running.iter();
        let (id, _) = running.find(|(_, running)| is_child(running))?;
        let outcome = match end {
            End::Stopped => Outcome::Stopped,
            End::Failed(_) => Outcome::Failed,
        };
        Some(Message::Ended(*id, outcome))
    }
}
