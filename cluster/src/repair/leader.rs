//! Where copies of extents go, decided on the node that leads the catalog.
//!
//! Once a second the leader reads rows that are not old and orders what is next: a copy of what has
//! too few, the neediest first; the end of a copy too many; and, once nothing is missing, moves to
//! nodes that have few. What is under way stands in the rows, so another leader goes on where this
//! one ended, and orders nothing twice. No node copies more than [`FILLING`] extents at a time, or
//! one while that is only for an even spread.

mod hands;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use holdfast_actors::catalog::command::ReplicaCommand;
use holdfast_actors::catalog::rows::{Lacking, Repair, Rows};
use holdfast_actors::kernel::{Acts, ExtentId, Instant, Machine, Never, NodeId, Now};
use serde_json::json;

pub use hands::{Leads, Message, Parts, start};

/// How many extents one node is to copy at a time.
pub const FILLING: usize = 4;
/// How often rows are looked at while there is something to do, and while there is not.
const BUSY: Duration = Duration::from_secs(1);
const QUIET: Duration = Duration::from_secs(5);
/// Commands under way at once.
const COMMANDS: usize = 256;
/// How long an extent is left alone after a command about it was refused.
const RETRY: Duration = Duration::from_secs(10);

/// What the leader sees to; idle on all other nodes.
#[derive(Debug, Default)]
pub struct Leader {
    leads: bool,
    looking: bool,
    look_at: Instant,
    /// Commands that have no answer yet.
    under_way: BTreeSet<(ExtentId, NodeId)>,
    refused: BTreeMap<ExtentId, Instant>,
    lacking: Lacking,
    filling: usize,
    ordered: u64,
    /// Rows with which nothing was to be done.
    settled: Option<Box<Rows>>,
    /// How often all extents were looked through.
    scans: u64,
}

/// What the leader is told.
pub enum Event {
    /// Rows that are no older than the look; none if this node does not lead.
    Looked(Option<Box<Rows>>),
    /// A command came to an end.
    Decided {
        /// About which extent.
        extent: ExtentId,
        /// On which node.
        node: NodeId,
        /// Whether it was done.
        done: bool,
    },
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Looked(Some(rows)) => write!(f, "Looked {}", rows.index),
            Self::Looked(None) => f.write_str("Looked, and does not lead"),
            Self::Decided { extent, node, done } => write!(f, "Decided {extent} on {node}: {done}"),
        }
    }
}

/// What the leader asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Read rows, if this node leads.
    Look,
    /// Give the catalog a command.
    Submit {
        /// About which extent.
        extent: ExtentId,
        /// On which node.
        node: NodeId,
        /// What.
        command: ReplicaCommand,
    },
}

/// How many extents each node is copying.
fn filling(rows: &Rows) -> BTreeMap<NodeId, usize> {
    let mut filling = BTreeMap::new();
    for replicas in rows.cluster.replicas.values() {
        for node in &replicas.filling {
            *filling.entry(*node).or_default() += 1;
        }
    }
    filling
}

impl Leader {
    /// What is to be ordered now.
    fn plan(&mut self, now: Instant, rows: &Rows) -> Vec<Repair> {
        let settled = self.settled.as_ref();
        if settled.is_some_and(|settled| rows.is_placed_as(settled)) {
            return Vec::new();
        }
        self.scans += 1;
        let mut filling = filling(rows);
        self.filling = filling.values().sum();
        let repairs = rows.repairs(usize::MAX);
        self.lacking = rows.lacking();
        self.refused.retain(|_, until| *until > now);
        let (most, wanted) = match repairs.is_empty() {
            true => (1, rows.moves(COMMANDS)),
            false => (FILLING, repairs),
        };
        let mut plan = Vec::new();
        for repair in wanted {
            let copies = filling.entry(repair.node).or_default();
            let is_full = repair.fill && *copies >= most;
            if is_full || self.refused.contains_key(&repair.extent) {
                continue;
            }
            *copies += usize::from(repair.fill);
            plan.push(repair);
            if plan.len() >= COMMANDS {
                break;
            }
        }
        let is_settled = plan.is_empty() && self.filling == 0 && self.refused.is_empty();
        self.settled = is_settled.then(|| Box::new(rows.clone()));
        plan
    }

    fn looked(&mut self, now: Instant, rows: Option<&Rows>, acts: &mut Acts<Self>) {
        self.looking = false;
        self.leads = rows.is_some();
        let plan = rows.map(|rows| self.plan(now, rows)).unwrap_or_default();
        let busy = !plan.is_empty() || self.filling > 0;
        self.look_at = now + if busy { BUSY } else { QUIET };
        for Repair {
            extent, node, fill, ..
        } in plan
        {
            self.ordered += 1;
            self.under_way.insert((extent, node));
            let command = match fill {
                true => ReplicaCommand::Fill,
                false => ReplicaCommand::Drop,
            };
            acts.show(Effect::Submit {
                extent,
                node,
                command,
            });
        }
    }
}

impl Machine for Leader {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        match event {
            Event::Looked(rows) => self.looked(now.monotonic, rows.as_deref(), acts),
            Event::Decided { extent, node, done } => {
                self.under_way.remove(&(extent, node));
                if !done {
                    self.refused.insert(extent, now.monotonic + RETRY);
                }
            }
        }
        self.wake(now, acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        let free = !self.looking && self.under_way.is_empty();
        free.then_some(self.look_at)
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        if self.deadline().is_some_and(|at| at <= now.monotonic) {
            self.looking = true;
            acts.show(Effect::Look);
        }
    }

    fn observe(&self) -> serde_json::Value {
        json!({
            "leads": self.leads,
            "extents-with-too-few-copies": self.lacking.extents,
            "extents-without-any-copy": self.lacking.none,
            "bytes-to-copy": self.lacking.bytes,
            "being-copied": self.filling,
            "ordered": self.ordered,
            "refused": self.refused.len(),
            "scans": self.scans,
        })
    }

    fn waits(&self) -> Vec<String> {
        let waits = self.under_way.iter().next();
        let sentence = |(extent, node): &(ExtentId, NodeId)| {
            let others = self.under_way.len() - 1;
            format!("the catalog, about {extent} on {node} and {others} more")
        };
        waits.map(sentence).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use holdfast_actors::catalog::rows::{Extent, Lease, Node, NodeState, Replicas};
    use holdfast_actors::kernel::{Epoch, NodeName, RepositoryId};

    use super::*;

    /// Three nodes at work, with so many sealed extents that all of them have.
    fn rows(extents: u64) -> Rows {
        let mut rows = Rows::default();
        for id in 1..=3 {
            let node = Node {
                name: NodeName::parse(&format!("n{id}")).unwrap(),
                addresses: Vec::new(),
                key: [id as u8; 32],
                roles: BTreeSet::new(),
                zone: String::new(),
                state: NodeState::Active,
                incarnation: 1,
                wall: None,
            };
            let lease = Lease {
                incarnation: 1,
                epoch: Epoch::new(1),
                until: Duration::from_secs(2),
            };
            rows.cluster.nodes.insert(NodeId::new(id), node);
            rows.cluster.leases.insert(NodeId::new(id), lease);
            rows.cluster.load.insert(NodeId::new(id), extents);
        }
        for number in 1..=extents {
            seal(&mut rows, number, &[1, 2, 3]);
        }
        rows
    }

    fn seal(rows: &mut Rows, number: u64, nodes: &[u64]) {
        let (id, repository, epoch) = (ExtentId::new(number), RepositoryId::new(1), Epoch::new(1));
        let sealed = Some(10);
        let row = Extent {
            repository,
            epoch,
            sealed,
        };
        rows.extents.insert(id, row);
        let replicas = Replicas {
            whole: nodes.iter().copied().map(NodeId::new).collect(),
            filling: BTreeSet::new(),
        };
        rows.cluster.replicas.insert(id, replicas);
    }

    fn look(leader: &mut Leader, rows: &Rows) -> usize {
        let mut acts = Acts::default();
        let rows = Some(Box::new(rows.clone()));
        leader.step(Now::default(), Event::Looked(rows), &mut acts);
        acts.into_iter().count()
    }

    #[test]
    fn extents_are_looked_through_only_when_one_of_them_or_a_node_has_changed() {
        let (mut leader, mut rows) = (Leader::default(), rows(500));
        assert_eq!(look(&mut leader, &rows), 0);
        assert_eq!(leader.scans, 1);
        // Leases are renewed and time goes on.
        for seconds in 1..20 {
            rows.cluster.now = Duration::from_secs(seconds);
            for id in 1..=3 {
                let until = Duration::from_secs(seconds + 2);
                let lease = rows.cluster.leases.get_mut(&NodeId::new(id)).unwrap();
                lease.until = until;
                rows.cluster.nodes.get_mut(&NodeId::new(id)).unwrap().wall =
                    Some(Default::default());
            }
            assert_eq!(look(&mut leader, &rows), 0);
        }
        assert_eq!(leader.scans, 1);
        seal(&mut rows, 501, &[1, 2]);
        assert_eq!(look(&mut leader, &rows), 1);
        assert_eq!(leader.scans, 2);
        // What is to be done is looked for until it is done.
        assert_eq!(look(&mut leader, &rows), 1);
        seal(&mut rows, 501, &[1, 2, 3]);
        assert_eq!(look(&mut leader, &rows), 0);
        let before = leader.scans;
        rows.cluster.nodes.get_mut(&NodeId::new(3)).unwrap().state = NodeState::Draining;
        look(&mut leader, &rows);
        assert_eq!(leader.scans, before + 1);
    }
}
