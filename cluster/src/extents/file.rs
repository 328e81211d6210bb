//! Extents on several nodes, as files: whoever writes and reads them does not notice.

mod closed;
mod followed;
mod sound;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use holdfast_actors::kernel::{Epoch, ExtentId, Instant, NodeId, RepositoryId};
use holdfast_actors::ports::{Clock, File, IsSound, Pending};

use super::remote::CHUNK;
use super::{Answer, Ask, Fenced, Fencing, Nobody, Refusal, Remote, Tally, Tell, Unsound};
use closed::Closed;
use followed::Followed;

/// The extents that one node writes and reads.
#[derive(Clone)]
pub struct Extents {
    remote: Remote,
    clock: Arc<dyn Clock>,
    node: NodeId,
    unsound: Arc<Unsound>,
}

impl Extents {
    /// Those of this node.
    pub fn new(remote: Remote, clock: Arc<dyn Clock>, node: NodeId) -> Self {
        Self {
            remote,
            clock,
            node,
            unsound: Arc::default(),
        }
    }

    /// The replicas that were found damaged by whoever read them here.
    pub fn unsound(&self) -> Arc<Unsound> {
        Arc::clone(&self.unsound)
    }

    /// Makes an empty replica on each of these nodes that can: those that could not are said, and
    /// must not count as copies of what is written to it. Nobody asks those that are `absent`.
    ///
    /// # Errors
    /// When none of them can.
    pub async fn create(
        &self,
        repository: RepositoryId,
        extent: ExtentId,
        epoch: Epoch,
        (nodes, absent): (&[NodeId], &[NodeId]),
    ) -> io::Result<(Arc<dyn File>, Vec<NodeId>)> {
        let ask = Ask::Create {
            repository,
            extent,
            epoch,
        };
        let mut asked = Several::default();
        let mut failed = absent.to_vec();
        for node in nodes.iter().filter(|node| !absent.contains(node)) {
            asked.push(*node, self.remote.ask(*node, &ask, &Bytes::new()));
        }
        let (mut made, mut last) = (Vec::new(), Refusal::Absent(extent));
        while let Some((node, answer)) = asked.next().await {
            match answer {
                Ok(_) => made.push(node),
                Err(refusal) => {
                    tracing::warn!(%extent, %node, %refusal, "a new extent is made without a node");
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
            asked.push(*node, self.remote.ask(*node, &ask, &Bytes::new()));
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

    /// In the order in which they are read from. Nothing is nearer than this node.
    fn nearest(&self, nodes: &[NodeId]) -> Vec<NodeId> {
        let mut nodes = nodes.to_vec();
        nodes.sort_by_key(|node| (*node != self.node, *node));
        nodes
    }

    fn now(&self) -> Instant {
        self.clock.now().monotonic
    }

    /// Asks all nodes for the same, one after the other on each; all must do it.
    async fn all(&self, nodes: &[NodeId], asks: &[(Ask, Bytes)]) -> io::Result<()> {
        let mut tallies = VecDeque::new();
        let mut asked = Several::default();
        for (number, (ask, bytes)) in asks.iter().enumerate() {
            tallies.push_back(Tally::new(nodes.iter().copied()));
            for node in nodes {
                asked.push((number, *node), self.remote.ask(*node, ask, bytes));
            }
        }
        let mut open = asks.len();
        while open > 0 {
            let Some(((number, node), answer)) = asked.next().await else {
                return Err(error(Refusal::Broken));
            };
            let told = tallies[number].told(node, answer.map(|_| ()));
            match told {
                Some(Ok(())) => open -= 1,
                Some(Err(refusal)) => return Err(error(refusal)),
                None => {}
            }
        }
        Ok(())
    }

    /// Reads from the first node that can, and has so much of it.
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
            match self.read_at(extent, *node, at, length).await {
                Ok(bytes) if bytes.len() >= least => return Ok(bytes),
                // It fell behind its writer, and is to be made whole.
                Ok(_) => last = Refusal::Absent(extent),
                Err(refusal) => last = refusal,
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
            let (_, found) = self.remote.ask(node, &ask, &Bytes::new()).await?;
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
        for bytes in chunks(parts) {
            let length = bytes.len() as u64;
            let ask = Ask::Append {
                extent,
                epoch,
                offset,
            };
            asks.push((ask, bytes));
            offset += length;
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
            extents.all(&nodes, &[(ask, Bytes::new())]).await
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

/// Cuts and joins parts into as few chunks as there can be.
fn chunks(parts: Vec<Bytes>) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    let mut small = BytesMut::new();
    for mut part in parts {
        while !part.is_empty() {
            let piece = part.split_to(part.len().min(CHUNK));
            if small.len() + piece.len() > CHUNK {
                chunks.push(small.split().freeze());
            }
            if piece.len() == CHUNK {
                chunks.push(piece);
            } else {
                small.extend_from_slice(&piece);
            }
        }
    }
    if !small.is_empty() {
        chunks.push(small.freeze());
    }
    chunks
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
        Refusal::Silent(_) => io::ErrorKind::TimedOut,
    };
    io::Error::new(kind, refusal)
}

/// Answers of several nodes, as they come. All are asked in the order in which they were pushed.
struct Several<K>(Vec<(K, Pending<Answer>)>);

impl<K> Default for Several<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K> Several<K> {
    fn push(&mut self, key: K, asked: Pending<Answer>) {
        self.0.push((key, asked));
    }

    /// The next; none when there is none left.
    async fn next(&mut self) -> Option<(K, Answer)> {
        if self.0.is_empty() {
            return None;
        }
        let (at, answer) = poll_fn(|context| {
            for (at, (_, asked)) in self.0.iter_mut().enumerate() {
                if let Poll::Ready(answer) = asked.as_mut().poll(context) {
                    return Poll::Ready((at, answer));
                }
            }
            Poll::Pending
        })
        .await;
        let (key, _) = self.0.remove(at);
        Some((key, answer))
    }
}
