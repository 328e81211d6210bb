//! Replicas that come without a writer, as copies of sealed extents, and those that go.

use holdfast_actors::kernel::{Acts, ExtentId, Ticket};

use super::super::word::{Copied, Record, Stage, Tell};
use super::event::{Effect, Refusal};
use super::{Due, Store, answer};

impl Store {
    /// Whether something is being done with the file of an extent.
    pub(super) fn is_busy(&self, extent: ExtentId) -> bool {
        self.making.contains_key(&extent)
            || self.closing.contains_key(&extent)
            || self.cutting.contains(&extent)
            || self.placing.contains_key(&extent)
            || self.unlinking.contains(&extent)
    }

    pub(super) fn list(&self, ticket: Ticket, acts: &mut Acts<Self>) {
        let there = |extent| !self.lost.contains(extent);
        let listing = self.replicas.iter();
        let listing =
            listing.map(|(extent, row)| (*extent, Some(row.stage).filter(|_| there(extent))));
        let listing = listing.collect();
        acts.show(Effect::List { ticket, listing });
    }

    /// What is open is written to: nothing takes its place.
    pub(super) fn copied(
        &mut self,
        ticket: Ticket,
        copied: Copied,
        from: String,
        acts: &mut Acts<Self>,
    ) {
        let (extent, repository) = (copied.extent, copied.repository);
        let is_open = self.row(extent).is_ok_and(|row| row.stage == Stage::Open);
        if is_open || self.is_busy(extent) {
            answer(ticket, Err(Refusal::Taken(extent)), acts);
            return;
        }
        self.placing.insert(extent, (ticket, copied));
        acts.start(Effect::Place {
            repository,
            extent,
            from,
        });
    }

    pub(super) fn placed(&mut self, extent: ExtentId, done: bool, acts: &mut Acts<Self>) {
        let Some((ticket, copied)) = self.placing.remove(&extent) else {
            return;
        };
        if done {
            acts.persist(self, Record::Copied(copied));
        }
        let told = done.then_some(Tell::Done).ok_or(Refusal::Broken);
        answer(ticket, told, acts);
    }

    pub(super) fn dropped(&mut self, extent: ExtentId, acts: &mut Acts<Self>) {
        let Some(row) = self.replicas.get(&extent).copied() else {
            return;
        };
        if row.stage == Stage::Open && !self.lost.contains(&extent) {
            self.due.insert(extent, Due::Drop);
            self.close(extent, None, acts);
            return;
        }
        if self.is_busy(extent) {
            // Whoever drops it looks again.
            return;
        }
        self.unlinking.insert(extent);
        acts.persist(self, Record::Removed { extent });
        acts.show(Effect::Unlink {
            repository: row.repository,
            extent,
        });
    }
}
