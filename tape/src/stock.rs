//! Repositories, as tape jobs read them and restores write to them: past logins and leases, by the
//! order of the SP alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::front::Front;
use holdfast_actors::kernel::{CredentialId, RepositoryId, Space, Timestamp};
use holdfast_actors::object::{Hash, Hashing, Key, Kind};
use holdfast_actors::ports::Pending;
use holdfast_actors::repositories;
use holdfast_actors::repository::{self, Body, Denied, Moment, Object, Snapshot, UploadId, Visit};
use holdfast_actors::shell::{Fault, Gone};
use tokio::sync::Mutex;

use crate::format::Sum;
use crate::ports::{Failed, Item, Pieces, Repositories};

/// The kinds that have names of their own; each is the hash of its bytes.
const NAMED: [Kind; 4] = [Kind::Key, Kind::Snapshot, Kind::Index, Kind::Data];

/// The repositories of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stock {
    front: Front,
}

/// An upload, step by step.
pub trait Uploads: Send + Sync {
    /// Begins the upload of an object.
    fn begin(&self, id: RepositoryId, item: Item) -> Pending<Result<UploadId, Failed>>;
    /// Its next bytes.
    fn frame(
        &self,
        id: RepositoryId,
        upload: UploadId,
        piece: Bytes,
    ) -> Pending<Result<(), Failed>>;
    /// All bytes came, and this is their hash; done means durable.
    fn finish(&self, id: RepositoryId, upload: UploadId, sum: Hash) -> Pending<Result<(), Failed>>;
    /// Leaves it off. One that it finished or forgot is no upload any more.
    fn abort(&self, id: RepositoryId, upload: UploadId) -> Pending<()>;
}

/// Stores one object.
///
/// # Errors
/// When it is not what was archived, or the repository does not take it.
pub async fn store(
    uploads: &dyn Uploads,
    id: RepositoryId,
    item: Item,
    mut from: Box<dyn Pieces>,
) -> Result<(), Failed> {
    let upload = uploads.begin(id, item).await?;
    let sent = async {
        let mut sum = Hashing::default();
        while let Some(piece) = from.next().await? {
            sum.update(&piece);
            uploads.frame(id, upload, piece).await?;
        }
        let sum = sum.finish();
        if *sum.as_bytes() != *item.sha256.as_bytes() {
            let key = item.key;
            return Err(Failed::Other(format!("{key:?} is not what was archived")));
        }
        uploads.finish(id, upload, sum).await
    };
    let sent = sent.await;
    if sent.is_err() {
        uploads.abort(id, upload).await;
    }
    sent
}

impl Stock {
    /// Those that this serves.
    #[must_use]
    pub const fn new(front: Front) -> Self {
        Self { front }
    }

    fn visit(&self, id: RepositoryId) -> Pending<Result<Visit, Failed>> {
        let visit = self
            .front
            .repositories
            .ask(|door| repositories::Message::Visit(id, door));
        Box::pin(async move { visit.await.map_err(|Gone| out_of_service(id)) })
    }

    /// The bytes of an object from one of them on.
    pub fn part(&self, id: RepositoryId, key: Key, from: u64) -> Pending<Result<Read, Failed>> {
        let visit = self.visit(id);
        Box::pin(async move {
            let visit = Arc::new(visit.await?);
            let held = held(id, &visit).await?;
            let live = held.object(&key, Moment::Now);
            let live = live.map(|object| (key, object));
            // One that was deleted meanwhile is in the bin, and is what it was.
            let found = live.or_else(|| held.everything().find(|(it, _)| *it == key));
            let gone = || Failed::Other(format!("{id} does not hold {key:?} any more"));
            opened(id, visit, found.ok_or_else(gone)?, from).await
        })
    }
}

fn out_of_service(id: RepositoryId) -> Failed {
    Failed::Other(format!("{id} is out of service"))
}

fn wrong(id: RepositoryId, error: &(dyn std::error::Error + 'static)) -> Failed {
    Failed::Other(format!("{id}: {}", Fault::of(error)))
}

/// What a repository answered.
fn settled<T>(id: RepositoryId, answer: Result<Result<T, Denied>, Gone>) -> Result<T, Failed> {
    let answer = answer.map_err(|Gone| out_of_service(id))?;
    answer.map_err(|denied| wrong(id, &denied))
}

async fn held(id: RepositoryId, visit: &Visit) -> Result<Snapshot, Failed> {
    settled(id, visit.repository.ask(repository::Message::Look).await)
}

/// The bytes of one object.
pub struct Read {
    id: RepositoryId,
    body: Arc<Mutex<Body>>,
    /// The repository stays loaded as long as it is read.
    _visit: Arc<Visit>,
}

impl Pieces for Read {
    fn next(&mut self) -> Pending<Result<Option<Bytes>, Failed>> {
        let (body, id) = (Arc::clone(&self.body), self.id);
        Box::pin(async move {
            let piece = body.lock().await.next().await.transpose();
            piece.map_err(|error| wrong(id, &error))
        })
    }
}

async fn opened(
    id: RepositoryId,
    visit: Arc<Visit>,
    (key, object): (Key, Object),
    from: u64,
) -> Result<Read, Failed> {
    let part = from..object.size.as_bytes();
    let body = visit.reader.open(&key, object, part).await;
    Ok(Read {
        id,
        body: Arc::new(Mutex::new(body.map_err(|error| wrong(id, &error))?)),
        _visit: visit,
    })
}

/// The one object that is not named by its hash.
async fn config(
    id: RepositoryId,
    visit: &Arc<Visit>,
    found: (Key, Object),
) -> Result<Item, Failed> {
    let (key, object) = found;
    let mut read = opened(id, Arc::clone(visit), found, 0).await?;
    let mut hashing = Hashing::default();
    while let Some(piece) = read.next().await? {
        hashing.update(&piece);
    }
    Ok(Item {
        key,
        length: object.size,
        sha256: Sum::new(*hashing.finish().as_bytes()),
    })
}

const fn key(space: Space, kind: Kind, name: Hash) -> Key {
    Key { space, kind, name }
}

impl Uploads for Stock {
    fn begin(&self, id: RepositoryId, item: Item) -> Pending<Result<UploadId, Failed>> {
        let visit = self.visit(id);
        Box::pin(async move {
            let visit = visit.await?;
            let begin = |reply| {
                repository::Message::Begin(item.key, item.length, CredentialId::SYSTEM, reply)
            };
            settled(id, visit.repository.ask(begin).await)
        })
    }

    fn frame(
        &self,
        id: RepositoryId,
        upload: UploadId,
        piece: Bytes,
    ) -> Pending<Result<(), Failed>> {
        let visit = self.visit(id);
        Box::pin(async move {
            let frame = |reply| repository::Message::Frame(upload, piece, None, reply);
            settled(id, visit.await?.repository.ask(frame).await)
        })
    }

    fn finish(&self, id: RepositoryId, upload: UploadId, sum: Hash) -> Pending<Result<(), Failed>> {
        let visit = self.visit(id);
        Box::pin(async move {
            let finish = |reply| repository::Message::Finish(upload, sum, reply);
            settled(id, visit.await?.repository.ask(finish).await)
        })
    }

    fn abort(&self, id: RepositoryId, upload: UploadId) -> Pending<()> {
        let visit = self.visit(id);
        Box::pin(async move {
            if let Ok(visit) = visit.await {
                // A repository that ended forgot it.
                let _ = visit.repository.tell(repository::Message::Abort(upload));
            }
        })
    }
}

impl Repositories for Stock {
    fn view(&self, id: RepositoryId, at: Timestamp) -> Pending<Result<Vec<Item>, Failed>> {
        let visit = self.visit(id);
        Box::pin(async move {
            let visit = Arc::new(visit.await?);
            let held = held(id, &visit).await?;
            let moment = Moment::At(at);
            let mut items = Vec::new();
            // Subtenants have parts of their own, each a repository by itself.
            let spaces: BTreeSet<Space> = held.everything().map(|(key, _)| key.space).collect();
            for space in spaces {
                let own = key(space, Kind::Config, Hash::ZERO);
                if let Some(object) = held.object(&own, moment) {
                    items.push(config(id, &visit, (own, object)).await?);
                }
                for kind in NAMED {
                    let all = held.list(space, kind, moment, None);
                    items.extend(all.map(|(name, object)| Item {
                        key: key(space, kind, name),
                        length: object.size,
                        sha256: Sum::new(*name.as_bytes()),
                    }));
                }
            }
            Ok(items)
        })
    }

    fn read(&self, id: RepositoryId, item: Item) -> Pending<Result<Box<dyn Pieces>, Failed>> {
        let read = self.part(id, item.key, 0);
        Box::pin(async move { Ok(Box::new(read.await?) as Box<dyn Pieces>) })
    }

    fn write(
        &self,
        id: RepositoryId,
        item: Item,
        from: Box<dyn Pieces>,
    ) -> Pending<Result<(), Failed>> {
        let stock = self.clone();
        Box::pin(async move {
            // It stays loaded meanwhile.
            let _visit = stock.visit(id).await?;
            store(&stock, id, item, from).await
        })
    }

    fn hide(&self, id: RepositoryId, key: Key) -> Pending<Result<(), Failed>> {
        let visit = self.visit(id);
        Box::pin(async move {
            let visit = visit.await?;
            let delete = |reply| repository::Message::Delete(key, CredentialId::SYSTEM, reply);
            settled(id, visit.repository.ask(delete).await)
        })
    }
}
