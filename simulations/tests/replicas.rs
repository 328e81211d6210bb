//! Extents on several nodes as files, through the actors of production on simulated disks.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::extent;
use holdfast_actors::frame::Header;
use holdfast_actors::kernel::{Epoch, ExtentId, NodeId, RepositoryId, Sequence, Timestamp};
use holdfast_actors::ports::{File, Journal, Pending, Ports};
use holdfast_actors::shell::{self, Directory, Fault, Handle, Path};
use holdfast_cluster::calls::{Answers, CallError, Calls};
use holdfast_cluster::extents::{self, Extents, Message, Remote, Replicas, StoreHands};
use holdfast_simulations::clock::Clock;
use holdfast_simulations::dice::Dice;
use holdfast_simulations::disk::Disk;
use holdfast_simulations::entropy::Entropy;
use holdfast_simulations::index::Index;

const REPOSITORY: RepositoryId = RepositoryId::new(3);
const EXTENT: ExtentId = ExtentId::new(7);
const WRITER: Epoch = Epoch::new(5);

/// Calls that arrive at once, at nodes that are up.
#[derive(Default)]
struct Wires(Mutex<BTreeMap<NodeId, Arc<dyn Answers>>>);

impl Calls for Wires {
    fn node(&self) -> NodeId {
        NodeId::new(1)
    }

    fn call(
        &self,
        to: NodeId,
        _: &'static str,
        body: Bytes,
        _: Duration,
    ) -> Pending<Result<Bytes, CallError>> {
        let service = self.0.lock().unwrap().get(&to).cloned();
        let answer = service.map(|service| service.answer(self.node(), body));
        Box::pin(async move {
            let answer = answer.ok_or(CallError::Unreachable(to))?;
            Ok(answer.await?)
        })
    }

    fn serve(&self, _: &'static str, _: Arc<dyn Answers>) {}
}

/// A journal that keeps what it is given.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Bytes>>>);

impl Journal for Kept {
    fn append(&self, body: Bytes) -> Pending<Result<(), Fault>> {
        self.0.lock().unwrap().push(body);
        Box::pin(async { Ok(()) })
    }
}

/// A node, with what outlives its lives.
#[derive(Default)]
struct Node {
    disk: Disk,
    journal: Kept,
    actor: Option<Handle<Message>>,
}

struct Cluster {
    wires: Arc<Wires>,
    nodes: BTreeMap<NodeId, Node>,
    extents: Extents,
}

fn ports(disk: &Disk) -> Ports {
    let dice = Dice::of_seed(1);
    Ports {
        clock: Arc::new(Clock::starting_at(Timestamp::from_millis(1))),
        entropy: Arc::new(Entropy::new(dice)),
        disk: disk.port(),
        index: Index::default().port(),
        directory: Arc::new(Directory::default()),
    }
}

impl Cluster {
    async fn of(count: u64) -> Self {
        let wires = Arc::new(Wires::default());
        let clock = ports(&Disk::default()).clock;
        let remote = Remote::new(Arc::clone(&wires) as Arc<dyn Calls>);
        let mut cluster = Self {
            extents: Extents::new(remote, clock, NodeId::new(1)),
            wires,
            nodes: BTreeMap::new(),
        };
        for number in 1..=count {
            cluster.nodes.insert(NodeId::new(number), Node::default());
            cluster.start(number).await;
        }
        cluster
    }

    fn ids(&self) -> Vec<NodeId> {
        self.nodes.keys().copied().collect()
    }

    async fn start(&mut self, number: u64) {
        let id = NodeId::new(number);
        let node = self.nodes.get_mut(&id).unwrap();
        let ports = ports(&node.disk);
        let records = node.journal.0.lock().unwrap().clone();
        let store = extents::recover(&ports.disk, records).await.unwrap();
        let hands = StoreHands::new(Arc::new(node.journal.clone()));
        let path = Path::node().child("replicas");
        let actor = shell::spawn(path, store, hands, ports, None).await.unwrap();
        node.actor = Some(actor.clone());
        let service = Arc::new(Replicas(actor));
        self.wires.0.lock().unwrap().insert(id, service);
    }

    /// The power of a node goes.
    fn crash(&mut self, number: u64) {
        let id = NodeId::new(number);
        self.wires.0.lock().unwrap().remove(&id);
        let node = self.nodes.get_mut(&id).unwrap();
        node.actor.take().unwrap().stop();
        node.disk.crash(&mut Dice::of_seed(number));
    }

    async fn created(&self) -> Arc<dyn File> {
        let nodes = self.ids();
        let created = self.extents.create(REPOSITORY, EXTENT, WRITER, &nodes);
        created.await.unwrap()
    }

    fn tell(&self, number: u64, message: Message) {
        let actor = self.nodes[&NodeId::new(number)].actor.as_ref().unwrap();
        actor.tell(message).unwrap();
    }
}

/// A frame of so many bytes.
fn frame(sequence: u64, length: usize) -> Bytes {
    let body = vec![sequence as u8; length];
    let header = Header::of(1, WRITER, Sequence::new(sequence), &body);
    [header.encode().as_ref(), &body].concat().into()
}

/// More than travels behind one word, and less.
fn frames() -> Vec<Bytes> {
    vec![frame(1, 700_000), frame(2, 10), frame(3, 900_000)]
}

#[tokio::test(start_paused = true)]
async fn what_was_written_and_synced_is_read_from_any_replica() {
    let mut cluster = Cluster::of(3).await;
    let file = cluster.created().await;
    let bytes = frames().concat();
    file.write(0, frames()).await.unwrap();
    file.sync().await.unwrap();
    assert_eq!(file.length().await.unwrap(), bytes.len() as u64);
    for number in 1..=3 {
        if number > 1 {
            cluster.crash(number - 1);
        }
        let read = file.read(5, bytes.len()).await.unwrap();
        assert_eq!(read, bytes[5..], "with {number} nodes and those behind");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_durable_that_one_replica_does_not_have() {
    let mut cluster = Cluster::of(3).await;
    let file = cluster.created().await;
    file.write(0, vec![frame(1, 10)]).await.unwrap();
    cluster.crash(3);
    let failed = file.sync().await.unwrap_err();
    assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
    let failed = file.write(42, vec![frame(2, 10)]).await;
    assert!(failed.is_err());
}

#[tokio::test(start_paused = true)]
async fn who_takes_over_finds_what_was_durable_and_the_writer_finds_a_fence() {
    let mut cluster = Cluster::of(3).await;
    let file = cluster.created().await;
    let bytes = frames().concat();
    file.write(0, frames()).await.unwrap();
    file.sync().await.unwrap();
    let end = bytes.len() as u64;
    file.write(end, vec![frame(4, 100)]).await.unwrap();
    // One loses what was not synced, or a part of it, and is back; another stays away.
    cluster.crash(2);
    cluster.start(2).await;
    cluster.crash(3);
    let nodes = cluster.ids();
    let fenced = cluster.extents.fence(EXTENT, WRITER.next(), &nodes).await;
    let fenced = fenced.unwrap();
    assert!(fenced.length >= end, "{fenced:?} and {end} were durable");
    assert!(!fenced.nodes.contains(&NodeId::new(3)));
    cluster.start(3).await;
    let refused = file.write(end + 132, vec![frame(5, 1)]).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    let nodes: Vec<NodeId> = fenced.nodes.into_iter().collect();
    let found = cluster.extents.open(EXTENT, end, &nodes);
    assert_eq!(found.read(0, usize::MAX).await.unwrap(), bytes);
    assert!(found.write(end, vec![frame(5, 1)]).await.is_err());
    // Recovery writes again what it found.
    found.write(0, vec![frame(1, 10)]).await.unwrap();
}

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "virtual time passes")]
async fn replicas_become_what_the_catalog_says() {
    let cluster = Cluster::of(2).await;
    let file = cluster.created().await;
    file.write(0, frames()).await.unwrap();
    file.sync().await.unwrap();
    let length = frames()[0].len() as u64;
    cluster.tell(1, Message::Sealed(EXTENT, length));
    cluster.tell(2, Message::Dropped(EXTENT));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let path = extent::path(REPOSITORY, EXTENT);
    let kept = &cluster.nodes[&NodeId::new(1)].disk;
    let kept = kept.port().open(&path).await.unwrap();
    assert_eq!(kept.length().await.unwrap(), length);
    let gone = &cluster.nodes[&NodeId::new(2)].disk;
    let gone = gone.port().open(&path).await.err().unwrap();
    assert_eq!(gone.kind(), io::ErrorKind::NotFound);
}
