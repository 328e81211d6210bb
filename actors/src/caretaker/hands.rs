//! The hands of the caretaker: they visit, they read back, and they destroy.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use super::Standing;
use super::machine::{Caretaker, Effect, Event};
use super::reading::{Found, Reading};
use super::scrub::Step;
use crate::catalog::command::{Command, ExtentCommand, RepositoryCommand};
use crate::catalog::rows::{Repository, Rows};
use crate::catalog::{Catalog, Outcome, SubmitError};
use crate::extent;
use crate::kernel::{Epoch, ExtentId, Never, NodeId, RepositoryId, Sequence, Timestamp};
use crate::node::Ground;
use crate::ports::{Pending, Ports};
use crate::repositories;
use crate::repository::{self, Register};
use crate::shell::{Context, Fault, Handle, Hands};
use crate::tenants::changes;

/// What a caretaker is told.
#[derive(Debug)]
pub enum Message {
    /// The catalog changed.
    Rows(Arc<Rows>),
    /// A repository rests, or was looked at.
    Told(RepositoryId, Option<Timestamp>),
    /// A repository failed.
    Lost(RepositoryId),
    /// A repository could not be looked at.
    Missed(RepositoryId),
    /// What was to be destroyed is, or is not yet.
    Destroyed(RepositoryId, bool),
    /// Of these the index has something.
    Indexed(BTreeSet<RepositoryId>),
    /// One that was destroyed is in the index no more, or is still.
    Cleared,
    /// A step of reading a repository back came to an end; who reads it, if anybody does still.
    Stepped(RepositoryId, Step, Option<Box<Reading>>),
}

/// Why a repository is not destroyed yet.
#[derive(Debug, thiserror::Error)]
enum DestroyError {
    #[error("the catalog does not agree")]
    Catalog(#[from] SubmitError),
    #[error("it cannot be acquired")]
    Epoch(#[source] Fault),
    #[error("its files cannot be removed")]
    Files(#[source] io::Error),
    #[error("its rows cannot be taken out of the index")]
    Index(#[source] io::Error),
}

/// Belongs to the one caretaker of a node.
pub struct CaretakerHands {
    rows: Rows,
    catalog: Catalog,
    register: Arc<dyn Register>,
    /// Which node of a cluster this is.
    node: Option<NodeId>,
    /// Which repositories it looks after, as of those rows.
    homes: BTreeSet<RepositoryId>,
    repositories: Handle<repositories::Message>,
    /// Who reads a repository back, between two steps.
    reading: Option<Box<Reading>>,
}

impl std::fmt::Debug for CaretakerHands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CaretakerHands")
    }
}

impl CaretakerHands {
    /// Hands that know nothing of the catalog yet.
    pub fn new(ground: &Ground, repositories: Handle<repositories::Message>) -> Self {
        Self {
            rows: Rows::default(),
            catalog: ground.catalog.clone(),
            register: Arc::clone(&ground.register),
            node: ground.node,
            homes: BTreeSet::new(),
            repositories,
            reading: None,
        }
    }

    fn follow(&mut self, rows: &Rows) -> Event {
        let old = std::mem::replace(&mut self.rows, rows.clone());
        let mut changed = BTreeMap::new();
        let mut touched = rows.moved(&old);
        for (id, before, after) in changes(old.repositories.diff(&rows.repositories)) {
            if before.is_none() || standing(before) != standing(after) {
                touched.insert(*id);
            }
        }
        for id in touched {
            let row = rows.repositories.get(&id);
            let was_here = self.homes.remove(&id);
            let is_here = rows.serves(self.node, id);
            let known = old.repositories.get(&id).is_some();
            let standing = match (is_here, standing(row)) {
                (false, _) => Standing::Gone,
                (true, Standing::Served(last)) if !was_here && known => Standing::Come(last),
                (true, standing) => standing,
            };
            if is_here {
                self.homes.insert(id);
            }
            if was_here || is_here {
                changed.insert(id, standing);
            }
        }
        Event::News {
            changed: changed.into_iter().collect(),
            trusted: (!rows.clock.doubted).then_some(rows.clock.wall),
            today: rows.clock.trusted_today(),
        }
    }

    fn look(&self, id: RepositoryId) -> Pending<Message> {
        let visit = self
            .repositories
            .ask(|door| repositories::Message::Visit(id, door));
        Box::pin(async move {
            let Ok(visit) = visit.await else {
                return Message::Missed(id);
            };
            match visit.repository.ask(repository::Message::Report).await {
                Ok(Ok(report)) => Message::Told(id, report.purge),
                Ok(Err(_)) | Err(_) => Message::Missed(id),
            }
        })
    }

    /// Visits a repository and reads the first of it.
    fn scrub(&self, id: RepositoryId, ports: &Ports) -> Pending<Message> {
        let visit = self
            .repositories
            .ask(|door| repositories::Message::Visit(id, door));
        let (catalog, ports) = (self.catalog.clone(), ports.clone());
        Box::pin(async move {
            match visit.await {
                Ok(visit) => read_on(Box::new(Reading::begin(id, visit)), &catalog, &ports).await,
                Err(_) => Message::Stepped(id, Step::Missed, None),
            }
        })
    }

    /// Reads the next of it.
    fn read_on(&mut self, id: RepositoryId, ports: &Ports) -> Pending<Message> {
        let reading = self.reading.take_if(|reading| reading.id == id);
        let (catalog, ports) = (self.catalog.clone(), ports.clone());
        Box::pin(async move {
            match reading {
                Some(reading) => read_on(reading, &catalog, &ports).await,
                None => Message::Stepped(id, Step::Missed, None),
            }
        })
    }

    fn destroy(&self, id: RepositoryId, ports: &Ports) -> Pending<Message> {
        let (catalog, ports) = (self.catalog.clone(), ports.clone());
        let acquired = self.register.acquire(id);
        Box::pin(async move {
            let destroyed = destroy(&catalog, &ports, id, acquired).await;
            if let Err(error) = &destroyed {
                tracing::error!(repository = %id, error = %Fault::of(error), "not destroyed yet");
            }
            Message::Destroyed(id, destroyed.is_ok())
        })
    }
}

fn standing(row: Option<&Repository>) -> Standing {
    let last = row.map_or_else(Timestamp::default, |row| row.verified.unwrap_or(row.made));
    match row.map(|row| &row.removed) {
        None => Standing::Gone,
        Some(None) => Standing::Served(last),
        Some(Some(removal)) if removal.purge => Standing::Doomed(removal.purge_from),
        Some(Some(_)) => Standing::Kept,
    }
}

/// Reads a step, and writes down what was found once all is read.
async fn read_on(mut reading: Box<Reading>, catalog: &Catalog, ports: &Ports) -> Message {
    let repository = reading.id;
    let mut step = reading.step().await;
    if step == Step::All {
        let Found {
            objects,
            damaged,
            unread,
            finding,
        } = reading.found;
        if unread > 0 {
            tracing::warn!(%repository, objects, unread, "not all was read back");
        }
        // Damage is told of; that all is as it was is not known before all was read.
        if unread > 0 && damaged == 0 {
            return Message::Stepped(repository, Step::Missed, Some(reading));
        }
        let scrubbed = RepositoryCommand::Scrubbed {
            repository,
            objects,
            damaged,
            finding,
        };
        let written = submit(catalog, ports, Command::Repository(scrubbed)).await;
        if let Err(error) = written {
            let error = Fault::of(&error);
            tracing::warn!(%repository, %error, "what was read back is not written down");
            step = Step::Missed;
        } else {
            tracing::info!(%repository, objects, damaged, "read back");
        }
    }
    Message::Stepped(repository, step, Some(reading))
}

fn submit(
    catalog: &Catalog,
    ports: &Ports,
    command: Command,
) -> Pending<Result<(Outcome, Sequence), SubmitError>> {
    catalog.order(ports.clock.now().wall, command)
}

/// Destroys a repository, each step durable before the next.
async fn destroy(
    catalog: &Catalog,
    ports: &Ports,
    id: RepositoryId,
    acquired: Pending<Result<Epoch, Fault>>,
) -> Result<(), DestroyError> {
    let submit = |command| submit(catalog, ports, command);
    let repository = id;
    let epoch = acquired.await.map_err(DestroyError::Epoch)?;
    // From now on nobody else makes one.
    let rows = catalog.rows();
    let extents: Vec<ExtentId> = rows.extents_of(id).map(|(extent, _)| extent).collect();
    for extent in extents {
        submit(Command::Extent(ExtentCommand::Drop { extent, epoch })).await?;
    }
    remove(ports, &extent::folder(id))
        .await
        .map_err(DestroyError::Files)?;
    let forgotten = repository::forget(&ports.index, id).await;
    forgotten.map_err(DestroyError::Index)?;
    submit(Command::Repository(RepositoryCommand::Purged {
        repository,
        epoch,
    }))
    .await?;
    tracing::info!(repository = %id, "destroyed");
    Ok(())
}

/// Looks through the index.
fn sweep(ports: &Ports) -> Pending<Message> {
    let index = Arc::clone(&ports.index);
    Box::pin(async move {
        let known = repository::indexed(&index).await;
        Message::Indexed(known.unwrap_or_else(|error| {
            tracing::warn!(%error, "the index was not looked through for what was destroyed");
            BTreeSet::new()
        }))
    })
}

/// Takes what was destroyed out of the index.
fn clear(id: RepositoryId, ports: &Ports) -> Pending<Message> {
    let index = Arc::clone(&ports.index);
    Box::pin(async move {
        repository::clear(&index, id).await;
        Message::Cleared
    })
}

/// Removes all files of a folder, known to the catalog or not.
async fn remove(ports: &Ports, folder: &str) -> io::Result<()> {
    for name in ports.disk.list(folder).await? {
        ports.disk.remove(&format!("{folder}/{name}")).await?;
    }
    match ports.disk.sync_folder(folder).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        synced => synced,
    }
}

impl Hands for CaretakerHands {
    type Machine = Caretaker;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        Some(match message {
            Message::Rows(rows) => self.follow(&rows),
            Message::Told(id, purge) => Event::Told(id, purge),
            Message::Lost(id) => Event::Lost(id),
            Message::Missed(id) => Event::Missed(id),
            Message::Destroyed(id, done) => Event::Destroyed(id, done),
            Message::Indexed(known) => {
                let gone = known.into_iter().filter(|id| self.rows.destroyed(*id));
                Event::Strays(gone.collect())
            }
            Message::Cleared => return None,
            Message::Stepped(id, step, reading) => {
                // One that was given up meanwhile does not take the place of the next.
                if self.reading.is_none() {
                    self.reading = reading;
                }
                Event::Stepped(id, step)
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
        Ok(Some(match effect {
            Effect::Look(id) => self.look(id),
            Effect::Destroy(id) => self.destroy(id, &context.ports),
            Effect::Sweep => sweep(&context.ports),
            Effect::Clear(id) => clear(id, &context.ports),
            Effect::Scrub(id) => self.scrub(id, &context.ports),
            Effect::ReadOn(id) => self.read_on(id, &context.ports),
            Effect::Leave(id) => {
                self.reading.take_if(|reading| reading.id == id);
                return Ok(None);
            }
        }))
    }
}
