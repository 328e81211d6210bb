//! Orders about the nodes of the cluster. On a node that stands alone all of them are refused.

use holdfast_actors::catalog::command::{ClusterCommand, Command, NodeCommand};
use holdfast_actors::catalog::rows::{Cluster, NodeState, Rows};
use holdfast_actors::catalog::{Outcome, Refused};
use holdfast_actors::kernel::{NodeId, Timestamp};
use holdfast_cluster::identity::{self, KeyHash, Secret, TOKEN_ADDRESSES_MAX};
use holdfast_cluster::nodes::Nodes;

use super::super::{Items, Problem, ProblemClass, answers};
use super::speaker::Speaker;
use super::{Answer, Office, value};
use crate::commands::cluster::{JoinToken, Node, NodeRef};
use crate::commands::values::Moment;

/// Which node of which cluster this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its number.
    pub node: NodeId,
    /// SHA-256 of the root's certificate.
    pub root: KeyHash,
}

impl Office {
    /// Makes a join token. Its secret is drawn here and known nowhere but in the answer.
    pub(super) async fn join_token(&self, by: &Speaker, order: JoinToken) -> Answer {
        let member = self.services.member()?.ok_or(Refused::Alone)?;
        let addresses = meeting(&self.books.rows().cluster, member.node);
        if addresses.is_empty() {
            return Err(Refused::Unreachable.into());
        }
        let secret = Secret::draw(self.entropy.as_ref());
        let command = ClusterCommand::Token {
            hash: *secret.hash().bytes(),
            life: order.expires.0,
        };
        let outcome = self.submit(by, Command::Cluster(command)).await?;
        let Outcome::Token { expires } = outcome else {
            let told = "the catalog answers with something else";
            return Err(Problem::new(ProblemClass::Failed, "failed", told));
        };
        // A token counts whole seconds.
        let expires = Timestamp::from_millis(expires.as_millis() / 1_000 * 1_000);
        let token = identity::JoinToken {
            addresses,
            root: member.root,
            expires,
            secret,
        };
        value(&answers::JoinToken {
            token: token.text().to_string(),
            expires: Moment(expires),
        })
    }

    pub(super) async fn node(&self, by: &Speaker, order: Node, items: &Items) -> Answer {
        let rows = self.books.rows();
        if rows.cluster.nodes.is_empty() {
            return Err(Refused::Alone.into());
        }
        let (which, command) = match order {
            Node::List => {
                let live = |node: &NodeState| *node != NodeState::Removed;
                for (id, row) in rows
                    .cluster
                    .nodes
                    .iter()
                    .filter(|(_, row)| live(&row.state))
                {
                    let shown = answers::Member::of(*id, row, &rows.cluster);
                    items.send(&shown).await?;
                }
                return value(&());
            }
            Node::Show(which) => {
                let id = found(&rows.cluster, &which.node)?;
                return value(&shown(&rows, id)?);
            }
            Node::Drain(which) => (which, NodeCommand::Drain),
            Node::Undrain(which) => (which, NodeCommand::Undrain),
            Node::Remove(which) => (which, NodeCommand::Remove),
        };
        let id = found(&rows.cluster, &which.node)?;
        let command = Command::Cluster(ClusterCommand::Node(id, command));
        self.submit_and_show(by, command, |rows| shown(rows, id))
            .await
    }
}

/// Where a newcomer meets the cluster: at this node first, then at others that work.
fn meeting(cluster: &Cluster, here: NodeId) -> Vec<std::net::SocketAddr> {
    let nodes = Nodes::from(cluster);
    let works = |id: &NodeId| {
        let row = cluster.nodes.get(id);
        row.is_some_and(|row| matches!(row.state, NodeState::Active | NodeState::Draining))
    };
    let others = nodes.numbers().filter(|id| *id != here && works(id));
    let best = [here].into_iter().chain(others);
    best.filter_map(|id| nodes.node(id)?.addresses.first().copied())
        .take(TOKEN_ADDRESSES_MAX)
        .collect()
}

/// The node that an operator means; of a name, the one that has it now.
pub(super) fn found(cluster: &Cluster, node: &NodeRef) -> Result<NodeId, Problem> {
    match node {
        NodeRef::Id(id) if cluster.nodes.contains_key(id) => Ok(*id),
        NodeRef::Id(id) => Err(Refused::NoNode(*id).into()),
        NodeRef::Name(name) => {
            let named = cluster
                .nodes
                .iter()
                .find(|(_, row)| row.name == *name && row.state != NodeState::Removed);
            named.map(|(id, _)| *id).ok_or_else(|| {
                let told = format!("there is no node '{name}'");
                Problem::new(ProblemClass::NotFound, "no-node", told)
            })
        }
    }
}

fn shown(rows: &Rows, id: NodeId) -> Result<answers::Member, Problem> {
    let row = rows.cluster.nodes.get(&id);
    let row = row.ok_or(Refused::NoNode(id))?;
    Ok(answers::Member::of(id, row, &rows.cluster))
}
