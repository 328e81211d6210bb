//! Orders about pools of gateways. On a node that stands alone all of them are refused.

use std::collections::BTreeSet;

use holdfast_actors::catalog::command::{Command, PoolCommand};
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::{PoolRefused, Refused};
use holdfast_actors::gateways::PoolName;
use holdfast_actors::kernel::NodeId;

use super::super::{Items, Problem, ProblemClass, answers};
use super::cluster::found;
use super::speaker::Speaker;
use super::{Answer, Office, value};
use crate::commands::cluster::NodeRef;
use crate::commands::pool::{PHRASE, Pool};

/// So many tenants are named in one sentence.
const NAMED_MAX: usize = 5;

impl Office {
    pub(super) async fn pool(&self, by: &Speaker, order: Pool, items: &Items) -> Answer {
        let rows = self.books.rows();
        if rows.cluster.nodes.is_empty() {
            return Err(Refused::Alone.into());
        }
        let (name, command) = match order {
            Pool::List => {
                for name in rows.gateways.pools.keys() {
                    items.send(&shown(&rows, name)?.pool).await?;
                }
                return value(&());
            }
            Pool::Show(which) => return value(&shown(&rows, &which.name)?),
            Pool::Remove(which) => {
                let remove = Command::Pool(which.name, PoolCommand::Remove);
                return self.submit_and_settle(by, remove).await;
            }
            Pool::Create(new) => {
                let nodes = confirmed(&rows, &new.nodes, new.confirm.as_deref())?;
                let description = new.description.unwrap_or_default();
                let create = PoolCommand::Create { description, nodes };
                (new.name, create)
            }
            Pool::Add(more) => {
                let nodes = confirmed(&rows, &more.nodes, more.confirm.as_deref())?;
                (more.name, PoolCommand::Add { nodes })
            }
            Pool::Take(part) => {
                let node = found(&rows.cluster, &part.node)?;
                (part.name, PoolCommand::Take { node })
            }
        };
        let command = Command::Pool(name.clone(), command);
        self.submit_and_show(by, command, |rows| shown(rows, &name))
            .await
    }
}

/// The nodes that are meant. Before no gateway is left outside of pools, whoever orders it has to
/// know what follows from that (R3.43).
fn confirmed(
    rows: &Rows,
    nodes: &[NodeRef],
    confirm: Option<&str>,
) -> Result<BTreeSet<NodeId>, Problem> {
    let one = |node: &NodeRef| found(&rows.cluster, node);
    let nodes: BTreeSet<NodeId> = nodes.iter().map(one).collect::<Result<_, _>>()?;
    let free: BTreeSet<NodeId> = rows.free_gateways().collect();
    let takes_last = !free.is_empty() && free.is_subset(&nodes);
    if !takes_last || confirm == Some(PHRASE) {
        return Ok(nodes);
    }
    let told = format!(
        "then every gateway is in a pool: {}, and no tenant can be added without a pool; add \
         --confirm '{PHRASE}' to go on",
        unserved(rows)
    );
    Err(Problem::new(ProblemClass::Refused, "not-confirmed", told))
}

/// Who is served by no gateway while all are in pools.
fn unserved(rows: &Rows) -> String {
    let tenants = || rows.unpooled_tenants();
    let named: Vec<String> = tenants().take(NAMED_MAX).map(ToString::to_string).collect();
    match tenants().count() {
        0 => "all tenants have a pool".to_owned(),
        1 => format!("tenant {} has none and is not served", named.join("")),
        count => {
            let more = match count.saturating_sub(named.len()) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let named = named.join(", ");
            format!("tenants {named}{more} have none and are not served")
        }
    }
}

/// What is wrong with pools, a sentence each.
pub(super) fn trouble(rows: &Rows) -> Vec<String> {
    let mut trouble = Vec::new();
    let up = rows.pools_up();
    for name in rows.gateways.pools.keys().filter(|name| !up.contains(name)) {
        let (mut tenants, gateways) = (rows.tenants_of_pool(name), rows.gateways.of(name));
        let what = match gateways.count() {
            0 => "has no gateway",
            _ => "is down",
        };
        if tenants.next().is_some() {
            trouble.push(format!(
                "pool {name} {what}; of its tenants only those that have another pool, or fail \
                 over, are served"
            ));
        }
    }
    if rows.is_all_pooled() && rows.unpooled_tenants().next().is_some() {
        trouble.push(format!("every gateway is in a pool: {}", unserved(rows)));
    }
    trouble
}

fn shown(rows: &Rows, name: &PoolName) -> Result<answers::PoolShown, Problem> {
    let row = rows.gateways.pools.get(name);
    let row = row.ok_or_else(|| Refused::from(PoolRefused::NoPool(name.clone())))?;
    Ok(answers::PoolShown::of(name, row, rows))
}
