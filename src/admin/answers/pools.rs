//! The shapes of pools of gateways.

use holdfast_actors::catalog::rows::{self, NodeState, Rows};
use holdfast_actors::gateways::PoolName;
use holdfast_actors::kernel::{NodeId, NodeName};
use holdfast_actors::names::TenantName;
use serde::Serialize;

use crate::commands::values::Moment;

/// A pool of gateways.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pool {
    /// Its name.
    pub name: PoolName,
    /// The nodes in it.
    pub gateways: Vec<NodeName>,
    /// Those of them that are not there or drain.
    pub down: Vec<NodeName>,
    /// How many tenants were given it.
    pub tenants: usize,
    /// When it was made.
    pub made: Moment,
    /// Free text of the operator.
    pub description: String,
}

/// A pool with its tenants.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PoolShown {
    /// The pool.
    #[serde(flatten)]
    pub pool: Pool,
    /// The tenants that were given it.
    pub given_to: Vec<TenantName>,
}

impl PoolShown {
    /// The pool as the rows have it.
    pub fn of(name: &PoolName, row: &rows::Pool, rows: &Rows) -> Self {
        let cluster = &rows.cluster;
        let called = |id: NodeId| Some(cluster.nodes.get(&id)?.name.clone());
        let is_down = |id: &NodeId| {
            let row = cluster.nodes.get(id);
            let works = row.is_some_and(|row| row.state == NodeState::Active);
            !works || !cluster.is_leased(*id)
        };
        let gateways = || rows.gateways.of(name);
        let given_to: Vec<TenantName> = rows.tenants_of_pool(name).cloned().collect();
        let pool = Pool {
            name: name.clone(),
            gateways: gateways().filter_map(called).collect(),
            down: gateways().filter(is_down).filter_map(called).collect(),
            tenants: given_to.len(),
            made: Moment(row.made),
            description: row.description.clone(),
        };
        Self { pool, given_to }
    }
}
