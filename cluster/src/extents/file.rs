//! Extents on several nodes, as files: whoever writes and reads them does not notice.

mod closed;
mod followed;
mod several;
mod sound;

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use holdfast_actors::kernel::{Epoch, ExtentId, Instant, NodeId, RepositoryId};
use holdfast_actors::ports::{Clock, File, IsSound, Pending, SILENT};

use super::remote::{CHUNK, question};
use super::{Answer, Ask, Fenced, Fencing, Nobody, Refusal, Remote, Shunned, Tally, Tell, Unsound};
use closed::Closed;
use followed::Followed;
use several::{Several, chunks};

/// The extents that one node writes and reads.
#[derive(Clone)]
pub struct Extents {
    remote: Remote,
    clock: Arc<dyn Clock>,
    node: NodeId,
    shunned: Arc<Mutex<Shunned>>,
    unsound: Arc<Unsound>,
}

impl Extents {
    /// Those of this node.
    pub fn new(remote: Remote, clock: Arc<dyn Clock>, node: NodeId) -> Self {
        Self {
            remote,
            clock,
            node,
            shunned: Arc::default(),
            unsound: Arc::default(),
        }
    }

    fn shunned(&self) -> MutexGuard<'_, Shunned> {
        self.shunned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A node did not do what it was to.
    fn failed(&self, node: NodeId) {
        self.shunned().failed(self.now(), node);
    }

    /// Notes if the disk of a node failed to write; one that cannot read what it has may do for new
    /// extents.
    fn broken(&self, node: NodeId, refusal: Refusal) {
        if refusal == Refusal::Broken {
            self.failed(node);
        }
    }

    /// Asks a node, and notes if it is silent.
    fn ask(&self, node: NodeId, ask: &Ask) -> Pending<Answer> {
        self.put(node, question(ask, &[]))
    }

    fn put(&self, node: NodeId, body: Bytes) -> Pending<Answer> {
        let (extents, answer) = (self.clone(), self.remote.put(node, body));
        Box::pin(async move {
            let answer = answer.await;
            if let Err(Refusal::Silent(_)) = answer {
                extents.failed(node);
            }
            answer
        })
    }

    /// The replicas that were found damaged by whoever read them here.
    pub fn unsound(&self) -> Arc<Unsound> {
        Arc::clone(&self.unsound)
    }

    /// Makes an empty replica on each of these nodes that can: those that could not are said, and
    /// must not count as copies of what is written to it. Nobody asks those that are `absent`, nor
    /// those that failed lately, where `least` others are left.
    ///
    /// # Errors
    /// When none of them can.
    pub async fn create(
        &self,
        repository: RepositoryId,
        extent: ExtentId,
        epoch: Epoch,
        (nodes, absent): (&[NodeId], &[NodeId]),
        least: usize,
    ) -> io::Result<(Arc<dyn File>, Vec<NodeId>)> {
        let ask = Ask::Create {
            repository,
            extent,
            epoch,
        };
        let mut asked = Several::default();
        let out = self.shunned().left_out(self.now(), nodes, absent, least);
        for node in nodes.iter().filter(|node| !out.contains(node)) {
            asked.push(*node, self.ask(*node, &ask));
        }
        let mut failed = out;
        let (mut made, mut last) = (Vec::new(), Refusal::Absent(extent));
        while let Some((node, answer)) = asked.next().await {
            match answer {
                Ok(_) => made.push(node),
                Err(refusal) => {
                    tracing::warn!(%extent, %node, %refusal, "a new extent is made without a node");
                    self.broken(node, refusal);
                    last = refusal;
                    failed.push(node);
                }
            }
        }
        if made.is_empty() {
            return Err(error(last));
        }
        let file = Written {
            extents: self.clone(),
            extent,
            epoch,
            nodes: self.nearest(&made),
            end: Arc::default(),
        };
        Ok((Arc::new(file), failed))
    }

    /// Lets nobody with a lower epoch write any more, and says how far the extent goes. For those
    /// that are `absent` nobody waits if another answers.
    ///
    /// # Errors
    /// When no replica answers.
    pub async fn fence(
        &self,
        extent: ExtentId,
        epoch: Epoch,
        nodes: &[NodeId],
        absent: &[NodeId],
    ) -> Result<Fenced, Nobody> {
        let ask = Ask::Fence { extent, epoch };
        let fencing = Fencing::new(nodes.iter().copied());
        let mut fencing = fencing.without(absent.iter().copied());
        let mut asked = Several::default();
        for node in nodes {
            asked.push(*node, self.ask(*node, &ask));
        }
        loop {
            if let Some(outcome) = fencing.outcome(self.now()) {
                return outcome;
            }
            let wait = fencing.deadline().map(|at| self.now().until(at));
            let next = match wait {
                Some(wait) => tokio::time::timeout(wait, asked.next()).await.ok(),
                None => Some(asked.next().await),
            };
            match next {
                Some(Some((node, Ok((Tell::Fenced { durable }, _))))) => {
                    fencing.answered(self.now(), node, durable);
                }
                Some(Some((node, Ok((Tell::Torn { durable }, _))))) => fencing.torn(node, durable),
                Some(Some((node, _))) => fencing.failed(node),
                Some(None) | None => {}
            }
        }
    }

    /// An extent to be read, which is so long and whose bytes lie on these nodes.
    pub fn open(&self, extent: ExtentId, length: u64, nodes: &[NodeId]) -> Arc<dyn File> {
        Arc::new(Closed {
            extents: self.clone(),
            extent,
            length,
            nodes: self.nearest(nodes),
        })
    }

    /// An extent that another node may be writing, with replicas on these nodes: all that one of
    /// them has of it is read, so who reads must know what of that is durable on all.
    pub fn follow(&self, extent: ExtentId, nodes: &[NodeId]) -> Arc<dyn File> {
        Arc::new(Followed {
            extents: self.clone(),
            extent,
            nodes: self.nearest(nodes),
        })
    }

    /// In the order in which they are read from: those that failed lately last. Nothing is nearer
    /// than this node.
    fn nearest(&self, nodes: &[NodeId]) -> Vec<NodeId> {
        let (now, shunned) = (self.now(), self.shunned());
        let mut nodes = nodes.to_vec();
        nodes.sort_by_key(|node| (shunned.is_shunned(now, *node), *node != self.node, *node));
        nodes
    }

    fn now(&self) -> Instant {
        self.clock.now().monotonic
    }

    /// Asks all nodes for the same, one after the other on each; all must do it.
    async fn all(&self, nodes: &[NodeId], asks: &[Bytes]) -> io::Result<()> {
        let mut tallies = VecDeque::new();
        let mut asked = Several::default();
        for (number, ask) in asks.iter().enumerate() {
            tallies.push_back(Tally::new(nodes.iter().copied()));
            for node in nodes {
                asked.push((number, *node), self.put(*node, ask.clone()));
            }
        }
        let mut open = asks.len();
        while open > 0 {
            let Some(((number, node), answer)) = asked.next().await else {
                return Err(error(Refusal::Broken));
            };
            if let Err(refusal) = answer {
                self.broken(node, refusal);
            }
            let told = tallies[number].told(node, answer.map(|_| ()));
            match told {
                Some(Ok(())) => open -= 1,
                Some(Err(refusal)) => return Err(error(refusal)),
                None => {}
            }
        }
        Ok(())
    }

    /// Reads from the first node that can, and has so much of it. Without one, it is silent if
    /// any is: that one may have what the others have not.
    async fn read(
        &self,
        extent: ExtentId,
        nodes: &[NodeId],
        at: u64,
        length: usize,
        least: usize,
    ) -> io::Result<Bytes> {
        let mut last = Refusal::Absent(extent);
        for node in nodes {
            let refusal = match self.read_at(extent, *node, at, length).await {
                Ok(bytes) if bytes.len() >= least => return Ok(bytes),
                // It fell behind its writer, and is to be made whole.
                Ok(_) => Refusal::Absent(extent),
                Err(refusal) => refusal,
            };
            if !matches!(last, Refusal::Silent(_)) {
                last = refusal;
            }
        }
        Err(error(last))
    }

    async fn read_at(
        &self,
        extent: ExtentId,
        node: NodeId,
        at: u64,
        length: usize,
    ) -> Result<Bytes, Refusal> {
        let mut bytes = BytesMut::new();
        while bytes.len() < length {
            let (offset, left) = (at + bytes.len() as u64, length - bytes.len());
            let ask = Ask::Read {
                extent,
                offset,
                length: left.min(CHUNK) as u32,
            };
            let (_, found) = self.ask(node, &ask).await?;
            if found.is_empty() {
                break;
            }
            if bytes.is_empty() && found.len() == length {
                return Ok(found);
            }
            bytes.extend_from_slice(&found);
        }
        Ok(bytes.freeze())
    }
}

/// An extent that this node writes.
struct Written {
    extents: Extents,
    extent: ExtentId,
    epoch: Epoch,
    nodes: Vec<NodeId>,
    end: Arc<AtomicU64>,
}

impl File for Written {
    fn write(&self, at: u64, parts: Vec<Bytes>) -> Pending<io::Result<()>> {
        let (extent, epoch) = (self.extent, self.epoch);
        let mut asks = Vec::new();
        let mut offset = at;
        for chunk in chunks(parts) {
            let ask = Ask::Append {
                extent,
                epoch,
                offset,
            };
            asks.push(question(&ask, &chunk));
            offset += chunk.iter().map(|part| part.len() as u64).sum::<u64>();
        }
        let (extents, nodes) = (self.extents.clone(), self.nodes.clone());
        let end = Arc::clone(&self.end);
        Box::pin(async move {
            extents.all(&nodes, &asks).await?;
            end.fetch_max(offset, Ordering::Relaxed);
            Ok(())
        })
    }

    fn sync(&self) -> Pending<io::Result<()>> {
        let (extent, epoch) = (self.extent, self.epoch);
        let (extents, nodes) = (self.extents.clone(), self.nodes.clone());
        Box::pin(async move {
            let ask = Ask::Sync { extent, epoch };
            extents.all(&nodes, &[question(&ask, &[])]).await?;
            let (now, mut shunned) = (extents.now(), extents.shunned());
            nodes.iter().for_each(|node| shunned.did(now, *node));
            Ok(())
        })
    }

    fn read(&self, at: u64, length: usize) -> Pending<io::Result<Bytes>> {
        let (extents, extent, nodes) = (self.extents.clone(), self.extent, self.nodes.clone());
        Box::pin(async move { extents.read(extent, &nodes, at, length, 0).await })
    }

    fn read_sound(&self, at: u64, length: usize, sound: IsSound) -> Pending<io::Result<Bytes>> {
        let (extents, extent, nodes) = (self.extents.clone(), self.extent, self.nodes.clone());
        // Only sealed extents are copied: its writer ends it before long.
        Box::pin(async move {
            let found = extents.read_sound(extent, &nodes, (at, length), &sound);
            found.await.map(|(bytes, _)| bytes)
        })
    }

    fn length(&self) -> Pending<io::Result<u64>> {
        let end = self.end.load(Ordering::Relaxed);
        Box::pin(async move { Ok(end) })
    }

    fn truncate(&self, _: u64) -> Pending<io::Result<()>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn reserve(&self, _: u64) -> Pending<io::Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

fn error(refusal: Refusal) -> io::Error {
    let kind = match refusal {
        Refusal::Full => io::ErrorKind::StorageFull,
        Refusal::Absent(_) => io::ErrorKind::NotFound,
        Refusal::Taken(_) => io::ErrorKind::AlreadyExists,
        Refusal::Fenced(_) | Refusal::Closed | Refusal::Foreign(_) => {
            io::ErrorKind::PermissionDenied
        }
        Refusal::Broken => io::ErrorKind::Other,
        Refusal::Silent(_) => SILENT,
    };
    io::Error::new(kind, refusal)
}
