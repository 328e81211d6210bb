//! Orders about the nodes of the cluster. On a node that stands alone all of them are refused.

use holdfast_actors::catalog::command::{ClusterCommand, Command, NodeCommand};
use holdfast_actors::catalog::rows::{Cluster, NodeState, Rows};
use holdfast_actors::catalog::{AddressRefused, Outcome, Refused};
use holdfast_actors::kernel::{NodeId, Timestamp};
use holdfast_cluster::identity::{self, KeyHash, Secret, TOKEN_ADDRESSES_MAX};
use holdfast_cluster::nodes::Nodes;

use super::super::{Items, Problem, ProblemClass, answers};
use super::route::named;
use super::speaker::Speaker;
use super::{Answer, Office, value};
use crate::commands::cluster::{JoinToken, Node, NodeRef, Removal, Rename, Replacement, Tokens};
use crate::commands::values::Moment;

/// So many repositories are named in one sentence.
const NAMED_MAX: usize = 5;

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
    pub(super) async fn join_token(&self, by: &Speaker, order: JoinToken, items: &Items) -> Answer {
        if let Some(tokens) = order.tokens {
            return self.tokens(by, tokens, items).await;
        }
        let member = self.services.member()?.ok_or(Refused::Alone)?;
        let addresses = meeting(&self.books.rows().cluster, member.node);
        if addresses.is_empty() {
            return Err(Refused::from(AddressRefused::Missing).into());
        }
        let secret = Secret::draw(self.entropy.as_ref());
        let secret_hash = *secret.hash().bytes();
        let command = ClusterCommand::Token {
            hash: secret_hash,
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
            id: identity::token_id(secret_hash),
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
                    let shown = answers::Member::of(*id, row, &rows);
                    items.send(&shown).await?;
                }
                return value(&());
            }
            Node::Show(which) => {
                let id = found(&rows.cluster, &which.node)?;
                return value(&shown(&rows, id)?);
            }
            Node::Drain(which) => (which.node, NodeCommand::Drain),
            Node::Undrain(which) => (which.node, NodeCommand::Undrain),
            Node::Rename(Rename { node, to }) => (node, NodeCommand::Rename { name: to }),
            Node::Remove(removal) => {
                let id = found(&rows.cluster, &removal.node)?;
                let command = removed(&rows, id, &removal)?;
                (removal.node, command)
            }
            Node::Replace(replacement) => {
                let command = replaced(&rows, &replacement)?;
                (replacement.node, command)
            }
        };
        let id = found(&rows.cluster, &which)?;
        let command = Command::Cluster(ClusterCommand::Node(id, command));
        self.submit_and_show(by, command, |rows| shown(rows, id))
            .await
    }
}

impl Office {
    async fn tokens(&self, by: &Speaker, order: Tokens, items: &Items) -> Answer {
        let rows = self.books.rows();
        if rows.cluster.nodes.is_empty() {
            return Err(Refused::Alone.into());
        }
        let tokens = &rows.cluster.tokens;
        match order {
            Tokens::List => {
                let now = self.services.wall();
                for (hash, token) in tokens {
                    items
                        .send(&answers::TokenShown::of(*hash, token, now))
                        .await?;
                }
                value(&())
            }
            Tokens::Revoke(which) => {
                let hash = revocable(&rows, &which.id)?;
                let revoke = Command::Cluster(ClusterCommand::Revoke { hash });
                self.submit_and_settle(by, revoke).await
            }
        }
    }
}

/// The token that is meant, if it lets somebody in.
fn revocable(rows: &Rows, id: &str) -> Result<[u8; 32], Problem> {
    let mut tokens = rows.cluster.tokens.iter();
    let meant = tokens.find(|(hash, _)| identity::token_id(**hash) == id);
    let Some((hash, token)) = meant else {
        let told = format!("there is no join token '{id}'");
        return Err(Problem::new(ProblemClass::NotFound, "no-token-id", told));
    };
    if let Some((node, _)) = token.used {
        let told = format!(
            "the join token '{id}' let {} in, and lets nobody in any more",
            named(rows, node)
        );
        return Err(Problem::new(ProblemClass::Conflict, "token-spent", told));
    }
    Ok(*hash)
}

/// The command that removes a node, if what it takes was said.
fn removed(rows: &Rows, id: NodeId, order: &Removal) -> Result<NodeCommand, Problem> {
    if !order.force {
        return Ok(NodeCommand::Retire);
    }
    if order.confirm.as_ref() == Some(&order.phrase()) {
        return Ok(NodeCommand::Remove);
    }
    let named = named(rows, id);
    let runs = match rows.cluster.is_leased(id) {
        true => "; it still runs: drain it instead",
        false => "",
    };
    let told = format!(
        "{named} is removed with what it holds: {}{runs}",
        loss(rows, id)
    );
    Err(not_confirmed(&told, &order.phrase()))
}

/// The command that has a node take the place of another, if what it takes was said.
fn replaced(rows: &Rows, order: &Replacement) -> Result<NodeCommand, Problem> {
    let id = found(&rows.cluster, &order.node)?;
    let with = found(&rows.cluster, &order.with)?;
    let state = |id: NodeId| rows.cluster.nodes.get(&id).map(|row| row.state);
    if id == with {
        let told = format!(
            "{} cannot take its own place; name with --with the node that joined for it",
            named(rows, id)
        );
        return Err(Problem::new(ProblemClass::Usage, "usage", told));
    }
    if let Some(state @ (NodeState::Down | NodeState::Draining | NodeState::Removed)) = state(with)
    {
        let told = format!("{} is {state}, and takes nobody's place", named(rows, with));
        return Err(Problem::new(ProblemClass::Conflict, "not-well", told));
    }
    let is_confirmed = order.confirm.as_ref() == Some(&order.phrase());
    // Of one that is not down the catalog says that it is not replaced.
    if is_confirmed || state(id) != Some(NodeState::Down) {
        return Ok(NodeCommand::Replace { with });
    }
    let told = format!(
        "{} is given up for good, and refused if it returns, with what it holds: {}",
        named(rows, id),
        loss(rows, id)
    );
    Err(not_confirmed(&told, &order.phrase()))
}

/// What goes with a node, as a sentence.
fn loss(rows: &Rows, id: NodeId) -> String {
    let only = rows.only_on(id);
    let held = rows.holding(id);
    if only.extents == 0 {
        return format!("{held} replicas, and of all of them there are others");
    }
    let whose: Vec<String> = only
        .repositories
        .iter()
        .filter_map(|id| Some((rows.repositories.get(id)?, *id)))
        .map(|(row, id)| format!("{} ({id})", row.name))
        .take(NAMED_MAX)
        .collect();
    let more = only.repositories.len().saturating_sub(whose.len());
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "{held} replicas; of {} extents it has the only copy that counts, and what is in them is \
         lost, in the repositories {}{more}",
        only.extents,
        whose.join(", ")
    )
}

fn not_confirmed(told: &str, phrase: &str) -> Problem {
    let told = format!("{told}; add --confirm '{phrase}' to go on");
    Problem::new(ProblemClass::Refused, "not-confirmed", told)
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
    Ok(answers::Member::of(id, row, rows))
}
