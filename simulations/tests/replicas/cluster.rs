//! Nodes with replicas, on simulated disks, that call each other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::frame::Header;
use holdfast_actors::journal::SnapshotError;
use holdfast_actors::kernel::{Epoch, ExtentId, NodeId, RepositoryId, Sequence, Timestamp};
use holdfast_actors::ports::{File, Journal, Pending, Ports};
use holdfast_actors::shell::{self, Directory, Fault, Handle, Path};
use holdfast_cluster::calls::{Answers, CallError, Calls};
use holdfast_cluster::extents::{self, Extents, Message, Notes, Remote, Replicas, StoreHands};
use holdfast_simulations::clock::Clock;
use holdfast_simulations::dice::Dice;
use holdfast_simulations::disk::Disk;
use holdfast_simulations::entropy::Entropy;
use holdfast_simulations::index::Index;

pub(crate) const REPOSITORY: RepositoryId = RepositoryId::new(3);
pub(crate) const EXTENT: ExtentId = ExtentId::new(7);
pub(crate) const WRITER: Epoch = Epoch::new(5);

/// Calls that arrive at once, at nodes that are up.
#[derive(Default)]
pub(crate) struct Wires(pub(crate) Mutex<BTreeMap<NodeId, Arc<dyn Answers>>>);

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
pub(crate) struct Kept(Arc<Mutex<Vec<Bytes>>>);

impl Journal for Kept {
    fn append(&self, body: Bytes) -> Pending<Result<(), Fault>> {
        self.0.lock().unwrap().push(body);
        Box::pin(async { Ok(()) })
    }
}

impl Notes for Kept {
    fn keep(&self, _: Sequence, _: Vec<Bytes>) -> Pending<Result<(), SnapshotError>> {
        // All records stay.
        Box::pin(async { Ok(()) })
    }
}

/// A node, with what outlives its lives.
#[derive(Default)]
pub(crate) struct Node {
    pub(crate) disk: Disk,
    pub(crate) journal: Kept,
    pub(crate) actor: Option<Handle<Message>>,
}

pub(crate) struct Cluster {
    pub(crate) wires: Arc<Wires>,
    pub(crate) nodes: BTreeMap<NodeId, Node>,
    pub(crate) extents: Extents,
}

pub(crate) fn ports(disk: &Disk) -> Ports {
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
    pub(crate) async fn of(count: u64) -> Self {
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

    pub(crate) fn ids(&self) -> Vec<NodeId> {
        self.nodes.keys().copied().collect()
    }

    pub(crate) async fn start(&mut self, number: u64) {
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
    pub(crate) fn crash(&mut self, number: u64) {
        let id = NodeId::new(number);
        self.wires.0.lock().unwrap().remove(&id);
        let node = self.nodes.get_mut(&id).unwrap();
        node.actor.take().unwrap().stop();
        node.disk.crash(&mut Dice::of_seed(number));
    }

    pub(crate) async fn created(&self) -> Arc<dyn File> {
        let nodes = self.ids();
        let on = (&nodes[..], &[][..]);
        let created = self.extents.create(REPOSITORY, EXTENT, WRITER, on, 1);
        let (file, failed) = created.await.unwrap();
        assert_eq!(failed, []);
        file
    }

    pub(crate) fn tell(&self, number: u64, message: Message) {
        let actor = self.nodes[&NodeId::new(number)].actor.as_ref().unwrap();
        actor.tell(message).unwrap();
    }
}

/// A frame of so many bytes.
pub(crate) fn frame(sequence: u64, length: usize) -> Bytes {
    let body = vec![sequence as u8; length];
    let header = Header::of(1, WRITER, Sequence::new(sequence), &body);
    [header.encode().as_ref(), &body].concat().into()
}
