//! What the link tells a node of a cluster that is of consequence beyond the log: who was turned
//! away, which the catalog is told, and that this node itself is not wanted any more.

use std::sync::Arc;

use holdfast_actors::catalog::Catalog;
use holdfast_actors::catalog::command::{ClusterCommand, Command, Turned};
use holdfast_actors::catalog::rows::{NodeState, Rows, Speaks};
use holdfast_actors::kernel::{NodeId, Version};
use holdfast_actors::ports::Clock;
use holdfast_cluster::identity::{Folder, Unfit};
use holdfast_cluster::quic::Notice;
use holdfast_cluster::raft::Replica;
use tokio::sync::{mpsc, watch};

use crate::cli::{Exit, Failure};
use crate::home::Membership;

/// So many that were turned away may wait for the catalog; of more the log knows.
const WAITING_MAX: usize = 64;

/// Hears what the link tells.
#[derive(Clone)]
pub(super) struct Gate {
    turned: mpsc::Sender<Turned>,
    unwanted: watch::Sender<Option<Unwanted>>,
}

/// Why this node is not wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unwanted {
    /// It was removed.
    Removed,
    /// Its data directory does not do.
    Unfit(Unfit),
    /// It speaks an older version than its cluster, as this sentence says.
    Outdated(String),
}

impl Gate {
    /// A gate, and who was turned away there.
    pub(super) fn new() -> (Self, mpsc::Receiver<Turned>) {
        let (turned, told) = mpsc::channel(WAITING_MAX);
        let unwanted = watch::Sender::new(None);
        (Self { turned, unwanted }, told)
    }

    /// What the link is to call.
    pub(super) fn ear(&self) -> Arc<dyn Fn(Notice) + Send + Sync> {
        let gate = self.clone();
        Arc::new(move |notice| {
            if let Notice::Dismissed { .. } = notice {
                gate.unwanted.send_replace(Some(Unwanted::Removed));
            } else if let Notice::Doubled { .. } = notice {
                gate.unwanted
                    .send_replace(Some(Unwanted::Unfit(Unfit::Copied)));
            } else if let Notice::Outdated { by, reason } = notice {
                let told = format!("{by} says: {reason}");
                gate.unwanted.send_replace(Some(Unwanted::Outdated(told)));
            } else if let Some(turned) = notice.turned() {
                // What does not fit is in the log, and is told again while it goes on.
                let _ = gate.turned.try_send(turned);
            }
        })
    }

    /// Hears from the catalog's replica whether this node forgot what it had acknowledged, for as
    /// long as it is not dropped.
    pub(super) fn heed(&self, replica: &Replica) -> impl Future<Output = ()> + use<> {
        let (gate, forgot) = (self.clone(), replica.forgot());
        async move {
            forgot.await;
            let why = Unwanted::Unfit(Unfit::SetBack);
            gate.unwanted.send_replace(Some(why));
        }
    }

    /// Resolves when the others say that this node, which speaks up to this version, is not wanted,
    /// or its own rows do.
    pub(super) async fn unwanted(
        &self,
        (node, version): (NodeId, Version),
        rows: Option<watch::Receiver<Rows>>,
    ) -> Unwanted {
        let mut told = self.unwanted.subscribe();
        let own = async {
            let why = |rows: &Rows| {
                let row = rows.cluster.nodes.get(&node);
                if row.is_some_and(|row| row.state == NodeState::Removed) {
                    return Some(Unwanted::Removed);
                }
                let versed = rows.versed(node, Speaks::up_to(version));
                versed.err().map(|why| Unwanted::Outdated(why.to_string()))
            };
            if let Some(mut rows) = rows {
                let told = rows.wait_for(|rows| why(rows).is_some()).await;
                if let Some(why) = told.ok().and_then(|rows| why(&rows)) {
                    return why;
                }
            }
            std::future::pending().await
        };
        tokio::select! {
            // The sender lives as long as this gate.
            why = told.wait_for(Option::is_some) => {
                why.ok().and_then(|why| why.clone()).unwrap_or(Unwanted::Removed)
            }
            why = own => why,
        }
    }
}

/// Tells the catalog who was turned away.
pub(super) async fn report(
    mut turned: mpsc::Receiver<Turned>,
    catalog: Catalog,
    clock: Arc<dyn Clock>,
) {
    while let Some(turned) = turned.recv().await {
        let command = Command::Cluster(ClusterCommand::Turned(turned));
        if let Err(error) = catalog.order(clock.now().wall, command).await {
            tracing::info!(%error, "the catalog was not told who was turned away");
        }
    }
}

/// How a node ends that is not wanted.
pub(super) fn ended(why: Unwanted, membership: &Membership, folder: &Folder) -> Failure {
    let named = format!("{} ({})", membership.node, membership.name);
    match why {
        Unwanted::Removed => {
            let told = format!("{named} was removed from its cluster and takes no part any more");
            Failure::new(Exit::Refused, "removed", told)
        }
        Unwanted::Outdated(why) => {
            let told = format!(
                "{named} does not speak what its cluster does: {why}; upgrade it, or start it \
                 without --wire-version"
            );
            Failure::new(Exit::Refused, "version-outdated", told)
        }
        Unwanted::Unfit(why) => {
            if let Err(error) = folder.note_unfit(why) {
                tracing::error!(%error, "it could not be noted that this directory does not do");
            }
            unfit(why, membership)
        }
    }
}

/// How a node ends, or does not begin, whose directory the others refused.
pub(super) fn unfit(why: Unfit, membership: &Membership) -> Failure {
    let (node, name) = (membership.node, &membership.name);
    let (code, told) = match why {
        Unfit::Copied => (
            "copied",
            format!(
                "{node} ({name}) runs, or ran since, from another data directory: this one is a \
                 copy, and is not served"
            ),
        ),
        Unfit::SetBack => (
            "set-back",
            format!(
                "{node} ({name}) lacks what it had acknowledged to the others: this data directory \
                 is an older state of it, and is not served; `holdfast node remove {name}` or \
                 `holdfast node replace {name}` on another node, and join anew with an empty \
                 directory"
            ),
        ),
    };
    Failure::new(Exit::Refused, code, told)
}
