//! A catalog, the nodes that it knows, and on each what keeps its replicas in line.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::catalog::command::{
    ClusterCommand, Command, ExtentCommand, LeaseCommand, NewNode, NodeCommand, Submission,
};
use holdfast_actors::catalog::rows::{Repository, Rows};
use holdfast_actors::catalog::{self, Catalog, Door, Keeper, Outcome, SubmitError};
use holdfast_actors::kernel::{Epoch, ExtentId, NodeId, NodeName, Sequence, Size, Timestamp};
use holdfast_actors::names::RepositoryName;
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::shell::{Gone, Handle, Path};
use holdfast_cluster::calls::Calls;
use holdfast_cluster::extents::{Ask, Message, Remote};
use holdfast_cluster::repair::{leader, reconcile};
use holdfast_simulations::disk::Disk;
use tokio::sync::watch;

use super::super::cluster::{Cluster, Kept, REPOSITORY, ports};

/// Whoever asks for a wall clock: leases do not go by it.
const WALL: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// The catalog as one node knows it, which may be cut off from it.
struct View {
    catalog: Catalog,
    cut: AtomicBool,
    rows: watch::Sender<Rows>,
}

impl View {
    fn follow(&self) {
        if !self.cut.load(Ordering::Relaxed) {
            self.rows.send_replace(self.catalog.rows());
        }
    }
}

/// The way of one node to the catalog.
struct Way(Arc<View>);

impl Door for Way {
    fn submit(&self, submission: Submission) -> Pending<Result<(Outcome, Sequence), SubmitError>> {
        let view = Arc::clone(&self.0);
        Box::pin(async move {
            if view.cut.load(Ordering::Relaxed) {
                return Err(Gone.into());
            }
            let answer = view.catalog.submit(submission).await;
            view.follow();
            answer
        })
    }

    fn catch_up(&self) -> Pending<Result<(), Gone>> {
        let is_cut = self.0.cut.load(Ordering::Relaxed);
        self.0.follow();
        Box::pin(async move { if is_cut { Err(Gone) } else { Ok(()) } })
    }
}

pub(super) struct Office {
    pub(super) cluster: Cluster,
    pub(super) catalog: Catalog,
    ports: Ports,
    leases: BTreeMap<NodeId, Epoch>,
    owner: Epoch,
    views: BTreeMap<NodeId, Arc<View>>,
    actors: BTreeMap<NodeId, Handle<reconcile::Message>>,
    visited: Arc<Mutex<Vec<u64>>>,
}

impl Office {
    pub(super) async fn of(count: u64) -> Self {
        let mut rows = Rows::default();
        let repository = Repository {
            tenant: 1,
            name: RepositoryName::parse("main").unwrap(),
            quota: Size::gib(1),
            hold_days: 0,
            min_copies: 2,
            epoch: Epoch::default(),
            made: WALL,
            removed: None,
            verified: None,
        };
        rows.repositories.insert(REPOSITORY, repository);
        rows.last_id = REPOSITORY.raw();
        let ports = ports(&Disk::default());
        let (path, journal) = (Path::from("node/catalog"), Arc::new(Kept::default()));
        let keeper = Keeper::new(rows);
        let catalog = catalog::start(path, keeper, journal, ports.clone(), None);
        let mut office = Self {
            cluster: Cluster::of(0).await,
            catalog: catalog.await.unwrap(),
            ports,
            leases: BTreeMap::new(),
            owner: Epoch::default(),
            views: BTreeMap::new(),
            actors: BTreeMap::new(),
            visited: Arc::default(),
        };
        for number in 1..=count {
            office.join(number).await;
        }
        office.own().await;
        let (path, catalog) = (Path::from("node/copies"), office.catalog.clone());
        let leads: leader::Leads = Arc::new(|| true);
        let parts = leader::Parts { catalog, leads };
        let ports = office.ports.clone();
        leader::start(path, parts, ports, None).await.unwrap();
        office
    }

    pub(super) async fn submit(&self, command: Command) -> Outcome {
        self.catalog.order(WALL, command).await.unwrap().0
    }

    async fn order(&self, command: ClusterCommand) -> Outcome {
        self.submit(Command::Cluster(command)).await
    }

    pub(super) async fn node(&self, number: u64, command: NodeCommand) {
        let command = ClusterCommand::Node(NodeId::new(number), command);
        self.order(command).await;
    }

    /// A node that is new.
    pub(super) async fn join(&mut self, number: u64) {
        let new = NewNode {
            name: NodeName::parse(&format!("n{number}")).unwrap(),
            addresses: Vec::new(),
            key: [number as u8; 32],
            roles: Default::default(),
            zone: String::new(),
        };
        self.node(number, NodeCommand::Add(new)).await;
        let id = NodeId::new(number);
        self.cluster.nodes.insert(id, Default::default());
        self.start(number).await;
    }

    pub(super) async fn start(&mut self, number: u64) {
        self.cluster.start(number).await;
        let id = NodeId::new(number);
        let (incarnation, wall) = (number, WALL);
        let acquire = LeaseCommand::Acquire { incarnation, wall };
        let granted = self.order(ClusterCommand::Lease(id, acquire)).await;
        let Outcome::Epoch { epoch } = granted else {
            panic!("{granted:?}");
        };
        self.leases.insert(id, epoch);
        let (rows, _) = watch::channel(self.catalog.rows());
        let (catalog, cut) = (self.catalog.clone(), AtomicBool::new(false));
        let view = Arc::new(View { catalog, cut, rows });
        self.views.insert(id, view);
        self.restart_reconcile(number).await;
    }

    /// Ends what keeps the replicas of a node in line, and starts it again.
    pub(super) async fn restart_reconcile(&mut self, number: u64) {
        let id = NodeId::new(number);
        if let Some(actor) = self.actors.remove(&id) {
            actor.stop();
        }
        let view = Arc::clone(&self.views[&id]);
        let rows = view.rows.subscribe();
        let node = &self.cluster.nodes[&id];
        let visited = Arc::clone(&self.visited);
        let wires = Arc::clone(&self.cluster.wires);
        let parts = reconcile::Parts {
            node: id,
            catalog: Catalog::behind(Arc::new(Way(view)), rows),
            store: node.actor.clone().unwrap(),
            remote: Remote::new(wires as Arc<dyn Calls>),
            unsound: Arc::default(),
            visit: Arc::new(move |id| visited.lock().unwrap().push(id.raw())),
        };
        let mut ports = ports(&node.disk);
        ports.clock = Arc::clone(&self.ports.clock);
        let path = Path::from("node/reconcile");
        let actor = reconcile::start(path, parts, ports, None).await.unwrap();
        self.actors.insert(id, actor);
    }

    /// A node hears nothing of the catalog any more.
    pub(super) fn cut_off(&self, number: u64) {
        self.views[&NodeId::new(number)]
            .cut
            .store(true, Ordering::Relaxed);
    }

    pub(super) fn heal(&self, number: u64) {
        self.views[&NodeId::new(number)]
            .cut
            .store(false, Ordering::Relaxed);
    }

    /// The power of a node goes.
    pub(super) fn crash(&mut self, number: u64) {
        let id = NodeId::new(number);
        self.leases.remove(&id);
        self.actors.remove(&id).unwrap().stop();
        self.cluster.crash(number);
    }

    async fn own(&mut self) {
        let node = NodeId::new(1);
        let own = ClusterCommand::Own {
            repository: REPOSITORY,
            node,
            lease: self.leases[&node],
        };
        let owned = self.order(own).await;
        let Outcome::Epoch { epoch } = owned else {
            panic!("{owned:?}");
        };
        self.owner = epoch;
    }

    pub(super) async fn open(&self) -> ExtentId {
        let (repository, epoch) = (REPOSITORY, self.owner);
        let opened = self.submit(Command::Extent(ExtentCommand::Open { repository, epoch }));
        let opened = opened.await;
        let Outcome::Extent { id: extent } = opened else {
            panic!("{opened:?}");
        };
        extent
    }

    /// Makes the replicas of an extent, and begins to write.
    pub(super) async fn fill(&self, extent: ExtentId, bytes: &[u8]) {
        let whole = self.catalog.rows().cluster.replicas[&extent].whole.clone();
        let nodes: Vec<NodeId> = whole.into_iter().collect();
        let created = self
            .cluster
            .extents
            .create(REPOSITORY, extent, self.owner, (&nodes, &[]), 1);
        assert_eq!(created.await.unwrap().1, []);
        let epoch = self.owner;
        self.submit(Command::Extent(ExtentCommand::Begin { extent, epoch }))
            .await;
        let nodes: Vec<u64> = nodes.iter().map(|node| node.raw()).collect();
        self.append(extent, 0, bytes, &nodes).await;
    }

    /// Appends on these nodes, durably.
    pub(super) async fn append(&self, extent: ExtentId, mut at: u64, bytes: &[u8], nodes: &[u64]) {
        let epoch = self.owner;
        for part in bytes.chunks(400_000) {
            let ask = Ask::Append {
                extent,
                epoch,
                offset: at,
            };
            self.ask(nodes, &ask, Bytes::copy_from_slice(part)).await;
            at += part.len() as u64;
        }
        self.ask(nodes, &Ask::Sync { extent, epoch }, Bytes::new())
            .await;
    }

    async fn ask(&self, nodes: &[u64], ask: &Ask, bytes: Bytes) {
        for number in nodes {
            let actor = self.cluster.nodes[&NodeId::new(*number)].actor.as_ref();
            let (ask, bytes) = (ask.clone(), bytes.clone());
            let asked = actor.unwrap().ask(|reply| Message::Ask(ask, bytes, reply));
            asked.await.unwrap().unwrap();
        }
    }

    pub(super) async fn seal(&self, extent: ExtentId, length: u64) {
        let epoch = self.owner;
        let seal = ExtentCommand::Seal {
            extent,
            epoch,
            length,
        };
        self.submit(Command::Extent(seal)).await;
    }

    /// Forgets an extent, as its owner does when nothing in it lives.
    pub(super) async fn forget(&self, extent: ExtentId) {
        let epoch = self.owner;
        self.submit(Command::Extent(ExtentCommand::Drop { extent, epoch }))
            .await;
    }

    /// Writes and seals so many extents.
    pub(super) async fn write(
        &self,
        count: u64,
        content: fn(u64) -> Bytes,
    ) -> Vec<(ExtentId, Bytes)> {
        let mut extents = Vec::new();
        for _ in 0..count {
            let extent = self.open().await;
            let bytes = content(extent.raw());
            self.fill(extent, &bytes).await;
            self.seal(extent, bytes.len() as u64).await;
            extents.push((extent, bytes));
        }
        self.pass(2).await;
        extents
    }

    /// Time passes, and nodes that are up keep their leases.
    #[expect(clippy::disallowed_methods, reason = "virtual time passes")]
    pub(super) async fn pass(&self, seconds: u64) {
        for _ in 0..seconds * 4 {
            let (term, advance) = (1, catalog::TICK);
            self.order(ClusterCommand::Tick { term, advance }).await;
            for (id, epoch) in &self.leases {
                let renew = LeaseCommand::Renew {
                    epoch: *epoch,
                    wall: WALL,
                };
                self.order(ClusterCommand::Lease(*id, renew)).await;
            }
            for view in self.views.values() {
                view.follow();
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}
