//! What a repository says of itself.

use super::Repository;
use crate::kernel::Now;
use crate::repository::report::Report;

impl Repository {
    /// The figures as of now.
    pub(super) fn report(&self, now: Now) -> Report {
        Report {
            total: self.state.total(),
            spaces: self.state.spaces().collect(),
            quota: self.settings.quota,
            charged: self.charged(),
            reserved: self.uploads.reserved(None),
            usage: self.state.usage(now.wall),
            end: self.tail.end(),
            purge: self.state.next_purge(self.settings.hold_days),
            dead: self.dead(),
        }
    }
}
