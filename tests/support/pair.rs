//! Two nodes of a cluster on loopback, each with a restic face, and a router that does as it is
//! told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use holdfast::rest::{Forward, Limits, Router};
use holdfast_actors::catalog::rows::Way;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::Pending;
use holdfast_cluster::quic::Endpoint;
use tokio::sync::Notify;

use crate::endpoints::Cluster;
use crate::memory::{Memory, Scope};
use crate::world::{World, world_in};

/// The node that tenants reach.
pub(crate) const GATEWAY: NodeId = NodeId::new(1);
/// The node where they are at home.
pub(crate) const OWNER: NodeId = NodeId::new(2);

/// How long a request is held back.
pub(crate) const HELD: Duration = Duration::from_millis(800);

/// A node and what stands on it.
pub(crate) struct Member {
    pub(crate) world: World,
    pub(crate) endpoint: Endpoint,
    /// Where its router says that all tenants are.
    pub(crate) home: Arc<Told>,
}

/// Two of them.
pub(crate) struct Pair {
    pub(crate) gateway: Member,
    pub(crate) owner: Member,
    /// The nodes' table, without which they end.
    pub(crate) _cluster: Cluster,
}

/// A router that says the same to all.
pub(crate) struct Told {
    here: NodeId,
    home: AtomicU64,
    told: Arc<Notify>,
    /// Whether the node hears no majority.
    pub(crate) is_cut_off: AtomicBool,
}

impl Told {
    /// All are at home there from now on; `None` for nowhere.
    pub(crate) fn say(&self, home: Option<NodeId>) {
        self.home
            .store(home.map_or(0, NodeId::raw), Ordering::Relaxed);
        self.told.notify_waiters();
    }
}

impl Router for Told {
    fn here(&self) -> NodeId {
        self.here
    }

    fn way(&self, _user: &str) -> Way {
        match NodeId::new(self.home.load(Ordering::Relaxed)) {
            nowhere if nowhere.raw() == 0 => Way::Nowhere,
            home if home == self.here => Way::Here,
            home => Way::Node(home),
        }
    }

    fn changed(&self) -> Pending<()> {
        let told = Arc::clone(&self.told).notified_owned();
        Box::pin(told)
    }

    fn is_cut_off(&self) -> bool {
        self.is_cut_off.load(Ordering::Relaxed)
    }

    fn recalls(&self) -> bool {
        false
    }
}

async fn member(cluster: &Cluster, here: NodeId, limits: Limits, memory: Memory) -> Member {
    let endpoint = cluster.endpoint(here);
    let home = AtomicU64::new(OWNER.raw());
    let home = Arc::new(Told {
        here,
        home,
        told: Arc::default(),
        is_cut_off: AtomicBool::new(false),
    });
    let router: Arc<dyn Router> = Arc::clone(&home) as _;
    let forward = Forward::new(router, endpoint.streams()).holding(HELD);
    let world = world_in("127.0.0.1:0", limits, memory, Some(forward)).await;
    Member {
        world,
        endpoint,
        home,
    }
}

/// A gateway that knows nobody, and an owner with what this memory has.
pub(crate) async fn pair_with(limits: Limits, memory: Memory) -> Pair {
    let cluster = Cluster::found();
    let owner = member(&cluster, OWNER, limits, memory).await;
    let gateway = member(&cluster, GATEWAY, limits, Memory::new(true)).await;
    // Whoever is served there by mistake is not let in.
    let memory = &gateway.world.memory;
    memory.account("acme", "another password", Scope::Full);
    Pair {
        gateway,
        owner,
        _cluster: cluster,
    }
}

pub(crate) async fn pair() -> Pair {
    pair_with(Limits::default(), Memory::new(true)).await
}
