//! Nodes, their leases, and the ticks by which the catalog's own time goes on.
//!
//! A tick adds at most [`TICK`], whatever the leader's clock says, so that a leader that stood
//! still makes leases longer and never shorter. A lease ends [`LEASE`] and a tick after the command
//! that granted it, and its holder counts [`LEASE`] from before it asked: so it stops first.

use std::time::Duration;

use super::cluster::{ClusterCommand, LeaseCommand, NewNode, NodeCommand};
use super::draft::{Draft, short};
use super::events::Code;
use super::rows::{Lease, Node, NodeState};
use super::{Outcome, Refused};
use crate::kernel::{Date, Epoch, NodeId, Timestamp};

/// The most that one tick adds.
pub const TICK: Duration = Duration::from_millis(250);
/// How long a lease lasts; its holder counts from before it asked.
pub const LEASE: Duration = Duration::from_millis(1_500);
/// How long after the end of its lease a node counts as down.
const DOWN: Duration = Duration::from_secs(12);
/// How often the day is taken from the wall clocks while nothing else calls for it.
const LOOK: Duration = Duration::from_secs(60);
/// A wall clock that gained or lost less than this was corrected, not set.
const SLEW: Duration = Duration::from_millis(500);
/// The most nodes, those that were removed included.
const NODES_MAX: usize = 4096;
/// The most addresses of a node.
const ADDRESSES_MAX: usize = 8;
/// The most roles of a node.
const ROLES_MAX: usize = 16;
/// The most bytes of a role or a zone.
const LABEL_MAX: usize = 64;
/// The most bytes of an address.
const ADDRESS_MAX: usize = 255;

impl Draft<'_> {
    /// Whether the caller may: the system all of it, an admin what is done with a node that is in.
    pub(super) fn is_operators(command: &ClusterCommand) -> bool {
        matches!(
            command,
            ClusterCommand::Node(
                _,
                NodeCommand::Set { key: None, .. }
                    | NodeCommand::Drain
                    | NodeCommand::Undrain
                    | NodeCommand::Remove
            )
        )
    }

    pub(super) fn cluster(&mut self, command: &ClusterCommand) -> Result<Outcome, Refused> {
        match command {
            ClusterCommand::Tick { advance, .. } => self.pass_time(*advance),
            ClusterCommand::Node(id, NodeCommand::Add(node)) => self.add_node(*id, node)?,
            ClusterCommand::Node(id, command) => self.change_node(*id, command)?,
            ClusterCommand::Lease(id, command) => return self.lease(*id, command),
            ClusterCommand::Own {
                repository,
                node,
                lease,
            } => return self.own(*repository, *node, *lease),
            ClusterCommand::Disown { repository, epoch } => self.disown(*repository, *epoch)?,
            ClusterCommand::Replica {
                extent,
                node,
                command,
            } => self.replica(*extent, *node, *command)?,
        }
        Ok(Outcome::Done)
    }

    fn pass_time(&mut self, advance: Duration) {
        let cluster = &mut self.rows.cluster;
        cluster.now = cluster.now.saturating_add(advance.min(TICK));
        let now = cluster.now;
        let silent: Vec<NodeId> = cluster
            .nodes
            .iter()
            .filter(|(_, node)| node.state == NodeState::Active)
            .filter(|(id, _)| {
                let lease = cluster.leases.get(*id);
                lease.is_none_or(|lease| lease.until + DOWN <= now)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in silent {
            self.enter(id, NodeState::Down);
        }
        self.look_at_walls();
    }

    /// Takes the day from the wall clocks of a majority: now and then, when it changes, and at once
    /// when these were set.
    fn look_at_walls(&mut self) {
        let (clock, cluster) = (self.rows.clock, &self.rows.cluster);
        let Some(wall) = cluster.wall() else {
            return;
        };
        let elapsed = cluster.now.saturating_sub(cluster.looked);
        let first = clock.wall == Timestamp::default();
        let expected = clock.wall + elapsed;
        let apart = wall.since(expected).max(expected.since(wall));
        let another_day = Date::of(wall) != Date::of(clock.wall);
        if first || another_day || elapsed >= LOOK || apart > SLEW {
            self.rows.cluster.looked = self.rows.cluster.now;
            self.at = wall;
            self.pass(wall, (!first).then_some(elapsed));
        }
    }

    fn add_node(&mut self, id: NodeId, new: &NewNode) -> Result<(), Refused> {
        labels(&new.addresses, new.roles.iter(), &new.zone)?;
        let nodes = &self.rows.cluster.nodes;
        if nodes.contains_key(&id) {
            return Err(Refused::NodeExists(id));
        }
        let mut others = nodes
            .iter()
            .filter(|(_, it)| it.state != NodeState::Removed);
        if let Some((other, _)) = others.find(|(_, it)| it.name == new.name || it.key == new.key) {
            return Err(Refused::NodeExists(*other));
        }
        if nodes.len() >= NODES_MAX {
            let (what, most) = ("nodes", NODES_MAX);
            return Err(Refused::TooMany { what, most });
        }
        let node = Node {
            name: new.name.clone(),
            addresses: new.addresses.clone(),
            key: new.key,
            roles: new.roles.clone(),
            zone: new.zone.clone(),
            state: NodeState::Joining,
            incarnation: 0,
            wall: None,
        };
        self.rows.cluster.nodes.insert(id, node);
        let text = format!("{id} '{}' joined", new.name);
        self.event(Code::NodeJoined, None, text, None);
        Ok(())
    }

    fn change_node(&mut self, id: NodeId, command: &NodeCommand) -> Result<(), Refused> {
        let mut node = self.live_node(id)?;
        match command {
            NodeCommand::Add(_) => return Err(Refused::NodeExists(id)),
            NodeCommand::Set {
                addresses,
                key,
                roles,
                zone,
            } => {
                node.addresses = addresses.clone().unwrap_or(node.addresses);
                node.key = key.unwrap_or(node.key);
                node.roles = roles.clone().unwrap_or(node.roles);
                node.zone = zone.clone().unwrap_or(node.zone);
                labels(&node.addresses, node.roles.iter(), &node.zone)?;
                self.rows.cluster.nodes.insert(id, node);
            }
            NodeCommand::Drain => self.enter(id, NodeState::Draining),
            NodeCommand::Undrain if node.state == NodeState::Draining => {
                self.enter(id, NodeState::Active);
            }
            NodeCommand::Undrain => {}
            NodeCommand::Remove => {
                self.enter(id, NodeState::Removed);
                self.rows.cluster.leases.remove(&id);
            }
        }
        Ok(())
    }

    fn lease(&mut self, id: NodeId, command: &LeaseCommand) -> Result<Outcome, Refused> {
        let node = self.live_node(id)?;
        let (now, index) = (self.rows.cluster.now, self.rows.index);
        let held = self.rows.cluster.leases.get(&id).copied();
        let until = now + LEASE + TICK;
        let (lease, wall) = match *command {
            LeaseCommand::Acquire { incarnation, wall } => {
                if let Some(held) = held.filter(|held| held.until > now)
                    && held.incarnation != incarnation
                {
                    return Err(Refused::Leased(id));
                }
                let epoch = Epoch::new(index.raw());
                let lease = Lease {
                    incarnation,
                    epoch,
                    until,
                };
                (lease, wall)
            }
            LeaseCommand::Renew { epoch, wall } => {
                let held = holds(id, held, epoch)?;
                (Lease { until, ..held }, wall)
            }
            LeaseCommand::Release { epoch } => {
                holds(id, held, epoch)?;
                self.rows.cluster.leases.remove(&id);
                return Ok(Outcome::Done);
            }
        };
        self.rows.cluster.leases.insert(id, lease);
        let row = Node {
            wall: Some((wall, now)),
            incarnation: lease.incarnation,
            ..node
        };
        let returns = matches!(row.state, NodeState::Joining | NodeState::Down);
        self.rows.cluster.nodes.insert(id, row);
        if returns {
            self.enter(id, NodeState::Active);
        }
        Ok(Outcome::Epoch { epoch: lease.epoch })
    }

    fn live_node(&self, id: NodeId) -> Result<Node, Refused> {
        let node = self.rows.cluster.nodes.get(&id);
        let live = node.filter(|node| node.state != NodeState::Removed);
        live.cloned().ok_or(Refused::NoNode(id))
    }

    fn enter(&mut self, id: NodeId, state: NodeState) {
        if let Some(node) = self.rows.cluster.nodes.get_mut(&id)
            && node.state != state
        {
            node.state = state;
            let text = format!("{id} '{}' is {state}", node.name);
            let code = match state {
                NodeState::Down | NodeState::Removed => Code::NodeLost,
                NodeState::Joining | NodeState::Active | NodeState::Draining => Code::NodeChanged,
            };
            self.event(code, None, text, None);
        }
    }
}

fn holds(id: NodeId, held: Option<Lease>, epoch: Epoch) -> Result<Lease, Refused> {
    held.filter(|held| held.epoch == epoch)
        .ok_or(Refused::LeaseLost(id, epoch))
}

fn labels<'a>(
    addresses: &[String],
    roles: impl ExactSizeIterator<Item = &'a String>,
    zone: &str,
) -> Result<(), Refused> {
    for (what, count, most) in [
        ("addresses", addresses.len(), ADDRESSES_MAX),
        ("roles", roles.len(), ROLES_MAX),
    ] {
        if count > most {
            return Err(Refused::TooMany { what, most });
        }
    }
    for address in addresses {
        short("an address", address, ADDRESS_MAX)?;
    }
    for role in roles {
        short("a role", role, LABEL_MAX)?;
    }
    short("a zone", zone, LABEL_MAX)
}
