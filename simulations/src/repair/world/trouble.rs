//! What goes wrong, and what is written meanwhile.

use holdfast_actors::kernel::{ExtentId, NodeId};
use holdfast_cluster::extents::Stage;
use holdfast_cluster::repair::leader::Leader;
use holdfast_cluster::repair::reconcile;

use super::{Happening, MILLI, NODES, REPOSITORY, SECOND, World};
use crate::repair::invariants;

impl World {
    /// The owner begins an extent.
    pub(super) fn write(&mut self) {
        if self.calm {
            return;
        }
        let after = SECOND / 2 + self.dice.below(2 * SECOND);
        self.put(after, Happening::Write);
        let Ok(extent) = self.book.open(REPOSITORY) else {
            return;
        };
        let epoch = self.book.owner(REPOSITORY);
        let replicas = self.book.rows.cluster.replicas.get(&extent);
        let whole = replicas.map(|it| it.whole.clone()).unwrap_or_default();
        for id in whole {
            let life = self.nodes.get(&id).map_or(0, |node| node.life);
            self.at(id, life, |node, now| {
                node.create(now, REPOSITORY, extent, epoch)
            });
        }
        let length = 200_000 + self.dice.below(1_000_000);
        let after = 100 * MILLI + self.dice.below(SECOND);
        self.put(after, Happening::Written(extent, length));
    }

    /// It was written to wherever its replicas were made, and ends.
    pub(super) fn written(&mut self, extent: ExtentId, length: u64) {
        let mut written = 0;
        for node in self.nodes.values_mut().filter(|node| node.up) {
            let row = node.store.replica(extent);
            let is_open = row.is_some_and(|row| row.stage == Stage::Open);
            if let Some(file) = node.files.get_mut(&extent).filter(|_| is_open) {
                // Some have more than was acknowledged.
                file.length = length + self.dice.below(2) * 1_000;
                written += 1;
            }
        }
        let length = if written > 0 { length } else { 0 };
        if self.book.seal(extent, length).is_ok() {
            self.outcome.sealed += 1;
        }
    }

    pub(super) fn crash(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.crash();
        }
    }

    /// A node starts, and may know less of the catalog than before.
    pub(super) fn start(&mut self, id: NodeId) {
        let draw = self.dice.below(u64::MAX);
        let ago = self.dice.below(3) as usize + 1;
        let old = self.old.len().checked_sub(ago);
        let rows = old
            .and_then(|at| self.old.get(at))
            .cloned()
            .unwrap_or_default();
        let is_out = self.removed && id == NodeId::new(2);
        let Some(node) = self.nodes.get_mut(&id).filter(|node| !node.up && !is_out) else {
            return;
        };
        node.start(draw);
        let (life, news) = (node.life, node.news(&rows));
        self.book.lease(id);
        let event = reconcile::Event::News(news);
        self.at(id, life, |node, now| node.reconcile(now, event));
    }

    /// An extent that stays sound elsewhere on two nodes, whatever becomes of it on this one.
    fn spare(&mut self, id: NodeId) -> Option<ExtentId> {
        let files = &self.nodes.get(&id)?.files;
        let extents: Vec<ExtentId> = files.keys().copied().collect();
        let at = self.dice.below(extents.len().max(1) as u64);
        let extent = *extents.get(at as usize)?;
        let rows = &self.book.rows;
        let counts = rows.cluster.replicas.get(&extent)?.whole.contains(&id);
        let here = invariants::is_sound(rows, &self.nodes, extent, id);
        let sound = invariants::sound(rows, &self.nodes, extent);
        (counts && sound >= 2 + usize::from(here)).then_some(extent)
    }

    /// Whether nothing would be lost with a node.
    fn is_spare(&self, id: NodeId) -> bool {
        let rows = &self.book.rows;
        let mut extents = rows.extents.iter();
        extents.all(|(extent, row)| {
            let here = invariants::is_sound(rows, &self.nodes, *extent, id);
            let sound = invariants::sound(rows, &self.nodes, *extent);
            row.sealed == Some(0) || (row.sealed.is_some() && sound > usize::from(here))
        })
    }

    pub(super) fn trouble(&mut self) {
        if self.calm {
            return;
        }
        let after = self.dice.below(5 * SECOND);
        self.put(after, Happening::Trouble);
        let id = NodeId::new(1 + self.dice.below(self.nodes.len() as u64));
        let off = 100 * MILLI + self.dice.below(12 * SECOND);
        match self.dice.below(12) {
            0..4 => {
                self.crash(id);
                self.put(off, Happening::Start(id));
            }
            4..6 => {
                if let Some(node) = self.nodes.get_mut(&id) {
                    node.cut = true;
                }
                self.put(off, Happening::Heal(id));
            }
            6 | 7 => {
                let rotten = self.spare(id);
                let node = self.nodes.get_mut(&id);
                let file = node.and_then(|node| node.files.get_mut(&rotten?));
                if let Some(file) = file {
                    file.rotten = true;
                }
            }
            8 => {
                self.crash(id);
                if let (Some(lost), Some(node)) = (self.spare(id), self.nodes.get_mut(&id)) {
                    node.files.remove(&lost);
                }
                self.put(off, Happening::Start(id));
            }
            9 => {
                // The catalog forgets what lives no more.
                let at = self.dice.below(self.book.rows.extents.len().max(1) as u64);
                let extent = self.book.rows.extents.keys().nth(at as usize).copied();
                extent
                    .into_iter()
                    .for_each(|extent| self.book.forget(extent));
            }
            10 if (self.nodes.len() as u64) < NODES => self.join(self.nodes.len() as u64 + 1),
            10 if !self.drained => {
                self.drained = true;
                self.book.drain(NodeId::new(3));
            }
            11 if !self.removed
                && self.nodes.len() as u64 == NODES
                && self.is_spare(NodeId::new(2)) =>
            {
                self.removed = true;
                self.crash(NodeId::new(2));
                self.book.remove(NodeId::new(2));
            }
            _ => {
                // Another node leads from now on.
                self.leader = Leader::default();
                self.put(off, Happening::WakeLeader);
            }
        }
    }
}
