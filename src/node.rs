//! A node as a process: it takes its directory, starts the domain over real ports, and opens its
//! doors: the restic face, the admin socket, metrics.

mod anew;
mod certificates;
mod clustered;
mod desk;
mod figures;
mod founding;
mod gate;
mod gateways;
mod joining;
mod making;
mod selfservice;
mod stock;
mod tapes;
mod timing;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use holdfast_actors::catalog::command::{Actor, Command, OperatorCommand};
use holdfast_actors::catalog::rows::Role;
use holdfast_actors::journal;
use holdfast_actors::kernel::NodeName;
use holdfast_actors::names::OperatorName;
use holdfast_actors::node as domain;
use holdfast_actors::ports::{Clock, Pending, Ports};
use holdfast_actors::shell::{Directory, Fault};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::admin::books::CatalogBooks;
use crate::admin::office::{Books, FIRST, Office, Services};
use crate::admin::{self, Door};
use crate::cli::{Exit, Failure, Screen};
use crate::clock::SystemClock;
use crate::commands::node::Serve;
use crate::disk::Folder;
use crate::entropy::SystemEntropy;
use crate::home::{Home, HomeError, Membership};
use crate::metrics::{self, Metrics, Source};
use crate::passwords::Argon2id;
use crate::rest::{Behind, Face, FaceError, Limits, Watch};
use crate::store::Store;
use crate::telemetry;
use crate::tls::SharedStore;
use certificates::{certificates, served};

pub use anew::{import, recover};
use clustered::Clustered;
use desk::Desk;
use figures::Figures;
use gateways::Gateways;
pub use joining::join;
pub use making::init;
use selfservice::Counter;
use tapes::TapeDesk;
use timing::{Stopwatch, Timed};

/// Where the index lies in the node's directory.
const INDEX: &str = "index";

/// Runs the node until it is told to end.
///
/// # Errors
/// When the directory is not a node's, is held by another process, or cannot be read.
pub fn serve(data: &Path, serve: &Serve, screen: &mut Screen) -> Result<(), Failure> {
    telemetry::start(&serve.log).map_err(|error| failure(&error))?;
    let home = Home::open(data)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| failure(&error))?;
    runtime.block_on(async {
        let running = Running::start(home, serve).await?;
        running.announce(screen)?;
        running.until_told().await
    })
}

/// A node that serves.
struct Running {
    node: domain::Node,
    cluster: Option<Clustered>,
    face: Face,
    metrics: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    doors: tokio::task::JoinSet<()>,
    name: NodeName,
    thumbprint: String,
    _home: Home,
}

impl Running {
    async fn start(home: Home, serve: &Serve) -> Result<Self, Failure> {
        let metrics = Arc::new(Metrics::new());
        let ports = ports(&home, &metrics).await?;
        let (clock, entropy) = (Arc::clone(&ports.clock), Arc::clone(&ports.entropy));
        let passwords = Argon2id::new(Arc::clone(&entropy));
        let (node, cluster) = started(&home, serve, &ports, &passwords).await?;
        let books = CatalogBooks::new(node.catalog.clone(), clock, entropy.as_ref());
        let books: Arc<dyn Books> = Arc::new(books.telling(node.front.clone()));
        // A node that joined finds operators, as soon as it hears from the others.
        if home.membership().is_none_or(Membership::is_founder) {
            first_operator(books.as_ref(), home.owner).await?;
        }

        let (store, rotation) = certificates(&home, &node, &ports).await?;
        let (thumbprint, certificates) = served(&store);
        let gateways = gateways_of(&node, &ports, &store, cluster.as_ref());
        let mut behind = behind(&node, &ports, passwords, &metrics, &gateways);
        behind.forward = cluster
            .as_ref()
            .map(|it| it.forward(&node.catalog, &ports.clock));
        let face = Face::before(serve.listen, &certificates, behind, Limits::default());
        let face = face.await;
        let deaf = |error: FaceError| Failure::deaf("tenants", error.address, &error.source);
        let face = face.map_err(deaf)?;
        let at = gateways::reached(face.address(), &serve.advertise, home.membership());
        Gateways::open(gateways, at, face.crowd());

        let others = cluster.as_ref().map(Clustered::others);
        let (stop, stopped) = watch::channel(false);
        let mut doors = tokio::task::JoinSet::new();
        let probe = figures::Gauging::new(&node, &ports, Arc::clone(&books), others.clone());
        let probe = Arc::new(probe);
        let source = Source { metrics, probe };
        let mut metrics = None;
        if let Some(address) = serve.metrics {
            let (listener, bound) = listening(address).await?;
            doors.spawn(metrics::serve(listener, source, told(stopped.clone())));
            metrics = Some(bound);
        }
        let (shown, clerks) = ((store, rotation), Arc::clone(&books));
        let desk = Desk::new(&home, &node, shown, clerks, ports.clone());
        desk.listens(face.address(), metrics);
        let services: Arc<dyn Services> = Arc::new(desk);
        let calls = cluster.as_ref().map(Clustered::calls);
        let (tapes, room) = TapeDesk::open(&home, &node, (&ports, calls))?;
        doors.spawn(room.until(told(stopped.clone())));
        let office = Office {
            books,
            services,
            tapes: Arc::new(tapes),
            directory: Arc::clone(&ports.directory),
            entropy,
            others,
        };
        if let Some(cluster) = &cluster {
            cluster.open(office.clone(), Arc::clone(&ports.clock));
        }
        let door = door(&home, serve.admin_group.as_deref())?;
        doors.spawn(door.serve(Arc::new(office), told(stopped)));
        let name = home.name.clone();
        Ok(Self {
            node,
            cluster,
            face,
            metrics,
            stop,
            doors,
            name,
            thumbprint,
            _home: home,
        })
    }

    fn announce(&self, screen: &mut Screen) -> Result<(), Failure> {
        let listen = format!("https://{}", self.face.address());
        let metrics = self
            .metrics
            .map(|address| format!("http://{address}/metrics"));
        if screen.json {
            let (node, thumbprint) = (&self.name, &self.thumbprint);
            return screen.object(&json!({
                "ready": true, "node": node, "listen": listen, "metrics": metrics,
                "thumbprint": thumbprint,
            }));
        }
        let metrics = metrics
            .map(|metrics| format!(" {metrics}"))
            .unwrap_or_default();
        screen.line(format_args!("ready {listen}{metrics}"))
    }

    /// Serves until a signal or a fault, and drains.
    async fn until_told(self) -> Result<(), Failure> {
        let cut_off = async {
            match &self.cluster {
                Some(cluster) => cluster.ended().await,
                None => std::future::pending().await,
            }
        };
        let told = tokio::select! {
            fault = self.node.ended() => Err(failed(&fault)),
            failure = cut_off => Err(failure),
            signalled = signalled() => signalled.map_err(|error| failed(&error)),
        };
        self.stop.send_replace(true);
        let leave = async {
            if let (Ok(()), Some(cluster)) = (&told, &self.cluster) {
                cluster.leave(&self.node.front).await;
            }
        };
        let (drained, ()) = tokio::join!(self.face.stop(), leave);
        if !drained {
            tracing::warn!("requests that still ran after 10 s were cut");
        }
        let mut doors = self.doors;
        while doors.join_next().await.is_some() {}
        if let Some(cluster) = self.cluster {
            cluster.stop().await;
        }
        self.node.stop();
        told
    }
}

fn failed(fault: &dyn std::fmt::Display) -> Failure {
    Failure::other("node-failed", format!("the node failed: {fault}"))
}

/// Listens where metrics are to be served, and says where that is.
async fn listening(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| Failure::deaf("metrics", address, &error))?;
    let bound = listener.local_addr().map_err(|error| failure(&error))?;
    Ok((listener, bound))
}

/// The domain over these ports, as it was ordered.
async fn started(
    home: &Home,
    serve: &Serve,
    ports: &Ports,
    passwords: &Argon2id,
) -> Result<(domain::Node, Option<Clustered>), Failure> {
    let settings = domain::Settings {
        bandwidth: serve.bandwidth.and_then(|throttle| throttle.0),
        journal: journal::Options {
            segment_bytes: serve.journal.segment.as_bytes(),
        },
        snapshot_every: serve.journal.snapshot_every,
    };
    let passwords = Arc::new(passwords.clone());
    if let Some(membership) = home.membership() {
        let said = (settings, serve.wire_version);
        let started = clustered::start(home, membership, said, ports, passwords).await;
        return started.map(|(node, cluster)| (node, Some(cluster)));
    }
    let node = domain::Node::start_with(settings, ports.clone(), passwords).await;
    node.map(|node| (node, None))
        .map_err(|error| failure(&error))
}

/// The real ports of a node in this directory.
async fn ports(home: &Home, metrics: &Arc<Metrics>) -> Result<Ports, Failure> {
    let opened = Store::open(home.path.join(INDEX)).await;
    let opened = opened.map_err(|error| failure(&error))?;
    if let Some(cause) = opened.emptied {
        tracing::warn!(%cause, "the index was damaged and is built anew");
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let watch = Stopwatch {
        clock: Arc::clone(&clock),
        metrics: Arc::clone(metrics),
    };
    let disk = Arc::new(Folder::new(&home.path));
    Ok(Ports {
        clock,
        entropy: Arc::new(SystemEntropy),
        disk: Arc::new(Timed { disk, watch }),
        index: Arc::new(opened.store),
        directory: Arc::new(Directory::default()),
    })
}

/// Who knows the gateways of the node's cluster, or the node as the only one.
fn gateways_of(
    node: &domain::Node,
    ports: &Ports,
    store: &SharedStore,
    cluster: Option<&Clustered>,
) -> Arc<Gateways> {
    let (rows, clock) = (node.catalog.subscribe(), Arc::clone(&ports.clock));
    let calls = cluster.map(Clustered::calls);
    Arc::new(Gateways::new(Arc::clone(store), rows, clock, calls))
}

/// Who stands behind the face.
fn behind(
    node: &domain::Node,
    ports: &Ports,
    passwords: Argon2id,
    metrics: &Arc<Metrics>,
    gateways: &Arc<Gateways>,
) -> Behind {
    let counter = Counter {
        front: node.front.clone(),
        catalog: node.catalog.clone(),
        passwords,
        ports: ports.clone(),
        gateways: Arc::clone(gateways),
    };
    let watch = Watch {
        clock: Arc::clone(&ports.clock),
        observer: Arc::new(Figures::new(Arc::clone(metrics))),
    };
    Behind {
        service: Arc::new(node.front.clone()),
        counter: Some(Arc::new(counter)),
        watch: Some(watch),
        forward: None,
    }
}

/// On a new node whoever owns the directory is the first operator.
async fn first_operator(books: &dyn Books, owner: u32) -> Result<(), Failure> {
    if !books.rows().operators.is_empty() {
        return Ok(());
    }
    let name = OperatorName::parse(FIRST).map_err(|error| failure(&error))?;
    let add = OperatorCommand::Add {
        role: Role::Admin,
        uid: Some(owner),
    };
    let added = books
        .submit(Actor::System, Command::Operator(name, add))
        .await;
    match added {
        // Rows may show only once a majority is heard again what was agreed on before this start.
        Err(_) if !books.rows().operators.is_empty() => Ok(()),
        added => added
            .map(|_| ())
            .map_err(|problem| Failure::other(&problem.reason, problem.message)),
    }
}

/// Opens the admin socket, for a group too if one is given.
fn door(home: &Home, group: Option<&str>) -> Result<Door, Failure> {
    let door = Door::open(&home.path).map_err(|error| failure(&error))?;
    let Some(group) = group else { return Ok(door) };
    let number = admin::group::number(group).map_err(|error| failure(&error))?;
    let number = number.ok_or_else(|| {
        let message = format!("this machine has no group '{group}'; give one by name or by number");
        Failure::usage(message)
    })?;
    door.share(number).map_err(|error| {
        let message = format!("the admin socket cannot be given to group '{group}': {error}");
        Failure::other("io", message)
    })
}

/// Resolves when the node stops.
fn told(mut stop: watch::Receiver<bool>) -> Pending<()> {
    Box::pin(async move {
        // A sender that is gone has stopped, too.
        let _ = stop.wait_for(|stop| *stop).await;
    })
}

async fn signalled() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// An error with its causes, as the command line says it.
fn failure(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::other("failed", Fault::of(error))
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        let (exit, reason) = match error {
            HomeError::NotEmpty(_) => (Exit::Conflict, "not-empty"),
            HomeError::NoNode(_) => (Exit::NotFound, "not-a-node"),
            HomeError::Newer { .. } => (Exit::Refused, "newer-format"),
            HomeError::Held(_) => (Exit::Conflict, "in-use"),
            HomeError::Absent(_) => (Exit::Other, "absent"),
            HomeError::Membership { .. } => (Exit::Other, "membership"),
            HomeError::Io { .. } => (Exit::Other, "io"),
        };
        Self::new(exit, reason, error)
    }
}
