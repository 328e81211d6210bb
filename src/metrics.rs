//! The figures of a node, for Prometheus: one value that is handed to whoever counts.
//!
//! What is counted while it happens lies in [`Metrics`]; what can be read at any time is read when
//! somebody asks, through a [`Probe`]. No secret and no tenant's content is ever a label.

mod server;

use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use holdfast_actors::ports::Pending;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

pub use server::serve;

/// Reads what can be read at any time into the gauges, before they are shown.
pub trait Probe: Send + Sync + 'static {
    /// Sets the gauges; those of things that are gone are taken away first.
    fn sample(&self, gauges: &Gauges) -> Pending<()>;
    /// Whether the node takes requests: recovered, listening, and not draining.
    fn is_ready(&self) -> bool;
}

/// What a request was.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// GET, HEAD, POST, DELETE or other.
    pub method: Method,
    /// data, keys, locks, snapshots, index, config, repository, self-service, forwarded or other.
    pub kind: &'static str,
    /// The status code.
    pub status: u16,
}

/// The methods that are told apart; a client cannot make up more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names of HTTP")]
pub enum Method {
    Get,
    Head,
    Post,
    Delete,
    Other,
}

/// Which way bytes went.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WayLabels {
    /// From clients or to them.
    pub way: Way,
}

/// From clients or to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// From clients.
    Up,
    /// To clients.
    Down,
}

impl EncodeLabelValue for Method {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Other => "other",
        })
    }
}

impl EncodeLabelValue for Way {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
        })
    }
}

/// A repository of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RepositoryLabels {
    /// Whose.
    pub tenant: String,
    /// Which.
    pub repository: String,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TenantLabels {
    /// Who.
    pub tenant: String,
}

/// Where an extent stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ExtentLabels {
    /// open, sealed, or what else there is.
    pub state: &'static str,
}

/// A node of a cluster: the one whose figures these are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct NodeLabels {
    /// Such as `node-2`.
    pub node: String,
}

/// Where nodes stand.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StateLabels {
    /// joining, active, draining or down.
    pub state: String,
}

/// An actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ActorLabels {
    /// Where it stands in the supervision tree.
    pub path: String,
}

/// An invariant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct InvariantLabels {
    /// Its word.
    pub invariant: String,
}

/// A gauge of each of several things, in bytes or in a count.
type Amounts<L> = Family<L, Gauge<u64, AtomicU64>>;

/// What is read when somebody asks.
#[derive(Clone, Default)]
pub struct Gauges {
    /// Bytes charged to the quota.
    pub quota_used: Amounts<RepositoryLabels>,
    /// The quota in bytes.
    pub quota: Amounts<RepositoryLabels>,
    /// Bytes of deleted objects that are kept.
    pub bin: Amounts<RepositoryLabels>,
    /// About how many bytes on the disk are of no use any more and come back once it is worth it.
    pub reclaimable: Amounts<RepositoryLabels>,
    /// Seconds since the repository was last read back as a whole, or made if it never was.
    pub scrub_age: Amounts<RepositoryLabels>,
    /// Days until the lease ends; none for a lease without an end.
    pub lease_days_left: Amounts<TenantLabels>,
    /// Extents by state.
    pub extents: Amounts<ExtentLabels>,
    /// How often an actor was started again since the node's start.
    pub restarts: Amounts<ActorLabels>,
    /// How often an actor broke one of its invariants since the node's start.
    pub violations: Family<InvariantLabels, Counter>,
    /// Sessions that are open.
    pub sessions: Gauge,
    /// Bytes free on the file system of the node's directory.
    pub storage_free: Gauge<u64, AtomicU64>,
    /// How many of them are kept back from new data.
    pub storage_reserve: Gauge<u64, AtomicU64>,
    /// Of the cluster; nothing of a node that stands alone.
    pub cluster: ClusterGauges,
}

/// What a node sees of its cluster.
#[derive(Clone, Default)]
pub struct ClusterGauges {
    /// 1 if it believes that it leads the catalog, else 0.
    pub leads: Amounts<NodeLabels>,
    /// 1 if its lease runs, without which it serves nobody, else 0.
    pub lease_held: Amounts<NodeLabels>,
    /// Replicas that it has, or is to have.
    pub replicas: Amounts<NodeLabels>,
    /// Sealed extents of the cluster that have too few copies.
    pub under_replicated: Amounts<NodeLabels>,
    /// How many of them have no copy that counts.
    pub without_copy: Amounts<NodeLabels>,
    /// Bytes that are to be copied for them.
    pub bytes_to_copy: Amounts<NodeLabels>,
    /// Nodes by state.
    pub nodes: Amounts<StateLabels>,
}

impl ClusterGauges {
    fn register(&self, registry: &mut Registry) {
        let leads = "Whether this node leads the catalog, as far as it knows";
        registry.register("cluster_leader", leads, self.leads.clone());
        let lease = "Whether the lease of this node runs";
        registry.register("cluster_lease_held", lease, self.lease_held.clone());
        let replicas = "Replicas that this node has, or is to have";
        registry.register("cluster_replicas", replicas, self.replicas.clone());
        let lacking = "Sealed extents of the cluster that have too few copies";
        let name = "cluster_under_replicated_extents";
        registry.register(name, lacking, self.under_replicated.clone());
        let none = "Sealed extents of the cluster without a copy on a node that is there";
        let name = "cluster_extents_without_copy";
        registry.register(name, none, self.without_copy.clone());
        let bytes = "Bytes that are to be copied so that extents have their copies";
        registry.register("cluster_to_copy_bytes", bytes, self.bytes_to_copy.clone());
        registry.register("cluster_nodes", "Nodes by state", self.nodes.clone());
    }
}

/// All figures of one node.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    latency: Histogram,
    bytes: Family<WayLabels, Counter>,
    journal_sync: Histogram,
    /// What a [`Probe`] sets.
    pub gauges: Gauges,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        // From 1 ms to 65 s, and from 50 µs to 3.3 s: an answer from memory, a slow disk.
        let latency = Histogram::new(exponential_buckets(0.001, 2.0, 17));
        let journal_sync = Histogram::new(exponential_buckets(0.000_05, 2.0, 17));
        let mut metrics = Self {
            registry: Registry::with_prefix("holdfast"),
            requests: Family::default(),
            latency,
            bytes: Family::default(),
            journal_sync,
            gauges: Gauges::default(),
        };
        metrics.register();
        metrics
    }

    /// A request ended, with so much of its answer's body sent as was.
    pub fn request(&self, labels: &RequestLabels, took: Duration) {
        self.requests.get_or_create(labels).inc();
        self.latency.observe(took.as_secs_f64());
    }

    /// Bytes of bodies crossed the network.
    pub fn transferred(&self, way: Way, bytes: u64) {
        self.bytes.get_or_create(&WayLabels { way }).inc_by(bytes);
    }

    /// The journal was synced.
    pub fn journal_synced(&self, took: Duration) {
        self.journal_sync.observe(took.as_secs_f64());
    }

    /// The text that Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let gauges = &self.gauges;
        let requests = "Requests of clients by method, kind of object and status";
        registry.register("requests", requests, self.requests.clone());
        let latency = "From the end of a request's head to the end of its answer";
        let unit = Unit::Seconds;
        registry.register_with_unit("request_duration", latency, unit, self.latency.clone());
        let bytes = "Bytes of bodies, from clients and to them";
        registry.register("transferred_bytes", bytes, self.bytes.clone());
        let sync = "How long the journal took to become durable";
        let unit = Unit::Seconds;
        registry.register_with_unit(
            "journal_sync_duration",
            sync,
            unit,
            self.journal_sync.clone(),
        );
        let used = "Bytes charged to the quota";
        registry.register("quota_used_bytes", used, gauges.quota_used.clone());
        registry.register("quota_bytes", "The quota", gauges.quota.clone());
        let bin = "Bytes of deleted objects that are kept";
        registry.register("bin_bytes", bin, gauges.bin.clone());
        let dead = "Bytes of sealed extents that are of no use any more";
        registry.register("reclaimable_bytes", dead, gauges.reclaimable.clone());
        let scrub = "Time since a repository was last read back as a whole, or made";
        registry.register("scrub_age_seconds", scrub, gauges.scrub_age.clone());
        let lease = "Days until the lease of a tenant ends";
        registry.register("lease_days_left", lease, gauges.lease_days_left.clone());
        registry.register("extents", "Extents by state", gauges.extents.clone());
        let free = "Bytes free on the disk";
        registry.register("storage_free_bytes", free, gauges.storage_free.clone());
        let reserve = "Bytes on the disk that new data is not taken into";
        registry.register(
            "storage_reserve_bytes",
            reserve,
            gauges.storage_reserve.clone(),
        );
        let restarts = "How often an actor was started again since the node's start";
        registry.register("restarts", restarts, gauges.restarts.clone());
        let broken = "How often an actor broke one of its invariants since the node's start";
        registry.register("invariant_violations", broken, gauges.violations.clone());
        registry.register(
            "sessions",
            "Sessions that are open",
            gauges.sessions.clone(),
        );
        gauges.cluster.register(registry);
    }
}

/// What the metrics server needs.
#[derive(Clone)]
pub struct Source {
    /// The figures.
    pub metrics: Arc<Metrics>,
    /// Who reads what can be read at any time.
    pub probe: Arc<dyn Probe>,
}
