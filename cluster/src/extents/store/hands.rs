//! How the replicas of a node are spoken to, and how they are written.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::extent::{self, Extent, Trouble};
use holdfast_actors::journal;
use holdfast_actors::kernel::{Epoch, ExtentId, RepositoryId, Sequence, Ticket};
use holdfast_actors::ports::{Disk, File, Journal, Pending};
use holdfast_actors::schema;
use holdfast_actors::shell::{self, Context, End, Fault, Handle};
use ractor::ActorCell;
use tokio::sync::oneshot;

use super::super::word::{Ask, Copied, Record, Tell};
use super::{Effect, Event, Listing, Refusal, Store};

/// What a node says of its replica; bytes follow [`Tell::Bytes`] alone.
pub type Answer = Result<(Tell, Bytes), Refusal>;

/// What reaches the replicas of a node.
pub enum Message {
    /// Somebody asks; bytes follow [`Ask::Append`] alone.
    Ask(Ask, Bytes, oneshot::Sender<Answer>),
    /// The catalog has sealed an extent at this length.
    Sealed(ExtentId, u64),
    /// The catalog knows no such extent, or no replica of it here.
    Dropped(ExtentId),
    /// A file was made, with the actor that writes to it, or was not.
    Made(ExtentId, Result<Handle<extent::Message>, Trouble>),
    /// The actor of a replica has ended; so far it is durable, if it said so.
    Closed(ExtentId, Option<u64>),
    /// A file was cut, or was not.
    Cut {
        /// Of which extent.
        extent: ExtentId,
        /// To which length.
        length: u64,
        /// Whether that is durable.
        done: bool,
    },
    /// What a file or an actor says to a caller.
    Told(Ticket, Answer),
    /// The file of a replica was taken away, or somebody has to look after it.
    Unlinked(ExtentId),
    /// Which replicas there are.
    List(oneshot::Sender<Listing>),
    /// How many bytes writers have appended since the start.
    Appended(oneshot::Sender<u64>),
    /// A durable copy of a sealed extent lies at this path: it takes the place of whatever replica
    /// there is. Refused as [`Refusal::Taken`] while something else is done with that one.
    Copied(Copied, String, oneshot::Sender<Answer>),
    /// A copy took its place, or did not.
    Placed(ExtentId, bool),
    /// A snapshot was written, or was not.
    Kept(bool),
}

/// Where a node notes what it knows of its replicas, and nobody else notes anything.
pub trait Notes: Journal {
    /// Keeps a snapshot that says what all records through this one say; see
    /// [`journal::Handle::snapshot`].
    fn keep(
        &self,
        through: Sequence,
        parts: Vec<Bytes>,
    ) -> Pending<Result<(), journal::SnapshotError>>;
}

impl Notes for journal::Handle {
    fn keep(
        &self,
        through: Sequence,
        parts: Vec<Bytes>,
    ) -> Pending<Result<(), journal::SnapshotError>> {
        self.snapshot(through, parts)
    }
}

/// The files of a node's replicas.
pub struct StoreHands {
    notes: Arc<dyn Notes>,
    actors: BTreeMap<ExtentId, Handle<extent::Message>>,
    callers: BTreeMap<Ticket, oneshot::Sender<Answer>>,
    listeners: BTreeMap<Ticket, oneshot::Sender<Listing>>,
    last: Ticket,
    /// Bytes that writers appended.
    appended: u64,
}

impl StoreHands {
    /// Hands that note facts there.
    pub fn new(notes: Arc<dyn Notes>) -> Self {
        Self {
            notes,
            actors: BTreeMap::new(),
            callers: BTreeMap::new(),
            listeners: BTreeMap::new(),
            last: Ticket::default(),
            appended: 0,
        }
    }

    fn called(&mut self, reply: oneshot::Sender<Answer>) -> Ticket {
        self.last = self.last.next();
        self.callers.insert(self.last, reply);
        self.last
    }

    fn answer(&mut self, ticket: Ticket, answer: Answer) {
        if let Some(caller) = self.callers.remove(&ticket) {
            // Who went away does not want to know.
            let _ = caller.send(answer);
        }
    }

    /// What the actor of a replica says to a caller, once it does.
    fn ask(
        &self,
        ticket: Ticket,
        extent: ExtentId,
        message: impl FnOnce(oneshot::Sender<Result<(), Trouble>>) -> extent::Message,
    ) -> Pending<Message> {
        let asked = self.actors.get(&extent).map(|actor| actor.ask(message));
        Box::pin(async move {
            let told = match asked {
                Some(asked) => asked.await.unwrap_or(Err(Trouble::Broken)),
                None => Err(Trouble::Broken),
            };
            let told = told.map(|()| (Tell::Done, Bytes::new()));
            Message::Told(ticket, told.map_err(Refusal::from))
        })
    }

    fn keep(&self, through: Sequence, records: &[Record]) -> Pending<Message> {
        let parts = records.iter().map(|record| schema::encode(record).into());
        let kept = self.notes.keep(through, parts.collect());
        Box::pin(async move {
            let kept = kept.await;
            if let Err(error) = &kept {
                tracing::warn!(error = %Fault::of(error), "no snapshot of the replicas");
            }
            Message::Kept(kept.is_ok())
        })
    }

    fn close(&mut self, extent: ExtentId) -> Pending<Message> {
        let actor = self.actors.remove(&extent);
        Box::pin(async move {
            let Some(actor) = actor else {
                return Message::Closed(extent, None);
            };
            let sealed = actor.ask(extent::Message::Seal).await;
            actor.stop();
            Message::Closed(extent, sealed.ok().map(|sealed| sealed.durable))
        })
    }
}

impl shell::Hands for StoreHands {
    type Machine = Store;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        Some(match message {
            Message::Ask(ask, bytes, reply) => {
                self.appended += bytes.len() as u64;
                let ticket = self.called(reply);
                Event::Asked { ticket, ask, bytes }
            }
            Message::Sealed(extent, length) => Event::Sealed { extent, length },
            Message::Dropped(extent) => Event::Dropped { extent },
            Message::Made(extent, made) => {
                let result = made.map(|actor| drop(self.actors.insert(extent, actor)));
                Event::Made { extent, result }
            }
            Message::Closed(extent, Some(durable)) => Event::Closed { extent, durable },
            Message::Closed(extent, None) => Event::Failed { extent },
            Message::Cut {
                extent,
                length,
                done,
            } => Event::Cut {
                extent,
                length,
                done,
            },
            Message::Told(ticket, answer) => {
                self.answer(ticket, answer);
                return None;
            }
            Message::Unlinked(extent) => Event::Unlinked { extent },
            Message::List(reply) => {
                self.last = self.last.next();
                let ticket = self.last;
                self.listeners.insert(ticket, reply);
                Event::Listed { ticket }
            }
            Message::Appended(reply) => {
                // Who went away does not want to know.
                let _ = reply.send(self.appended);
                return None;
            }
            Message::Copied(copied, from, reply) => {
                let ticket = self.called(reply);
                Event::Copied {
                    ticket,
                    copied,
                    from,
                }
            }
            Message::Placed(extent, done) => Event::Placed { extent, done },
            Message::Kept(done) => Event::Kept { done },
        })
    }

    fn persist(&mut self, record: Record, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        self.notes.append(Bytes::from(schema::encode(&record)))
    }

    fn perform(
        &mut self,
        effect: Effect,
        context: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        let disk = Arc::clone(&context.ports.disk);
        Ok(Some(match effect {
            Effect::Make {
                repository,
                extent,
                epoch,
            } => make(context, repository, extent, epoch),
            Effect::Append {
                ticket,
                extent,
                epoch,
                offset,
                bytes,
            } => self.ask(ticket, extent, |reply| extent::Message::Append {
                epoch,
                offset,
                parts: vec![bytes],
                durable: false,
                reply,
            }),
            Effect::Sync { ticket, extent } => self.ask(ticket, extent, extent::Message::Settle),
            Effect::Close { extent } => self.close(extent),
            Effect::Read {
                ticket,
                repository,
                extent,
                offset,
                length,
            } => Box::pin(async move {
                let path = extent::path(repository, extent);
                let read = read(&disk, &path, offset, length).await;
                let read = read.map(|bytes| (Tell::Bytes, bytes));
                Message::Told(ticket, read.map_err(|_| Refusal::Broken))
            }),
            Effect::Cut {
                repository,
                extent,
                length,
            } => Box::pin(async move {
                let cut = cut(&disk, &extent::path(repository, extent), length).await;
                let done = cut.is_ok();
                Message::Cut {
                    extent,
                    length,
                    done,
                }
            }),
            Effect::Unlink { repository, extent } => unlink(disk, repository, extent),
            Effect::Place {
                repository,
                extent,
                from,
            } => place(disk, repository, extent, from),
            Effect::Keep { through, records } => self.keep(through, &records),
            Effect::Fail { extent } => {
                return Err(Fault(format!("the actor of {extent} failed")));
            }
            Effect::Answer { ticket, answer } => {
                self.answer(ticket, answer.map(|tell| (tell, Bytes::new())));
                return Ok(None);
            }
            Effect::List { ticket, listing } => {
                if let Some(reply) = self.listeners.remove(&ticket) {
                    let _ = reply.send(listing);
                }
                return Ok(None);
            }
        }))
    }

    fn ended(&mut self, child: &ActorCell, _: End) -> Option<Message> {
        let id = child.get_id();
        let found = self.actors.iter().find(|(_, it)| it.cell().get_id() == id);
        let extent = *found?.0;
        self.actors.remove(&extent);
        Some(Message::Closed(extent, None))
    }
}

/// Makes an empty file, durable with its name, and the actor that writes to it.
fn make(
    context: &Context<StoreHands>,
    repository: RepositoryId,
    extent: ExtentId,
    epoch: Epoch,
) -> Pending<Message> {
    let ports = context.ports.clone();
    let (path, supervisor) = (context.path.child(extent), context.myself.cell());
    Box::pin(async move {
        let made = async {
            let file = create(&ports.disk, repository, extent).await;
            let file = file.map_err(|error| trouble(&error))?;
            let (machine, hands) = (Extent::new(extent, epoch, 0), extent::Hands::new(file));
            let actor = shell::spawn(path, machine, hands, ports, Some(supervisor)).await;
            actor.map_err(|_| Trouble::Broken)
        };
        Message::Made(extent, made.await)
    })
}

/// A file of a replica that no record speaks of is one that nobody was told of.
async fn create(
    disk: &Arc<dyn Disk>,
    repository: RepositoryId,
    extent: ExtentId,
) -> io::Result<Arc<dyn File>> {
    let path = extent::path(repository, extent);
    disk.remove(&path).await?;
    let file = disk.create(&path).await?;
    file.sync().await?;
    disk.sync_folder(&extent::folder(repository)).await?;
    Ok(file)
}

fn unlink(disk: Arc<dyn Disk>, repository: RepositoryId, extent: ExtentId) -> Pending<Message> {
    Box::pin(async move {
        let gone = disk.remove(&extent::path(repository, extent)).await;
        let folder = extent::folder(repository);
        if let Err(error) = gone.and(disk.sync_folder(&folder).await) {
            tracing::warn!(%extent, %error, "a replica nobody wants is still there");
        }
        Message::Unlinked(extent)
    })
}

/// Gives a copy the name of its extent's file.
fn place(
    disk: Arc<dyn Disk>,
    repository: RepositoryId,
    extent: ExtentId,
    from: String,
) -> Pending<Message> {
    Box::pin(async move {
        let path = extent::path(repository, extent);
        let placed = match disk.rename(&from, &path).await {
            Ok(()) => disk.sync_folder(&extent::folder(repository)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &placed {
            tracing::warn!(%extent, %error, "a copy cannot take its place");
        }
        Message::Placed(extent, placed.is_ok())
    })
}

async fn read(disk: &Arc<dyn Disk>, path: &str, offset: u64, length: u32) -> io::Result<Bytes> {
    let file = disk.open(path).await?;
    file.read(offset, length as usize).await
}

async fn cut(disk: &Arc<dyn Disk>, path: &str, length: u64) -> io::Result<()> {
    let file = disk.open(path).await?;
    file.truncate(length).await?;
    file.sync().await
}

fn trouble(error: &io::Error) -> Trouble {
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    if full.contains(&error.kind()) {
        Trouble::Full
    } else {
        Trouble::Broken
    }
}
