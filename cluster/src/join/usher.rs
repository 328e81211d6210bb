//! Lets newcomers in: has the catalog decide, and signs.

use std::sync::Arc;

use holdfast_actors::catalog::command::{ClusterCommand, Command, NewNode};
use holdfast_actors::catalog::{Catalog, Outcome, SubmitError};
use holdfast_actors::kernel::{NodeId, NodeName};
use holdfast_actors::ports::{Clock, Pending};

use super::{Admits, Admitted, Answer, Petition};
use crate::identity::{Issuer, NODE_LIFE};
use crate::nodes::Nodes;

/// A node that has the issuer and reaches the catalog.
#[derive(Clone)]
pub struct Usher {
    catalog: Catalog,
    issuer: Arc<Issuer>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Usher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Usher({:?})", self.issuer)
    }
}

impl Usher {
    /// Whoever is let in gets a certificate by this issuer, good by this clock.
    pub fn new(catalog: Catalog, issuer: Arc<Issuer>, clock: Arc<dyn Clock>) -> Self {
        Self {
            catalog,
            issuer,
            clock,
        }
    }

    async fn decide(&self, petition: Petition) -> Answer {
        let addresses = petition.addresses.iter().map(ToString::to_string);
        let node = NewNode {
            name: petition.name.clone(),
            addresses: addresses.collect(),
            key: *petition.key.hash().bytes(),
            roles: petition.roles.clone(),
            zone: petition.zone.clone(),
        };
        let join = ClusterCommand::Join {
            token: *petition.secret.hash().bytes(),
            node: Box::new(node),
        };
        let now = self.clock.now().wall;
        let decided = self.catalog.order(now, Command::Cluster(join)).await;
        match decided {
            Ok((Outcome::Node { node }, _)) => self.welcome(node, &petition),
            Ok((outcome, _)) => {
                tracing::error!(?outcome, "the catalog answers a join with something else");
                Answer::refused("failed", "the member cannot let nodes in; its log says why")
            }
            Err(SubmitError::Refused(refused)) => Answer::refused(refused.reason(), refused),
            Err(SubmitError::Gone(_)) => {
                let told = "the catalog does not answer: more than half of its voters must run";
                Answer::refused("unavailable", told)
            }
        }
    }

    /// What a node needs that the catalog let in.
    fn welcome(&self, node: NodeId, petition: &Petition) -> Answer {
        let rows = self.catalog.rows();
        // A petition that comes again may say another name.
        let name = rows.cluster.nodes.get(&node).map(|row| row.name.clone());
        let name: NodeName = name.unwrap_or_else(|| petition.name.clone());
        let now = self.clock.now().wall;
        let issued = self
            .issuer
            .issue(node, &name, &petition.key, now, NODE_LIFE);
        let chain = match issued {
            Ok(chain) => chain,
            Err(error) => {
                tracing::error!(%node, %error, "no certificate for a node that joins");
                let told = "the member cannot sign a certificate; its log says why";
                return Answer::refused("failed", told);
            }
        };
        let nodes = Nodes::from(&rows.cluster);
        let others = nodes.numbers().filter(|number| *number != node);
        let others = others.filter_map(|number| Some((number, nodes.node(number)?.clone())));
        Answer::Admitted(Box::new(Admitted {
            node,
            chain,
            root: self.issuer.root().clone(),
            issuer: Some(Arc::clone(&self.issuer)),
            nodes: others.collect(),
        }))
    }
}

impl Admits for Usher {
    fn admit(&self, petition: Petition) -> Pending<Answer> {
        let usher = self.clone();
        Box::pin(async move { usher.decide(petition).await })
    }
}
