//! Who hears of whose end.

use bytes::Bytes;
use holdfast_actors::kernel::{NodeId, Ticket};

use super::turn::Turn;
use super::{Switchboard, WATCHES_MAX};
use crate::calls::Passing;
use crate::calls::envelope::Envelope;

impl Switchboard {
    /// Somebody on this node watches an actor of a node, or the node itself.
    pub(super) fn watch(&mut self, id: Ticket, node: NodeId, path: Bytes, turn: &mut Turn) {
        let watch = Envelope::Watch { id, path };
        if self.watches.len() >= WATCHES_MAX {
            turn.told.push((id, Passing::Refused));
        } else if !watch.fits() {
            // No actor has a path that long.
            turn.told.push((id, Passing::Absent));
        } else if self.is_closed && node != self.me {
            turn.told.push((id, Passing::NoConnection));
        } else {
            self.watches.insert(id, node);
            self.say(node, watch, turn);
        }
    }

    /// A peer tells of an end.
    pub(super) fn passed(&mut self, from: NodeId, id: Ticket, passing: Passing, turn: &mut Turn) {
        if self.watches.get(&id) == Some(&from) {
            self.watches.remove(&id);
            turn.told.push((id, passing));
        }
    }

    /// Whoever called or watched does not wait any more.
    pub(super) fn turned_away(&mut self, id: Ticket, turn: &mut Turn) {
        if self.call_turned_away(id, turn) {
            return;
        }
        let Some(node) = self.watches.remove(&id) else {
            return;
        };
        let unsaid = self.peers.get_mut(&node).and_then(|peer| {
            let said = peer.urgent.iter().position(|it| it.id() == id)?;
            peer.urgent.remove(said)
        });
        if unsaid.is_none() {
            self.say(node, Envelope::Cancel { id }, turn);
        }
    }

    /// A peer watches an actor of this node.
    pub(super) fn mourn(&mut self, from: NodeId, id: Ticket, path: Bytes, turn: &mut Turn) {
        let peer = self.peers.entry(from).or_default();
        if path.is_empty() || peer.mourned.contains(&id) {
            // Of a node's end its connection tells.
            return;
        }
        if peer.mourned.len() >= WATCHES_MAX {
            let passing = Passing::Refused;
            return self.say(from, Envelope::Down { id, passing }, turn);
        }
        peer.mourned.insert(id);
        turn.mourned.push((from, id, path));
    }

    /// An actor of this node is no more.
    pub(super) fn ended(&mut self, from: NodeId, id: Ticket, passing: Passing, turn: &mut Turn) {
        let peer = self.peers.get_mut(&from);
        if peer.is_some_and(|peer| peer.mourned.remove(&id)) {
            self.say(from, Envelope::Down { id, passing }, turn);
        }
    }
}
