//! Moves of replicas from nodes that have many to nodes that have few.
//!
//! A move is a copy more, and then a copy less where there is one too many. What is given up then
//! is known beforehand, so a move is made only if it leaves a node that has clearly more, or brings
//! a replica to a zone that had none. Each such move makes the whole more even, so they come to an
//! end, and what they did is never undone while the nodes stay as they are.

use std::collections::{BTreeMap, BTreeSet};

use super::Rows;
use super::placement::{COPIES, Repair};
use crate::kernel::{ExtentId, NodeId};

/// Nodes with the fewest replicas that are looked at for one extent.
const NODES: usize = 4;

/// How many more a node has that gives one up: a tenth, and some.
pub(super) const fn clearly(load: u64) -> u64 {
    3 + load / 10
}

/// The loads as they will be once all that is under way is done.
struct Loads(BTreeMap<NodeId, u64>);

impl Loads {
    fn of(&self, node: NodeId) -> u64 {
        self.0.get(&node).copied().unwrap_or_default()
    }

    fn take(&mut self, node: NodeId) {
        let load = self.of(node).saturating_sub(1);
        self.0.insert(node, load);
    }

    fn give(&mut self, node: NodeId) {
        let load = self.of(node) + 1;
        self.0.insert(node, load);
    }
}

impl Rows {
    /// At most so many copies that would spread replicas more evenly over nodes and zones; none
    /// where an extent has not all its copies yet, or too many.
    pub fn moves(&self, most: usize) -> Vec<Repair> {
        let mut loads = self.coming_loads();
        let mut moves = Vec::new();
        for (extent, row) in &self.extents {
            if moves.len() >= most {
                break;
            }
            if row.sealed.is_none() {
                continue;
            }
            if let Some((from, node)) = self.better(*extent, &loads) {
                loads.take(from);
                loads.give(node);
                moves.push(Repair {
                    left: COPIES,
                    extent: *extent,
                    node,
                    fill: true,
                });
            }
        }
        moves
    }

    fn coming_loads(&self) -> Loads {
        let cluster = &self.cluster;
        let taking = cluster.nodes.keys().filter(|node| cluster.has_room(**node));
        let load = |node: &NodeId| cluster.load.get(node).copied().unwrap_or_default();
        let mut loads = Loads(taking.map(|node| (*node, load(node))).collect());
        for replicas in cluster.replicas.values() {
            if replicas.whole.len() + replicas.filling.len() <= COPIES {
                continue;
            }
            let all = replicas.whole.union(&replicas.filling).copied().collect();
            if let Some(node) = cluster
                .spare(&all)
                .filter(|node| loads.0.contains_key(node))
            {
                loads.take(node);
            }
        }
        loads
    }

    /// From where to where a replica of an extent had better go, if that is clear.
    fn better(&self, extent: ExtentId, loads: &Loads) -> Option<(NodeId, NodeId)> {
        let cluster = &self.cluster;
        let replicas = cluster.replicas.get(&extent)?;
        let whole = &replicas.whole;
        let is_settled = replicas.filling.is_empty() && whole.len() == COPIES;
        if !is_settled || !whole.iter().all(|node| loads.0.contains_key(node)) {
            return None;
        }
        let mut few: Vec<(u64, NodeId)> =
            loads.0.iter().map(|(node, load)| (*load, *node)).collect();
        few.retain(|(_, node)| !whole.contains(node));
        few.sort_unstable();
        few.into_iter().take(NODES).find_map(|(load, node)| {
            let mut all = whole.clone();
            all.insert(node);
            let from = cluster.spare(&all).filter(|from| *from != node)?;
            all.remove(&from);
            let spreads = self.zones(&all) > self.zones(whole);
            let evens = loads.of(from) >= load + clearly(load);
            let keeps = self.zones(&all) == self.zones(whole);
            (spreads || (keeps && evens)).then_some((from, node))
        })
    }

    /// In how many zones these are.
    fn zones(&self, nodes: &BTreeSet<NodeId>) -> usize {
        let zones = nodes.iter().map(|node| self.cluster.zone(*node));
        let zones: BTreeSet<&str> = zones.filter(|zone| !zone.is_empty()).collect();
        zones.len()
    }
}
