//! How a repository is spoken to, and how it acts: extents, the catalog's list of them, callers.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use ractor::ActorCell;
use tokio::sync::oneshot;

use super::audit::{Holding, Verdict};
use super::callers::{Caller, Callers, Reply};
use super::checkpoint::{self, Checkpoint};
use super::denied::Denied;
use super::entry::{Entry, FRAME_ENTRY};
use super::event::{
    Begin, Copied, Delete, Effect, Event, Finish, Frame, Grow, Held, Record, Restore, Resume,
    Written,
};
use super::head::Secret;
use super::machine::Repository;
use super::promises::{Promise, Promises};
use super::reader::Reader;
use super::register::Register;
use super::report::Report;
use super::settings::Settings;
use super::snapshot::Snapshot;
use super::sweeper::Sweeper;
use super::uploads::UploadId;
use super::visit::Visit;
use super::writer::Writer;
use crate::extent::{self};
use crate::frame::Header;
use crate::kernel::{CredentialId, Epoch, ExtentId, RepositoryId, Size, Ticket, Timestamp};
use crate::object::{Hash, Hashing, Key};
use crate::ports::{Pending, Ports, Storage};
use crate::shell::{self, Context, End, Fault, Handle};

/// What a repository calls when it may be put away.
pub type Idle = Box<dyn Fn(u64, Option<Timestamp>) + Send>;

/// What others may say to a repository.
pub enum Message {
    /// The catalog changed.
    Settings(Settings),
    /// Another node is to have it: end what is under way, give up the right to write, and stop.
    Yield,
    /// Let somebody in.
    Visit(oneshot::Sender<Visit>),
    /// Somebody left.
    Leave,
    /// Begin an upload.
    Begin(Key, Size, CredentialId, Reply<UploadId>),
    /// Announces more bytes of an upload.
    Grow(UploadId, Size, Reply<()>),
    /// Take bytes of an upload; answered when more may come. With the hash of all up to these the
    /// upload can be gone on with once it was cut.
    Frame(UploadId, Bytes, Option<Hashing>, Reply<()>),
    /// End an upload whose bytes have this hash; answered when it is durable.
    Finish(UploadId, Hash, Reply<()>),
    /// Give an upload up.
    Abort(UploadId),
    /// Keep what came of an upload for who goes on with it.
    Park(UploadId),
    /// Go on with what is held of an object of this size, if anything is.
    Resume(Key, Size, CredentialId, Reply<Option<Held>>),
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
    Opened(Result<(ExtentId, Secret, Handle<extent::Message>), Denied>),
    /// An extent takes nothing more, and its actor may go.
    Closed {
        /// Which.
        extent: ExtentId,
        /// Whether all that it took is durable.
        whole: bool,
        /// Its final length, if the catalog knows it.
        length: Option<u64>,
    },
    /// The index took a checkpoint, or did not.
    Checkpointed {
        /// Whether it did.
        done: bool,
    },
    /// The log was asked what the oldest extents hold.
    Audited(Result<Vec<Holding>, Verdict>, Option<Storage>),
    /// The bytes of an object that is moved went to the end of the log, or did not.
    Copied(Copied),
    /// Emptied extents are gone, or are not yet.
    Discarded {
        /// Whether they are.
        done: bool,
    },
}

/// The hands of one repository.
pub struct Hands {
    id: RepositoryId,
    epoch: Epoch,
    register: Arc<dyn Register>,
    writer: Writer,
    sweeper: Sweeper,
    reader: Reader,
    promise: Promise,
    /// Told when nobody has been here for a while, how many were, and when the bin is due.
    idle: Idle,
    callers: Callers,
}

impl Hands {
    /// Hands for the owner with this epoch, on a node that has made these promises; `idle` is told
    /// when the repository may be put away.
    pub fn new(
        id: RepositoryId,
        epoch: Epoch,
        register: Arc<dyn Register>,
        reader: Reader,
        promises: &Promises,
        idle: Idle,
    ) -> Self {
        Self {
            id,
            epoch,
            sweeper: Sweeper::new(id, epoch, Arc::clone(&register), reader.clone()),
            writer: Writer::new(id, epoch, Arc::clone(&register)),
            register,
            reader,
            promise: promises.share(),
            idle,
            callers: Callers::default(),
        }
    }

    fn begin(
        &self,
        ticket: Ticket,
        (key, size, by): (Key, Size, CredentialId),
        context: &Context<Self>,
    ) -> Event {
        Event::Begin(Begin {
            ticket,
            key,
            size,
            by,
            storage: context.ports.disk.storage(),
            elsewhere: self.promise.others(),
        })
    }

    fn grow(&self, ticket: Ticket, upload: UploadId, more: Size, context: &Context<Self>) -> Event {
        Event::Grow(Grow {
            ticket,
            upload,
            more,
            storage: context.ports.disk.storage(),
            elsewhere: self.promise.others(),
        })
    }

    /// An extent takes nothing more.
    fn closed(&mut self, extent: ExtentId, whole: bool, length: Option<u64>) -> Option<Event> {
        if let Some(actor) = self.writer.close(extent) {
            actor.stop();
        }
        match length {
            durable if !whole => Some(Event::Lost { extent, durable }),
            Some(length) => Some(Event::Sealed { extent, length }),
            None => None,
        }
    }

    fn checkpoint(&self, checkpoint: Checkpoint, ports: &Ports) -> Pending<Message> {
        let (id, index) = (self.id, Arc::clone(&ports.index));
        let (reader, mut checkpoint) = (self.reader.clone(), checkpoint);
        Box::pin(async move {
            let written = match reader.checksum(checkpoint.stamp.place).await {
                Ok(checksum) => {
                    checkpoint.stamp.checksum = checksum;
                    let written = checkpoint::write(&index, id, checkpoint).await;
                    written.map_err(|error| Fault::of(&error))
                }
                Err(error) => Err(Fault::of(&error)),
            };
            if let Err(error) = &written {
                tracing::warn!(repository = %id, %error, "the index is behind");
            }
            Message::Checkpointed {
                done: written.is_ok(),
            }
        })
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
                // Somebody who went away meanwhile leaves again as the visit is dropped.
                let _ = door.send(Visit {
                    repository,
                    reader: self.reader.clone(),
                    epoch: self.epoch,
                    register: Arc::clone(&self.register),
                });
                Event::Visited
            }
            Message::Yield => Event::Yield,
            Message::Leave => Event::Left,
            Message::Begin(key, size, by, reply) => {
                let ticket = self.callers.ticket(Caller::Begin(reply));
                self.begin(ticket, (key, size, by), context)
            }
            Message::Grow(upload, more, reply) => {
                let ticket = self.callers.ticket(Caller::Done(reply));
                self.grow(ticket, upload, more, context)
            }
            Message::Frame(upload, bytes, hashed, reply) => Event::Frame(Frame {
                ticket: self.callers.ticket(Caller::Done(reply)),
                upload,
                bytes,
                hashed,
            }),
            Message::Finish(upload, hash, reply) => Event::Finish(Finish {
                ticket: self.callers.ticket(Caller::Done(reply)),
                upload,
                hash,
            }),
            Message::Abort(upload) => Event::Abort(upload),
            Message::Park(upload) => Event::Park(upload),
            Message::Resume(key, size, by, reply) => Event::Resume(Resume {
                ticket: self.callers.ticket(Caller::Held(reply)),
                key,
                size,
                by,
            }),
            Message::Delete(key, by, reply) => Event::Delete(Delete {
                ticket: self.callers.ticket(Caller::Done(reply)),
                key,
                by,
            }),
            Message::Restore(to, reply) => Event::Restore(Restore {
                ticket: self.callers.ticket(Caller::Done(reply)),
                to,
            }),
            Message::Look(reply) => Event::Look(self.callers.ticket(Caller::Look(reply))),
            Message::Report(reply) => Event::Report(self.callers.ticket(Caller::Report(reply))),
            Message::Written(written) => Event::Written(written),
            Message::Opened(opened) => Event::Opened(opened.map(|(id, secret, actor)| {
                self.writer.opened(id, secret, actor);
                id
            })),
            Message::Closed {
                extent,
                whole,
                length,
            } => return self.closed(extent, whole, length),
            Message::Checkpointed { done } => Event::Checkpointed { done },
            Message::Audited(found, storage) => Event::Audited(found, storage),
            Message::Copied(copied) => Event::Copied(copied),
            Message::Discarded { done } => Event::Discarded { done },
        })
    }

    fn persist(&mut self, record: Record, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        let (encoded, sequence) = (&record.encoded, record.sequence);
        let Some(trailer) = self.writer.trailer(record.place.extent, sequence, encoded) else {
            let lost = format!("{} ended before an entry", record.place.extent);
            return Box::pin(async { Err(Fault(lost)) });
        };
        let mut body = BytesMut::from(encoded.as_ref());
        body.extend_from_slice(&trailer);
        let body = body.freeze();
        let header = Header::of(FRAME_ENTRY, self.epoch, sequence, &body).encode();
        let before = self.writer.elsewhere(&record);
        let written = self.writer.append(record.place, vec![header, body], true);
        let moved = match &record.entry {
            Entry::Moved(moved) | Entry::Stranded(moved) => {
                Some((self.reader.clone(), moved.from, record.place))
            }
            Entry::Stored(_)
            | Entry::Deleted { .. }
            | Entry::Purged { .. }
            | Entry::Restored { .. }
            | Entry::Emptied { .. } => None,
        };
        Box::pin(async move {
            for settled in before {
                settled.await?;
            }
            written.await.map_err(|trouble| Fault::of(&trouble))?;
            if let Some((reader, from, to)) = moved {
                reader.moved(from, to);
            }
            Ok(())
        })
    }

    fn perform(
        &mut self,
        effect: Effect,
        context: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        match effect {
            Effect::Open => {
                let (path, supervisor) = (context.path.clone(), context.myself.cell());
                let ports = context.ports.clone();
                return Ok(Some(self.writer.open(ports, path, supervisor)));
            }
            Effect::Append {
                ticket,
                upload,
                place,
                parts,
            } => {
                let extent = place.extent;
                let length = Size::bytes(parts.iter().skip(1).map(|part| part.len() as u64).sum());
                let written = self.writer.append(place, parts, false);
                return Ok(Some(Box::pin(async move {
                    let result = written.await;
                    Message::Written(Written {
                        ticket,
                        upload,
                        extent,
                        length,
                        result,
                    })
                })));
            }
            Effect::Promise(size) => self.promise.set(size),
            Effect::Seal { extent } => return Ok(Some(self.writer.seal(extent))),
            Effect::Checkpoint(checkpoint) => {
                return Ok(Some(self.checkpoint(checkpoint, &context.ports)));
            }
            Effect::Audit(audit) => return Ok(Some(self.sweeper.audit(audit))),
            Effect::Copy { upload, place } => {
                let myself = context.myself.clone();
                return Ok(Some(self.sweeper.copy(upload, place, myself)));
            }
            Effect::Discard(discard) => return Ok(Some(self.sweeper.discard(discard))),
            Effect::Rest { seen, purge } => (self.idle)(seen, purge),
            Effect::Yielded => context.myself.stop(),
            Effect::Begun { ticket, upload } => {
                // Whoever went away before is answered in vain.
                if !self.callers.begun(ticket, upload) {
                    let _ = context.myself.tell(Message::Abort(upload));
                }
            }
            Effect::Held { ticket, held } => self.callers.held(ticket, held),
            Effect::Done { ticket } => self.callers.done(ticket),
            Effect::Deny { ticket, denied } => self.callers.deny(ticket, denied),
            Effect::Show { ticket, snapshot } => self.callers.show(ticket, snapshot),
            Effect::Tell { ticket, report } => self.callers.tell(ticket, report),
        }
        Ok(None)
    }

    fn ended(&mut self, child: &ActorCell, _: End) -> Option<Message> {
        let extent = self.writer.extent_of(child)?;
        self.writer.close(extent);
        let (whole, length) = (false, None);
        Some(Message::Closed {
            extent,
            whole,
            length,
        })
    }
}
