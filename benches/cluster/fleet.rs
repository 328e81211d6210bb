//! Three nodes that keep one catalog: real sockets on loopback, real disks, one thread each.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path as Folders;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use holdfast::clock::SystemClock;
use holdfast::disk::Folder;
use holdfast::entropy::SystemEntropy;
use holdfast::store::Store;
use holdfast_actors::catalog::Catalog;
use holdfast_actors::catalog::command::{ClusterCommand, Command, NewNode, NodeCommand};
use holdfast_actors::kernel::{NodeId, NodeName};
use holdfast_actors::ports::{Clock as _, Disk, File, Pending, Ports, Storage};
use holdfast_actors::shell::{Directory, Path};
use holdfast_cluster::calls::Exchange;
use holdfast_cluster::calls::machine::Limits;
use holdfast_cluster::identity::{Authority, Issuer, KeyHash, NODE_LIFE, NodeCertificate, NodeKey};
use holdfast_cluster::nodes::{Node, Nodes};
use holdfast_cluster::quic::{Class, Config, Endpoint, Ground, Life, Pace, VERSION};
use holdfast_cluster::raft::{Options, Replica};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How many nodes there are; all of them vote.
const COUNT: u64 = 3;
/// How long they may take until all vote.
const GATHERING: Duration = Duration::from_secs(20);

/// A node.
pub(crate) struct Member {
    pub(crate) node: NodeId,
    pub(crate) replica: Replica,
    /// The way to services on other nodes.
    pub(crate) calls: Exchange,
    pub(crate) ports: Ports,
    pub(crate) endpoint: Endpoint,
    runtime: Runtime,
    /// Endpoints end when nobody tells them any more who the others are.
    _table: Arc<watch::Sender<Arc<Nodes>>>,
}

impl Member {
    pub(crate) fn catalog(&self) -> Catalog {
        self.replica.catalog()
    }

    /// Begins calls of bulk.
    pub(crate) async fn bulk(&self) -> Exchange {
        exchange(self.node, &self.endpoint, Class::Bulk, &self.ports).await
    }

    /// Runs work on the threads of this node.
    pub(crate) fn run<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }

    /// Begins work on the threads of this node.
    pub(crate) fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.runtime.spawn(work)
    }

    /// Ends it as kill -9 does: nothing more is sent, nobody is told.
    pub(crate) fn kill(self) {
        self.runtime.shutdown_background();
    }
}

/// What one node is made of before it takes part.
struct Made {
    runtime: Runtime,
    endpoint: Endpoint,
    key: KeyHash,
    address: SocketAddr,
}

/// Starts three nodes below a folder; each sync of their disks takes so much longer.
pub(crate) fn start(folder: &Folders, slower: Duration) -> Vec<Member> {
    let now = SystemClock::new().now().wall;
    let authority = Authority::found(now).unwrap();
    let issuer = authority.issuer(now).unwrap();
    let table = Arc::new(watch::Sender::<Arc<Nodes>>::default());
    let made: Vec<_> = (1..=COUNT).map(|id| make(id, &issuer, &table)).collect();
    let rows = made.iter().zip(1..).map(|(made, id)| {
        let (key, addresses) = (made.key, vec![made.address]);
        (NodeId::new(id), Node { key, addresses })
    });
    table.send_replace(Arc::new(rows.collect()));
    let members = made.into_iter().zip(1..);
    let members: Vec<_> = members
        .map(|(made, id)| {
            join(
                made,
                id,
                &folder.join(id.to_string()),
                (slower, Arc::clone(&table)),
            )
        })
        .collect();
    gather(&members);
    members
}

fn make(id: u64, issuer: &Issuer, table: &watch::Sender<Arc<Nodes>>) -> Made {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build().unwrap();
    let (node, key) = (NodeId::new(id), NodeKey::generate().unwrap());
    let now = SystemClock::new().now().wall;
    let chain = issuer.issue(node, &name(id), key.public(), now, NODE_LIFE);
    let certificate = NodeCertificate::new(chain.unwrap(), issuer.root().clone(), key).unwrap();
    let key = certificate.hash();
    let config = Config {
        node,
        life: Life::default(),
        certificate,
        nodes: table.subscribe(),
        version: VERSION,
        pace: Pace::default(),
        clock: Arc::new(SystemClock::new()),
        joins: None,
        notices: Arc::new(|_| {}),
    };
    let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let endpoint = {
        let _inside = runtime.enter();
        Endpoint::open(config, Ground::Socket(socket)).unwrap()
    };
    let address = endpoint.address().unwrap();
    Made {
        runtime,
        endpoint,
        key,
        address,
    }
}

fn name(id: u64) -> NodeName {
    NodeName::parse(&format!("n{id}")).unwrap()
}

fn join(
    made: Made,
    id: u64,
    folder: &Folders,
    (slower, table): (Duration, Arc<watch::Sender<Arc<Nodes>>>),
) -> Member {
    std::fs::create_dir_all(folder).unwrap();
    let node = NodeId::new(id);
    let started = start_one(node, &made.endpoint, folder, slower);
    let (replica, calls, ports) = made.runtime.block_on(started);
    let first = NewNode {
        name: name(id),
        addresses: vec![made.address.to_string()],
        key: *made.key.bytes(),
        roles: [].into(),
        zone: String::new(),
    };
    let member = Member {
        node,
        replica,
        calls,
        ports,
        endpoint: made.endpoint,
        runtime: made.runtime,
        _table: table,
    };
    member.run(async {
        if id == 1 {
            member.replica.found().await.unwrap();
        }
        let add = Command::Cluster(ClusterCommand::Node(node, NodeCommand::Add(first)));
        let at = SystemClock::new().now().wall;
        member.catalog().order(at, add).await.unwrap();
    });
    member
}

async fn start_one(
    node: NodeId,
    endpoint: &Endpoint,
    folder: &Folders,
    slower: Duration,
) -> (Replica, Exchange, Ports) {
    let disk = Slower(Arc::new(Folder::new(folder)), slower);
    let ports = Ports {
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(SystemEntropy),
        disk: Arc::new(disk),
        index: Arc::new(Store::open(folder.join("index")).await.unwrap().store),
        directory: Arc::new(Directory::default()),
    };
    let control = exchange(node, endpoint, Class::Control, &ports).await;
    let calls = exchange(node, endpoint, Class::Calls, &ports).await;
    let options = Options {
        known: vec![NodeId::new(1)],
        ..Options::default()
    };
    let path = Path::node().child("catalog");
    // A node that is killed has its last orders cancelled, and says so.
    let fails = Box::new(|fault| eprintln!("the log failed: {fault}"));
    let control = Arc::new(control);
    let started = Replica::start(&path, options, ports.clone(), control, None, fails);
    (started.await.unwrap(), calls, ports)
}

/// The calls of one class, once for each node.
async fn exchange(node: NodeId, endpoint: &Endpoint, class: Class, ports: &Ports) -> Exchange {
    let exchange = Exchange::new(node, &SystemEntropy);
    let (path, link) = (
        Path::node().child(format!("{class:?}")),
        endpoint.link(class),
    );
    let started = exchange.start(path, link, Limits::default(), ports.clone(), None);
    started.await.unwrap();
    exchange
}

/// Waits until all vote.
fn gather(members: &[Member]) {
    let start = Instant::now();
    while members
        .iter()
        .any(|it| it.replica.voters().len() < members.len())
    {
        assert!(start.elapsed() < GATHERING, "not all nodes vote");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A disk whose syncs take longer.
struct Slower(Arc<dyn Disk>, Duration);

struct SlowerFile(Arc<dyn File>, Duration);

impl Slower {
    fn open_as(
        &self,
        opened: Pending<io::Result<Arc<dyn File>>>,
    ) -> Pending<io::Result<Arc<dyn File>>> {
        let slower = self.1;
        Box::pin(async move {
            let file = opened.await?;
            Ok(Arc::new(SlowerFile(file, slower)) as Arc<dyn File>)
        })
    }
}

impl Disk for Slower {
    fn create(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        self.open_as(self.0.create(path))
    }
    fn open(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        self.open_as(self.0.open(path))
    }
    fn list(&self, folder: &str) -> Pending<io::Result<Vec<String>>> {
        self.0.list(folder)
    }
    fn rename(&self, from: &str, to: &str) -> Pending<io::Result<()>> {
        self.0.rename(from, to)
    }
    fn remove(&self, path: &str) -> Pending<io::Result<()>> {
        self.0.remove(path)
    }
    fn sync_folder(&self, folder: &str) -> Pending<io::Result<()>> {
        self.0.sync_folder(folder)
    }
    fn storage(&self) -> Option<Storage> {
        self.0.storage()
    }
}

impl File for SlowerFile {
    fn write(&self, at: u64, parts: Vec<Bytes>) -> Pending<io::Result<()>> {
        self.0.write(at, parts)
    }
    fn sync(&self) -> Pending<io::Result<()>> {
        let (synced, slower) = (self.0.sync(), self.1);
        Box::pin(async move {
            if slower > Duration::ZERO {
                tokio::time::sleep(slower).await;
            }
            synced.await
        })
    }
    fn read(&self, at: u64, length: usize) -> Pending<io::Result<Bytes>> {
        self.0.read(at, length)
    }
    fn length(&self) -> Pending<io::Result<u64>> {
        self.0.length()
    }
    fn truncate(&self, length: u64) -> Pending<io::Result<()>> {
        self.0.truncate(length)
    }
    fn reserve(&self, length: u64) -> Pending<io::Result<()>> {
        self.0.reserve(length)
    }
}
