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
