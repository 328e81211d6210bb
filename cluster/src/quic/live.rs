//! The connections that live, so that those of a node can be cut at any moment.

use std::collections::BTreeMap;

use holdfast_actors::kernel::NodeId;
use quinn::Connection;

use super::end::End;
use super::hello::Life;
use crate::identity::KeyHash;

/// From the handshake to the end.
#[derive(Debug, Default)]
pub(super) struct Live {
    last: u64,
    connections: BTreeMap<u64, Alive>,
}

#[derive(Debug)]
struct Alive {
    peer: NodeId,
    key: KeyHash,
    connection: Connection,
    /// Which run of the peer's it is of, once it has greeted and was not refused.
    life: Option<Life>,
    /// Why this node cut it.
    cut: Option<End>,
}

impl Live {
    /// Takes one in and gives it a number.
    pub(super) fn insert(&mut self, peer: NodeId, key: KeyHash, connection: Connection) -> u64 {
        self.last += 1;
        let alive = Alive {
            peer,
            key,
            connection,
            life: None,
            cut: None,
        };
        self.connections.insert(self.last, alive);
        self.last
    }

    /// Its peer has greeted, in this run.
    pub(super) fn greeted(&mut self, number: u64, life: Life) {
        if let Some(alive) = self.connections.get_mut(&number) {
            alive.life = Some(life);
        }
    }

    /// Whether this run of a node is connected.
    pub(super) fn runs(&self, peer: NodeId, life: Life) -> bool {
        let mut all = self.connections.values();
        all.any(|alive| alive.peer == peer && alive.life == Some(life))
    }

    pub(super) fn remove(&mut self, number: u64) {
        self.connections.remove(&number);
    }

    pub(super) fn count(&self) -> usize {
        self.connections.len()
    }

    /// Why this node cut a connection, if it did.
    pub(super) fn cut(&self, number: u64) -> Option<End> {
        self.connections.get(&number)?.cut.clone()
    }

    /// Closes the connections for which this holds.
    pub(super) fn cut_where(&mut self, end: &End, goes: impl Fn(NodeId, &KeyHash) -> bool) {
        let all = self.connections.values_mut();
        for alive in all.filter(|alive| goes(alive.peer, &alive.key)) {
            alive.cut = Some(end.clone());
            let code = end.code();
            alive.connection.close(code, end.to_string().as_bytes());
        }
    }
}
