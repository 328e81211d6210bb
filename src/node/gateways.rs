//! The gateways of this cluster, as agents are told of them.
//!
//! Each gateway says of itself where it is reached, what certificate it shows and how many clients
//! it has, and is believed because a node says it; whoever asks one gateway learns of all. An agent
//! that trusts the one it asked may trust the others, for it was told over that trust.
//!
//! A gateway that does not answer its peers within a moment is not there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::catalog::rows::{NodeState, Rows};
use holdfast_actors::gateways::{Gateway, PoolName, Terms, offer};
use holdfast_actors::kernel::{Instant, NodeId};
use holdfast_actors::ports::{Clock, Pending};
use holdfast_cluster::calls::{Answers, Calls, Rejected};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use crate::home::Membership;
use crate::selfservice::GatewayRow;
use crate::tls::SharedStore;

/// The name of the service between nodes.
const SERVICE: &str = "gateway";
/// How long a node may take to say where it is reached.
const GLANCE: Duration = Duration::from_secs(1);
/// How long what nodes said is told on.
const FRESH: Duration = Duration::from_secs(2);

/// What one gateway says of itself. A newer node may say more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Facts {
    addresses: Vec<String>,
    thumbprints: Vec<String>,
    clients: u64,
}

/// How many clients a face has now.
type Crowd = Arc<dyn Fn() -> usize + Send + Sync>;

/// Who knows the gateways.
pub(super) struct Gateways {
    store: SharedStore,
    rows: watch::Receiver<Rows>,
    clock: Arc<dyn Clock>,
    /// The other nodes, where there are others.
    calls: Option<Arc<dyn Calls>>,
    /// Where this one is reached, and how many clients it has; none until it listens.
    here: OnceLock<(Vec<String>, Crowd)>,
    heard: Mutex<Option<(Instant, BTreeMap<NodeId, Facts>)>>,
}

impl Gateways {
    /// Knows of none yet.
    pub(super) fn new(
        store: SharedStore,
        rows: watch::Receiver<Rows>,
        clock: Arc<dyn Clock>,
        calls: Option<Arc<dyn Calls>>,
    ) -> Self {
        Self {
            store,
            rows,
            clock,
            calls,
            here: OnceLock::new(),
            heard: Mutex::default(),
        }
    }

    /// This one is reached there from now on, and says so to the others.
    pub(super) fn open(this: Arc<Self>, addresses: Vec<String>, crowd: Crowd) {
        // Nobody else says so.
        let _ = this.here.set((addresses, crowd));
        if let Some(calls) = this.calls.clone() {
            calls.serve(SERVICE, this);
        }
    }

    fn own(&self) -> Facts {
        let Some((addresses, crowd)) = self.here.get() else {
            return Facts::default();
        };
        let status = {
            let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
            store.status()
        };
        let next = status.next.map(|next| next.thumbprint);
        Facts {
            addresses: addresses.clone(),
            thumbprints: [status.thumbprint].into_iter().chain(next).collect(),
            clients: crowd() as u64,
        }
    }

    /// The gateways that a tenant may use, the best first.
    pub(super) async fn of(&self, terms: &Terms) -> Vec<GatewayRow> {
        let nodes = self.nodes();
        let facts = self.facts(nodes.keys().copied()).await;
        let told = |id: &NodeId| facts.get(id).filter(|facts| !facts.addresses.is_empty());
        let gateway = |(id, pool): (&NodeId, &Option<PoolName>)| Gateway {
            node: *id,
            pool: pool.clone(),
            is_up: told(id).is_some(),
            load: told(id).map_or(0, |facts| facts.clients),
        };
        let gateways: Vec<Gateway> = nodes.iter().map(gateway).collect();
        let offers = offer(&gateways, terms).into_iter();
        let row = offers.filter_map(|offer| {
            let facts = told(&offer.node)?.clone();
            Some(GatewayRow {
                addresses: facts.addresses,
                thumbprints: facts.thumbprints,
                clients: facts.clients,
                spare: offer.is_spare,
            })
        });
        row.collect()
    }

    /// The gateways that work, each with its pool.
    fn nodes(&self) -> BTreeMap<NodeId, Option<PoolName>> {
        let Some(calls) = &self.calls else {
            return BTreeMap::from([(ALONE, None)]);
        };
        let rows = self.rows.borrow();
        let gateways = rows.gateways().filter(|(id, node)| {
            let is_here = *id == calls.node();
            is_here || node.state == NodeState::Active
        });
        gateways
            .map(|(id, _)| (id, rows.gateways.members.get(&id).cloned()))
            .collect()
    }

    /// What these say of themselves; who is silent is left out.
    async fn facts(&self, nodes: impl Iterator<Item = NodeId>) -> BTreeMap<NodeId, Facts> {
        let Some(calls) = &self.calls else {
            return BTreeMap::from([(ALONE, self.own())]);
        };
        // Who asks meanwhile waits for the same answers.
        let mut heard = self.heard.lock().await;
        let now = self.clock.now().monotonic;
        if let Some((at, facts)) = heard.as_ref()
            && *at + FRESH > now
        {
            return facts.clone();
        }
        let mut asked = JoinSet::new();
        for node in nodes.filter(|node| *node != calls.node()) {
            let answer = calls.call(node, SERVICE, Bytes::new(), GLANCE);
            asked.spawn(async move { Some((node, read(&answer.await.ok()?)?)) });
        }
        let mut facts = BTreeMap::from([(calls.node(), self.own())]);
        while let Some(told) = asked.join_next().await {
            facts.extend(told.ok().flatten());
        }
        *heard = Some((now, facts.clone()));
        facts
    }
}

/// The number of the one node that has no others.
const ALONE: NodeId = NodeId::new(0);

fn read(bytes: &[u8]) -> Option<Facts> {
    serde_json::from_slice(bytes).ok()
}

impl Answers for Gateways {
    fn answer(&self, _: NodeId, _: Bytes) -> Pending<Result<Bytes, Rejected>> {
        let told = serde_json::to_vec(&self.own());
        Box::pin(async move {
            told.map(Bytes::from)
                .map_err(|error| Rejected(error.to_string()))
        })
    }
}

/// Where agents reach a node that listens there: where the operator says, or at that address, or,
/// of a node that listens everywhere, where its peers reach it.
pub(super) fn reached(
    listen: SocketAddr,
    advertised: &[String],
    membership: Option<&Membership>,
) -> Vec<String> {
    if !advertised.is_empty() {
        return advertised.to_vec();
    }
    if !listen.ip().is_unspecified() {
        return vec![listen.to_string()];
    }
    let addresses = membership.map(|it| it.addresses.as_slice());
    let addresses = addresses.unwrap_or_default().iter();
    addresses
        .map(|address| SocketAddr::new(address.ip(), listen.port()).to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_node_is_reached_where_its_operator_says_or_where_it_listens() {
        let listen = |text: &str| text.parse::<SocketAddr>().unwrap();
        let said = ["gw.example.net:6180".to_owned()];
        assert_eq!(reached(listen("10.0.0.1:8443"), &said, None), said);
        let own = reached(listen("10.0.0.1:8443"), &[], None);
        assert_eq!(own, ["10.0.0.1:8443"]);
        assert!(reached(listen("[::]:8443"), &[], None).is_empty());
    }

    proptest! {
        #[test]
        fn no_answer_of_a_peer_is_too_odd(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
