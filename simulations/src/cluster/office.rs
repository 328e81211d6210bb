//! What operators order of a cluster's nodes: who submits it, and when it counts as done.
//!
//! Each node that is up tries; a command has one number, so that it is done once, whoever is heard.

use std::time::Duration;

use holdfast_actors::catalog::command::{
    Actor, ClusterCommand, Command, ContractChange, NodeCommand, Submission, TenantCommand,
};
use holdfast_actors::catalog::rows::{NodeState, Rows};
use holdfast_actors::catalog::{Catalog, SubmitError};
use holdfast_actors::kernel::{NodeId, Timestamp};
use holdfast_actors::names::{OperatorName, TenantName};

use super::Flaw;
use super::book::{Book, Given, Term};
use super::client::tenant;
use super::node::{OPERATOR, row};
use crate::plan::Order;
use crate::timepiece::Timepiece;
use crate::trace::Micros;
use crate::world::pass;

/// How often it is looked for something to do, in milliseconds.
const LOOK: u64 = 60;
/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// Numbers of clients, above those that set a cluster up.
const CLIENTS: u64 = 50_000;
/// And above those.
const TERMS: u64 = 60_000;

/// One node's way to the catalog, for operators.
pub(super) struct Office {
    pub(super) catalog: Catalog,
    pub(super) book: Book,
    pub(super) time: Timepiece,
    pub(super) wall: Timestamp,
    pub(super) flaw: Option<Flaw>,
}

impl Office {
    /// Works until the node ends.
    pub(super) async fn work(self) {
        loop {
            pass(LOOK).await;
            let term = self.book.pages().terms.front().cloned();
            if let Some(term) = term {
                self.set_term(&term).await;
            }
            let next = self.book.pages().orders.front().cloned();
            if let Some(given) = next
                && self.is_ready(&given)
            {
                self.order(given).await;
            }
        }
    }

    /// A node is removed once it is empty, unless it is to go at once.
    fn is_ready(&self, given: &Given) -> bool {
        given.order != Order::Remove || holds(&self.catalog.rows(), given.node) == 0
    }

    async fn set_term(&self, term: &Term) {
        let (Ok(name), Ok(operator)) = (
            TenantName::parse(&tenant(term.tenant)),
            OperatorName::parse(OPERATOR),
        ) else {
            return;
        };
        self.book.pages().termed(term, false, self.time.world());
        let is_longer = self.flaw == Some(Flaw::LongTenancy);
        let last = term
            .last
            .map(|last| last.plus(if is_longer { 3 } else { 0 }));
        let change = ContractChange {
            lease: Some(last),
            ..ContractChange::default()
        };
        let submission = Submission {
            client: TERMS + term.number,
            sequence: 1,
            by: Actor::Operator(operator),
            at: self.wall,
            command: Command::Tenant(name, TenantCommand::Set(change)),
        };
        let told = tokio::time::timeout(PATIENCE, self.catalog.submit(submission)).await;
        if let Ok(Ok(_)) = told {
            self.book.pages().termed(term, true, self.time.world());
        }
    }

    async fn order(&self, given: Given) {
        let forgotten = match self.flaw {
            Some(Flaw::ForgottenDrain) => given.order == Order::Drain,
            Some(Flaw::ForgottenRemoval) => matches!(given.order, Order::Remove | Order::Expel),
            Some(_) | None => false,
        };
        let Some(command) = command(&given) else {
            return;
        };
        let submission = Submission {
            client: CLIENTS + given.number,
            sequence: 1,
            by: Actor::System,
            at: self.wall,
            command: Command::Cluster(ClusterCommand::Node(given.node, command)),
        };
        if !forgotten {
            let told = self.catalog.submit(submission);
            match tokio::time::timeout(PATIENCE, told).await {
                Ok(Ok(_) | Err(SubmitError::Refused(_))) => {}
                Ok(Err(SubmitError::Gone(_))) | Err(_) => return,
            }
        }
        self.book.pages().ordered(&given, self.time.world());
    }
}

fn command(given: &Given) -> Option<NodeCommand> {
    Some(match given.order {
        Order::Join => NodeCommand::Add(row(given.node)?),
        Order::Drain => NodeCommand::Drain,
        Order::Undrain => NodeCommand::Undrain,
        Order::Remove | Order::Expel => NodeCommand::Remove,
    })
}

/// How many replicas are on a node, or on their way there, as far as these rows say; one more if
/// they do not say that it is to give them away.
pub(super) fn holds(rows: &Rows, node: NodeId) -> usize {
    let cluster = &rows.cluster;
    let stays = cluster
        .nodes
        .get(&node)
        .is_none_or(|row| !matches!(row.state, NodeState::Draining | NodeState::Removed));
    let there = cluster.replicas.values();
    let there = there.filter(|it| it.whole.contains(&node) || it.filling.contains(&node));
    there.count() + usize::from(stays)
}

/// How a node stands after what was ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It joined in the midst of the run.
    Joined,
    /// It is to give away what it has.
    Drained,
    /// It is not of the cluster any more, since then.
    Removed(Micros),
}
