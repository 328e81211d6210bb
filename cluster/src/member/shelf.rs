//! The files of repositories, on a node of a cluster: each is an extent on several nodes.
//!
//! Repositories speak to it as to any disk. Which nodes have an extent, and how long it is, the
//! catalog says. What is listed is what the catalog names, and a name that is removed there is gone
//! everywhere: each node takes away its own replicas.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use holdfast_actors::catalog::Catalog;
use holdfast_actors::catalog::command::{ClusterCommand, Command, ReplicaCommand};
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::extent;
use holdfast_actors::kernel::{Epoch, ExtentId, NodeId, RepositoryId, Size};
use holdfast_actors::ports::{Clock, Disk, File, IsSound, Pending, SILENT, Storage};
use tokio::sync::watch;

use crate::extents::{Extents, Fenced};

/// All extents, as one node sees them.
pub struct Shelf(Arc<Inner>);

struct Inner {
    extents: Extents,
    rows: watch::Receiver<Rows>,
    catalog: Catalog,
    clock: Arc<dyn Clock>,
    /// Extents that this node writes.
    written: Mutex<BTreeMap<ExtentId, Weak<dyn File>>>,
    /// What came of fencing an extent last, and in whose name: it does not change any more.
    fenced: Mutex<BTreeMap<ExtentId, (Epoch, Fenced)>>,
    /// This node's own.
    disk: Arc<dyn Disk>,
}

/// How an extent is come by.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// There is none, or nobody was ever told of what is in it.
    Absent,
    /// It never changes any more.
    Sealed(u64),
    /// Its writer is the owner of this moment: only who writes it may read it.
    Written,
    /// Its writer is not the owner any more: nobody knows how far it goes until its replicas were
    /// asked in the name of the owner.
    Fence(Epoch, Vec<NodeId>),
}

fn way(rows: &Rows, repository: RepositoryId, extent: ExtentId) -> Way {
    let row = rows.extents.get(&extent);
    let owner = rows.repositories.get(&repository).map(|row| row.epoch);
    match row.filter(|row| row.repository == repository).zip(owner) {
        None => Way::Absent,
        Some((row, owner)) => match row.sealed {
            Some(length) => Way::Sealed(length),
            None if row.epoch == owner => Way::Written,
            None if !rows.begun.contains(&extent) => Way::Absent,
            None => Way::Fence(owner, nodes(rows, extent)),
        },
    }
}

fn nodes(rows: &Rows, extent: ExtentId) -> Vec<NodeId> {
    let replicas = rows.cluster.replicas.get(&extent);
    let whole = replicas.into_iter().flat_map(|replicas| &replicas.whole);
    whole.copied().collect()
}

/// Those of some nodes whose lease does not run.
fn absent(rows: &Rows, nodes: &[NodeId]) -> Vec<NodeId> {
    let is_gone = |node: &&NodeId| !rows.cluster.is_leased(**node);
    nodes.iter().filter(is_gone).copied().collect()
}

impl Shelf {
    /// Extents as the catalog says, over a node that has its own `disk`.
    pub fn new(
        extents: Extents,
        catalog: Catalog,
        clock: Arc<dyn Clock>,
        disk: Arc<dyn Disk>,
    ) -> Self {
        Self(Arc::new(Inner {
            extents,
            rows: catalog.subscribe(),
            catalog,
            clock,
            written: Mutex::default(),
            fenced: Mutex::default(),
            disk,
        }))
    }
}

impl Inner {
    fn written(&self) -> MutexGuard<'_, BTreeMap<ExtentId, Weak<dyn File>>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        let (repository, extent) = named(path)?;
        let (epoch, nodes, absent, least) = {
            let rows = self.rows.borrow();
            let row = rows.extents.get(&extent).ok_or(io::ErrorKind::NotFound)?;
            let nodes = nodes(&rows, extent);
            let absent = absent(&rows, &nodes);
            let wanted = rows.repositories.get(&repository);
            let least = wanted.map_or(1, |row| row.min_copies as usize);
            (row.epoch, nodes, absent, least)
        };
        let created = self
            .extents
            .create(repository, extent, epoch, (&nodes, &absent), least);
        let (file, failed) = created.await?;
        for node in failed {
            self.do_without(extent, node).await?;
        }
        let mut written = self.written();
        written.retain(|_, file| file.strong_count() > 0);
        written.insert(extent, Arc::downgrade(&file));
        Ok(file)
    }

    /// Has the catalog forget that a node has a new extent. It refuses that if too few are left, or
    /// if somebody was told already what is in it.
    async fn do_without(&self, extent: ExtentId, node: NodeId) -> io::Result<()> {
        let command = ClusterCommand::Replica {
            extent,
            node,
            command: ReplicaCommand::Drop,
        };
        let at = self.clock.now().wall;
        let answer = self.catalog.order(at, Command::Cluster(command)).await;
        // What the node makes of it later is taken away as nobody's.
        answer.map(|_| ()).map_err(|refused| {
            let told = format!("{extent} cannot be made without {node}: {refused}");
            io::Error::new(io::ErrorKind::TimedOut, told)
        })
    }

    async fn open(self: &Arc<Self>, path: &str) -> io::Result<Arc<dyn File>> {
        let (repository, extent) = named(path)?;
        let way = way(&self.rows.borrow(), repository, extent);
        match way {
            Way::Absent => Err(io::ErrorKind::NotFound.into()),
            Way::Sealed(length) => Ok(Arc::new(Sealed {
                shelf: Arc::clone(self),
                extent,
                length,
            })),
            Way::Written => {
                let file = self.written().get(&extent).and_then(Weak::upgrade);
                file.ok_or_else(|| io::ErrorKind::NotFound.into())
            }
            Way::Fence(epoch, nodes) => {
                let fenced = self.fence(extent, epoch, &nodes).await?;
                let nodes: Vec<NodeId> = fenced.nodes.into_iter().collect();
                Ok(self.extents.open(extent, fenced.length, &nodes))
            }
        }
    }
}

impl Inner {
    /// An extent that another node may be writing.
    fn follow(self: &Arc<Self>, path: &str) -> io::Result<Arc<dyn File>> {
        let (repository, extent) = named(path)?;
        let rows = self.rows.borrow();
        let row = rows
            .extents
            .get(&extent)
            .filter(|row| row.repository == repository);
        let row = row.ok_or(io::ErrorKind::NotFound)?;
        Ok(match row.sealed {
            Some(length) => Arc::new(Sealed {
                shelf: Arc::clone(self),
                extent,
                length,
            }),
            None => self.extents.follow(extent, &nodes(&rows, extent)),
        })
    }

    /// Fences an extent in the name of an owner, once.
    async fn fence(&self, extent: ExtentId, epoch: Epoch, nodes: &[NodeId]) -> io::Result<Fenced> {
        let known = || self.fenced.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known().get(&extent).cloned();
        if let Some((_, fenced)) = before.filter(|(of, _)| *of == epoch) {
            return Ok(fenced);
        }
        let absent = absent(&self.rows.borrow(), nodes);
        let fenced = self.extents.fence(extent, epoch, nodes, &absent).await;
        let fenced =
            fenced.map_err(|nobody| io::Error::new(SILENT, format!("{extent}: {nobody}")))?;
        let rows = self.rows.borrow();
        let mut known = known();
        // Of those that are sealed meanwhile, the catalog says it.
        known.retain(|id, _| rows.extents.get(id).is_some_and(|row| row.sealed.is_none()));
        known.insert(extent, (epoch, fenced.clone()));
        Ok(fenced)
    }
}

impl Disk for Shelf {
    fn create(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        let (inner, path) = (Arc::clone(&self.0), path.to_owned());
        Box::pin(async move { inner.create(&path).await })
    }

    fn open(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        let (inner, path) = (Arc::clone(&self.0), path.to_owned());
        Box::pin(async move { inner.open(&path).await })
    }

    fn follow(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        let followed = self.0.follow(path);
        Box::pin(async move { followed })
    }

    fn list(&self, folder: &str) -> Pending<io::Result<Vec<String>>> {
        let rows = self.0.rows.borrow();
        let names = repository(folder).map(|repository| {
            let mine = rows.extents_of(repository);
            mine.map(|(id, _)| name(repository, id)).collect()
        });
        Box::pin(async move { names })
    }

    fn rename(&self, _: &str, _: &str) -> Pending<io::Result<()>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn remove(&self, path: &str) -> Pending<io::Result<()>> {
        let named = named(path).map(|_| ());
        Box::pin(async move { named })
    }

    fn sync_folder(&self, _: &str) -> Pending<io::Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// What room there is for new data in the cluster: another node's where this one has none.
    /// Until enough nodes said what they have, this node's own.
    fn storage(&self) -> Option<Storage> {
        let rows = self.0.rows.borrow();
        let room = rows.cluster.room(rows.cluster.usual_copies() as usize);
        match room {
            Some(room) => Some(Storage {
                free: if room.is_full { Size::ZERO } else { room.free },
                total: room.total,
            }),
            None => self.0.disk.storage(),
        }
    }
}

/// A sealed extent, wherever it is at the moment of each read.
struct Sealed {
    shelf: Arc<Inner>,
    extent: ExtentId,
    length: u64,
}

impl Sealed {
    fn now(&self) -> Arc<dyn File> {
        let nodes = nodes(&self.shelf.rows.borrow(), self.extent);
        self.shelf.extents.open(self.extent, self.length, &nodes)
    }
}

impl File for Sealed {
    fn write(&self, at: u64, parts: Vec<Bytes>) -> Pending<io::Result<()>> {
        self.now().write(at, parts)
    }

    fn sync(&self) -> Pending<io::Result<()>> {
        self.now().sync()
    }

    fn read(&self, at: u64, length: usize) -> Pending<io::Result<Bytes>> {
        self.now().read(at, length)
    }

    fn read_sound(&self, at: u64, length: usize, sound: IsSound) -> Pending<io::Result<Bytes>> {
        self.now().read_sound(at, length, sound)
    }

    fn length(&self) -> Pending<io::Result<u64>> {
        let length = self.length;
        Box::pin(async move { Ok(length) })
    }

    fn truncate(&self, length: u64) -> Pending<io::Result<()>> {
        self.now().truncate(length)
    }

    fn reserve(&self, length: u64) -> Pending<io::Result<()>> {
        self.now().reserve(length)
    }
}

/// Which repository's folder a path is.
fn repository(folder: &str) -> io::Result<RepositoryId> {
    let number = folder.rsplit('/').next().and_then(|it| it.parse().ok());
    let id = number.map(RepositoryId::new);
    id.filter(|id| extent::folder(*id) == folder)
        .ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// Which extent's file a path is.
fn named(path: &str) -> io::Result<(RepositoryId, ExtentId)> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
    let (folder, name) = path.rsplit_once('/').ok_or_else(invalid)?;
    let extent = extent::named(name).ok_or_else(invalid)?;
    Ok((repository(folder)?, extent))
}

fn name(repository: RepositoryId, extent: ExtentId) -> String {
    let path = extent::path(repository, extent);
    path.rsplit('/').next().unwrap_or_default().to_owned()
}
