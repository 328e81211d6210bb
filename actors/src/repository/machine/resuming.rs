//! Uploads that were cut, and go on: what came stays for a while, and so does its room.
//!
//! Nothing of it is durable: with the actor it is gone, and its client begins anew.

use super::Repository;
use crate::kernel::{Acts, Now};
use crate::repository::event::{Effect, Resume};

impl Repository {
    /// Hands an upload to who goes on with it. Whoever may still be sending it, on a way that is
    /// not known to be dead yet, does not any more.
    pub(super) fn resume_upload(&mut self, now: Now, resume: Resume, acts: &mut Acts<Self>) {
        let Resume {
            ticket,
            key,
            size,
            by,
        } = resume;
        match self.uploads.resume(now.monotonic, key, by, size) {
            Ok(held) => acts.show(Effect::Held { ticket, held }),
            Err(denied) => acts.show(Effect::Deny { ticket, denied }),
        }
    }
}
