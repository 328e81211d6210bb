//! Repositories of another node: asked over calls, and answered there.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::{NodeId, RepositoryId, Timestamp};
use holdfast_actors::object::{Hash, Key};
use holdfast_actors::ports::Pending;
use holdfast_actors::repository::UploadId;
use holdfast_cluster::calls::{Answers, Calls, Rejected};
use holdfast_tape::ports::{Failed, Item, Pieces, Repositories};
use holdfast_tape::stock::{Stock, Uploads, store};

use super::wire::{self, Ask, ITEMS_MAX, PIECE_MAX, SERVICE, Told, What};

/// How long a node may take for one answer; loading a repository takes the longest.
const PATIENCE: Duration = Duration::from_secs(60);

/// The repositories of one other node. Cheap to clone.
#[derive(Clone)]
pub(super) struct Away {
    pub(super) calls: Arc<dyn Calls>,
    pub(super) node: NodeId,
}

impl Away {
    fn ask(&self, id: RepositoryId, what: What) -> Pending<Result<Told, Failed>> {
        let (away, ask) = (self.clone(), wire::written(&Ask { id, what }));
        Box::pin(async move {
            let answer = away.calls.call(away.node, SERVICE, ask?, PATIENCE).await;
            let answer = answer.map_err(|error| Failed::Other(format!("{id}: {error}")))?;
            match wire::read(&answer) {
                Ok(Told::Failed(why)) => Err(Failed::Other(why)),
                Ok(told) => Ok(told),
                Err(why) => Err(Failed::Other(format!("{id}: {}: {why}", away.node))),
            }
        })
    }

    fn done(&self, id: RepositoryId, what: What) -> Pending<Result<(), Failed>> {
        let told = self.ask(id, what);
        Box::pin(async move {
            let told = told.await?;
            let is_done = matches!(told, Told::Done);
            is_done.then_some(()).ok_or_else(|| odd(id, &told))
        })
    }
}

fn odd(id: RepositoryId, told: &Told) -> Failed {
    let told = match told {
        Told::Items(_) => "objects",
        Told::Piece(_) => "bytes, or not as many as were asked for",
        Told::Begun(_) => "an upload",
        Told::Done => "nothing",
        Told::Failed(why) => why,
    };
    Failed::Other(format!("{id}: its node answers {told}"))
}

/// The bytes of one object, call by call.
struct Far {
    away: Away,
    id: RepositoryId,
    key: Key,
    at: u64,
    left: u64,
}

impl Pieces for Far {
    fn next(&mut self) -> Pending<Result<Option<Bytes>, Failed>> {
        if self.left == 0 {
            return Box::pin(async { Ok(None) });
        }
        let told = self.away.ask(self.id, What::Read(self.key, self.at));
        // All but the last piece are of one size.
        let length = self.left.min(PIECE_MAX as u64);
        (self.at, self.left) = (self.at + length, self.left - length);
        let id = self.id;
        Box::pin(async move {
            let told = told.await?;
            if let Told::Piece(bytes) = &told
                && bytes.len() as u64 == length
            {
                return Ok(Some(Bytes::copy_from_slice(bytes)));
            }
            Err(odd(id, &told))
        })
    }
}

impl Uploads for Away {
    fn begin(&self, id: RepositoryId, item: Item) -> Pending<Result<UploadId, Failed>> {
        let told = self.ask(id, What::Begin(item.into()));
        Box::pin(async move {
            let told = told.await?;
            if let Told::Begun(upload) = told {
                return Ok(upload);
            }
            Err(odd(id, &told))
        })
    }

    fn frame(
        &self,
        id: RepositoryId,
        upload: UploadId,
        piece: Bytes,
    ) -> Pending<Result<(), Failed>> {
        let away = self.clone();
        Box::pin(async move {
            for part in piece.chunks(PIECE_MAX) {
                away.done(id, What::Frame(upload, part.to_vec())).await?;
            }
            Ok(())
        })
    }

    fn finish(&self, id: RepositoryId, upload: UploadId, sum: Hash) -> Pending<Result<(), Failed>> {
        self.done(id, What::Finish(upload, sum))
    }

    fn abort(&self, id: RepositoryId, upload: UploadId) -> Pending<()> {
        let done = self.done(id, What::Abort(upload));
        Box::pin(async move {
            // A node that is not reached forgets it with its repository.
            let _ = done.await;
        })
    }
}

impl Repositories for Away {
    fn view(&self, id: RepositoryId, at: Timestamp) -> Pending<Result<Vec<Item>, Failed>> {
        let away = self.clone();
        Box::pin(async move {
            let mut items: Vec<Item> = Vec::new();
            loop {
                let behind = items.last().map(|item| item.key);
                let told = away.ask(id, What::View(at, behind)).await?;
                let Told::Items(more) = told else {
                    return Err(odd(id, &told));
                };
                if more.is_empty() {
                    return Ok(items);
                }
                items.extend(more.into_iter().map(Item::from));
            }
        })
    }

    fn read(&self, id: RepositoryId, item: Item) -> Pending<Result<Box<dyn Pieces>, Failed>> {
        let far = Far {
            away: self.clone(),
            id,
            key: item.key,
            at: 0,
            left: item.length.as_bytes(),
        };
        Box::pin(async move { Ok(Box::new(far) as Box<dyn Pieces>) })
    }

    fn write(
        &self,
        id: RepositoryId,
        item: Item,
        from: Box<dyn Pieces>,
    ) -> Pending<Result<(), Failed>> {
        let away = self.clone();
        Box::pin(async move { store(&away, id, item, from).await })
    }

    fn hide(&self, id: RepositoryId, key: Key) -> Pending<Result<(), Failed>> {
        self.done(id, What::Hide(key))
    }
}

/// Where other nodes ask for the repositories of this one.
pub(in crate::node) struct Counter(pub(in crate::node) Stock);

impl Counter {
    async fn told(stock: Stock, Ask { id, what }: Ask) -> Result<Told, Failed> {
        Ok(match what {
            What::View(at, behind) => Told::Items(page(stock.view(id, at).await?, behind)),
            What::Read(key, at) => Told::Piece(piece(&stock, id, key, at).await?),
            What::Begin(thing) => Told::Begun(stock.begin(id, thing.into()).await?),
            What::Frame(upload, bytes) => {
                stock.frame(id, upload, bytes.into()).await?;
                Told::Done
            }
            What::Finish(upload, sum) => {
                stock.finish(id, upload, sum).await?;
                Told::Done
            }
            What::Abort(upload) => {
                stock.abort(id, upload).await;
                Told::Done
            }
            What::Hide(key) => {
                stock.hide(id, key).await?;
                Told::Done
            }
        })
    }
}

impl Answers for Counter {
    fn answer(&self, _: NodeId, body: Bytes) -> Pending<Result<Bytes, Rejected>> {
        let stock = self.0.clone();
        Box::pin(async move {
            let ask = wire::read(&body).map_err(Rejected)?;
            let told = Self::told(stock, ask).await;
            let told = told.unwrap_or_else(|failed| Told::Failed(failed.to_string()));
            wire::written(&told).map_err(|failed| Rejected(failed.to_string()))
        })
    }
}

/// The objects behind one, in the order of their keys: what comes or goes meanwhile moves no other.
fn page(mut items: Vec<Item>, behind: Option<Key>) -> Vec<wire::Thing> {
    items.sort_unstable_by_key(|item| item.key);
    let rest = items.into_iter().filter(|item| Some(item.key) > behind);
    rest.take(ITEMS_MAX).map(wire::Thing::from).collect()
}

async fn piece(stock: &Stock, id: RepositoryId, key: Key, at: u64) -> Result<Vec<u8>, Failed> {
    let mut read = stock.part(id, key, at).await?;
    let mut bytes = Vec::new();
    while bytes.len() < PIECE_MAX
        && let Some(more) = read.next().await?
    {
        let room = PIECE_MAX - bytes.len();
        bytes.extend_from_slice(&more[..room.min(more.len())]);
    }
    Ok(bytes)
}
