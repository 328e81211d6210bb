//! What the leader sees to: the catalog's time, and who takes part.
//!
//! A tick carries the leader's own monotonic time since its own tick before, and its first one
//! nothing: so no time is ever counted twice, whoever leads. It is proposed here and nowhere else,
//! and never again if it got lost. Ticks come a little more often than the most that one may carry,
//! so that a tick that is late loses no time.
//!
//! Members change one step at a time: a node that was let in follows, one that has shown itself at
//! work may vote, one that was removed goes.

use std::collections::BTreeSet;
use std::time::Duration;

use holdfast_actors::catalog::command::{Actor, ClusterCommand, Command, Submission};
use holdfast_actors::catalog::rows::{Cluster, Node, NodeState, Rows};
use holdfast_actors::kernel::{Acts, Instant, Machine, Never, NodeId, Now, Timestamp};
use holdfast_actors::ports::Pending;
use holdfast_actors::shell::{Context, Fault, Hands};
use imbl::OrdMap;
use openraft::ChangeMembers;
use openraft::async_runtime::WatchReceiver;
use openraft::impls::EmptyNode;
use serde_json::json;
use tokio::sync::watch;

use super::service::Replication;
use super::types::Proposal;
use super::voters::voters;

/// How often a tick is proposed; a tick may carry a little more.
const PERIOD: Duration = Duration::from_millis(200);
/// How long members are left alone after a change of them failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Who takes part, as consensus says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Members {
    /// Whether this node leads, and since which term.
    pub(super) leads: Option<u64>,
    pub(super) voters: BTreeSet<u64>,
    pub(super) all: BTreeSet<u64>,
}

/// A change of who takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Lets it follow.
    Admit(u64),
    /// These vote, and nobody else.
    Voters(BTreeSet<u64>),
    /// Takes it out.
    Dismiss(u64),
}

/// The leader's duties; idle on all other nodes.
#[derive(Debug, Default)]
pub(super) struct Steward {
    members: Members,
    cluster: Box<Cluster>,
    /// When the last tick of this term was proposed.
    ticked: Option<Instant>,
    tick_due: Instant,
    changing: Option<Change>,
    change_due: Instant,
}

#[derive(Debug)]
pub(super) enum Event {
    Members(Members),
    Nodes(Box<Cluster>),
    /// The change asked for last came to an end, a good one or not.
    Changed(bool),
    /// A tick was handed over; nobody waits for it.
    Ticked,
}

#[derive(Debug)]
pub(super) enum Effect {
    Tick {
        term: u64,
        advance: Duration,
        at: Timestamp,
    },
    Change(Change),
    /// Say when members are others than these.
    WatchMembers(Members),
    /// Say when the node table changes.
    WatchNodes,
}

impl Steward {
    /// The next step from the members that there are to those that there should be.
    fn next_change(&self) -> Option<Change> {
        let nodes = self.cluster.nodes.iter();
        let mut wanted = nodes.map(|(id, node)| (id.raw(), node.state));
        let follows = |(id, state): (u64, NodeState)| {
            (state != NodeState::Removed && !self.members.all.contains(&id)).then_some(id)
        };
        if let Some(id) = wanted.find_map(follows) {
            return Some(Change::Admit(id));
        }
        let mut chosen = voters(&self.cluster, &self.members.voters);
        chosen.retain(|id| self.members.all.contains(id));
        if chosen != self.members.voters && !chosen.is_empty() {
            return Some(Change::Voters(chosen));
        }
        let removed = |id: &&u64| {
            let row = self.cluster.nodes.iter().find(|(it, _)| it.raw() == **id);
            row.is_some_and(|(_, node)| node.state == NodeState::Removed)
        };
        let gone = self.members.all.iter().find(removed);
        gone.map(|id| Change::Dismiss(*id))
    }

    fn proceed(&mut self, now: Now, acts: &mut Acts<Self>) {
        let Some(term) = self.members.leads else {
            return;
        };
        if self.tick_due <= now.monotonic {
            let advance = self.ticked.map(|at| at.until(now.monotonic));
            self.ticked = Some(now.monotonic);
            self.tick_due = now.monotonic + PERIOD;
            let (advance, at) = (advance.unwrap_or_default(), now.wall);
            acts.show(Effect::Tick { term, advance, at });
        }
        if self.changing.is_none() && self.change_due <= now.monotonic {
            self.changing = self.next_change();
            if let Some(change) = &self.changing {
                acts.show(Effect::Change(change.clone()));
            }
        }
    }
}

impl Machine for Steward {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        match event {
            Event::Members(members) => {
                if members.leads != self.members.leads {
                    self.ticked = None;
                    self.tick_due = now.monotonic;
                }
                acts.show(Effect::WatchMembers(members.clone()));
                self.members = members;
            }
            Event::Nodes(cluster) => {
                acts.show(Effect::WatchNodes);
                self.cluster = cluster;
            }
            Event::Changed(done) => {
                self.changing = None;
                let pause = if done { Duration::ZERO } else { PAUSE };
                self.change_due = now.monotonic + pause;
            }
            Event::Ticked => {}
        }
        self.proceed(now, acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        self.members.leads.map(|_| self.tick_due)
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        self.proceed(now, acts);
    }

    fn observe(&self) -> serde_json::Value {
        json!({
            "leads": self.members.leads,
            "voters": self.members.voters,
            "members": self.members.all,
            "changing": self.changing.as_ref().map(|change| format!("{change:?}")),
        })
    }

    fn waits(&self) -> Vec<String> {
        let change = self.changing.iter();
        change
            .map(|change| format!("members to change: {change:?}"))
            .collect()
    }
}

/// The hands of a [`Steward`].
pub(super) struct StewardHands {
    pub(super) raft: Replication,
    pub(super) rows: watch::Receiver<Rows>,
    /// The nodes that the machine knows.
    pub(super) known: OrdMap<NodeId, Node>,
}

impl StewardHands {
    fn watch_members(&self, known: Members) -> Pending<Event> {
        let mut metrics = self.raft.server_metrics();
        let node = *self.raft.node_id();
        Box::pin(async move {
            loop {
                let members = {
                    let metrics = metrics.borrow_watched();
                    let membership = metrics.membership_config.membership();
                    let leads = metrics.current_leader == Some(node);
                    let term = metrics.vote.leader_id.term;
                    Members {
                        leads: leads.then_some(term),
                        voters: membership.voter_ids().collect(),
                        all: membership.nodes().map(|(id, _)| *id).collect(),
                    }
                };
                if members != known {
                    return Event::Members(members);
                }
                if metrics.changed().await.is_err() {
                    // Consensus has ended, and with it all that there was to see to.
                    std::future::pending::<()>().await;
                }
            }
        })
    }

    fn watch_nodes(&self) -> Pending<Event> {
        let (mut rows, before) = (self.rows.clone(), self.known.clone());
        Box::pin(async move {
            let changed = rows.wait_for(|rows| rows.cluster.nodes != before);
            let cluster = changed.await.map(|rows| Box::new(rows.cluster.clone()));
            match cluster {
                Ok(cluster) => Event::Nodes(cluster),
                Err(_) => std::future::pending().await,
            }
        })
    }

    fn tick(&self, term: u64, advance: Duration, at: Timestamp) -> Pending<Event> {
        let raft = self.raft.clone();
        let submission = Submission {
            client: 0,
            sequence: 0,
            by: Actor::System,
            at,
            command: Command::Cluster(ClusterCommand::Tick { term, advance }),
        };
        Box::pin(async move {
            // One that is lost makes leases longer and nothing else.
            let _ = raft.client_write_ff(Proposal(submission), None).await;
            Event::Ticked
        })
    }

    fn change(&self, change: Change) -> Pending<Event> {
        let raft = self.raft.clone();
        Box::pin(async move {
            let changed = match change {
                Change::Admit(id) => raft.add_learner(id, EmptyNode {}, false).await,
                Change::Voters(voters) => {
                    let change = ChangeMembers::ReplaceAllVoters(voters);
                    raft.change_membership(change, true).await
                }
                Change::Dismiss(id) => {
                    let change = ChangeMembers::RemoveNodes([id].into());
                    raft.change_membership(change, true).await
                }
            };
            if let Err(error) = &changed {
                tracing::info!(%error, "the members of the replicated catalog stay as they are");
            }
            Event::Changed(changed.is_ok())
        })
    }
}

impl Hands for StewardHands {
    type Machine = Steward;
    type Message = Event;

    fn admit(&mut self, message: Event, _: &Context<Self>) -> Option<Event> {
        if let Event::Nodes(cluster) = &message {
            self.known = cluster.nodes.clone();
        }
        Some(message)
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Effect,
        _: &Context<Self>,
    ) -> Result<Option<Pending<Event>>, Fault> {
        Ok(Some(match effect {
            Effect::Tick { term, advance, at } => self.tick(term, advance, at),
            Effect::Change(change) => self.change(change),
            Effect::WatchMembers(known) => self.watch_members(known),
            Effect::WatchNodes => self.watch_nodes(),
        }))
    }
}
