//! A node of a cluster: its socket, the other nodes as the catalog has them, and its part in both.

use std::net::UdpSocket;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use holdfast_actors::catalog::Catalog;
use holdfast_actors::catalog::command::Turned;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::front::Front;
use holdfast_actors::journal;
use holdfast_actors::kernel::{NodeId, Timestamp, Version};
use holdfast_actors::node::{self as domain, Stem};
use holdfast_actors::ports::{Clock, Passwords, Pending, Ports};
use holdfast_actors::repositories;
use holdfast_actors::shell;
use holdfast_cluster::calls::Calls;
use holdfast_cluster::calls::machine::Limits;
use holdfast_cluster::identity::{
    self, Folder, KeyHash, NodeCertificate, RENEWAL, RenewalParts, Signer,
};
use holdfast_cluster::join::{Admits, Answer, Petition, Usher};
use holdfast_cluster::member::{Links, Member, Options};
use holdfast_cluster::nodes::Nodes;
use holdfast_cluster::quic::{Class, Config, Endpoint, Ground, Notice, Pace};
use holdfast_cluster::raft::{self, Replica};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::failure;
use super::gate::{self, Gate};
use crate::admin::office::Office;
use crate::admin::others::{self, Counter, Others, Passing};
use crate::cli::Failure;
use crate::home::{CLUSTER, Home, Membership};
use crate::rest::{Forward, Homes};
use crate::socket::widen;

/// How long a node that is ending waits for its repositories to be given up: longer than each may
/// take.
const GIVING_UP: Duration = Duration::from_secs(6);
/// How long it waits for the catalog to take its lease back.
const RESIGNING: Duration = Duration::from_secs(2);
/// How long a node that is ending waits for another to lead in its place.
const HANDING_OVER: Duration = Duration::from_secs(1);

/// What a node of a cluster has beside its domain.
pub(super) struct Clustered {
    endpoint: Endpoint,
    replica: Replica,
    calls: Arc<dyn Calls>,
    tasks: JoinSet<()>,
    gate: Gate,
    folder: Folder,
    membership: Membership,
    version: Version,
}

/// Starts the domain on the ground of its cluster, or ends if that does not want this node.
pub(super) async fn start(
    home: &Home,
    membership: &Membership,
    (settings, version): (domain::Settings, Version),
    ports: &Ports,
    passwords: Arc<dyn Passwords>,
) -> Result<(domain::Node, Clustered), Failure> {
    let folder = Folder::open(&home.path.join(CLUSTER))?;
    if let Some(why) = folder.unfit() {
        return Err(gate::unfit(why, membership));
    }
    let (gate, turned) = Gate::new();
    let started = begin(
        home,
        membership,
        (settings, version),
        ports,
        passwords,
        (gate.clone(), turned),
    );
    tokio::select! {
        started = started => started,
        why = gate.unwanted((membership.node, version), None) => {
            Err(gate::ended(why, membership, &folder))
        }
    }
}

async fn begin(
    home: &Home,
    membership: &Membership,
    (settings, version): (domain::Settings, Version),
    ports: &Ports,
    passwords: Arc<dyn Passwords>,
    (gate, turned): (Gate, mpsc::Receiver<Turned>),
) -> Result<(domain::Node, Clustered), Failure> {
    let folder = Folder::open(&home.path.join(CLUSTER))?;
    let certificate = folder.node()?;
    let certificate = certificate.ok_or_else(|| {
        let told = "this node of a cluster has lost its key; make it anew and join again";
        Failure::other("no-identity", told)
    })?;
    let (key, good) = (
        certificate.hash(),
        (certificate.since(), certificate.until()),
    );
    let (told, nodes) = watch::channel(Arc::new(membership.table(&key)));
    let porch = Arc::new(Porch::default());
    let joins = Arc::clone(&porch) as Arc<dyn Admits>;
    let heard = (version, nodes, joins, gate.ear());
    let endpoint = listen(&folder, membership, certificate, heard, ports)?;

    // Replicas of the catalog keep snapshots of it.
    let stem = Stem::start(None, ports).await;
    let stem = stem.map_err(|error| failure(&error))?;
    let links = Links {
        control: endpoint.link(Class::Control),
        calls: endpoint.link(Class::Calls),
        bulk: endpoint.link(Class::Bulk),
    };
    let options = options(membership, &key, &settings, version);
    let member = Member::start(&stem, options, ports, links).await;
    let member = member.map_err(|error| failure(&error))?;
    let mut tasks = JoinSet::new();
    let rows = member.ground.catalog.subscribe();
    tasks.spawn(follow(membership.node, rows, told));
    tasks.spawn(gate.heed(&member.replica));
    let catalog = member.ground.catalog.clone();
    tasks.spawn(gate::report(turned, catalog, Arc::clone(&ports.clock)));
    let issuer = folder.issuer()?;
    let issuer = issuer.map(Arc::new);
    if let Some(issuer) = &issuer {
        let catalog = member.ground.catalog.clone();
        let usher = Usher::new(catalog, Arc::clone(issuer), Arc::clone(&ports.clock));
        // Nobody else sets it.
        let _ = porch.0.set(usher);
    }
    let rows = member.ground.catalog.subscribe();
    let signer = issuer.map(|issuer| Signer::new(issuer, rows.clone(), Arc::clone(&ports.clock)));
    let renewal = RenewalParts {
        folder: folder.clone(),
        shows: endpoint.switches(),
        signer,
        calls: Arc::clone(&member.calls),
        rows,
    };
    let ground = member.ground.clone();
    let node = stem.grow(&settings, ground, ports.clone(), passwords).await;
    let node = node.map_err(|error| failure(&error))?;
    let tended = member.tend(&node, ports).await;
    tended.map_err(|error| failure(&error))?;
    renew(&node, good, renewal, ports).await?;
    let clustered = Clustered {
        endpoint,
        replica: member.replica,
        calls: member.calls,
        tasks,
        gate,
        folder,
        membership: membership.clone(),
        version,
    };
    Ok((node, clustered))
}

/// What the socket goes by: what it speaks, who may speak, who lets newcomers in, and who hears
/// what happens.
type Heard = (
    Version,
    watch::Receiver<Arc<Nodes>>,
    Arc<dyn Admits>,
    Arc<dyn Fn(Notice) + Send + Sync>,
);

/// Keeps the node's certificate good, and signs those of nodes that have no issuer.
async fn renew(
    node: &domain::Node,
    good: (Timestamp, Timestamp),
    parts: RenewalParts,
    ports: &Ports,
) -> Result<(), Failure> {
    if let Some(signer) = parts.signer.clone() {
        parts.calls.serve(RENEWAL, Arc::new(signer));
    }
    let path = shell::Path::node().child("identity");
    let started = identity::renew(path, good, parts, ports.clone(), Some(node.root()));
    started.await.map(|_| ()).map_err(|error| failure(&error))
}

fn listen(
    folder: &Folder,
    membership: &Membership,
    certificate: NodeCertificate,
    (version, nodes, joins, notices): Heard,
    ports: &Ports,
) -> Result<Endpoint, Failure> {
    let bind = membership.bind;
    let socket = UdpSocket::bind(bind);
    let socket = socket.map_err(|error| Failure::deaf("other nodes", bind, &error))?;
    widen(&socket, "other nodes");
    // A start that comes to nothing does not count.
    let life = folder.begin_life(ports.entropy.as_ref())?;
    let config = Config {
        node: membership.node,
        life,
        certificate,
        nodes,
        version,
        pace: Pace::default(),
        clock: Arc::clone(&ports.clock),
        joins: Some(joins),
        notices,
    };
    let opened = Endpoint::open(config, Ground::Socket(socket));
    opened.map_err(|error| failure(&error))
}

fn options(
    membership: &Membership,
    key: &KeyHash,
    settings: &domain::Settings,
    version: Version,
) -> Options {
    let journal = settings.journal;
    let known = membership.others.iter().map(|other| other.node);
    Options {
        node: membership.node,
        catalog: raft::Options {
            known: known.collect(),
            journal,
            snapshot_after: settings.snapshot_every,
            version,
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
    pub(super) fn forward(&self, catalog: &Catalog, clock: &Arc<dyn Clock>) -> Arc<Forward> {
        let router = Homes {
            here: self.replica.node(),
            rows: catalog.subscribe(),
            held: self.replica.held(),
            clock: Arc::clone(clock),
        };
        Forward::new(Arc::new(router), self.endpoint.streams())
    }

    /// The offices of the other nodes.
    pub(super) fn others(&self) -> Arc<dyn Others> {
        let calls = Arc::clone(&self.calls);
        let (stands, held) = (self.replica.standing(), self.replica.held());
        Arc::new(Passing::new(calls, stands, held))
    }

    /// Calls to the other nodes.
    pub(super) fn calls(&self) -> Arc<dyn Calls> {
        Arc::clone(&self.calls)
    }

    /// Lets the other nodes pass orders to this one's office.
    pub(super) fn open(&self, office: Office, clock: Arc<dyn Clock>) {
        let counter = Counter::new(Arc::new(office), clock);
        self.calls.serve(others::SERVICE, Arc::new(counter));
    }

    /// Resolves when this node can take no part any more, with why.
    pub(super) async fn ended(&self) -> Failure {
        let rows = self.replica.catalog().subscribe();
        tokio::select! {
            fault = self.replica.ended() => super::failed(&fault),
            why = self.gate.unwanted((self.membership.node, self.version), Some(rows)) => {
                gate::ended(why, &self.membership, &self.folder)
            }
        }
    }

    /// Gives up in order what others wait for: the repositories, then the catalog's lead, and the
    /// node's lease as the last. From then on tenants are at home elsewhere, and the next life of
    /// this node begins without waiting.
    pub(super) async fn leave(&self, front: &Front) {
        let given_up = front.repositories.ask(repositories::Message::Leave);
        if !matches!(timeout(GIVING_UP, given_up).await, Ok(Ok(()))) {
            tracing::warn!("not all repositories were given up in order; they are taken over");
        }
        self.hand_over().await;
        if timeout(RESIGNING, self.replica.resign()).await.is_err() {
            tracing::warn!("the lease of this node was not given back; it ends by itself");
        }
    }

    async fn hand_over(&self) {
        if self.replica.leads().is_some() {
            let node = self.replica.node();
            let voters = self.replica.voters();
            let rows = self.replica.catalog().rows();
            let can = |voter: &NodeId| *voter != node && rows.cluster.is_leased(*voter);
            let other = voters.into_iter().find(can);
            if let Some(other) = other
                && self.replica.hand_over(other).await.is_ok()
            {
                let handed = self.replica.follows();
                // If nobody takes it, the others elect somebody when this one is silent.
                let _ = timeout(HANDING_OVER, handed).await;
            }
        }
    }

    /// Takes no part any more.
    pub(super) async fn stop(mut self) {
        self.tasks.abort_all();
        self.replica.stop().await;
        self.endpoint.close().await;
    }
}
