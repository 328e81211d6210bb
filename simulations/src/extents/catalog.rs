//! A catalog that decides at once: who the one owner is, which extents there are, how long each is.

use std::collections::BTreeMap;

use holdfast_actors::kernel::{Epoch, ExtentId, NodeId};

/// One extent.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) nodes: Vec<NodeId>,
    pub(super) begun: bool,
    pub(super) sealed: Option<u64>,
}

/// What an owner asks of the catalog.
#[derive(Clone, Debug)]
pub(super) enum Command {
    Acquire,
    Open(Vec<NodeId>),
    Begin(ExtentId),
    Seal(ExtentId, u64),
}

/// What it is told.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It is the owner; these are the extents of others that are not sealed.
    Owner(Epoch, Vec<(ExtentId, Row)>),
    Opened(ExtentId, Vec<NodeId>),
    Begun(ExtentId),
    Sealed,
    /// Somebody else is the owner.
    Deposed,
}

#[derive(Debug, Default)]
pub(super) struct Catalog {
    pub(super) epoch: Epoch,
    pub(super) extents: BTreeMap<ExtentId, Row>,
    last: ExtentId,
}

impl Catalog {
    pub(super) fn decide(&mut self, by: Epoch, command: Command) -> Outcome {
        if let Command::Acquire = command {
            self.epoch = self.epoch.next();
            let open = self.extents.iter().filter(|(_, row)| row.sealed.is_none());
            let open = open.map(|(extent, row)| (*extent, row.clone())).collect();
            return Outcome::Owner(self.epoch, open);
        }
        if by != self.epoch {
            return Outcome::Deposed;
        }
        match command {
            Command::Acquire => Outcome::Deposed,
            Command::Open(nodes) => {
                self.last = self.last.next();
                let row = Row {
                    nodes: nodes.clone(),
                    begun: false,
                    sealed: None,
                };
                self.extents.insert(self.last, row);
                Outcome::Opened(self.last, nodes)
            }
            Command::Begin(extent) => match self.extents.get_mut(&extent) {
                Some(row) if row.sealed.is_none() => {
                    row.begun = true;
                    Outcome::Begun(extent)
                }
                _ => Outcome::Deposed,
            },
            Command::Seal(extent, length) => {
                if let Some(row) = self.extents.get_mut(&extent) {
                    row.sealed.get_or_insert(length);
                }
                Outcome::Sealed
            }
        }
    }
}
