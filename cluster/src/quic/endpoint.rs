//! One node's end of all its links: the socket, the connections that live, and three [`Link`]s.

mod telling;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_actors::kernel::{NodeId, Version};
use holdfast_actors::ports::{Clock, Link};
use quinn::ClientConfig;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::class::{Class, Purpose};
use super::end::End;
use super::greet::{answer, dial};
use super::ground::Ground;
use super::hello::{Hello, Life};
use super::lane::{ClassLink, Dial, Lane};
use super::live::Live;
use super::lives::Lives;
use super::notice::{News, Notice};
use super::streams::{self, Outlet, Streams};
use super::tls::{Shown, Tls, tls};
use super::transport::{Pace, roomy, transport};
use super::visit::Visits;
use crate::identity::{IdentityError, NodeCertificate};
use crate::join::Admits;
use crate::nodes::Nodes;

/// Handshakes that may be under way at once; who comes then is refused and tries again.
const HANDSHAKES_MAX: usize = 64;
/// From so many on a stranger must first show that he is where he says.
const HANDSHAKES_TRUSTING: usize = 16;
/// Bytes of datagrams that may wait for one handshake.
const EARLY_MAX: u64 = 64 << 10;

/// What an endpoint is made of.
pub struct Config {
    /// This node.
    pub node: NodeId,
    /// This run of it.
    pub life: Life,
    /// What it shows of itself.
    pub certificate: NodeCertificate,
    /// Who may speak, and where they are. A node that leaves the table is cut off at once.
    pub nodes: watch::Receiver<Arc<Nodes>>,
    /// What it speaks: [`super::hello::VERSION`], or an earlier minor version while nodes are
    /// upgraded one by one.
    pub version: Version,
    /// Time limits.
    pub pace: Pace,
    /// By which certificates are judged.
    pub clock: Arc<dyn Clock>,
    /// Who lets newcomers in; none on a node that cannot.
    pub joins: Option<Arc<dyn Admits>>,
    /// Hears what happens; must not wait.
    pub notices: Arc<dyn Fn(Notice) + Send + Sync>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Config({})", self.node)
    }
}

/// Shows another certificate from the next handshake on.
pub type Switch = Arc<dyn Fn(&NodeCertificate) -> Result<(), IdentityError> + Send + Sync>;

/// Why there is no endpoint.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The certificate cannot be used.
    #[error("the node's certificate cannot be used")]
    Identity(#[from] IdentityError),
    /// The socket cannot be used.
    #[error("the socket cannot be used")]
    Socket(#[from] io::Error),
}

/// One node's end.
pub struct Endpoint {
    shared: Arc<Shared>,
    shown: Arc<Shown>,
    task: JoinHandle<()>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.shared.node)
    }
}

/// What all tasks of an endpoint know.
pub(super) struct Shared {
    pub(super) node: NodeId,
    pub(super) version: Version,
    pub(super) pace: Pace,
    pub(super) nodes: watch::Receiver<Arc<Nodes>>,
    pub(super) quinn: quinn::Endpoint,
    pub(super) visits: Option<Visits>,
    life: Life,
    lanes: [Arc<Lane>; 3],
    clients: [ClientConfig; 3],
    pub(super) outlet: Outlet,
    clock: Arc<dyn Clock>,
    notices: Arc<dyn Fn(Notice) + Send + Sync>,
    news: Mutex<News>,
    lives: Mutex<Lives>,
    live: Mutex<Live>,
}

impl Shared {
    pub(super) fn lane(&self, class: Class) -> &Arc<Lane> {
        &self.lanes[usize::from(class.code()) - 1]
    }

    pub(super) fn client(&self, purpose: Purpose) -> ClientConfig {
        match purpose {
            Purpose::Frames(class) => self.clients[usize::from(class.code()) - 1].clone(),
            Purpose::Streams => self.outlet.client.clone(),
        }
    }

    pub(super) fn hello(&self, purpose: Purpose, attempt: u64) -> Hello {
        Hello {
            version: self.version,
            purpose,
            node: self.node,
            life: self.life,
            attempt,
        }
    }

    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lives(&self) -> MutexGuard<'_, Lives> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Endpoint {
    /// Begins to listen. Must be called inside of a tokio runtime.
    ///
    /// # Errors
    /// When the certificate or the socket cannot be used.
    pub fn open(config: Config, ground: Ground) -> Result<Self, OpenError> {
        let Config {
            node,
            life,
            certificate,
            nodes,
            version,
            pace,
            clock,
            joins,
            notices,
        } = config;
        let chance = ground.chance();
        let Tls {
            shown,
            server,
            client,
        } = tls(
            &certificate,
            nodes.clone(),
            Arc::clone(&clock),
            joins.is_some(),
            chance.provider(),
        )?;
        let mut listening = chance.server(server, Arc::clone(&clock));
        listening
            .transport_config(transport(None, pace))
            // Nodes do not wander; who seems to is somebody else.
            .migration(false)
            .max_incoming(HANDSHAKES_MAX)
            .incoming_buffer_size(EARLY_MAX)
            .incoming_buffer_size_total(EARLY_MAX * 4);
        let clients = Class::ALL.map(|class| {
            let mut config = chance.client(Arc::clone(&client));
            config.transport_config(transport(Some(class), pace));
            config
        });
        let (outlet, wishes) = Outlet::new(pace, &listening, chance.client(client), &chance);
        let (dials, dialled) = mpsc::unbounded_channel();
        let lanes = Class::ALL.map(|class| Arc::new(Lane::new(node, class, dials.clone())));
        let shared = Arc::new(Shared {
            node,
            version,
            pace,
            nodes,
            quinn: ground.listen(roomy(chance.endpoint())?, listening)?,
            visits: joins.map(Visits::new),
            life,
            lanes,
            clients,
            outlet,
            clock,
            notices,
            news: Mutex::default(),
            lives: Mutex::default(),
            live: Mutex::default(),
        });
        let work = run(Arc::clone(&shared), dialled, wishes);
        #[expect(
            clippy::disallowed_methods,
            reason = "an adapter's own task, ended with the endpoint"
        )]
        let task = tokio::spawn(work);
        Ok(Self {
            shared,
            shown,
            task,
        })
    }

    /// The link of one class.
    pub fn link(&self, class: Class) -> Arc<dyn Link> {
        Arc::new(ClassLink(Arc::clone(self.shared.lane(class))))
    }

    /// Streams of bytes to and from other nodes.
    pub fn streams(&self) -> Streams {
        self.shared.outlet.streams()
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the socket does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.shared.quinn.local_addr()
    }

    /// Shows another certificate from the next handshake on; connections stay as they are.
    ///
    /// # Errors
    /// When it cannot be used; the one before is shown then.
    pub fn switch(&self, certificate: &NodeCertificate) -> Result<(), IdentityError> {
        self.shown.switch(certificate)
    }

    /// The same for whoever renews it.
    pub fn switches(&self) -> Switch {
        let shown = Arc::clone(&self.shown);
        Arc::new(move |certificate| shown.switch(certificate))
    }

    /// Cuts all connections with a node. They are made anew when there is something to send.
    pub fn sever(&self, peer: NodeId) {
        self.shared
            .live()
            .cut_where(&End::Severed, |node, _| node == peer);
    }

    /// Ends all links: their receivers hear no more, and peers are told.
    pub async fn close(self) {
        for lane in &self.shared.lanes {
            lane.close();
        }
        self.shared.outlet.close();
        let end = End::Leaving;
        let quinn = &self.shared.quinn;
        quinn.close(end.code(), end.to_string().as_bytes());
        // A peer that does not listen does not hold this node up.
        let idle = tokio::time::timeout(self.shared.pace.idle, quinn.wait_idle()).await;
        tracing::debug!(node = %self.shared.node, all_told = idle.is_ok(), "the link is closed");
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        for lane in &self.shared.lanes {
            lane.close();
        }
        self.shared.outlet.close();
        self.task.abort();
    }
}

/// The endpoint's own task: it takes in, dials and watches the table. All tasks of connections end
/// with it.
async fn run(
    shared: Arc<Shared>,
    mut dials: mpsc::UnboundedReceiver<Dial>,
    mut wishes: mpsc::UnboundedReceiver<NodeId>,
) {
    let mut tasks = JoinSet::new();
    let mut nodes = shared.nodes.clone();
    loop {
        tokio::select! {
            biased;
            changed = nodes.changed() => match changed {
                Ok(()) => shared.sift(),
                // Whoever kept the table is gone: the node is ending.
                Err(_) => return,
            },
            Some(ended) = tasks.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(node = %shared.node, %error, "a connection's task failed");
                }
            }
            Some(order) = dials.recv() => {
                tasks.spawn(dial(Arc::clone(&shared), order));
            }
            Some(peer) = wishes.recv() => {
                tasks.spawn(streams::dial(Arc::clone(&shared), peer));
            }
            incoming = shared.quinn.accept() => {
                let Some(incoming) = incoming else { return };
                admit(&shared, &mut tasks, incoming);
            }
        }
    }
}

/// Begins a handshake, if there are not too many.
fn admit(shared: &Arc<Shared>, tasks: &mut JoinSet<()>, incoming: quinn::Incoming) {
    let known = shared.live().count();
    let under_way = shared.quinn.open_connections().saturating_sub(known);
    if under_way >= HANDSHAKES_MAX {
        incoming.refuse();
    } else if under_way >= HANDSHAKES_TRUSTING && incoming.may_retry() {
        if let Err(error) = incoming.retry() {
            tracing::debug!(node = %shared.node, %error, "a stranger was not asked again");
        }
    } else {
        tasks.spawn(answer(Arc::clone(shared), incoming));
    }
}
