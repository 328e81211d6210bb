//! Where extents go: spread over zones and by load, the same whoever works it out.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use super::Rows;
use super::balance::clearly;
use super::nodes::{Cluster, Node, NodeState, Room};
use crate::kernel::{ExtentId, NodeId};

/// How many copies of an extent there are to be, if there are so many nodes.
pub const COPIES: usize = 3;
/// The role of nodes that hold extents. A node without any role has all.
const STORAGE: &str = "storage";
/// How long after the end of its lease a node's replicas are made again elsewhere: most nodes that
/// are off are back before.
const DEAD: Duration = Duration::from_secs(15 * 60);

/// What is to be done so that an extent has its copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repair {
    /// How many sound copies there are: the fewest first.
    pub left: usize,
    /// Of which extent.
    pub extent: ExtentId,
    /// On which node one is made, or, if there are enough, given up.
    pub node: NodeId,
    /// Whether one is made.
    pub fill: bool,
}

/// Sealed extents that have too few copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lacking {
    /// How many there are.
    pub extents: u64,
    /// How many of them have no copy that counts.
    pub none: u64,
    /// Bytes that are to be copied for them.
    pub bytes: u64,
}

impl Cluster {
    /// How many nodes there are that store, whether they run or not; a node that stands alone is
    /// one.
    pub fn stores(&self) -> u32 {
        let nodes = self.nodes.values();
        let there = nodes.filter(|row| row.state != NodeState::Removed && stores(row));
        u32::try_from(there.count()).unwrap_or(u32::MAX).max(1)
    }

    /// Copies without which nothing is acknowledged, where nobody says: two, if there are so many
    /// nodes.
    pub fn usual_copies(&self) -> u32 {
        self.stores().min(2)
    }

    /// Whether a node takes replicas now.
    pub fn is_taking(&self, node: NodeId) -> bool {
        let row = self.nodes.get(&node);
        row.is_some_and(|row| row.state == NodeState::Active && stores(row)) && self.is_leased(node)
    }

    /// Those of the cluster whose lease runs.
    pub fn reachable<'a>(
        &'a self,
        nodes: &'a BTreeSet<NodeId>,
    ) -> impl Iterator<Item = NodeId> + 'a {
        let removed = |node: &NodeId| {
            let row = self.nodes.get(node);
            row.is_some_and(|row| row.state == NodeState::Removed)
        };
        let there = nodes.iter().copied().filter(move |node| !removed(node));
        there.filter(|node| self.is_leased(*node))
    }

    /// The node that serves what has this number, as long as the nodes are the same: each has its
    /// share, and when one goes, only its own moves. None if no node works.
    pub fn home(&self, number: u64) -> Option<NodeId> {
        self.share(number, None)
    }

    /// The same if this node were gone.
    pub(super) fn next_home(&self, number: u64, gone: NodeId) -> Option<NodeId> {
        self.share(number, Some(gone))
    }

    fn share(&self, number: u64, but: Option<NodeId>) -> Option<NodeId> {
        let working = self.nodes.keys().copied();
        let working = working.filter(|node| Some(*node) != but && self.is_taking(*node));
        working.max_by_key(|node| mix(number ^ mix(node.raw())))
    }

    /// Whether a node takes replicas now, and has room for them.
    pub fn has_room(&self, node: NodeId) -> bool {
        self.is_taking(node) && !self.is_full(node)
    }

    /// What room there is for new data that must have so many copies: that of the node which is the
    /// last of them when each goes where there is most; nothing if not so many said.
    pub fn room(&self, copies: usize) -> Option<Room> {
        let rooms = self.rooms.iter().filter(|(node, _)| self.is_taking(**node));
        let mut rooms: Vec<Room> = rooms.map(|(_, room)| *room).collect();
        rooms.sort_unstable_by_key(|room| Reverse((!room.is_full, room.free)));
        rooms.get(copies.checked_sub(1)?).copied()
    }

    /// Nodes for a new extent: the one that writes it if it stores, the one that would be next to
    /// write, then others, each in a zone of its own as far as there are zones; of two that are
    /// drawn, the one with fewer replicas. Those that are full are taken where without them there
    /// are not `least`: it is they who say that there is no room.
    pub(in crate::catalog) fn choose(
        &self,
        extent: ExtentId,
        first: [Option<NodeId>; 2],
        least: usize,
    ) -> BTreeSet<NodeId> {
        let chosen = self.choose_of(extent, first, &|node| self.has_room(node));
        if chosen.len() >= least {
            return chosen;
        }
        self.choose_of(extent, first, &|node| self.is_taking(node))
    }

    fn choose_of(
        &self,
        extent: ExtentId,
        [near, next]: [Option<NodeId>; 2],
        takes: &dyn Fn(NodeId) -> bool,
    ) -> BTreeSet<NodeId> {
        let near = near.filter(|node| takes(*node));
        let mut chosen: BTreeSet<NodeId> = near.into_iter().collect();
        let next = next.filter(|node| takes(*node) && !self.is_laden(*node));
        if let Some(node) = next
            && self.free(&chosen, &chosen, takes).contains(&node)
        {
            chosen.insert(node);
        }
        while chosen.len() < COPIES {
            let Some(node) = self.another(extent, &chosen, &chosen, takes) else {
                break;
            };
            chosen.insert(node);
        }
        chosen
    }

    /// Whether a node has clearly more replicas than nodes have on the average.
    fn is_laden(&self, node: NodeId) -> bool {
        let average = self.load.values().sum::<u64>() / u64::from(self.stores());
        let load = self.load.get(&node).copied().unwrap_or_default();
        load > average + clearly(average)
    }

    /// Nodes that an extent may have one more replica on, which these have: away from the zones of
    /// those that stay, as long as there are others.
    fn free(
        &self,
        have: &BTreeSet<NodeId>,
        stay: &BTreeSet<NodeId>,
        takes: &dyn Fn(NodeId) -> bool,
    ) -> Vec<NodeId> {
        let zones: BTreeSet<&str> = stay
            .iter()
            .map(|node| self.zone(*node))
            .filter(|zone| !zone.is_empty())
            .collect();
        let taking = self.nodes.keys().copied();
        let free: Vec<NodeId> = taking
            .filter(|node| !have.contains(node) && takes(*node))
            .collect();
        let apart = free.iter().copied();
        let apart: Vec<NodeId> = apart
            .filter(|node| !zones.contains(self.zone(*node)))
            .collect();
        if apart.is_empty() { free } else { apart }
    }

    /// One more node for an extent that these have, away from those that stay; none if there is
    /// none.
    fn another(
        &self,
        extent: ExtentId,
        have: &BTreeSet<NodeId>,
        stay: &BTreeSet<NodeId>,
        takes: &dyn Fn(NodeId) -> bool,
    ) -> Option<NodeId> {
        let free = self.free(have, stay, takes);
        let count = free.len() as u64;
        let draw = |salt: u64| {
            let number = mix(extent.raw() ^ mix(have.len() as u64 * 2 + salt));
            free.get(number.checked_rem(count)? as usize).copied()
        };
        let load = |node: &NodeId| self.load.get(node).copied().unwrap_or_default();
        [draw(0), draw(1)].into_iter().flatten().min_by_key(load)
    }

    pub(super) fn zone(&self, node: NodeId) -> &str {
        self.nodes.get(&node).map_or("", |row| row.zone.as_str())
    }

    /// Which of these is given up if there are enough without it: one that is lost, one that
    /// drains, one whose zone has another, one on the node that has the most.
    pub(super) fn spare(&self, nodes: &BTreeSet<NodeId>) -> Option<NodeId> {
        // A node without a zone brings none.
        let crowded = |node: &NodeId| {
            let zone = self.zone(*node);
            let mut others = nodes.iter().filter(|it| *it != node);
            zone.is_empty() || others.any(|it| self.zone(*it) == zone)
        };
        nodes.iter().copied().max_by_key(|node| {
            let stays = self.counts(*node);
            let load = self.load.get(node).copied().unwrap_or_default();
            let key = (!stays, self.drains(*node), crowded(node), load);
            (key, Reverse(*node))
        })
    }

    /// Whether a replica there counts as a copy: its node is of the cluster, and back soon if it is
    /// away.
    pub(super) fn counts(&self, node: NodeId) -> bool {
        let row = self.nodes.get(&node);
        let member = row.is_some_and(|row| row.state != NodeState::Removed);
        let lease = self.leases.get(&node);
        member && lease.is_some_and(|lease| lease.until + DEAD > self.now)
    }

    /// How many nodes store and are to stay, whether they run or not.
    fn lasting(&self) -> usize {
        let stays = |state| !matches!(state, NodeState::Removed | NodeState::Draining);
        let nodes = self.nodes.values();
        nodes.filter(|row| stays(row.state) && stores(row)).count()
    }

    /// Whether any node is to give up what it has.
    pub fn is_draining(&self) -> bool {
        self.nodes
            .values()
            .any(|row| row.state == NodeState::Draining)
    }

    pub(super) fn drains(&self, node: NodeId) -> bool {
        let row = self.nodes.get(&node);
        row.is_some_and(|row| row.state == NodeState::Draining)
    }
}

impl Rows {
    /// What is to be done so that sealed extents have their copies, the neediest first.
    pub fn repairs(&self, most: usize) -> Vec<Repair> {
        let mut repairs: Vec<Repair> = self
            .extents
            .iter()
            .filter(|(_, row)| row.sealed.is_some())
            .filter_map(|(extent, _)| self.repair(*extent))
            .collect();
        repairs.sort_unstable();
        repairs.truncate(most);
        repairs
    }

    /// Whether all by which copies are placed is as it was in these older rows: whoever found
    /// nothing to do then finds nothing now. Costs as much as there are nodes.
    pub fn is_placed_as(&self, old: &Self) -> bool {
        fn standing(
            cluster: &Cluster,
        ) -> impl Iterator<Item = (NodeId, NodeState, [bool; 3], &str, &BTreeSet<String>)> {
            cluster.nodes.iter().map(|(id, row)| {
                let (taking, full) = (cluster.is_taking(*id), cluster.is_full(*id));
                let is = [taking, full, cluster.counts(*id)];
                (*id, row.state, is, row.zone.as_str(), &row.roles)
            })
        }
        let (now, before) = (&self.cluster, &old.cluster);
        self.extents.ptr_eq(&old.extents)
            && now.replicas.ptr_eq(&before.replicas)
            && standing(now).eq(standing(before))
    }

    fn repair(&self, extent: ExtentId) -> Option<Repair> {
        let cluster = &self.cluster;
        let replicas = cluster.replicas.get(&extent)?;
        let stays = |node: &NodeId| cluster.counts(*node) && !cluster.drains(*node);
        let left = replicas.whole.iter().filter(|node| cluster.counts(**node));
        let left = left.count();
        let repair = |node, fill| Repair {
            left,
            extent,
            node,
            fill,
        };
        // Who is gone or goes copies nothing any more.
        let idle = replicas.filling.iter().find(|node| !stays(node));
        if let Some(node) = idle {
            return Some(repair(*node, false));
        }
        let staying = replicas.whole.iter().filter(|node| stays(node)).count();
        if staying + replicas.filling.len() < COPIES {
            let have: BTreeSet<NodeId> = replicas.whole.union(&replicas.filling).copied().collect();
            let stay = have.iter().copied().filter(stays).collect();
            let has_room = |node| cluster.has_room(node);
            if let Some(node) = cluster.another(extent, &have, &stay, &has_room) {
                return Some(repair(node, true));
            }
            // A node that is to go need not wait for one that nobody has.
            let goes = replicas.whole.iter().find(|node| cluster.drains(**node));
            let all_have = staying >= cluster.lasting();
            return goes.filter(|_| all_have).map(|node| repair(*node, false));
        }
        if staying < COPIES || replicas.whole.len() == COPIES {
            return None;
        }
        let node = cluster.spare(&replicas.whole)?;
        Some(repair(node, false))
    }

    /// What has too few copies, whether or not there are nodes for more.
    pub fn lacking(&self) -> Lacking {
        let mut lacking = Lacking::default();
        for (extent, replicas) in &self.cluster.replicas {
            let sealed = self.extents.get(extent).and_then(|row| row.sealed);
            let counting = replicas
                .whole
                .iter()
                .filter(|node| self.cluster.counts(**node));
            let missing = COPIES.saturating_sub(counting.count()) as u64;
            if let Some(length) = sealed.filter(|_| missing > 0) {
                lacking.extents += 1;
                lacking.none += u64::from(missing == COPIES as u64);
                lacking.bytes += length * missing;
            }
        }
        lacking
    }
}

fn stores(row: &Node) -> bool {
    row.roles.is_empty() || row.roles.contains(STORAGE)
}

/// Spreads numbers that lie close together.
const fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
