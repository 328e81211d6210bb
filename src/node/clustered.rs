//! A node of a cluster: its socket, the other nodes as the catalog has them, and its part in both.

use std::net::UdpSocket;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use holdfast_actors::catalog::Catalog;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::journal;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::node::{self as domain, Stem};
use holdfast_actors::ports::{Passwords, Pending, Ports};
use holdfast_actors::shell::Fault;
use holdfast_cluster::calls::machine::Limits;
use holdfast_cluster::identity::{Folder, KeyHash, NodeCertificate};
use holdfast_cluster::join::{Admits, Answer, Petition, Usher};
use holdfast_cluster::member::{Links, Member, Options};
use holdfast_cluster::nodes::Nodes;
use holdfast_cluster::quic::{Class, Config, Endpoint, Ground, Pace, VERSION};
use holdfast_cluster::raft::{self, Replica};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::failure;
use crate::cli::Failure;
use crate::home::{CLUSTER, Home, Membership};
use crate::rest::{Forward, Homes};

/// How long a node that is ending waits for another to lead in its place.
const HANDING_OVER: Duration = Duration::from_secs(1);

/// What a node of a cluster has beside its domain.
pub(super) struct Clustered {
    endpoint: Endpoint,
    replica: Replica,
    tasks: JoinSet<()>,
}

/// Starts the domain on the ground of its cluster.
pub(super) async fn start(
    home: &Home,
    membership: &Membership,
    settings: domain::Settings,
    ports: &Ports,
    passwords: Arc<dyn Passwords>,
) -> Result<(domain::Node, Clustered), Failure> {
    let folder = Folder::open(&home.path.join(CLUSTER)).map_err(|error| failure(&error))?;
    let certificate = folder.node().map_err(|error| failure(&error))?;
    let certificate = certificate.ok_or_else(|| {
        let told = "this node of a cluster has lost its key; make it anew and join again";
        Failure::other("no-identity", told)
    })?;
    let key = certificate.hash();
    let (told, nodes) = watch::channel(Arc::new(membership.table(&key)));
    let porch = Arc::new(Porch::default());
    let joins = Arc::clone(&porch) as Arc<dyn Admits>;
    let endpoint = listen(&folder, membership, certificate, (nodes, joins), ports)?;

    // Replicas of the catalog keep snapshots of it.
    let snapshot_every = u64::MAX;
    let alone = domain::Settings {
        snapshot_every,
        ..settings
    };
    let stem = Stem::start(&alone, ports).await;
    let stem = stem.map_err(|error| failure(&error))?;
    let links = Links {
        control: endpoint.link(Class::Control),
        bulk: endpoint.link(Class::Bulk),
    };
    let options = options(membership, &key, &settings);
    let member = Member::start(&stem, options, ports, links).await;
    let member = member.map_err(|error| failure(&error))?;
    let mut tasks = JoinSet::new();
    let rows = member.ground.catalog.subscribe();
    tasks.spawn(follow(membership.node, rows, told));
    let issuer = folder.issuer().map_err(|error| failure(&error))?;
    if let Some(issuer) = issuer {
        let catalog = member.ground.catalog.clone();
        let usher = Usher::new(catalog, Arc::new(issuer), Arc::clone(&ports.clock));
        // Nobody else sets it.
        let _ = porch.0.set(usher);
    }
    let ground = member.ground.clone();
    let node = stem.grow(&alone, ground, ports.clone(), passwords).await;
    let node = node.map_err(|error| failure(&error))?;
    let tended = member.tend(&node, ports).await;
    tended.map_err(|error| failure(&error))?;
    let clustered = Clustered {
        endpoint,
        replica: member.replica,
        tasks,
    };
    Ok((node, clustered))
}

fn listen(
    folder: &Folder,
    membership: &Membership,
    certificate: NodeCertificate,
    (nodes, joins): (watch::Receiver<Arc<Nodes>>, Arc<dyn Admits>),
    ports: &Ports,
) -> Result<Endpoint, Failure> {
    let life = folder.begin_life(ports.entropy.as_ref());
    let life = life.map_err(|error| failure(&error))?;
    let socket = UdpSocket::bind(membership.bind).map_err(|error| {
        let bind = membership.bind;
        Failure::other(
            "io",
            format!("cannot listen for other nodes at {bind}: {error}"),
        )
    })?;
    let config = Config {
        node: membership.node,
        life,
        certificate,
        nodes,
        version: VERSION,
        pace: Pace::default(),
        clock: Arc::clone(&ports.clock),
        joins: Some(joins),
        notices: Arc::new(|_| {}),
    };
    let opened = Endpoint::open(config, Ground::Socket(socket));
    opened.map_err(|error| failure(&error))
}

fn options(membership: &Membership, key: &KeyHash, settings: &domain::Settings) -> Options {
    let journal = settings.journal;
    let known = membership.others.iter().map(|other| other.node);
    Options {
        node: membership.node,
        catalog: raft::Options {
            known: known.collect(),
            journal,
            snapshot_after: settings.snapshot_every,
            ..raft::Options::default()
        },
        replicas: journal::Options::default(),
        limits: Limits::default(),
        founds: membership.is_founder().then(|| membership.row(key)),
    }
}

/// Where newcomers stand before they are let in. The socket is there before the catalog is.
#[derive(Default)]
struct Porch(OnceLock<Usher>);

impl Admits for Porch {
    fn admit(&self, petition: Petition) -> Pending<Answer> {
        match self.0.get() {
            Some(usher) => usher.admit(petition),
            None => Box::pin(async {
                let told = "this node is starting, or has no issuer; try again, or another node";
                Answer::refused("unavailable", told)
            }),
        }
    }
}

/// Keeps the table of nodes as the catalog has it.
async fn follow(node: NodeId, mut rows: watch::Receiver<Rows>, nodes: watch::Sender<Arc<Nodes>>) {
    loop {
        let (table, is_known) = {
            let rows = rows.borrow_and_update();
            (
                Nodes::from(&rows.cluster),
                rows.cluster.nodes.contains_key(&node),
            )
        };
        // Rows of a time before this node was let in say less than it was told at joining.
        let is_news = is_known && **nodes.borrow() != table;
        if is_news && nodes.send(Arc::new(table)).is_err() {
            return;
        }
        if rows.changed().await.is_err() {
            return;
        }
    }
}

impl Clustered {
    /// How a face on this node sends requests to where they are handled.
    pub(super) fn forward(&self, catalog: &Catalog) -> Arc<Forward> {
        let router = Homes {
            here: self.replica.node(),
            rows: catalog.subscribe(),
        };
        Forward::new(Arc::new(router), self.endpoint.streams())
    }

    /// Resolves when this node can take no part any more, with why.
    pub(super) async fn ended(&self) -> Fault {
        self.replica.ended().await
    }

    /// Leaves in order: whoever leads hands that over first.
    pub(super) async fn stop(mut self) {
        if self.replica.leads().is_some() {
            let node = self.replica.node();
            let voters = self.replica.voters();
            let other = voters.into_iter().find(|voter| *voter != node);
            if let Some(other) = other
                && self.replica.hand_over(other).await.is_ok()
            {
                let handed = self.replica.follows();
                // If nobody takes it, the others elect somebody when this one is silent.
                let _ = tokio::time::timeout(HANDING_OVER, handed).await;
            }
        }
        self.tasks.abort_all();
        self.replica.stop().await;
        self.endpoint.close().await;
    }
}
