//! How a repository is spoken to, and how it acts: extents, the catalog's list of them, callers.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use ractor::ActorCell;
use tokio::sync::oneshot;

use super::denied::Denied;
use super::entry::{Entry, FRAME_ENTRY, Place};
use super::event::{Begin, Delete, Effect, Event, Finish, Frame, Record, Report, Restore, Written};
use super::machine::{MARK, Repository};
use super::reader::Reader;
use super::settings::Settings;
use super::snapshot::Snapshot;
use super::uploads::UploadId;
use super::visit::Visit;
use crate::extent::{self, Extent, Trouble};
use crate::frame::{HEADER, Header};
use crate::kernel::{CredentialId, Epoch, ExtentId, RepositoryId, Size, Ticket, Timestamp};
use crate::object::{Hash, Key};
use crate::ports::{Pending, Ports};
use crate::shell::{self, Context, End, Fault, Handle};

/// The part of the catalog that a repository needs.
pub trait Register: Send + Sync + 'static {
    /// The right to write to a repository, until somebody else acquires it.
    fn acquire(&self, repository: RepositoryId) -> Pending<Result<Epoch, Fault>>;
    /// A new extent for the owner with this epoch.
    fn open(&self, repository: RepositoryId, epoch: Epoch) -> Pending<Result<ExtentId, Fault>>;
    /// The final length of an extent.
    fn seal(&self, extent: ExtentId, epoch: Epoch, length: u64) -> Pending<Result<(), Fault>>;
}

/// How a caller is answered.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Denied>>;

/// What others may say to a repository.
pub enum Message {
    /// The catalog changed.
    Settings(Settings),
    /// Let somebody in.
    Visit(oneshot::Sender<Visit>),
    /// Somebody left.
    Leave,
    /// Begin an upload.
    Begin(Key, Size, CredentialId, Reply<UploadId>),
    /// Take bytes of an upload; answered when more may come.
    Frame(UploadId, Bytes, Reply<()>),
    /// End an upload whose bytes have this hash; answered when it is durable.
    Finish(UploadId, Hash, Reply<()>),
    /// Give an upload up.
    Abort(UploadId),
    /// Put an object in the bin.
    Delete(Key, CredentialId, Reply<()>),
    /// Show again what was there at an instant.
    Restore(Timestamp, Reply<()>),
    /// A copy of what is held.
    Look(Reply<Snapshot>),
    /// The figures.
    Report(Reply<Report>),
    /// A frame was written, or not.
    Written(Written),
    /// An extent was made, or not.
    Opened(Result<(ExtentId, Handle<extent::Message>), Denied>),
    /// An extent takes nothing more, and its actor may go.
    Closed {
        /// Which.
        extent: ExtentId,
        /// Whether all that it took is durable.
        whole: bool,
    },
}

/// Who waits for an answer.
enum Caller {
    Begin(Reply<UploadId>),
    Done(Reply<()>),
    Look(Reply<Snapshot>),
    Report(Reply<Report>),
}

/// An extent that is written to.
struct Open {
    actor: Handle<extent::Message>,
    durable: Arc<AtomicU64>,
}

/// The hands of one repository.
pub struct Hands {
    id: RepositoryId,
    epoch: Epoch,
    register: Arc<dyn Register>,
    reader: Reader,
    /// Told when nobody has been here for a while, and how many were.
    idle: Box<dyn Fn(u64) + Send>,
    extents: BTreeMap<ExtentId, Open>,
    /// Extents of this life that are not written any more: how far they are durable.
    closed: BTreeMap<ExtentId, u64>,
    callers: BTreeMap<Ticket, Caller>,
    tickets: Ticket,
}

impl Hands {
    /// Hands for the owner with this epoch; `idle` is told when the repository may be put away.
    pub fn new(
        id: RepositoryId,
        epoch: Epoch,
        register: Arc<dyn Register>,
        reader: Reader,
        idle: Box<dyn Fn(u64) + Send>,
    ) -> Self {
        Self {
            id,
            epoch,
            register,
            reader,
            idle,
            extents: BTreeMap::new(),
            closed: BTreeMap::new(),
            callers: BTreeMap::new(),
            tickets: Ticket::new(0),
        }
    }

    fn ticket(&mut self, caller: Caller) -> Ticket {
        self.tickets = self.tickets.next();
        self.callers.insert(self.tickets, caller);
        self.tickets
    }

    /// Appends to an extent; a missing one was given up, and the append with it.
    fn append(
        &self,
        place: Place,
        parts: Vec<Bytes>,
        durable: bool,
    ) -> Pending<Result<(), Trouble>> {
        let Some(open) = self.extents.get(&place.extent) else {
            return Box::pin(async { Err(Trouble::Broken) });
        };
        let length: u64 = parts.iter().map(|part| part.len() as u64).sum();
        let (epoch, offset) = (self.epoch, place.offset);
        let mark = Arc::clone(&open.durable);
        let answer = open.actor.ask(|reply| extent::Message::Append {
            epoch,
            offset,
            parts,
            durable,
            reply,
        });
        Box::pin(async move {
            answer.await.map_err(|_| Trouble::Broken)??;
            if durable {
                mark.fetch_max(offset + length, Ordering::Relaxed);
            }
            Ok(())
        })
    }

    /// Makes sure that what an object has in other extents is durable too.
    fn elsewhere(&self, record: &Record) -> Vec<Pending<Result<(), Fault>>> {
        let Entry::Stored(stored) = &record.entry else {
            return Vec::new();
        };
        let mut ends = BTreeMap::new();
        for piece in &stored.pieces {
            let end: &mut u64 = ends.entry(piece.extent).or_default();
            *end = piece.end().max(*end);
        }
        ends.remove(&record.place.extent);
        ends.into_iter()
            .map(|(extent, end)| self.settle(extent, end))
            .collect()
    }

    /// Makes an extent durable up to `end`.
    fn settle(&self, extent: ExtentId, end: u64) -> Pending<Result<(), Fault>> {
        let lost = move || Fault(format!("{extent} failed below byte {end}"));
        let Some(open) = self.extents.get(&extent) else {
            let known = self.closed.get(&extent).is_some_and(|known| *known >= end);
            return Box::pin(async move { known.then_some(()).ok_or_else(lost) });
        };
        let settled = open.actor.ask(extent::Message::Settle);
        let mark = Arc::clone(&open.durable);
        Box::pin(async move {
            match settled.await {
                Ok(Ok(())) => Ok(()),
                // One that was sealed meanwhile does not answer any more, and need not.
                Ok(Err(_)) | Err(_) if mark.load(Ordering::Relaxed) >= end => Ok(()),
                Ok(Err(_)) | Err(_) => Err(lost()),
            }
        })
    }

    fn open(&self, context: &Context<Self>) -> Pending<Message> {
        let opened = self.register.open(self.id, self.epoch);
        let (repository, epoch, ports) = (self.id, self.epoch, context.ports.clone());
        let (path, supervisor) = (context.path.clone(), context.myself.cell());
        Box::pin(async move {
            let made = async {
                let id = opened.await.map_err(|_| Denied::StorageFailed)?;
                let file = create(&ports, repository, id)
                    .await
                    .map_err(|error| denied(&error))?;
                let (machine, hands) = (Extent::new(id, epoch), extent::Hands::new(file));
                shell::spawn(path.child(id), machine, hands, ports, Some(supervisor))
                    .await
                    .map(|actor| (id, actor))
                    .map_err(|_| Denied::StorageFailed)
            };
            Message::Opened(made.await)
        })
    }

    /// Ends an extent. One that failed keeps what its actor knows to be durable; if that is gone
    /// too, the next recovery finds the extent open and judges it.
    fn seal(&self, extent: ExtentId) -> Pending<Message> {
        let open = self.extents.get(&extent);
        let open = open.map(|open| (open.actor.clone(), Arc::clone(&open.durable)));
        let (register, epoch) = (Arc::clone(&self.register), self.epoch);
        Box::pin(async move {
            let lost = Message::Closed {
                extent,
                whole: false,
            };
            let Some((actor, mark)) = open else {
                return lost;
            };
            let Ok(extent::Sealed { durable, result }) = actor.ask(extent::Message::Seal).await
            else {
                return lost;
            };
            mark.fetch_max(durable, Ordering::Relaxed);
            if let Err(error) = register.seal(extent, epoch, durable).await {
                tracing::warn!(%extent, %error, "extent not sealed in the catalog");
            }
            let whole = result.is_ok();
            Message::Closed { extent, whole }
        })
    }

    /// Forgets an extent that is not written any more; gives its actor.
    fn close(&mut self, extent: ExtentId) -> Option<Handle<extent::Message>> {
        let open = self.extents.remove(&extent)?;
        let durable = open.durable.load(Ordering::Relaxed);
        self.closed.insert(extent, durable);
        Some(open.actor)
    }

    // A caller that went away is one that nobody owes an answer: sending to it may fail.

    fn begun(&mut self, ticket: Ticket, upload: UploadId) {
        if let Some(Caller::Begin(reply)) = self.callers.remove(&ticket) {
            let _ = reply.send(Ok(upload));
        }
    }

    fn done(&mut self, ticket: Ticket) {
        if let Some(Caller::Done(reply)) = self.callers.remove(&ticket) {
            let _ = reply.send(Ok(()));
        }
    }

    fn show(&mut self, ticket: Ticket, snapshot: Snapshot) {
        if let Some(Caller::Look(reply)) = self.callers.remove(&ticket) {
            let _ = reply.send(Ok(snapshot));
        }
    }

    fn tell(&mut self, ticket: Ticket, report: Report) {
        if let Some(Caller::Report(reply)) = self.callers.remove(&ticket) {
            let _ = reply.send(Ok(report));
        }
    }

    fn deny(&mut self, ticket: Ticket, denied: Denied) {
        let _ = match self.callers.remove(&ticket) {
            Some(Caller::Begin(reply)) => reply.send(Err(denied)).is_ok(),
            Some(Caller::Done(reply)) => reply.send(Err(denied)).is_ok(),
            Some(Caller::Look(reply)) => reply.send(Err(denied)).is_ok(),
            Some(Caller::Report(reply)) => reply.send(Err(denied)).is_ok(),
            None => false,
        };
    }
}

impl shell::Hands for Hands {
    type Machine = Repository;
    type Message = Message;

    fn admit(&mut self, message: Message, context: &Context<Self>) -> Option<Event> {
        Some(match message {
            Message::Settings(settings) => Event::Settings(settings),
            Message::Visit(door) => {
                let repository = context.myself.clone();
                let reader = self.reader.clone();
                // Somebody who went away meanwhile leaves again as the visit is dropped.
                let _ = door.send(Visit { repository, reader });
                Event::Visited
            }
            Message::Leave => Event::Left,
            Message::Begin(key, size, by, reply) => {
                let ticket = self.ticket(Caller::Begin(reply));
                Event::Begin(Begin {
                    ticket,
                    key,
                    size,
                    by,
                })
            }
            Message::Frame(upload, bytes, reply) => Event::Frame(Frame {
                ticket: self.ticket(Caller::Done(reply)),
                upload,
                bytes,
            }),
            Message::Finish(upload, hash, reply) => Event::Finish(Finish {
                ticket: self.ticket(Caller::Done(reply)),
                upload,
                hash,
            }),
            Message::Abort(upload) => Event::Abort(upload),
            Message::Delete(key, by, reply) => Event::Delete(Delete {
                ticket: self.ticket(Caller::Done(reply)),
                key,
                by,
            }),
            Message::Restore(to, reply) => Event::Restore(Restore {
                ticket: self.ticket(Caller::Done(reply)),
                to,
            }),
            Message::Look(reply) => Event::Look(self.ticket(Caller::Look(reply))),
            Message::Report(reply) => Event::Report(self.ticket(Caller::Report(reply))),
            Message::Written(written) => Event::Written(written),
            Message::Opened(Ok((id, actor))) => {
                self.extents.insert(
                    id,
                    Open {
                        actor,
                        durable: Arc::default(),
                    },
                );
                Event::Opened(Ok(id))
            }
            Message::Opened(Err(denied)) => Event::Opened(Err(denied)),
            Message::Closed { extent, whole } => {
                if let Some(actor) = self.close(extent) {
                    actor.stop();
                }
                return (!whole).then_some(Event::Lost(extent));
            }
        })
    }

    fn persist(&mut self, record: Record, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        let durable = self
            .extents
            .get(&record.place.extent)
            .map(|open| &open.durable);
        let mark = durable.map_or(0, |mark| mark.load(Ordering::Relaxed));
        let mut body = BytesMut::from(record.encoded.as_ref());
        body.extend_from_slice(&mark.to_le_bytes());
        let body = body.freeze();
        let header = Header::of(FRAME_ENTRY, self.epoch, record.sequence, &body).encode();
        debug_assert_eq!(
            record.encoded.len() + MARK as usize + HEADER,
            body.len() + header.len()
        );
        let before = self.elsewhere(&record);
        let written = self.append(record.place, vec![header, body], true);
        Box::pin(async move {
            for settled in before {
                settled.await?;
            }
            written.await.map_err(|trouble| Fault::of(&trouble))
        })
    }

    fn perform(
        &mut self,
        effect: Effect,
        context: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        match effect {
            Effect::Open => return Ok(Some(self.open(context))),
            Effect::Append {
                ticket,
                upload,
                place,
                parts,
            } => {
                let (extent, written) = (place.extent, self.append(place, parts, false));
                return Ok(Some(Box::pin(async move {
                    let result = written.await;
                    Message::Written(Written {
                        ticket,
                        upload,
                        extent,
                        result,
                    })
                })));
            }
            Effect::Seal { extent } => return Ok(Some(self.seal(extent))),
            Effect::Rest { seen } => (self.idle)(seen),
            Effect::Begun { ticket, upload } => self.begun(ticket, upload),
            Effect::Done { ticket } => self.done(ticket),
            Effect::Deny { ticket, denied } => self.deny(ticket, denied),
            Effect::Show { ticket, snapshot } => self.show(ticket, snapshot),
            Effect::Tell { ticket, report } => self.tell(ticket, report),
        }
        Ok(None)
    }

    fn ended(&mut self, child: &ActorCell, _: End) -> Option<Message> {
        let mut extents = self.extents.iter();
        let ended = extents.find(|(_, open)| open.actor.cell().get_id() == child.get_id());
        let (extent, whole) = (*ended?.0, false);
        self.close(extent);
        Some(Message::Closed { extent, whole })
    }
}

/// Makes an extent's file, durable by name before anybody writes to it.
async fn create(
    ports: &Ports,
    repository: RepositoryId,
    extent: ExtentId,
) -> io::Result<Arc<dyn crate::ports::File>> {
    let file = ports.disk.create(&extent::path(repository, extent)).await?;
    ports.disk.sync_folder(&extent::folder(repository)).await?;
    Ok(file)
}

fn denied(error: &io::Error) -> Denied {
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    if full.contains(&error.kind()) {
        Denied::StorageFull
    } else {
        Denied::StorageFailed
    }
}
