//! The shapes of what is said of the cluster.

use holdfast_actors::catalog::rows::{self, Cluster, NodeState};
use holdfast_actors::kernel::{NodeId, NodeName};
use holdfast_cluster::identity::KeyHash;
use serde::Serialize;

use crate::commands::values::Moment;

/// A join token; the one time that it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct JoinToken {
    /// The text that 'holdfast join' reads.
    pub token: String,
    /// From when on it lets nobody in.
    pub expires: Moment,
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
    /// Where the others reach it.
    pub addresses: Vec<String>,
    /// How many replicas it has, or is to have.
    pub replicas: u64,
    /// SHA-256 of its key.
    pub key: String,
}

impl Member {
    /// The node as the rows have it.
    pub fn of(id: NodeId, row: &rows::Node, cluster: &Cluster) -> Self {
        Self {
            id: id.to_string(),
            name: row.name.clone(),
            state: row.state,
            zone: (!row.zone.is_empty()).then(|| row.zone.clone()),
            roles: row.roles.iter().cloned().collect(),
            addresses: row.addresses.clone(),
            replicas: cluster.load.get(&id).copied().unwrap_or_default(),
            key: KeyHash::new(row.key).to_string(),
        }
    }
}
