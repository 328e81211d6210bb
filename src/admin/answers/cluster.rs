//! The shapes of what is said of the cluster.

use holdfast_actors::catalog::rows::{self, Cluster, NodeState, Rows};
use holdfast_actors::gateways::PoolName;
use holdfast_actors::kernel::{NodeId, NodeName, Size, Timestamp, Version};
use holdfast_cluster::identity::{self, KeyHash};
use serde::{Deserialize, Serialize};

use crate::commands::values::Moment;

/// A join token; the one time that it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct JoinToken {
    /// By which it is listed and revoked.
    pub id: String,
    /// The text that 'holdfast join' reads.
    pub token: String,
    /// From when on it lets nobody in.
    pub expires: Moment,
}

/// A join token that was made; its secret is not known.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TokenShown {
    /// By which it is revoked.
    pub id: String,
    /// What it is good for: `good`, `used` or `expired`.
    pub state: &'static str,
    /// From when on it lets nobody in.
    pub expires: Moment,
    /// Whom it let in, such as `node-2`.
    pub used_by: Option<String>,
}

impl TokenShown {
    /// The token as the rows have it, at a moment.
    pub fn of(hash: [u8; 32], token: &rows::Token, now: Timestamp) -> Self {
        Self {
            id: identity::token_id(hash),
            state: match token.used {
                Some(_) => "used",
                None if token.expires <= now => "expired",
                None => "good",
            },
            expires: Moment(token.expires),
            used_by: token.used.map(|(node, _)| node.to_string()),
        }
    }
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Member {
    /// Such as `node-2`.
    pub id: String,
    /// What people call it.
    pub name: NodeName,
    /// Where it stands.
    pub state: NodeState,
    /// What fails together with it; none if nobody said.
    pub zone: Option<String>,
    /// What it does.
    pub roles: Vec<String>,
    /// The pool that it is in as a gateway.
    pub pool: Option<PoolName>,
    /// Where the others reach it.
    pub addresses: Vec<String>,
    /// How many replicas it has, or is to have.
    pub replicas: u64,
    /// SHA-256 of its key.
    pub key: String,
    /// The newest version between nodes that it says it speaks; none if it has not been at work.
    pub speaks: Option<String>,
    /// The version that the cluster speaks: the newest that all its nodes do.
    pub cluster_speaks: String,
}

impl Member {
    /// The node as the rows have it.
    pub fn of(id: NodeId, row: &rows::Node, rows: &Rows) -> Self {
        Self {
            id: id.to_string(),
            name: row.name.clone(),
            state: row.state,
            zone: (!row.zone.is_empty()).then(|| row.zone.clone()),
            roles: row.roles.iter().cloned().collect(),
            pool: rows.gateways.members.get(&id).cloned(),
            addresses: row.addresses.clone(),
            replicas: rows.cluster.load.get(&id).copied().unwrap_or_default(),
            key: KeyHash::new(row.key).to_string(),
            speaks: speaks(&rows.cluster, id),
            cluster_speaks: rows.cluster.version().to_string(),
        }
    }
}

/// The newest version between nodes that one says it speaks.
pub fn speaks(cluster: &Cluster, node: NodeId) -> Option<String> {
    let speaks = cluster.speak.get(&node)?;
    Some(Version::of_minor(speaks.newest).to_string())
}

/// What one node tells another of itself. What it does not know is left out, so that nodes of other
/// versions understand each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Share {
    /// The program's version.
    pub version: String,
    /// Who leads the catalog, as far as it knows.
    pub leader: Option<u64>,
    /// The term of the last vote that it saw.
    pub term: u64,
    /// How much of the catalog it has.
    pub index: u64,
    /// What its actors wait for, the first of them.
    pub waits: Vec<Wait>,
    /// How many more there are.
    pub more_waits: usize,
    /// Actors that were given up for now.
    pub out_of_service: Vec<String>,
    /// So fast it may copy now: bytes a second.
    pub copy_rate: u64,
}

/// What an actor waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Which actor.
    pub path: String,
    /// What for.
    pub what: String,
}

/// How the cluster is, seen from one node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClusterStatus {
    /// This node, such as `node-2`.
    pub here: String,
    /// Who leads the catalog; none if no node that answers says so of itself.
    pub leader: Option<String>,
    /// In which term.
    pub term: u64,
    /// Who votes.
    pub voters: Vec<String>,
    /// How many of them answer.
    pub reachable_voters: usize,
    /// Whether these are a majority under a leader, so that the catalog takes commands.
    pub quorum: bool,
    /// Sealed extents that have too few copies.
    pub under_replicated: u64,
    /// How many of them have no copy that counts.
    pub without_copy: u64,
    /// Bytes that are to be copied for them.
    pub bytes_to_copy: Size,
    /// Copies that are being made.
    pub copying: u64,
    /// The version that all nodes speak with each other.
    pub speaks: String,
    /// The nodes.
    pub nodes: Vec<NodeStatus>,
}

/// How a node is, seen from another.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeStatus {
    /// Such as `node-2`.
    pub id: String,
    /// What people call it.
    pub name: NodeName,
    /// Where it stands.
    pub state: NodeState,
    /// Whether it answers.
    pub answers: bool,
    /// Why not.
    pub missing: Option<String>,
    /// For how many more seconds its lease runs; none if it has ended.
    pub lease: Option<u64>,
    /// The epoch of its lease.
    pub epoch: Option<u64>,
    /// How many repositories it writes to.
    pub owns: u64,
    /// How many replicas it has, or is to have.
    pub replicas: u64,
    /// How many of them it copies.
    pub copying: u64,
    /// How many commands of the catalog it is behind the one that has the most.
    pub behind: Option<u64>,
    /// So fast it may copy now.
    pub copy_rate: Option<u64>,
    /// The program's version.
    pub version: Option<String>,
    /// The newest version between nodes that it says it speaks.
    pub speaks: Option<String>,
    /// What its actors wait for, the first of them.
    pub waits: Vec<Wait>,
    /// How many more there are.
    pub more_waits: usize,
}
