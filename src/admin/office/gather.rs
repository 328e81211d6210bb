//! Has other nodes carry orders out, or their parts of them, and puts the parts together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::catalog::rows::{NodeState, Rows};
use holdfast_actors::kernel::{NodeId, Sequence};
use holdfast_actors::ports::Pending;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::super::others::{Errand, Takes, is_silence, unreachable};
use super::super::protocol::Line;
use super::super::{Items, Problem, ProblemClass};
use super::route::{Route, named, route};
use super::speaker::Speaker;
use super::{Answer, Office, value};
use crate::commands::Order;
use crate::commands::repository::Repository;
use crate::commands::tenant::Tenant;

/// How long a node has for its part where a person waits for a picture of now.
const GLANCE: Duration = Duration::from_secs(2);
/// How long it has for its part of a listing: repositories that rest are woken for it.
const LISTING: Duration = Duration::from_secs(30);
/// How long a node waits until it knows what the one knew that passed an order.
const CATCHING_UP: Duration = Duration::from_secs(5);
/// The most rows of one node's part.
const ROWS_MAX: usize = 200_000;

/// One node's part of an order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Share {
    /// The rows that came, maybe not all.
    pub(super) rows: Vec<Value>,
    /// How it ended.
    pub(super) end: Answer,
}

impl Takes for Office {
    fn take(&self, from: NodeId, errand: Errand, items: Items) -> Pending<Answer> {
        let office = self.clone();
        Box::pin(async move {
            let Errand { by, seen, order } = errand;
            let rows = office.caught_up(seen).await?;
            admits(&rows, from)?;
            let speaker = Speaker::passed(by, &rows)?;
            match route(&order, &rows, office.here())? {
                Route::Here => office.carry_out(&speaker, order, &items).await,
                Route::Each(_) => office.part(&speaker, order, &items).await,
                Route::At(_) => {
                    let told = "what was asked about is moving to another node; try again";
                    Err(Problem::new(ProblemClass::Failed, "moving", told))
                }
            }
        })
    }
}

/// Whether a node that passes an order is one of the cluster now.
fn admits(rows: &Rows, from: NodeId) -> Result<(), Problem> {
    let row = rows.cluster.nodes.get(&from);
    if row.is_some_and(|row| row.state != NodeState::Removed) {
        return Ok(());
    }
    let told = format!("{from} is no node of this cluster");
    Err(Problem::new(ProblemClass::Refused, "not-allowed", told))
}

impl Office {
    /// Which node of its cluster this is.
    pub(super) fn here(&self) -> Option<NodeId> {
        self.others.as_ref().map(|others| others.node())
    }

    /// Has an order carried out wherever that can be. Orders come back here on their way.
    pub(super) fn delivered(&self, by: &Speaker, order: Order, items: &Items) -> Pending<Answer> {
        let (office, by, items) = (self.clone(), by.clone(), items.clone());
        Box::pin(async move { office.deliver(&by, order, &items).await })
    }

    async fn deliver(&self, by: &Speaker, order: Order, items: &Items) -> Answer {
        let rows = self.books.rows();
        match route(&order, &rows, self.here())? {
            Route::Here => self.carry_out(by, order, items).await,
            Route::At(node) => {
                let asked = self.ask(node, by, order.clone(), items).await;
                match asked {
                    // Better a picture without figures than none.
                    Err(problem) if is_silence(&problem) && is_picture(&order) => {
                        self.carry_out(by, order, items).await
                    }
                    asked => asked,
                }
            }
            Route::Each(nodes) => {
                if let Order::Verify(verify) = order {
                    return self.verify_at(by, verify, items, nodes).await;
                }
                let shares = self.shares(by, &order, nodes).await;
                if order == Order::Status {
                    return value(&self.status_with(&shares));
                }
                if let Order::Shell(_) = order {
                    return self.looks(&shares, items).await;
                }
                for row in self.merged(&order, &shares)? {
                    items.send(&row).await?;
                }
                value(&())
            }
        }
    }

    /// Passes an order to another node.
    pub(super) async fn ask(
        &self,
        node: NodeId,
        by: &Speaker,
        order: Order,
        items: &Items,
    ) -> Answer {
        let rows = self.books.rows();
        let Some(others) = &self.others else {
            return Err(unreachable(&node.to_string()));
        };
        let errand = Errand {
            by: by.name().clone(),
            seen: rows.index,
            order,
        };
        let asked = others.ask(node, errand, items.clone()).await;
        // People know nodes by their names.
        asked.map_err(|problem| Problem {
            message: problem
                .message
                .replacen(&node.to_string(), &named(&rows, node), 1),
            ..problem
        })
    }

    /// What this node does of an order that several do.
    pub(super) async fn part(&self, by: &Speaker, order: Order, items: &Items) -> Answer {
        if order == Order::Status {
            return value(&self.share().await);
        }
        self.carry_out(by, order, items).await
    }

    /// Has each of these nodes do its part, all at the same time.
    pub(super) async fn shares(
        &self,
        by: &Speaker,
        order: &Order,
        nodes: impl IntoIterator<Item = NodeId>,
    ) -> BTreeMap<NodeId, Share> {
        let mut asked = JoinSet::new();
        for node in nodes {
            let (office, by, order) = (self.clone(), by.clone(), order.clone());
            asked.spawn(async move { (node, office.share_of(node, by, order).await) });
        }
        let mut shares = BTreeMap::new();
        while let Some(share) = asked.join_next().await {
            shares.extend(share);
        }
        shares
    }

    async fn share_of(&self, node: NodeId, by: Speaker, order: Order) -> Share {
        let rows = self.books.rows();
        let within = patience(&order, rows.cluster.is_leased(node));
        let (items, mut lines) = Items::pipe();
        let is_here = self.here() == Some(node);
        let work = async {
            match is_here {
                true => self.part(&by, order, &items).await,
                false => self.ask(node, &by, order, &items).await,
            }
        };
        let mut got = Vec::new();
        let mut take = |line| {
            if let Line::Item(row) = line
                && got.len() < ROWS_MAX
            {
                got.push(row);
            }
        };
        let end = {
            let both = async {
                tokio::pin!(work);
                loop {
                    tokio::select! {
                        biased;
                        Some(line) = lines.recv() => take(line),
                        end = &mut work => break end,
                    }
                }
            };
            timeout(within, both).await
        };
        while let Ok(line) = lines.try_recv() {
            take(line);
        }
        let late = |_| {
            let (node, seconds) = (named(&rows, node), within.as_secs());
            Problem::failed(format!("{node} does not answer within {seconds} s"))
        };
        let end = end.map_err(late).and_then(|end| end);
        // Nothing is changed by what only looks.
        let end = end.map_err(|problem| match is_silence(&problem) {
            true => Problem {
                message: format!("{} does not answer", named(&rows, node)),
                ..problem
            },
            false => problem,
        });
        Share { rows: got, end }
    }

    /// The rows, once they hold what another node knew.
    async fn caught_up(&self, seen: Sequence) -> Result<Arc<Rows>, Problem> {
        let behind = async {
            loop {
                // Asked for before the rows are read, so that no change falls between.
                let changed = self.books.changed();
                let rows = self.books.rows();
                if rows.index >= seen {
                    return rows;
                }
                changed.await;
            }
        };
        timeout(CATCHING_UP, behind).await.map_err(|_| {
            let told = "it has not heard from the catalog's leader for a while";
            Problem::new(ProblemClass::Failed, "behind", told)
        })
    }
}

/// Whether an order shows what is of use without its figures, too.
fn is_picture(order: &Order) -> bool {
    let repository = matches!(order, Order::Repository(Repository::Show(_)));
    repository || matches!(order, Order::Tenant(Tenant::Show(_)))
}

/// How long a node has for its part: little where it is not expected to answer.
fn patience(order: &Order, is_leased: bool) -> Duration {
    let is_look = matches!(order, Order::Status | Order::Shell(_));
    if is_look || !is_leased {
        GLANCE
    } else {
        LISTING
    }
}
