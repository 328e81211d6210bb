//! Clusters of a few nodes on loopback.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::{Instant, NodeId, NodeName, Now, Timestamp};
use holdfast_actors::ports::{Arrival, Clock, Link};
use holdfast_cluster::identity::{Authority, Issuer, KeyHash, NODE_LIFE, NodeCertificate, NodeKey};
use holdfast_cluster::join::Admits;
use holdfast_cluster::nodes::{Node, Nodes};
use holdfast_cluster::quic::{
    Class, Config, Endpoint, Ground, Life, Notice, Pace, VERSION, Version,
};
use tokio::sync::watch;

pub(crate) mod raw;

/// Longer than anything here takes, on the busiest machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Where nothing depends on a death being noticed soon: no death for a machine that is busy.
pub(crate) const CALM: Pace = Pace {
    keep_alive: Duration::from_millis(500),
    idle: Duration::from_secs(20),
    greeting: Duration::from_secs(20),
};

/// A clock that stands still.
pub(crate) struct Still(pub(crate) Timestamp);

impl Clock for Still {
    fn now(&self) -> Now {
        Now {
            monotonic: Instant::default(),
            wall: self.0,
        }
    }
}

pub(crate) fn today() -> Timestamp {
    Timestamp::parse("2026-05-01T12:00:00Z").unwrap()
}

/// A cluster's authority and its table.
pub(crate) struct Cluster {
    pub(crate) issuer: Issuer,
    pub(crate) table: watch::Sender<Arc<Nodes>>,
    rows: Mutex<Vec<(NodeId, Node)>>,
}

/// One node that runs.
pub(crate) struct Running {
    pub(crate) node: NodeId,
    pub(crate) key: KeyHash,
    pub(crate) endpoint: Endpoint,
    pub(crate) notices: Arc<Mutex<Vec<Notice>>>,
}

/// How a node is started.
pub(crate) struct Start {
    pub(crate) bind: SocketAddr,
    pub(crate) life: Life,
    pub(crate) version: Version,
    pub(crate) pace: Pace,
    pub(crate) clock: Timestamp,
    pub(crate) joins: Option<Arc<dyn Admits>>,
}

impl Default for Start {
    fn default() -> Self {
        Self {
            bind: ([127, 0, 0, 1], 0).into(),
            life: Life { count: 1, salt: 1 },
            version: VERSION,
            pace: CALM,
            clock: today(),
            joins: None,
        }
    }
}

impl Cluster {
    pub(crate) fn found() -> Self {
        let authority = Authority::found(today()).unwrap();
        Self {
            issuer: authority.issuer(today()).unwrap(),
            table: watch::Sender::default(),
            rows: Mutex::default(),
        }
    }

    /// The issuer once more, as it lies on other nodes.
    pub(crate) fn spare_issuer(&self) -> Issuer {
        let kept = self.issuer.pem();
        Issuer::from_pem(&kept.certificates, &kept.key).unwrap()
    }

    pub(crate) fn certificate(&self, number: u64) -> NodeCertificate {
        let key = NodeKey::generate().unwrap();
        self.certify(number, key)
    }

    pub(crate) fn certify(&self, number: u64, key: NodeKey) -> NodeCertificate {
        let name = NodeName::parse(&format!("n{number}")).unwrap();
        let node = NodeId::new(number);
        let chain = self
            .issuer
            .issue(node, &name, key.public(), today(), NODE_LIFE);
        NodeCertificate::new(chain.unwrap(), self.issuer.root().clone(), key).unwrap()
    }

    /// Starts a node with a certificate, without a row in the table.
    pub(crate) fn run(&self, number: u64, certificate: NodeCertificate, start: Start) -> Running {
        let node = NodeId::new(number);
        let key = certificate.hash();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        let config = Config {
            node,
            life: start.life,
            certificate,
            nodes: self.table.subscribe(),
            version: start.version,
            pace: start.pace,
            clock: Arc::new(Still(start.clock)),
            joins: start.joins,
            notices: Arc::new(move |notice| hears.lock().unwrap().push(notice)),
        };
        let socket = UdpSocket::bind(start.bind).unwrap();
        Running {
            node,
            key,
            endpoint: Endpoint::open(config, Ground::Socket(socket)).unwrap(),
            notices: heard,
        }
    }

    pub(crate) fn enter(&self, node: NodeId, key: KeyHash, addresses: Vec<SocketAddr>) {
        let mut rows = self.rows.lock().unwrap();
        rows.push((node, Node { key, addresses }));
        self.table
            .send_replace(Arc::new(rows.iter().cloned().collect()));
    }

    /// All nodes know of the table only what they were told when they joined.
    pub(crate) fn begins(&self) {
        self.table
            .send_modify(|table| *table = Arc::new((**table).clone().of_joining()));
    }

    pub(crate) fn remove(&self, node: NodeId) {
        let mut rows = self.rows.lock().unwrap();
        rows.retain(|(number, _)| *number != node);
        self.table
            .send_replace(Arc::new(rows.iter().cloned().collect()));
    }

    /// Starts a node and enters it in the table.
    pub(crate) fn join(&self, number: u64, start: Start) -> Running {
        let running = self.run(number, self.certificate(number), start);
        let address = running.endpoint.address().unwrap();
        self.enter(running.node, running.key, vec![address]);
        running
    }
}

impl Running {
    /// Waits for a notice of which this holds, and says it.
    pub(crate) async fn told(&self, of: impl Fn(&Notice) -> bool) -> Notice {
        soon("a notice", async {
            loop {
                let found = self
                    .notices
                    .lock()
                    .unwrap()
                    .iter()
                    .find(|one| of(one))
                    .cloned();
                match found {
                    Some(notice) => return notice,
                    None => tokio::task::yield_now().await,
                }
            }
        })
        .await
    }

    pub(crate) async fn refusal(&self) -> String {
        let refused = |notice: &Notice| matches!(notice, Notice::Refused { .. });
        match self.told(refused).await {
            Notice::Refused { reason, .. } => reason,
            notice @ (Notice::Up { .. }
            | Notice::Down { .. }
            | Notice::Dismissed { .. }
            | Notice::Outdated { .. }
            | Notice::Doubled { .. }) => panic!("{notice}"),
        }
    }

    pub(crate) fn refusals(&self) -> usize {
        let notices = self.notices.lock().unwrap();
        let refused = |notice: &&Notice| matches!(notice, Notice::Refused { .. });
        notices.iter().filter(refused).count()
    }
}

/// What comes of this, which takes a moment.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => panic!("no {what} in {PATIENCE:?}"),
    }
}

pub(crate) async fn heard(link: &Arc<dyn Link>) -> Arrival {
    soon("arrival", link.receive())
        .await
        .expect("the link is open")
}

/// What most frames say.
pub(crate) const HELLO: Bytes = Bytes::from_static(b"hello");

/// A frame as it arrives.
pub(crate) fn frame(from: &Running, body: &Bytes) -> Arrival {
    Arrival::Frame {
        from: from.node,
        body: body.clone(),
    }
}

/// Sends one frame each way.
pub(crate) async fn talk(one: &Running, other: &Running) {
    for class in Class::ALL {
        let (this, that) = (one.endpoint.link(class), other.endpoint.link(class));
        this.send(other.node, HELLO).unwrap();
        assert_eq!(heard(&that).await, frame(one, &HELLO));
        that.send(one.node, HELLO).unwrap();
        assert_eq!(heard(&this).await, frame(other, &HELLO));
    }
}

/// Sends until something else than a death comes back from there.
pub(crate) async fn until_it_arrives(
    from: &Arc<dyn Link>,
    to: NodeId,
    at: &Arc<dyn Link>,
) -> Arrival {
    soon("frame that gets through", async {
        loop {
            from.send(to, HELLO).unwrap();
            tokio::select! {
                biased;
                arrival = at.receive() => match arrival.unwrap() {
                    Arrival::Down(_) => {}
                    arrival @ (Arrival::Frame { .. } | Arrival::Room(_)) => return arrival,
                },
                arrival = from.receive() => assert_eq!(arrival, Some(Arrival::Down(to))),
            }
        }
    })
    .await
}
