//! Where a repository's bytes go: its open extents, and what is known to be durable of each.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use ractor::ActorCell;

use super::denied::Denied;
use super::entry::{Entry, Place};
use super::event::Record;
use super::hands::Message;
use super::head::{HEAD_BYTES, Secret, TRAILER};
use super::register::Register;
use crate::extent::{self, Extent, Trouble};
use crate::kernel::{Epoch, ExtentId, RepositoryId, Sequence};
use crate::ports::{Pending, Ports, Storage};
use crate::shell::{self, Fault, Handle, Path};

/// The writing side of the hands of one repository.
pub(super) struct Writer {
    id: RepositoryId,
    epoch: Epoch,
    register: Arc<dyn Register>,
    extents: BTreeMap<ExtentId, Open>,
    /// Extents of this life that are not written any more: how far they are durable.
    closed: BTreeMap<ExtentId, u64>,
}

/// An extent that is written to.
struct Open {
    actor: Handle<extent::Message>,
    secret: Secret,
    durable: Arc<AtomicU64>,
}

impl Writer {
    pub(super) const fn new(id: RepositoryId, epoch: Epoch, register: Arc<dyn Register>) -> Self {
        Self {
            id,
            epoch,
            register,
            extents: BTreeMap::new(),
            closed: BTreeMap::new(),
        }
    }

    /// An extent was made, and runs.
    pub(super) fn opened(
        &mut self,
        extent: ExtentId,
        secret: Secret,
        actor: Handle<extent::Message>,
    ) {
        let durable = Arc::new(AtomicU64::new(HEAD_BYTES));
        let open = Open {
            actor,
            secret,
            durable,
        };
        self.extents.insert(extent, open);
    }

    /// What stands behind an entry in an open extent.
    pub(super) fn trailer(
        &self,
        extent: ExtentId,
        sequence: Sequence,
        entry: &[u8],
    ) -> Option<[u8; TRAILER]> {
        let open = self.extents.get(&extent)?;
        let durable = open.durable.load(Ordering::Relaxed);
        Some(open.secret.trailer(sequence, entry, durable))
    }

    /// Which open extent an actor is.
    pub(super) fn extent_of(&self, actor: &ActorCell) -> Option<ExtentId> {
        let mut extents = self.extents.iter();
        let found = extents.find(|(_, open)| open.actor.cell().get_id() == actor.get_id());
        found.map(|(extent, _)| *extent)
    }

    /// Appends to an extent; a missing one was given up, and the append with it.
    pub(super) fn append(
        &self,
        place: Place,
        parts: Vec<Bytes>,
        durable: bool,
    ) -> Pending<Result<(), Trouble>> {
        let Some(open) = self.extents.get(&place.extent) else {
            return Box::pin(async { Err(Trouble::Sealed) });
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
    pub(super) fn elsewhere(&self, record: &Record) -> Vec<Pending<Result<(), Fault>>> {
        // The bytes of what strands lie where an earlier entry said, in sealed extents.
        let stays = matches!(record.entry, Entry::Stranded(_));
        let Some(stored) = record.entry.stored().filter(|_| !stays) else {
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

    /// Makes an extent and starts its actor. On a disk without any space the catalog is not asked:
    /// each try would add an extent to it that nobody can make.
    pub(super) fn open(&self, ports: Ports, path: Path, supervisor: ActorCell) -> Pending<Message> {
        if ports.disk.storage().is_some_and(Storage::is_spent) {
            return Box::pin(async { Message::Opened(Err(Denied::StorageFull)) });
        }
        let opened = self.register.open(self.id, self.epoch);
        let (repository, epoch) = (self.id, self.epoch);
        let register = Arc::clone(&self.register);
        Box::pin(async move {
            let made = async {
                let id = opened.await.map_err(|_| Denied::StorageFailed)?;
                let secret = Secret::draw(&*ports.entropy);
                let file = create(&ports, repository, id, secret.head(epoch))
                    .await
                    .map_err(|error| denied(&error))?;
                let begun = register.begin(id, epoch).await;
                begun.map_err(|_| Denied::StorageFailed)?;
                let machine = Extent::new(id, epoch, HEAD_BYTES);
                let hands = extent::Hands::new(file);
                shell::spawn(path.child(id), machine, hands, ports, Some(supervisor))
                    .await
                    .map(|actor| (id, secret, actor))
                    .map_err(|_| Denied::StorageFailed)
            };
            Message::Opened(made.await)
        })
    }

    /// Ends an extent. One that failed keeps what its actor knows to be durable; if that is gone
    /// too, the next recovery finds the extent open and judges it.
    pub(super) fn seal(&self, extent: ExtentId) -> Pending<Message> {
        let open = self.extents.get(&extent);
        let open = open.map(|open| (open.actor.clone(), Arc::clone(&open.durable)));
        let (register, epoch) = (Arc::clone(&self.register), self.epoch);
        Box::pin(async move {
            let lost = Message::Closed {
                extent,
                whole: false,
                length: None,
            };
            let Some((actor, mark)) = open else {
                return lost;
            };
            let Ok(extent::Sealed { durable, result }) = actor.ask(extent::Message::Seal).await
            else {
                return lost;
            };
            mark.fetch_max(durable, Ordering::Relaxed);
            let sealed = register.seal(extent, epoch, durable).await;
            if let Err(error) = &sealed {
                tracing::warn!(%extent, %error, "extent not sealed in the catalog");
            }
            let (whole, length) = (result.is_ok(), sealed.is_ok().then_some(durable));
            Message::Closed {
                extent,
                whole,
                length,
            }
        })
    }

    /// Forgets an extent that is not written any more; gives its actor.
    pub(super) fn close(&mut self, extent: ExtentId) -> Option<Handle<extent::Message>> {
        let open = self.extents.remove(&extent)?;
        let durable = open.durable.load(Ordering::Relaxed);
        self.closed.insert(extent, durable);
        Some(open.actor)
    }
}

/// Makes an extent's file, durable with its head and its name before anybody writes to it.
async fn create(
    ports: &Ports,
    repository: RepositoryId,
    extent: ExtentId,
    head: Vec<Bytes>,
) -> io::Result<Arc<dyn crate::ports::File>> {
    let file = ports.disk.create(&extent::path(repository, extent)).await?;
    file.write(0, head).await?;
    file.sync().await?;
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
