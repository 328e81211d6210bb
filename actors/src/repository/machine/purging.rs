//! The bin is emptied of what is due.

use super::{PURGE_EVERY, PURGE_MAX, PURGE_STEP, Repository};
use crate::kernel::{Acts, Now};
use crate::repository::entry::Entry;

impl Repository {
    /// Empties the bin of what is due, in small steps, by trusted time only.
    pub(super) fn purge(&mut self, now: Now, acts: &mut Acts<Self>) {
        self.purge_at = self.state.has_bin().then(|| now.monotonic + PURGE_EVERY);
        let Some(trusted) = self.settings.trusted else {
            return;
        };
        let kept = (self.settings.hold_days, self.settings.pin);
        let objects = self.state.purgeable(trusted, kept, PURGE_MAX);
        if objects.is_empty() {
            return;
        }
        if objects.len() == PURGE_MAX {
            self.purge_at = Some(now.monotonic + PURGE_STEP);
        }
        if self.has_room(acts) {
            let at = self.time(now);
            self.log(Entry::Purged { objects, at }, acts);
            self.emptying.purged(now.monotonic);
        } else {
            self.purge_at = Some(now.monotonic + PURGE_STEP);
        }
    }
}
