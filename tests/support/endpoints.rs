//! Real endpoints on loopback, of nodes that know each other.

use std::net::UdpSocket;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdfast_actors::kernel::{Instant, NodeId, NodeName, Now, Timestamp};
use holdfast_actors::ports::Clock;
use holdfast_cluster::identity::{Authority, Issuer, KeyHash, NODE_LIFE, NodeCertificate, NodeKey};
use holdfast_cluster::nodes::{Node, Nodes};
use holdfast_cluster::quic::{Config, Endpoint, Ground, Life, Pace, VERSION};
use tokio::sync::watch;

struct Still;

impl Clock for Still {
    fn now(&self) -> Now {
        Now {
            monotonic: Instant::default(),
            wall: today(),
        }
    }
}

fn today() -> Timestamp {
    Timestamp::parse("2026-05-01T12:00:00Z").unwrap()
}

/// A cluster of which nodes are made one after the other.
pub(crate) struct Cluster {
    issuer: Issuer,
    table: watch::Sender<Arc<Nodes>>,
    rows: Mutex<Vec<(NodeId, Node)>>,
}

impl Cluster {
    /// One without nodes.
    pub(crate) fn found() -> Self {
        let authority = Authority::found(today()).unwrap();
        Self {
            issuer: authority.issuer(today()).unwrap(),
            table: watch::Sender::default(),
            rows: Mutex::default(),
        }
    }

    /// One node more.
    pub(crate) fn endpoint(&self, node: NodeId) -> Endpoint {
        let key = NodeKey::generate().unwrap();
        let name = NodeName::parse(&format!("n{}", node.raw())).unwrap();
        let chain = self
            .issuer
            .issue(node, &name, key.public(), today(), NODE_LIFE);
        let root = self.issuer.root().clone();
        let certificate = NodeCertificate::new(chain.unwrap(), root, key).unwrap();
        let hash: KeyHash = certificate.hash();
        let config = Config {
            node,
            life: Life {
                count: 1,
                salt: node.raw(),
            },
            certificate,
            nodes: self.table.subscribe(),
            version: VERSION,
            // A busy machine is no dead one.
            pace: Pace {
                idle: Duration::from_secs(20),
                greeting: Duration::from_secs(10),
                ..Pace::default()
            },
            clock: Arc::new(Still),
            joins: None,
            notices: Arc::new(|_| {}),
        };
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let endpoint = Endpoint::open(config, Ground::Socket(socket)).unwrap();
        let addresses = vec![endpoint.address().unwrap()];
        let mut rows = self.rows.lock().unwrap();
        rows.push((
            node,
            Node {
                key: hash,
                addresses,
            },
        ));
        self.table
            .send_replace(Arc::new(rows.iter().cloned().collect()));
        endpoint
    }
}
