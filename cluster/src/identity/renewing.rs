//! Has a node's certificate signed anew: by the issuer on this node if there is one, else by any
//! other node that has it.
//!
//! A node that was off for longer than its certificate lasts is heard by nobody, so what it can
//! sign itself it does not ask for. Whoever signs for another looks into the node table: a node
//! that was removed, or says another key, gets nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::catalog::rows::{NodeState, Rows};
use holdfast_actors::kernel::{Never, NodeId, Timestamp};
use holdfast_actors::ports::{Clock, Pending, Ports};
use holdfast_actors::schema::{self, Stored};
use holdfast_actors::shell::{self, Context, Fault, Handle, Hands, Path};
use ractor::{ActorCell, SpawnErr};
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::authority::{Issuer, NODE_LIFE};
use super::certificate::IdentityError;
use super::folder::Folder;
use super::key::{KeyHash, PublicKey};
use super::renewal::{Effect, Event, Renewal};
use crate::calls::{Answers, Calls, Rejected};
use crate::quic::Switch;

/// The name of the service that signs for other nodes.
pub const SERVICE: &str = "renewal";
/// How long one node has to sign.
const SIGN: Duration = Duration::from_secs(5);

/// What a node asks: its key, written out.
#[derive(Serialize, Deserialize)]
struct Request(Vec<u8>);

/// What it gets: its certificate, and the issuer's.
#[derive(Serialize, Deserialize)]
struct Signed(Vec<Vec<u8>>);

impl Stored for Request {
    const VERSION: u8 = 1;
}

impl Stored for Signed {
    const VERSION: u8 = 1;
}

type Chain = Vec<CertificateDer<'static>>;

/// Signs certificates of nodes of the cluster, on a node that has the issuer.
#[derive(Clone)]
pub struct Signer {
    issuer: Arc<Issuer>,
    rows: watch::Receiver<Rows>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({:?})", self.issuer)
    }
}

impl Signer {
    /// Signs for who is in the node table, good by this clock.
    pub fn new(issuer: Arc<Issuer>, rows: watch::Receiver<Rows>, clock: Arc<dyn Clock>) -> Self {
        Self {
            issuer,
            rows,
            clock,
        }
    }

    /// A new certificate for the key of a node.
    fn sign(&self, node: NodeId, key: &PublicKey) -> Result<Chain, Rejected> {
        let row = self.rows.borrow().cluster.nodes.get(&node).cloned();
        let row = row.filter(|row| row.state != NodeState::Removed);
        let row = row.ok_or_else(|| Rejected(format!("{node} is not of the cluster")))?;
        if KeyHash::new(row.key) != key.hash() {
            return Err(Rejected(format!("that is not the key of {node}")));
        }
        let now = self.clock.now().wall;
        let issued = self.issuer.issue(node, &row.name, key, now, NODE_LIFE);
        issued.map_err(|error| Rejected(Fault::of(&error).to_string()))
    }
}

impl Answers for Signer {
    fn answer(&self, from: NodeId, body: Bytes) -> Pending<Result<Bytes, Rejected>> {
        let signer = self.clone();
        Box::pin(async move {
            let Request(key) = schema::decode(&body)?;
            let key = PublicKey::parse(&key).ok_or_else(|| Rejected("no key".to_owned()))?;
            let chain = signer.sign(from, &key)?;
            let chain = chain.iter().map(|it| it.to_vec()).collect();
            Ok(schema::encode(&Signed(chain)).into())
        })
    }
}

/// What renewing takes.
pub struct Parts {
    /// Where the certificate lies.
    pub folder: Folder,
    /// Shows another certificate from the next handshake on.
    pub shows: Switch,
    /// The issuer of this node, if it has one.
    pub signer: Option<Signer>,
    /// The way to others that have it.
    pub calls: Arc<dyn Calls>,
    /// Who they are.
    pub rows: watch::Receiver<Rows>,
}

/// Why it was not renewed this time.
#[derive(Debug, thiserror::Error)]
enum NotRenewed {
    #[error("no node that has the issuer signs it: {0}")]
    Nobody(String),
    #[error(transparent)]
    Folder(#[from] super::folder::FolderError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("it is gone from the node's folder")]
    Gone,
}

impl Parts {
    /// Has it signed, keeps it and then shows it.
    async fn renew(&self) -> Result<Event, NotRenewed> {
        let before = self.folder.node()?.ok_or(NotRenewed::Gone)?;
        let chain = self.signed(before.key().public()).await?;
        let renewed = before.renewed(chain)?;
        self.folder.keep_node(&renewed)?;
        (self.shows)(&renewed)?;
        let (from, until) = (renewed.since(), renewed.until());
        tracing::info!(node = %self.calls.node(), %until, "the node's certificate was renewed");
        Ok(Event::Shown { from, until })
    }

    async fn signed(&self, key: &PublicKey) -> Result<Chain, NotRenewed> {
        let node = self.calls.node();
        let mut why = "there is no other node".to_owned();
        if let Some(signer) = &self.signer {
            match signer.sign(node, key) {
                Ok(chain) => return Ok(chain),
                Err(Rejected(said)) => why = said,
            }
        }
        let others: Vec<NodeId> = {
            let rows = self.rows.borrow();
            let others = rows.cluster.members().map(|(id, _)| *id);
            others.filter(|id| *id != node).collect()
        };
        let request = Bytes::from(schema::encode(&Request(key.bytes().to_vec())));
        for other in others {
            let asked = self.calls.call(other, SERVICE, request.clone(), SIGN).await;
            match asked {
                Ok(answer) => match schema::decode::<Signed>(&answer) {
                    Ok(Signed(chain)) => {
                        return Ok(chain.into_iter().map(CertificateDer::from).collect());
                    }
                    Err(error) => why = format!("{other}: {error}"),
                },
                Err(error) => why = format!("{other}: {error}"),
            }
        }
        Err(NotRenewed::Nobody(why))
    }
}

/// The hands of a [`Renewal`].
struct RenewalHands(Arc<Parts>);

impl Hands for RenewalHands {
    type Machine = Renewal;
    type Message = Event;

    fn admit(&mut self, message: Event, _: &Context<Self>) -> Option<Event> {
        Some(message)
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Effect,
        _: &Context<Self>,
    ) -> Result<Option<Pending<Event>>, Fault> {
        let Effect::Renew = effect;
        let parts = Arc::clone(&self.0);
        Ok(Some(Box::pin(async move {
            let renewed = parts.renew().await;
            renewed.unwrap_or_else(|error| {
                let error = Fault::of(&error);
                tracing::warn!(%error, "the node's certificate is not renewed; it is tried again");
                Event::Failed
            })
        })))
    }
}

/// Renews a node's certificate from now on, whenever it is time; the one that it has is good from
/// the first of the two moments until the second.
///
/// # Errors
/// When its actor does not start.
pub async fn start(
    path: Path,
    (from, until): (Timestamp, Timestamp),
    parts: Parts,
    ports: Ports,
    supervisor: Option<ActorCell>,
) -> Result<Handle<Event>, SpawnErr> {
    let hands = RenewalHands(Arc::new(parts));
    let renewal = shell::spawn(path, Renewal::default(), hands, ports, supervisor).await?;
    // One that has ended already is started again by whoever is above.
    let _ = renewal.tell(Event::Shown { from, until });
    Ok(renewal)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use holdfast_actors::catalog::rows::Node;
    use holdfast_actors::kernel::{Instant, NodeName, Now};

    use super::super::authority::Authority;
    use super::super::certificate::NodeCertificate;
    use super::super::key::NodeKey;
    use super::*;

    struct At(Timestamp);

    impl Clock for At {
        fn now(&self) -> Now {
            Now {
                monotonic: Instant::default(),
                wall: self.0,
            }
        }
    }

    const SECOND: NodeId = NodeId::new(2);

    /// One who signs for a node of this key.
    fn signer(key: &PublicKey, state: NodeState) -> Signer {
        let now = Timestamp::parse("2026-05-01T12:00:00Z").unwrap();
        let issuer = Authority::found(now).unwrap().issuer(now).unwrap();
        let mut rows = Rows::default();
        let node = Node {
            name: NodeName::parse("two").unwrap(),
            addresses: Vec::new(),
            key: *key.hash().bytes(),
            roles: BTreeSet::new(),
            zone: String::new(),
            state,
            incarnation: 0,
            wall: None,
        };
        rows.cluster.nodes.insert(SECOND, node);
        let rows = watch::channel(rows).1;
        Signer::new(Arc::new(issuer), rows, Arc::new(At(now)))
    }

    #[tokio::test]
    async fn a_node_of_the_cluster_gets_a_certificate_for_its_own_key() {
        let key = NodeKey::generate().unwrap();
        let signer = signer(key.public(), NodeState::Down);
        let request = schema::encode(&Request(key.public().bytes().to_vec()));
        let answer = signer.answer(SECOND, request.into()).await.unwrap();
        let Signed(chain) = schema::decode(&answer).unwrap();
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        let root = signer.issuer.root().clone();
        let made = NodeCertificate::new(chain, root, key).unwrap();
        assert_eq!(made.until().to_string(), "2026-07-30T12:00:00.000Z");
    }

    #[tokio::test]
    async fn who_was_removed_or_shows_another_key_gets_none() {
        let (key, other) = (NodeKey::generate().unwrap(), NodeKey::generate().unwrap());
        let told = signer(key.public(), NodeState::Removed).sign(SECOND, key.public());
        assert_eq!(
            told.unwrap_err().to_string(),
            "node-2 is not of the cluster"
        );
        let active = signer(key.public(), NodeState::Active);
        let told = active.sign(SECOND, other.public()).unwrap_err();
        assert_eq!(told.to_string(), "that is not the key of node-2");
        assert!(active.sign(NodeId::new(3), key.public()).is_err());
        assert!(
            active
                .answer(SECOND, Bytes::from_static(b"\x01\x03abc"))
                .await
                .is_err()
        );
    }
}
