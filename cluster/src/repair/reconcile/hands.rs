//! How replicas are copied, checked and taken away.

mod scanning;

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_actors::catalog::command::{ClusterCommand, Command, ReplicaCommand};
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::{Catalog, SubmitError};
use holdfast_actors::kernel::{ExtentId, Never, NodeId, RepositoryId};
use holdfast_actors::ports::{Disk, Pending, Ports};
use holdfast_actors::shell::{self, Context, Fault, Handle, Hands, Path};
use ractor::{ActorCell, SpawnErr};

use super::super::super::extents::{self, Ask, Copied, Listing, Remote, Unsound};
use super::super::digests::Digests;
use super::files::{self, Copying, Scan, copy_path};
use super::{Attempt, Effect, Event, News, Pulled, Reconcile, Scanned, Verdict};

/// What keeps the replicas of a node in line with the catalog needs.
pub struct Parts {
    /// The node.
    pub node: NodeId,
    /// The catalog, as the node knows it.
    pub catalog: Catalog,
    /// The node's replicas.
    pub store: Handle<extents::Message>,
    /// The replicas of all others.
    pub remote: Remote,
    /// What readers of this node find damaged.
    pub unsound: Arc<Unsound>,
    /// Takes over a repository that has no owner, so that its extents are sealed; it may be asked
    /// for the same one again and again.
    pub visit: Visit,
}

/// See [`Parts::visit`].
pub type Visit = Arc<dyn Fn(RepositoryId) + Send + Sync>;

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Parts of {}", self.node)
    }
}

/// Starts what keeps the replicas of a node in line with the catalog, for as long as the store
/// lives. Files that an earlier life had begun to copy go first.
///
/// # Errors
/// When the actor cannot start.
pub async fn start(
    path: Path,
    parts: Parts,
    ports: Ports,
    supervisor: Option<ActorCell>,
) -> Result<Handle<Message>, SpawnErr> {
    let rows = parts.catalog.rows();
    for repository in rows.repositories.keys() {
        files::clear(&ports.disk, *repository).await;
    }
    let mut draw = [0; 8];
    ports.entropy.fill(&mut draw);
    let digests = Arc::new(Digests::default());
    parts.remote.show(Arc::clone(&digests));
    let machine = Reconcile::new(parts.node, u64::from_le_bytes(draw));
    let hands = ReconcileHands {
        parts,
        known: Rows::default(),
        copies: BTreeMap::new(),
        alive: BTreeMap::new(),
        scanned: None,
        digests,
    };
    let actor = shell::spawn(path, machine, hands, ports, supervisor).await?;
    // Who ended already is started again by its supervisor.
    let _ = actor.tell(Message::Rows(Box::new(rows)));
    Ok(actor)
}

/// What reaches what keeps a node's replicas in line.
pub enum Message {
    /// The catalog changed.
    Rows(Box<Rows>),
    /// The store was looked at, and rows after it; whether these are no older.
    Looked(Listing, Box<Rows>, bool),
    /// A piece was copied, or was not; the file it went to.
    Pulled(ExtentId, Attempt, Pulled, Option<Box<Copying>>),
    /// A piece was read back; what came before it.
    Scanned(ExtentId, u64, Scanned, Box<Scan>),
    /// Whatever is an event already.
    Told(Event),
}

struct ReconcileHands {
    parts: Parts,
    /// The rows that the machine knows of.
    known: Rows,
    copies: BTreeMap<ExtentId, Copying>,
    /// The attempt of each extent that still counts.
    alive: BTreeMap<ExtentId, Attempt>,
    scanned: Option<Box<Scan>>,
    /// Of replicas that were read to their end.
    digests: Arc<Digests>,
}

impl ReconcileHands {
    fn news(&mut self, rows: Rows) -> News {
        let news = News::between(self.parts.node, &self.known, &rows);
        self.known = rows;
        news
    }

    fn watch(&self) -> Pending<Message> {
        let mut rows = self.parts.catalog.subscribe();
        let (extents, replicas, owners) = (
            self.known.extents.clone(),
            self.known.cluster.replicas.clone(),
            self.known.cluster.owners.clone(),
        );
        let unsound = Arc::clone(&self.parts.unsound);
        Box::pin(async move {
            let changed = rows.wait_for(|rows| {
                let cluster = &rows.cluster;
                // What an owner leaves may have to be taken over here.
                !rows.extents.ptr_eq(&extents)
                    || !cluster.replicas.ptr_eq(&replicas)
                    || !cluster.owners.ptr_eq(&owners)
            });
            let found = async { changed.await.map(|rows| Box::new(rows.clone())) };
            let found = tokio::select! {
                biased;
                found = found => found,
                unsound = unsound.next() => return Message::Told(Event::Unsound(unsound)),
            };
            match found {
                Ok(rows) => Message::Rows(rows),
                // The catalog has ended, and with it all that there was to follow.
                Err(_) => std::future::pending().await,
            }
        })
    }

    fn look(&self) -> Pending<Message> {
        let listed = self.parts.store.ask(extents::Message::List);
        let catalog = self.parts.catalog.clone();
        Box::pin(async move {
            let Ok(held) = listed.await else {
                return Message::Told(Event::Blind);
            };
            let fresh = catalog.catch_up().await.is_ok();
            Message::Looked(held, Box::new(catalog.rows()), fresh)
        })
    }

    fn pull(
        &mut self,
        disk: Arc<dyn Disk>,
        (extent, attempt): (ExtentId, Attempt),
        repository: RepositoryId,
        from: NodeId,
        (offset, length): (u64, u32),
    ) -> Pending<Message> {
        self.alive.insert(extent, attempt);
        let begun = self.copies.remove(&extent).filter(|_| offset > 0);
        let ask = Ask::Read {
            extent,
            offset,
            length,
        };
        let asked = self.parts.remote.ask(from, &ask);
        Box::pin(async move {
            let begun = match begun {
                Some(begun) => Ok(begun),
                None => files::begin(&disk, &copy_path(repository, extent, attempt)).await,
            };
            let Ok(mut copying) = begun else {
                return Message::Pulled(extent, attempt, Pulled::Disk, None);
            };
            let pulled = match asked.await {
                Ok((_, mut bytes)) if !bytes.is_empty() => {
                    bytes.truncate(length as usize);
                    files::put(&mut copying, offset, bytes).await
                }
                Ok(_) | Err(_) => Pulled::Missing,
            };
            Message::Pulled(extent, attempt, pulled, Some(Box::new(copying)))
        })
    }

    fn place(&mut self, disk: Arc<dyn Disk>, attempt: Attempt, copied: Copied) -> Pending<Message> {
        let (extent, length) = (copied.extent, copied.length);
        let from = copy_path(copied.repository, extent, attempt);
        self.alive.remove(&extent);
        self.digests.forget(extent);
        let (copying, store) = (self.copies.remove(&extent), self.parts.store.clone());
        Box::pin(async move {
            let whole = copying.filter(|it| it.frames.end() == length);
            let done = match whole {
                Some(copying) if copying.file.sync().await.is_ok() => {
                    let path = from.clone();
                    let asked = store.ask(|reply| extents::Message::Copied(copied, path, reply));
                    matches!(asked.await, Ok(Ok(_)))
                }
                Some(_) | None => false,
            };
            if !done {
                files::remove(&disk, &from).await;
            }
            Message::Told(Event::Placed {
                extent,
                attempt,
                done,
            })
        })
    }

    fn submit(
        &self,
        context: &Context<Self>,
        extent: ExtentId,
        node: NodeId,
        command: ReplicaCommand,
    ) -> Pending<Message> {
        let replica = ClusterCommand::Replica {
            extent,
            node,
            command,
        };
        let at = context.ports.clock.now().wall;
        let decided = self.parts.catalog.order(at, Command::Cluster(replica));
        Box::pin(async move {
            let verdict = match decided.await {
                Ok(_) => Verdict::Done,
                Err(SubmitError::Refused(error)) => {
                    tracing::info!(%extent, %node, ?command, %error, "the catalog does not agree");
                    Verdict::Refused
                }
                Err(SubmitError::Gone(_)) => Verdict::Silent,
            };
            Message::Told(Event::Decided {
                extent,
                node,
                command,
                verdict,
            })
        })
    }

    fn count(&self) -> Pending<Message> {
        let asked = self.parts.store.ask(extents::Message::Appended);
        Box::pin(async move {
            let appended = asked.await.unwrap_or_default();
            Message::Told(Event::Appended(appended))
        })
    }

    fn see_to_forsaken(&self, rows: &Rows) {
        let forsaken = rows.forsaken(self.parts.node);
        forsaken.into_iter().for_each(|it| (self.parts.visit)(it));
    }

    fn tell(&self, message: extents::Message) {
        // One that ended looks at its files when it starts, and is told again.
        let _ = self.parts.store.tell(message);
    }
}

impl Hands for ReconcileHands {
    type Machine = Reconcile;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        Some(match message {
            Message::Rows(rows) => {
                // Somebody waits for the end of a drain.
                if rows.cluster.is_draining() {
                    self.see_to_forsaken(&rows);
                }
                Event::News(self.news(*rows))
            }
            Message::Looked(held, rows, fresh) => {
                self.see_to_forsaken(&rows);
                let news = self.news(*rows);
                Event::Looked { held, news, fresh }
            }
            Message::Pulled(extent, attempt, pulled, copying) => {
                let counts = self.alive.get(&extent) == Some(&attempt);
                if let Some(copying) = copying.filter(|_| counts) {
                    self.copies.insert(extent, *copying);
                }
                Event::Pulled {
                    extent,
                    attempt,
                    pulled,
                }
            }
            Message::Scanned(extent, offset, scanned, scan) => {
                self.scanned = Some(scan);
                Event::Scanned {
                    extent,
                    offset,
                    scanned,
                }
            }
            Message::Told(event) => event,
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
        let disk = Arc::clone(&context.ports.disk);
        Ok(Some(match effect {
            Effect::Watch => self.watch(),
            Effect::Look => self.look(),
            Effect::Seal(extent, length) => {
                self.tell(extents::Message::Sealed(extent, length));
                return Ok(None);
            }
            Effect::Drop(extent) => {
                self.digests.forget(extent);
                self.tell(extents::Message::Dropped(extent));
                return Ok(None);
            }
            Effect::Pull {
                extent,
                attempt,
                repository,
                from,
                offset,
                length,
            } => self.pull(disk, (extent, attempt), repository, from, (offset, length)),
            Effect::Place { attempt, copied } => self.place(disk, attempt, copied),
            Effect::Discard {
                repository,
                extent,
                attempt,
            } => {
                self.alive.remove(&extent);
                self.copies.remove(&extent);
                Box::pin(async move {
                    files::remove(&disk, &copy_path(repository, extent, attempt)).await;
                    Message::Told(Event::Nothing)
                })
            }
            Effect::Scan {
                extent,
                offset,
                length,
            } => self.scan(extent, offset, length),
            Effect::Compare { extent, with } => self.compare(extent, with),
            Effect::Submit {
                extent,
                node,
                command,
            } => self.submit(context, extent, node, command),
            Effect::Count => self.count(),
        }))
    }
}
