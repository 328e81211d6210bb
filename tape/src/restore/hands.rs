//! Does what a restore wants: one order after the other, each answered by one event.

mod storing;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use holdfast_actors::catalog::rows::RestoreEnd;
use holdfast_actors::catalog::tape::{RestoreCommand, TapeCommand};
use holdfast_actors::kernel::{Never, RepositoryId, RestoreId, Space};
use holdfast_actors::names::TapeName;
use holdfast_actors::ports::{Clock, Disk, Pending};
use holdfast_actors::shell::{Context, Fault, Hands};
use holdfast_actors::tape::MediumId;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::drive::Purpose;
use tokio::sync::{Mutex as Waiting, Notify};

use super::folder::Folder;
use super::machine::Restore;
use super::stream::words;
use super::words::{Effect, Event, Held, Order, Target};
use crate::format::{Keys, Medium, Object, Row, cut, fetch};
use crate::ports::{Books, Failed, Mount, Repositories, Stations};
use crate::station::recognise;
use crate::threads::Threads;
use crate::{naming, ports};

/// Opens a folder of this node, which it makes if there is none.
pub type Folders = Arc<dyn Fn(&str) -> io::Result<Arc<dyn Disk>> + Send + Sync>;

/// What restores of a node use.
#[derive(Clone)]
pub struct Tools {
    /// The libraries that hang on this node.
    pub stations: Stations,
    /// Repositories.
    pub repositories: Arc<dyn Repositories>,
    /// The catalog.
    pub books: Arc<dyn Books>,
    /// Folders.
    pub folders: Folders,
    /// Time: what a repository shows now.
    pub clock: Arc<dyn Clock>,
    /// Those of drives.
    pub threads: Arc<dyn Threads>,
    /// What is encrypted can be read with these.
    pub keys: Keys,
}

/// What a restore is told.
#[derive(Debug)]
pub enum Message {
    /// Begin, or go on after a crash.
    Start,
    /// End it; what came stays.
    Stop,
    /// Something that was ordered came to its end.
    Answer(Event),
}

/// The hands of one [`Restore`]. The actor stops when the end is noted.
pub struct RestoreHands(Worker);

/// Where a part goes to.
#[derive(Clone)]
enum Place {
    Repository {
        id: RepositoryId,
        space: Space,
        is_exact: bool,
    },
    Folder(Result<Folder, String>),
}

#[derive(Clone)]
pub(super) struct Worker(Arc<Work>);

struct Work {
    id: RestoreId,
    tools: Tools,
    places: Vec<Place>,
    /// Parts whose destination has a `config` already.
    configs: Mutex<BTreeSet<usize>>,
    mount: Waiting<Option<Box<dyn Mount>>>,
    abort: Notify,
}

impl RestoreHands {
    /// Hands for the restore of this number; `is_begun` says whether it goes on after a crash.
    pub fn new(id: RestoreId, order: &Order, is_begun: bool, tools: Tools) -> Self {
        Self(Worker::new(id, order, is_begun, tools))
    }
}

impl Hands for RestoreHands {
    type Machine = Restore;
    type Message = Message;

    fn admit(&mut self, message: Message, context: &Context<Self>) -> Option<Event> {
        match message {
            Message::Start => Some(Event::Start),
            Message::Stop => Some(Event::Stop),
            Message::Answer(event) => {
                if event == Event::Ended(Ok(())) {
                    context.myself.stop();
                }
                Some(event)
            }
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
        if effect == Effect::Abort {
            self.0.abort();
            return Ok(None);
        }
        let worker = self.0.clone();
        Ok(Some(Box::pin(async move {
            Message::Answer(worker.perform(effect).await)
        })))
    }
}

impl Worker {
    pub(super) fn new(id: RestoreId, order: &Order, is_begun: bool, tools: Tools) -> Self {
        let places = order
            .parts
            .iter()
            .enumerate()
            .map(|(part, it)| match &it.to {
                Target::Exactly { id, space, .. } => Place::Repository {
                    id: *id,
                    space: *space,
                    is_exact: true,
                },
                Target::Beside { id, space, .. } => Place::Repository {
                    id: *id,
                    space: *space,
                    is_exact: false,
                },
                Target::Folder(path) => {
                    let disk = (tools.folders)(path);
                    let disk = disk.map_err(|error| format!("{path} cannot be used: {error}"));
                    let mark = format!("{id} {part}\n");
                    Place::Folder(disk.map(|disk| Folder::new(disk, mark, is_begun)))
                }
            });
        Self(Arc::new(Work {
            id,
            places: places.collect(),
            tools,
            configs: Mutex::default(),
            mount: Waiting::new(None),
            abort: Notify::new(),
        }))
    }

    fn abort(&self) {
        self.0.abort.notify_one();
    }

    /// Does one effect; what came of it.
    pub(super) async fn perform(&self, effect: Effect) -> Event {
        match effect {
            Effect::Mount(medium, at) => Event::Mounted(self.mount(medium, at).await),
            Effect::Abort => {
                self.abort();
                Event::Stop
            }
            Effect::Dismount => {
                if let Some(mount) = self.0.mount.lock().await.take() {
                    // Where it is then, the station sees to.
                    drop(mount.dismount().await);
                }
                Event::Dismounted
            }
            Effect::List(part, row) => Event::Listed(part, self.list(row).await),
            Effect::Look(part) => Event::Held(part, self.look(part).await.map_err(said)),
            Effect::Begin => Event::Begun(self.begin().await.map_err(said)),
            Effect::Read(readings) => self.read(readings).await,
            Effect::Hide(part, objects) => Event::Hidden(self.hide(part, &objects).await),
            Effect::Finish(part) => Event::Finished(self.finish(part).await),
            Effect::End(end) => Event::Ended(self.end(end).await),
        }
    }

    async fn mount(&self, medium: MediumId, at: (TapeName, Element)) -> Result<(), String> {
        let (library, slot) = at;
        let station = self.0.tools.stations.get(&library);
        let station = station.ok_or_else(|| format!("library {library} is not on this node"))?;
        let mut mount = tokio::select! {
            mount = station.mount(slot, Purpose::Restore) => mount.map_err(said)?,
            () = self.0.abort.notified() => return Err("it was stopped".to_owned()),
        };
        let rows = self.0.tools.books.rows();
        let begun = rows.tape.media.get(&medium).map(|row| row.generation);
        let who = (medium, begun.unwrap_or_default());
        let found = match recognise(mount.as_mut(), who).await {
            Ok(Ok(())) => {
                *self.0.mount.lock().await = Some(mount);
                return Ok(());
            }
            Ok(Err(stranger)) => format!("the cartridge in its slot is another one: {stranger}"),
            Err(failed) => said(failed),
        };
        drop(mount.dismount().await);
        Err(found)
    }

    async fn list(&self, row: Row) -> Result<BTreeSet<Object>, String> {
        let mut mount = self.0.mount.lock().await;
        let listed = ask(&mut mount, move |medium| {
            let mut bytes = Vec::new();
            let mut piece = |piece: Bytes| bytes.extend_from_slice(&piece);
            fetch(medium, &row, &mut piece).map_err(|error| words(&error))?;
            cut::parse(&bytes).map_err(|error| words(&error))
        });
        let listed = listed.await;
        listed.unwrap_or_else(|| Err("its drive gave up".to_owned()))
    }

    async fn look(&self, part: usize) -> Result<BTreeMap<Object, Held>, Failed> {
        let held = match &self.0.places[part] {
            Place::Repository { id, space, .. } => {
                let now = self.0.tools.clock.now().wall;
                let items = self.0.tools.repositories.view(*id, now).await?;
                let items = items.into_iter().filter(|item| item.key.space == *space);
                let items = items.filter_map(|item| {
                    let length = item.length.as_bytes();
                    let sha256 = Some(item.sha256);
                    Some((naming::object(item.key)?, Held { length, sha256 }))
                });
                items.collect()
            }
            Place::Folder(folder) => folder_of(folder)?.look().await?,
        };
        let mut configs = self
            .0
            .configs
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match held.contains_key(&Object::Config) {
            true => configs.insert(part),
            false => configs.remove(&part),
        };
        Ok(held)
    }

    async fn begin(&self) -> Result<(), Failed> {
        for place in &self.0.places {
            if let Place::Folder(folder) = place {
                folder_of(folder)?.begin().await?;
            }
        }
        self.submit(RestoreCommand::Begin).await
    }

    async fn submit(&self, command: RestoreCommand) -> Result<(), Failed> {
        let command = TapeCommand::Restore(self.0.id, command);
        self.0.tools.books.submit(command).await
    }

    async fn end(&self, end: RestoreEnd) -> Result<(), String> {
        match self.submit(RestoreCommand::End(end)).await {
            // It is over already, or was taken out: there is nothing left to end.
            Ok(()) | Err(Failed::Refused(_)) => Ok(()),
            Err(failed) => Err(said(failed)),
        }
    }
}

fn folder_of(folder: &Result<Folder, String>) -> Result<&Folder, Failed> {
    folder.as_ref().map_err(|why| Failed::Other(why.clone()))
}

fn said(failed: Failed) -> String {
    words(&failed)
}

/// Does something with the cartridge in the drive, if there is one.
async fn ask<T: Send + 'static>(
    mount: &mut Option<Box<dyn Mount>>,
    work: impl FnOnce(&mut dyn Medium) -> T + Send + 'static,
) -> Option<T> {
    ports::ask(mount.as_mut()?.as_mut(), work).await.ok()
}
