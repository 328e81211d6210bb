//! What the metrics server is told: every request as it ends, and the gauges when somebody asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use holdfast_actors::catalog::rows::{NodeState, Rows};
use holdfast_actors::front::Front;
use holdfast_actors::kernel::{NodeId, RepositoryId};
use holdfast_actors::node::Node;
use holdfast_actors::ports::{Clock, Disk, Pending, Ports};
use holdfast_actors::repositories as supervisor;
use holdfast_actors::repository::{self, Report};
use holdfast_actors::shell::{Directory, Listing};

use crate::admin::office::Books;
use crate::admin::others::Others;
use crate::metrics::{
    ActorLabels, ClusterGauges, ExtentLabels, Gauges, InvariantLabels, Method, Metrics, NodeLabels,
    Probe, RepositoryLabels, RequestLabels, StateLabels, TenantLabels, Way,
};
use crate::rest::{Answered, Observer};

/// Counts requests.
pub(super) struct Figures(Arc<Metrics>);

impl Figures {
    /// Counts into these metrics.
    pub(super) const fn new(metrics: Arc<Metrics>) -> Self {
        Self(metrics)
    }
}

impl Observer for Figures {
    fn answered(&self, answered: &Answered) {
        let method = match answered.method.as_str() {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "DELETE" => Method::Delete,
            _ => Method::Other,
        };
        let labels = RequestLabels {
            method,
            kind: answered.kind,
            status: answered.status,
        };
        self.0.request(&labels, answered.took);
        self.0.transferred(Way::Up, answered.received);
        self.0.transferred(Way::Down, answered.sent);
    }
}

/// What actors look after in themselves.
const INVARIANTS: [&str; 5] = ["calendar", "index", "lease", "reservations", "used"];

/// Reads the gauges.
pub(super) struct Gauging {
    books: Arc<dyn Books>,
    front: Front,
    directory: Arc<Directory>,
    clock: Arc<dyn Clock>,
    disk: Arc<dyn Disk>,
    /// The other nodes, in a cluster.
    others: Option<Arc<dyn Others>>,
    /// What repositories held when they were last measured. A repository that rests is not woken
    /// for it, and nothing of it changes meanwhile.
    measured: Arc<Mutex<BTreeMap<RepositoryId, Measured>>>,
}

impl Gauging {
    /// Of this node, which has measured nothing yet.
    pub(super) fn new(
        node: &Node,
        ports: &Ports,
        books: Arc<dyn Books>,
        others: Option<Arc<dyn Others>>,
    ) -> Self {
        Self {
            books,
            front: node.front.clone(),
            directory: Arc::clone(&ports.directory),
            clock: Arc::clone(&ports.clock),
            disk: Arc::clone(&ports.disk),
            others,
            measured: Arc::default(),
        }
    }
}

/// What a repository held, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Measured {
    charged: u64,
    bin: u64,
    reclaimable: u64,
}

impl Measured {
    const fn of(report: &Report) -> Self {
        Self {
            charged: report.charged.as_bytes(),
            bin: report.total.bin.as_bytes(),
            reclaimable: report.dead.as_bytes(),
        }
    }
}

/// Those that were never broken stand at none, so that the first one is seen to come.
fn violations(gauges: &Gauges, directory: &Directory) {
    let mut found: BTreeMap<_, _> = INVARIANTS.into_iter().map(|word| (word, 0)).collect();
    found.extend(directory.violations());
    for (invariant, count) in found {
        let labels = InvariantLabels {
            invariant: invariant.to_owned(),
        };
        let counter = gauges.violations.get_or_create(&labels);
        counter.inner().store(count, Ordering::Relaxed);
    }
}

impl Probe for Gauging {
    fn sample(&self, gauges: &Gauges) -> Pending<()> {
        let (rows, gauges) = (self.books.rows(), gauges.clone());
        let (front, tree) = (self.front.clone(), self.directory.tree());
        let now = self.clock.now().wall;
        let measured = Arc::clone(&self.measured);
        let here = self.others.as_ref().map(|others| others.node());
        if let Some(others) = &self.others {
            let leads = others.standing().leader == here;
            let holds = others.holds_lease(self.clock.now().monotonic);
            cluster(&gauges.cluster, &rows, others.node(), (leads, holds));
        }
        if let Some(storage) = self.disk.storage() {
            gauges.storage_free.set(storage.free.as_bytes());
            gauges.storage_reserve.set(storage.reserve().as_bytes());
        }
        violations(&gauges, &self.directory);
        Box::pin(async move {
            let names: BTreeMap<u64, &str> = rows
                .tenants
                .iter()
                .map(|(name, row)| (row.id, name.as_str()))
                .collect();
            gauges.scrub_age.clear();
            for row in rows
                .repositories
                .values()
                .filter(|row| row.removed.is_none())
            {
                let Some(tenant) = names.get(&row.tenant) else {
                    continue;
                };
                let at = row.verified.unwrap_or(row.made);
                let repository = row.name.to_string();
                let labels = RepositoryLabels {
                    tenant: (*tenant).to_owned(),
                    repository,
                };
                gauges
                    .scrub_age
                    .get_or_create(&labels)
                    .set(now.since(at).as_secs());
            }
            leases(&gauges, &rows);
            extents(&gauges, &rows);
            gauges.restarts.clear();
            for listing in tree.iter().filter(|listing| listing.restarts > 0) {
                let labels = ActorLabels {
                    path: listing.path.to_string(),
                };
                gauges.restarts.get_or_create(&labels).set(listing.restarts);
            }
            let sessions = tree
                .iter()
                .filter(|listing| listing.path.as_str().contains("/session-"));
            gauges
                .sessions
                .set(i64::try_from(sessions.count()).unwrap_or(i64::MAX));
            let found = measure(&rows, &front, &tree).await;
            let mut measured = measured.lock().unwrap_or_else(PoisonError::into_inner);
            measured.extend(found);
            // Of a cluster's repositories each node tells of those that are at home there.
            measured.retain(|id, _| rows.repositories.contains_key(id) && rows.serves(here, *id));
            repositories(&gauges, &rows, &names, &measured);
        })
    }

    fn is_ready(&self) -> bool {
        // The server starts behind recovery and ends before the drain.
        true
    }
}

/// Sets what this node sees of its cluster.
fn cluster(gauges: &ClusterGauges, rows: &Rows, here: NodeId, (leads, holds): (bool, bool)) {
    let lacking = rows.lacking();
    let labels = NodeLabels {
        node: here.to_string(),
    };
    for (gauge, value) in [
        (&gauges.leads, u64::from(leads)),
        (&gauges.lease_held, u64::from(holds)),
        (&gauges.replicas, rows.holding(here)),
        (&gauges.under_replicated, lacking.extents),
        (&gauges.without_copy, lacking.none),
        (&gauges.bytes_to_copy, lacking.bytes),
    ] {
        gauge.get_or_create(&labels).set(value);
    }
    gauges.nodes.clear();
    let states = [
        NodeState::Joining,
        NodeState::Active,
        NodeState::Draining,
        NodeState::Down,
    ];
    for state in states {
        let nodes = rows.cluster.nodes.values();
        let count = nodes.filter(|row| row.state == state).count();
        let labels = StateLabels {
            state: state.to_string(),
        };
        gauges.nodes.get_or_create(&labels).set(count as u64);
    }
}

/// Sets the days that leases have left.
fn leases(gauges: &Gauges, rows: &Rows) {
    gauges.lease_days_left.clear();
    for (name, row) in &rows.tenants {
        let Some(lease) = row.lease else { continue };
        let labels = TenantLabels {
            tenant: name.to_string(),
        };
        let days = u64::from(rows.clock.today.until(lease));
        gauges.lease_days_left.get_or_create(&labels).set(days);
    }
}

/// Counts extents.
fn extents(gauges: &Gauges, rows: &Rows) {
    gauges.extents.clear();
    let sealed = rows
        .extents
        .iter()
        .filter(|(_, row)| row.sealed.is_some())
        .count();
    let open = rows.extents.len() - sealed;
    for (state, count) in [("sealed", sealed), ("open", open)] {
        gauges
            .extents
            .get_or_create(&ExtentLabels { state })
            .set(count as u64);
    }
}

/// What the repositories hold that are in memory.
async fn measure(rows: &Rows, front: &Front, tree: &[Listing]) -> Vec<(RepositoryId, Measured)> {
    let running = tree.iter().filter(|listing| listing.is_running());
    let loaded: BTreeSet<String> = running.map(|listing| listing.path.to_string()).collect();
    let mut found = Vec::new();
    for id in rows.repositories.keys() {
        if loaded.contains(&format!("node/repositories/{id}"))
            && let Some(report) = report(front, *id).await
        {
            found.push((*id, Measured::of(&report)));
        }
    }
    found
}

/// Sets the gauges of repositories.
fn repositories(
    gauges: &Gauges,
    rows: &Rows,
    names: &BTreeMap<u64, &str>,
    measured: &BTreeMap<RepositoryId, Measured>,
) {
    let Gauges {
        quota,
        quota_used,
        bin,
        reclaimable,
        ..
    } = gauges;
    for gauge in [quota, quota_used, bin, reclaimable] {
        gauge.clear();
    }
    for (id, row) in &rows.repositories {
        let Some(tenant) = names.get(&row.tenant) else {
            continue;
        };
        let labels = RepositoryLabels {
            tenant: (*tenant).to_owned(),
            repository: row.name.to_string(),
        };
        quota.get_or_create(&labels).set(row.quota.as_bytes());
        let Some(held) = measured.get(id) else {
            continue;
        };
        quota_used.get_or_create(&labels).set(held.charged);
        bin.get_or_create(&labels).set(held.bin);
        reclaimable.get_or_create(&labels).set(held.reclaimable);
    }
}

/// The figures of a repository; `None` if it is out of service.
pub(super) async fn report(front: &Front, id: RepositoryId) -> Option<Report> {
    let visit = front
        .repositories
        .ask(|door| supervisor::Message::Visit(id, door));
    let visit = visit.await.ok()?;
    visit
        .repository
        .ask(repository::Message::Report)
        .await
        .ok()?
        .ok()
}
