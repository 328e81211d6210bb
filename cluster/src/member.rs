//! One node's part in a cluster, put together: what the domain stands on there.
//!
//! ```text
//! node
//! ├── control ── catalog   the replicated catalog and its lease, over the link of that class
//! ├── calls                what else nodes ask of each other
//! ├── bulk ── replicas     this node's share of all extents
//! ├── replicas-kept        keeps that share as the catalog has it
//! ├── room                 says what room its disk has
//! ├── copies               sees to copies everywhere, while this node leads
//! └── (the domain, as on a node that stands alone)
//! ```
//!
//! The domain is the same as on one node. Its catalog is the replicated one, its register asks that
//! for ownership under the node's lease ([`Claims`]), and the files of its extents lie on several
//! nodes ([`Shelf`]). Links are ports, so simulated nodes are put together here as well.

mod register;
mod room;
mod shelf;

use std::sync::Arc;

use holdfast_actors::catalog::SubmitError;
use holdfast_actors::catalog::command::{ClusterCommand, Command, NewNode, NodeCommand};
use holdfast_actors::journal::{self, JournalError};
use holdfast_actors::kernel::{NodeId, Sequence};
use holdfast_actors::node::{Ground, Node, Stem};
use holdfast_actors::ports::{Disk, Link, Ports};
use holdfast_actors::repositories;
use holdfast_actors::schema::SchemaError;
use holdfast_actors::shell::{self, Handle, Path};
use ractor::SpawnErr;

use crate::calls::machine::Limits;
use crate::calls::{Calls, Exchange};
use crate::extents::{self, Extents, Remote, Replicas, StoreHands, Unsound};
use crate::folder::Folder;
use crate::raft::{self, Replica};
use crate::repair::{leader, reconcile};

pub use register::Claims;
pub use shelf::Shelf;

/// The folder of what a node notes of its replicas.
pub(crate) const REPLICAS: &str = "replicas";

/// The ways to other nodes, by what travels on them.
#[derive(Clone)]
pub struct Links {
    /// What keeps the cluster together: short, and never late.
    pub control: Arc<dyn Link>,
    /// What else nodes ask of each other.
    pub calls: Arc<dyn Link>,
    /// The bytes of extents.
    pub bulk: Arc<dyn Link>,
}

/// How a node takes part.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which node this is.
    pub node: NodeId,
    /// How the catalog is kept.
    pub catalog: raft::Options,
    /// How what it notes of its replicas is kept.
    pub replicas: journal::Options,
    /// How many calls may be under way.
    pub limits: Limits,
    /// The first node of a new cluster says what it is; all others were let in by others.
    pub founds: Option<NewNode>,
}

/// Why a node takes no part.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What it noted of its replicas cannot be read.
    #[error("what this node noted of its replicas cannot be read")]
    Journal(#[from] JournalError),
    /// A note is none.
    #[error("what this node noted of its replicas is not what it wrote")]
    Note(#[from] SchemaError),
    /// The catalog does not start.
    #[error(transparent)]
    Catalog(#[from] raft::StartError),
    /// The new cluster does not take in its first node.
    #[error("the new cluster does not take in its first node")]
    Found(#[source] SubmitError),
    /// An actor does not start.
    #[error("the actors of the cluster do not start")]
    Spawn(#[from] SpawnErr),
}

/// A node's part.
pub struct Member {
    /// What the domain stands on.
    pub ground: Ground,
    /// Its part in the catalog.
    pub replica: Replica,
    /// Its replicas.
    pub store: Handle<extents::Message>,
    /// The way to all replicas.
    pub remote: Remote,
    /// Replicas that readers of this node found damaged.
    unsound: Arc<Unsound>,
    /// The way to what else is served on other nodes. Nothing is served there yet.
    pub calls: Arc<dyn Calls>,
}

impl Member {
    /// Takes part, with all actors below the root of a node. Others may not answer yet.
    ///
    /// # Errors
    /// When what had been durable is damaged, or something does not start.
    pub async fn start(
        stem: &Stem,
        options: Options,
        ports: &Ports,
        links: Links,
    ) -> Result<Self, StartError> {
        let node = options.node;
        let exchange = async |name: &'static str, link| {
            let exchange = Exchange::new(node, ports.entropy.as_ref());
            let path = stem.path().child(name);
            let above = Some(stem.cell());
            let started = exchange.start(path, link, options.limits, ports.clone(), above);
            started.await.map(|_| Arc::new(exchange) as Arc<dyn Calls>)
        };
        let bulk = exchange("bulk", links.bulk).await?;
        let store = store(stem, options.replicas, ports).await?;
        bulk.serve(extents::SERVICE, Arc::new(Replicas(store.clone())));

        let calls = exchange("calls", links.calls).await?;
        let control = exchange("control", links.control).await?;
        let path = stem.path().child("catalog");
        let replica = Replica::start(
            &path,
            options.catalog,
            ports.clone(),
            control,
            Some(stem.cell()),
            stem.on_failure(),
        );
        let replica = replica.await?;
        if let Some(first) = options.founds {
            found(&replica, node, first, ports).await?;
        }

        let (catalog, remote) = (replica.catalog(), Remote::new(bulk));
        let clock = Arc::clone(&ports.clock);
        let claims = Claims::new(node, catalog.clone(), replica.held(), Arc::clone(&clock));
        let extents = Extents::new(remote.clone(), Arc::clone(&clock), node);
        let unsound = extents.unsound();
        let shelf = Shelf::new(extents, catalog.clone(), clock, Arc::clone(&ports.disk));
        let ground = Ground {
            catalog,
            journal: None,
            register: Arc::new(claims),
            extents: Arc::new(shelf),
            node: Some(node),
        };
        Ok(Self {
            ground,
            replica,
            store,
            remote,
            unsound,
            calls,
        })
    }

    /// Begins to see to replicas, once the domain stands on its ground.
    ///
    /// # Errors
    /// When an actor does not start.
    pub async fn tend(&self, node: &Node, ports: &Ports) -> Result<(), SpawnErr> {
        let (path, catalog) = (Path::node(), self.ground.catalog.clone());
        let repositories = node.front.repositories.clone();
        let parts = reconcile::Parts {
            node: self.replica.node(),
            catalog: catalog.clone(),
            store: self.store.clone(),
            remote: self.remote.clone(),
            unsound: Arc::clone(&self.unsound),
            visit: Arc::new(move |id| {
                // Whoever loads it takes it over; nobody stays.
                drop(repositories.ask(|door| repositories::Message::Visit(id, door)));
            }),
        };
        let above = Some(node.root());
        reconcile::start(
            path.child("replicas-kept"),
            parts,
            ports.clone(),
            above.clone(),
        )
        .await?;
        let held = self.replica.held();
        room::start(
            path.child("room"),
            self.replica.node(),
            catalog.clone(),
            held,
            ports.clone(),
            above.clone(),
        )
        .await?;
        let leads = self.replica.leadership();
        let parts = leader::Parts { catalog, leads };
        leader::start(path.child("copies"), parts, ports.clone(), above).await?;
        Ok(())
    }
}

/// Brings the replicas of this node back.
async fn store(
    stem: &Stem,
    options: journal::Options,
    ports: &Ports,
) -> Result<Handle<extents::Message>, StartError> {
    let disk: Arc<dyn Disk> = Arc::new(Folder::new(Arc::clone(&ports.disk), REPLICAS));
    let recovered = journal::recover(disk.as_ref()).await?;
    let last = Sequence::new(recovered.position.next().raw() - 1);
    let kept = recovered.snapshot.as_ref().map(|it| it.through);
    let parts = recovered.snapshot.into_iter().flat_map(|it| it.parts);
    let records = parts.chain(recovered.records.into_iter().map(|record| record.body));
    let mut machine = extents::recover(&ports.disk, records).await?;
    machine.stands_at(last, kept.unwrap_or_default());
    let notes = Ports {
        disk,
        ..ports.clone()
    };
    let path = stem.path().child("replicas");
    let journal = journal::start(
        path.child("journal"),
        recovered.position,
        options,
        notes,
        Some(stem.cell()),
        stem.on_failure(),
    );
    let hands = StoreHands::new(Arc::new(journal.await?));
    let above = Some(stem.cell());
    Ok(shell::spawn(path, machine, hands, ports.clone(), above).await?)
}

/// Makes a cluster of this one node, unless it has been made.
async fn found(
    replica: &Replica,
    node: NodeId,
    first: NewNode,
    ports: &Ports,
) -> Result<(), StartError> {
    let is_new = !replica.is_member().await?;
    if is_new {
        replica.found().await?;
    }
    let catalog = replica.catalog();
    let is_there = || catalog.rows().cluster.nodes.contains_key(&node);
    if is_there() {
        return Ok(());
    }
    let add = Command::Cluster(ClusterCommand::Node(node, NodeCommand::Add(first)));
    match catalog.order(ports.clock.now().wall, add).await {
        // What was agreed on before this start shows only once a majority is heard again: it was
        // there, or is nobody's to tell now.
        Err(error) if is_there() || matches!(error, SubmitError::Gone(_)) && !is_new => {
            tracing::info!(%node, %error, "the first node is there already");
            Ok(())
        }
        added => added.map(|_| ()).map_err(StartError::Found),
    }
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Member({:?})", self.ground.node)
    }
}
