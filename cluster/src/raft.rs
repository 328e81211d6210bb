//! The replicated catalog: one log of commands that a majority of voters agrees on.
//!
//! Consensus is openraft's. Ours is what it stands on and what stands on it: the log in a journal
//! ([`log`]), the rows and their snapshots ([`state`]), the calls between replicas, the door
//! through which any node submits commands, the catalog's own time, and who takes part.
//!
//! All nodes that do not vote follow as learners: each has the rows, so reads, listings and checks
//! cost no call, and a command's answer comes out of the log on whichever node asked. A learner
//! costs the leader one stream of small appends; nodes that fetched rows instead would each need a
//! second way to have them, and to know how old they are.

pub mod anew;
mod door;
#[cfg(test)]
mod fixture;
mod guess;
mod holder;
pub mod log;
mod memory;
mod peer;
mod recall;
mod service;
pub mod state;
mod steward;
mod tasks;
#[cfg(test)]
mod tests;
mod types;
mod voters;
mod wire;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::catalog::Catalog;
use holdfast_actors::catalog::rows::{Rows, Speaks};
use holdfast_actors::journal;
use holdfast_actors::kernel::{NodeId, Version};
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::shell::{self, Fault, Handle, Path};
use openraft::async_runtime::{AsyncRuntime, WatchReceiver};
use openraft::impls::EmptyNode;
use openraft::{Config, Raft, SnapshotPolicy};
use ractor::ActorCell;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::calls::Calls;
use door::Entrance;
pub use holder::Held;
use holder::{Holder, HolderHands};
use log::{Log, LogError};
use peer::Ways;
use recall::{Part, Recalls, shown};
use service::{Replication, Service};
use state::State;
use steward::{Event, Members, Steward, StewardHands};
use tasks::Dice;
pub use tasks::Tasks;
pub use types::{Kind, Proposal};

/// How often the leader says that it leads, in milliseconds.
const HEARTBEAT: u64 = 100;
/// How long a leader is waited for before another is elected, in milliseconds: at least, at most.
const ELECTION: (u64, u64) = (300, 500);

/// How a replica is laid out.
#[derive(Clone, Debug)]
pub struct Options {
    /// Nodes to ask while this one knows nobody.
    pub known: Vec<NodeId>,
    /// Of the log.
    pub journal: journal::Options,
    /// After so many commands the rows are written down as a whole.
    pub snapshot_after: u64,
    /// So many commands that such a snapshot holds stay in the log, for those who are a little
    /// behind.
    pub keep: u64,
    /// How long a caller waits for its command at most.
    pub patience: Duration,
    /// The newest version that this node says it speaks.
    pub version: Version,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            known: Vec::new(),
            journal: journal::Options::default(),
            snapshot_after: 20_000,
            keep: 1_000,
            patience: Duration::from_secs(10),
            version: Version::NEWEST,
        }
    }
}

/// How consensus stands, as far as one node knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Who leads. One that is cut off goes on believing in the last one.
    pub leader: Option<NodeId>,
    /// The term of the last vote that was seen; of two leaders, the one of the higher term leads.
    pub term: u64,
    /// Who votes.
    pub voters: BTreeSet<NodeId>,
}

/// Why a replica does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Its snapshot cannot be used.
    #[error("the snapshot of the replicated catalog cannot be used")]
    State(#[source] io::Error),
    /// Consensus does not start.
    #[error("the replicated catalog does not start: {0}")]
    Consensus(String),
    /// One of its actors does not start.
    #[error("the replicated catalog does not start")]
    Actor(#[from] ractor::SpawnErr),
}

/// The part of one node in the replicated catalog. Dropping it ends nothing: see [`Replica::stop`].
pub struct Replica {
    catalog: Catalog,
    held: watch::Receiver<Option<Held>>,
    holder: Option<Handle<holder::Message>>,
    raft: Replication,
    recalls: Recalls,
    asking: JoinHandle<()>,
    log: Log,
    actors: Vec<ActorCell>,
}

impl Replica {
    /// Brings a node's replica back, lets others call it, and takes part.
    ///
    /// # Errors
    /// When what had been durable is damaged or missing, or something does not start.
    pub async fn start(
        path: &Path,
        options: Options,
        ports: Ports,
        calls: Arc<dyn Calls>,
        supervisor: Option<ActorCell>,
        on_failure: journal::OnFailure,
    ) -> Result<Self, StartError> {
        let log = Log::open(
            path.child("log"),
            options.journal,
            ports.clone(),
            supervisor.clone(),
            on_failure,
        )
        .await?;
        let state = State::open(Arc::clone(&ports.disk)).await;
        let state = state.map_err(StartError::State)?;
        let (rows, waiting) = (state.rows(), state.waiting());
        let mut seed = [0; 32];
        ports.entropy.fill(&mut seed);
        let shown = shown(&log, state.applied()).await;
        let shown = shown.map_err(consensus)?;
        let known: Vec<u64> = options.known.iter().map(|node| node.raw()).collect();
        let run = number(&ports);
        let recalls = Recalls::new(Arc::clone(&calls), known.clone(), run, shown);
        let ways = Ways {
            calls: Arc::clone(&calls),
            recalls: recalls.clone(),
        };
        let node = calls.node();
        let me = (node, Speaks::up_to(options.version));
        let raft = Raft::new(
            node.raw(),
            Arc::new(config(&options)?),
            ways,
            log.clone(),
            state,
        );
        let raft = Dice::of(seed).lend(raft).await.map_err(consensus)?;
        let disk = Arc::clone(&ports.disk);
        let service = Service::new(raft.clone(), rows.clone(), disk, recalls.clone());
        calls.serve(wire::SERVICE, Arc::new(service));
        let door = Entrance {
            raft: raft.clone(),
            calls,
            entropy: Arc::clone(&ports.entropy),
            rows: rows.clone(),
            waiting,
            known: known.into(),
            patience: options.patience,
        };
        let catalog = Catalog::behind(Arc::new(door), rows.clone());
        let told = (catalog.clone(), Arc::clone(&ports.clock));
        let mut replica = Self {
            catalog,
            held: watch::channel(None).1,
            holder: None,
            asking: Tasks::spawn(recalls.clone().run(raft.clone(), told)),
            recalls,
            raft,
            log,
            actors: Vec::new(),
        };
        replica
            .steward(path, rows, &ports, supervisor.clone())
            .await?;
        replica.holder(path, me, ports, supervisor).await?;
        Ok(replica)
    }

    async fn steward(
        &mut self,
        path: &Path,
        rows: watch::Receiver<Rows>,
        ports: &Ports,
        supervisor: Option<ActorCell>,
    ) -> Result<(), StartError> {
        let cluster = Box::new(rows.borrow().cluster.clone());
        let hands = StewardHands {
            raft: self.raft.clone(),
            rows,
            known: cluster.nodes.clone(),
        };
        let (path, ports) = (path.child("steward"), ports.clone());
        let steward = shell::spawn(path, Steward::default(), hands, ports, supervisor).await?;
        for event in [Event::Members(Members::default()), Event::Nodes(cluster)] {
            let told = steward.tell(event);
            told.map_err(|gone| StartError::Consensus(gone.to_string()))?;
        }
        self.actors.push(steward.cell());
        Ok(())
    }

    async fn holder(
        &mut self,
        path: &Path,
        (node, speaks): (NodeId, Speaks),
        ports: Ports,
        supervisor: Option<ActorCell>,
    ) -> Result<(), StartError> {
        let incarnation = number(&ports);
        let machine = Holder::new(node, incarnation, speaks);
        let (publish, held) = watch::channel(None);
        let catalog = self.catalog.clone();
        let hands = HolderHands {
            node,
            catalog,
            publish,
            leaving: Vec::new(),
        };
        let holder = shell::spawn(path.child("lease"), machine, hands, ports, supervisor).await?;
        self.held = held;
        self.actors.push(holder.cell());
        self.holder = Some(holder);
        Ok(())
    }

    /// Makes this node the first of a new cluster: its one voter. Once, and on one node alone;
    /// others are let in by commands and follow.
    ///
    /// # Errors
    /// When it is a member of a cluster already, or consensus has ended.
    pub async fn found(&self) -> Result<(), StartError> {
        let first = [(*self.raft.node_id(), EmptyNode {})].into();
        let members: std::collections::BTreeMap<u64, EmptyNode> = first;
        self.raft.initialize(members).await.map_err(consensus)
    }

    /// Whether it has ever been of a cluster.
    ///
    /// # Errors
    /// When consensus has ended.
    pub async fn is_member(&self) -> Result<bool, StartError> {
        self.raft.is_initialized().await.map_err(consensus)
    }

    /// How everybody on this node speaks to the catalog.
    pub fn catalog(&self) -> Catalog {
        self.catalog.clone()
    }

    /// The lease under which this life acts for its node.
    pub fn held(&self) -> watch::Receiver<Option<Held>> {
        self.held.clone()
    }

    /// This node.
    pub fn node(&self) -> NodeId {
        NodeId::new(*self.raft.node_id())
    }

    /// Waits until another node leads, as far as this one knows.
    pub async fn follows(&self) {
        let mut metrics = self.raft.server_metrics();
        loop {
            let leader = metrics.borrow_watched().current_leader;
            let other = leader.is_some_and(|leader| leader != *self.raft.node_id());
            // Once consensus has ended here, this node leads no more.
            if other || metrics.changed().await.is_err() {
                return;
            }
        }
    }

    /// Who leads, as far as this node knows.
    pub fn leader(&self) -> Option<NodeId> {
        let metrics = self.raft.server_metrics();
        let leader = metrics.borrow_watched().current_leader;
        leader.map(NodeId::new)
    }

    /// The term in which this node leads, if it believes that it does.
    pub fn leads(&self) -> Option<u64> {
        let metrics = self.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let leads = metrics.current_leader == Some(metrics.id);
        leads.then_some(metrics.vote.leader_id.term)
    }

    /// Tells at any moment whether this node believes that it leads.
    pub fn leadership(&self) -> Arc<dyn Fn() -> bool + Send + Sync> {
        let raft = self.raft.clone();
        Arc::new(move || {
            let metrics = raft.server_metrics();
            let metrics = metrics.borrow_watched();
            metrics.current_leader == Some(metrics.id)
        })
    }

    /// Tells at any moment how consensus stands, as far as this node knows.
    pub fn standing(&self) -> Arc<dyn Fn() -> Standing + Send + Sync> {
        let raft = self.raft.clone();
        Arc::new(move || {
            let metrics = raft.server_metrics();
            let metrics = metrics.borrow_watched();
            let voters = metrics.membership_config.membership().voter_ids();
            Standing {
                leader: metrics.current_leader.map(NodeId::new),
                term: metrics.vote.leader_id.term,
                voters: voters.map(NodeId::new).collect(),
            }
        })
    }

    /// Who votes, as far as this node knows.
    pub fn voters(&self) -> Vec<NodeId> {
        let metrics = self.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let voters = metrics.membership_config.membership().voter_ids();
        voters.map(NodeId::new).collect()
    }

    /// Asks another voter to lead from now on, so that nobody waits for an election when this node
    /// ends. Nothing is certain: see [`Replica::leader`].
    ///
    /// # Errors
    /// When consensus has ended here.
    pub async fn hand_over(&self, to: NodeId) -> Result<(), StartError> {
        let handed = self.raft.trigger().transfer_leader(to.raw()).await;
        handed.map_err(consensus)
    }

    /// Gives back the lease of this life, so that neither the next one nor whoever takes over what
    /// it served waits for its end. From now on this life acts for its node no more. Whether the
    /// catalog heard of it is not certain; without a majority it takes [`Options::patience`].
    pub async fn resign(&self) {
        if let Some(holder) = &self.holder {
            // One that has ended holds nothing.
            let _ = holder.ask(holder::Message::Leave).await;
        }
    }

    /// Waits until this replica is told that it has forgotten what it had acknowledged, as one does
    /// whose disk was set back. It has no part in anything from then on: the process must end, and
    /// not begin again.
    pub fn forgot(&self) -> Pending<()> {
        let mut part = self.recalls.part();
        let recalls = self.recalls.clone();
        Box::pin(async move {
            let told = part.wait_for(|part| matches!(part, Part::Forgot(_)));
            // Who tells it lives as long as whoever waits.
            drop(told.await);
            drop(recalls);
        })
    }

    /// Waits until consensus has ended on this node, which it does when its disk fails: the process
    /// must end then, and what is durable is where it begins again.
    pub async fn ended(&self) -> Fault {
        let mut metrics = self.raft.metrics();
        loop {
            if let Err(fatal) = &metrics.borrow_watched().running_state {
                return Fault(format!("the replicated catalog: {fatal}"));
            }
            if metrics.changed().await.is_err() {
                return Fault("the replicated catalog ended".to_owned());
            }
        }
    }

    /// Takes no part any more.
    pub async fn stop(self) {
        self.asking.abort();
        for actor in self.actors {
            actor.stop(None);
        }
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "the replicated catalog did not end in order");
        }
        self.log.stop();
    }
}

fn consensus(error: impl std::fmt::Display) -> StartError {
    StartError::Consensus(error.to_string())
}

/// A number of one life, never 0.
fn number(ports: &Ports) -> u64 {
    let mut number = [0; 8];
    ports.entropy.fill(&mut number);
    u64::from_le_bytes(number).max(1)
}

fn config(options: &Options) -> Result<Config, StartError> {
    let config = Config {
        cluster_name: "holdfast".to_owned(),
        heartbeat_interval: HEARTBEAT,
        election_timeout_min: ELECTION.0,
        election_timeout_max: ELECTION.1,
        enable_pre_vote: Some(true),
        // Not before it is known whether this node may vote.
        enable_elect: false,
        // A leader that starts again does not know what it had told its readers.
        enable_leader_restore: Some(false),
        max_payload_entries: 512,
        api_channel_size: Some(4096),
        snapshot_policy: SnapshotPolicy::LogsSinceLast(options.snapshot_after),
        max_in_snapshot_log_to_keep: options.keep,
        replication_lag_threshold: options.snapshot_after * 2,
        purge_batch_size: 256,
        ..Config::default()
    };
    config.validate().map_err(consensus)
}
