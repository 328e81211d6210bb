//! Nodes that leave the cluster, take the place of one that left, or get another name.

use super::Refused;
use super::draft::Draft;
use super::events::Code;
use super::joining::own_name;
use super::rows::{Node, NodeState};
use super::tape::TAPE;
use crate::gateways::GATEWAY;
use crate::kernel::{NodeId, NodeName};

impl Draft<'_> {
    /// Whether another node is at work when this one is gone; without one there is no cluster any
    /// more, and no way to make it one again.
    pub(super) fn leaves_one(&self, id: NodeId) -> Result<(), Refused> {
        let works = |node: &Node| matches!(node.state, NodeState::Active | NodeState::Draining);
        let nodes = self.rows.cluster.nodes.iter();
        let at_work: Vec<NodeId> = nodes
            .filter(|(_, it)| works(it))
            .map(|(id, _)| *id)
            .collect();
        if at_work == [id] {
            let (found, least) = (0, 1);
            return Err(Refused::TooFew { found, least });
        }
        Ok(())
    }

    /// Its lease is renewed no more, and runs to its end: the node may not have heard yet, and
    /// shows what it owned as its own until then.
    pub(super) fn dismiss(&mut self, id: NodeId) {
        self.enter(id, NodeState::Removed);
        self.leave_pool(id);
        self.leave_tapes(id);
        self.rows.cluster.speak.remove(&id);
        self.raise_version();
    }

    pub(super) fn rename(
        &mut self,
        id: NodeId,
        node: Node,
        name: &NodeName,
    ) -> Result<(), Refused> {
        if node.name == *name {
            return Ok(());
        }
        own_name(id, name)?;
        let mut others = self.rows.cluster.nodes.iter();
        let has =
            |(_, row): &(&NodeId, &Node)| row.name == *name && row.state != NodeState::Removed;
        if let Some((other, _)) = others.find(has) {
            return Err(Refused::NodeName(name.clone(), *other));
        }
        let text = format!("{id} '{}' is called '{name}' from now on", node.name);
        let name = name.clone();
        self.rows.cluster.nodes.insert(id, Node { name, ..node });
        self.event(Code::NodeRenamed, None, text, None);
        Ok(())
    }

    /// Has a node do what one did that is down, which is removed, in the same pool of gateways.
    /// Copies are made again as for any node that is gone.
    pub(super) fn replace(&mut self, id: NodeId, old: &Node, with: NodeId) -> Result<(), Refused> {
        let new = self.live_node(with)?;
        let is_well = matches!(new.state, NodeState::Joining | NodeState::Active);
        if id == with || !is_well {
            return Err(Refused::NotTaken(with));
        }
        if old.state != NodeState::Down {
            return Err(Refused::NotDown(id));
        }
        let text = format!(
            "{with} '{}' takes the place of {id} '{}'",
            new.name, old.name
        );
        let heir = Node {
            roles: old.roles.clone(),
            zone: old.zone.clone(),
            ..new
        };
        let is_gateway = heir.roles.contains(GATEWAY);
        let has_tapes = heir.roles.contains(TAPE);
        self.rows.cluster.nodes.insert(with, heir);
        if !has_tapes {
            self.leave_tapes(with);
        }
        if is_gateway {
            self.inherit_pool(id, with);
        } else {
            self.leave_pool(with);
        }
        self.dismiss(id);
        self.event(Code::NodeReplaced, None, text, None);
        Ok(())
    }
}
