//! What disks do for nodes.

use holdfast_actors::kernel::{ExtentId, NodeId};
use holdfast_cluster::extents;
use holdfast_cluster::repair::reconcile::{self, Pulled, Scanned};

use super::{Happening, SECOND, World};
use crate::repair::Flaw;
use crate::repair::invariants;
use crate::repair::node::File;

impl World {
    /// Does what the store of a node wants.
    pub(super) fn grant_store(&mut self, id: NodeId, life: u64, effect: extents::Effect) {
        let after = self.delay();
        let event = match effect {
            extents::Effect::Make { extent, .. } => {
                self.put_file(id, extent, File::default());
                let result = Ok(());
                extents::Event::Made { extent, result }
            }
            extents::Effect::Close { extent } => {
                let file = self.nodes.get(&id).and_then(|node| node.files.get(&extent));
                let durable = file.map_or(0, |file| file.length);
                extents::Event::Closed { extent, durable }
            }
            extents::Effect::Cut { extent, length, .. } => {
                let node = self.nodes.get_mut(&id);
                if let Some(file) = node.and_then(|node| node.files.get_mut(&extent)) {
                    file.length = length;
                }
                let done = true;
                extents::Event::Cut {
                    extent,
                    length,
                    done,
                }
            }
            extents::Effect::Unlink { extent, .. } => {
                let wrong = invariants::removal(&self.book.rows, extent, id);
                self.outcome.violations.extend(wrong);
                self.outcome.removed += 1;
                return self.put(after, Happening::Unlink(id, life, extent));
            }
            extents::Effect::Place { extent, from, .. } => {
                let attempt = from.parse().unwrap_or_default();
                return self.put(after, Happening::Place(id, life, extent, attempt));
            }
            extents::Effect::List { listing, .. } => {
                if let Some(node) = self.nodes.get_mut(&id) {
                    node.listing = listing;
                }
                return;
            }
            extents::Effect::Answer { ticket, answer } => {
                let node = self.nodes.get_mut(&id);
                if let Some((extent, attempt)) = node.and_then(|it| it.placing.remove(&ticket)) {
                    let done = answer.is_ok();
                    let placed = reconcile::Event::Placed {
                        extent,
                        attempt,
                        done,
                    };
                    self.put(after, Happening::Reconcile(id, life, placed));
                }
                return;
            }
            extents::Effect::Append { .. }
            | extents::Effect::Sync { .. }
            | extents::Effect::Read { .. }
            | extents::Effect::Fail { .. }
            | extents::Effect::Keep { .. } => return,
        };
        self.put(after, Happening::Store(id, life, event));
    }

    fn put_file(&mut self, id: NodeId, extent: ExtentId, file: File) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.files.insert(extent, file);
        }
    }

    /// Does what a node wants.
    pub(super) fn grant(&mut self, id: NodeId, life: u64, effect: reconcile::Effect) {
        let after = self.delay();
        match effect {
            // Whatever is new is told anyway.
            reconcile::Effect::Watch => {}
            reconcile::Effect::Look => {
                self.at(id, life, |node, now| node.list(now));
                let node = self.nodes.get(&id);
                let listing = node.map(|node| node.listing.clone()).unwrap_or_default();
                self.put(after, Happening::Looked(id, life, listing));
            }
            reconcile::Effect::Seal(extent, length) => {
                let event = extents::Event::Sealed { extent, length };
                self.at(id, life, |node, now| node.store(now, event));
            }
            reconcile::Effect::Drop(extent) => {
                if self.flaw != Some(Flaw::Hoards) {
                    let event = extents::Event::Dropped { extent };
                    self.at(id, life, |node, now| node.store(now, event));
                }
            }
            pull @ reconcile::Effect::Pull { .. } => {
                self.put(after, Happening::Pull(id, life, pull));
            }
            reconcile::Effect::Place { attempt, copied } => {
                let extent = copied.extent;
                if self.flaw == Some(Flaw::ReportsFirst) {
                    let done = true;
                    let placed = reconcile::Event::Placed {
                        extent,
                        attempt,
                        done,
                    };
                    self.put(100, Happening::Reconcile(id, life, placed));
                }
                self.at(id, life, |node, now| node.place(now, attempt, copied));
            }
            reconcile::Effect::Discard {
                extent, attempt, ..
            } => {
                if let Some(node) = self.nodes.get_mut(&id) {
                    node.copies.remove(&(extent, attempt));
                }
            }
            reconcile::Effect::Scan {
                extent,
                offset,
                length,
            } => self.put(after, Happening::Scan(id, life, extent, offset, length)),
            // Files are lengths here, without bytes that could differ.
            reconcile::Effect::Compare { .. } => {}
            reconcile::Effect::Submit {
                extent,
                node,
                command,
            } => self.put(after, Happening::Submit(id, life, extent, node, command)),
            reconcile::Effect::Count => {
                let appended = reconcile::Event::Appended(0);
                self.put(after, Happening::Reconcile(id, life, appended));
            }
        }
    }

    /// A piece is copied from another node.
    pub(super) fn pull(&mut self, id: NodeId, life: u64, pull: &reconcile::Effect) {
        let reconcile::Effect::Pull {
            extent,
            attempt,
            from,
            offset,
            length,
            ..
        } = *pull
        else {
            return;
        };
        let full = !self.calm && self.dice.one_in(200);
        let lost = !self.calm && self.dice.one_in(60);
        let source = self.nodes.get(&from).and_then(|node| node.readable(extent));
        let source = source.filter(|file| file.length > offset && !lost);
        let blind = self.flaw == Some(Flaw::Unchecked);
        let pulled = match source {
            None => Pulled::Missing,
            Some(file) if file.rotten && !blind => Pulled::Damaged,
            Some(_) if full => Pulled::Disk,
            Some(file) => Pulled::Bytes(u64::from(length).min(file.length - offset)),
        };
        let node = self.nodes.get_mut(&id);
        let Some(node) = node.filter(|node| node.up && node.life == life) else {
            return;
        };
        if let (Pulled::Bytes(bytes), Some(file)) = (pulled, source) {
            let copy = node.copies.entry((extent, attempt)).or_default();
            copy.length = offset + bytes;
            copy.rotten |= file.rotten;
        }
        let silent = pulled == Pulled::Missing;
        let after = if silent { 2 * SECOND } else { self.delay() };
        let event = reconcile::Event::Pulled {
            extent,
            attempt,
            pulled,
        };
        self.put(after, Happening::Reconcile(id, life, event));
    }

    pub(super) fn place(&mut self, id: NodeId, life: u64, extent: ExtentId, attempt: u64) {
        let node = self.nodes.get_mut(&id);
        let Some(node) = node.filter(|node| node.up && node.life == life) else {
            return;
        };
        let copy = node.copies.remove(&(extent, attempt));
        let done = copy.is_some();
        node.files.extend(copy.map(|copy| (extent, copy)));
        let event = extents::Event::Placed { extent, done };
        self.at(id, life, |node, now| node.store(now, event));
    }

    pub(super) fn unlink(&mut self, id: NodeId, life: u64, extent: ExtentId) {
        let node = self.nodes.get_mut(&id);
        if let Some(node) = node.filter(|node| node.up && node.life == life) {
            node.files.remove(&extent);
            let event = extents::Event::Unlinked { extent };
            self.at(id, life, |node, now| node.store(now, event));
        }
    }

    pub(super) fn scan(
        &mut self,
        id: NodeId,
        life: u64,
        extent: ExtentId,
        offset: u64,
        length: u32,
    ) {
        let node = self.nodes.get(&id);
        let row = node.and_then(|node| node.store.replica(extent));
        let file = node.and_then(|node| node.readable(extent));
        let blind = self.flaw == Some(Flaw::Blind);
        let scanned = match (row, file) {
            (None, _) => Scanned::Gone,
            (Some(_), Some(file)) if file.length > offset && (!file.rotten || blind) => {
                Scanned::Bytes(u64::from(length).min(file.length - offset))
            }
            (Some(_), _) if blind => Scanned::Bytes(u64::from(length)),
            (Some(_), _) => Scanned::Damaged,
        };
        let after = self.delay();
        let event = reconcile::Event::Scanned {
            extent,
            offset,
            scanned,
        };
        self.put(after, Happening::Reconcile(id, life, event));
    }
}
