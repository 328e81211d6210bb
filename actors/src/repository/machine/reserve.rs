//! Which new objects a disk takes that is nearly full.
//!
//! Data stops first. What a prune writes before it deletes stops when half of the reserve is left.
//! The rest is for those who free space, and for what the node itself must write: locks, deletions,
//! seals, the journal, checkpoints (architecture, section 3).

use super::Repository;
use crate::kernel::{Acts, Size};
use crate::object::Kind;
use crate::repository::denied::Denied;
use crate::repository::event::{Begin, Effect};

/// What is written of a promise before the others hear that it has become smaller.
const NEWS: Size = Size::mib(1);

impl Repository {
    /// Whether a new object leaves the reserve alone, once all uploads under way are written whole.
    pub(super) fn spares_the_reserve(&self, begin: &Begin) -> Result<(), Denied> {
        let Some(storage) = begin.storage else {
            return Ok(());
        };
        let reserve = storage.reserve();
        let kept = match begin.key.kind {
            Kind::Data => reserve,
            Kind::Index | Kind::Snapshot | Kind::Key | Kind::Config => {
                Size::bytes(reserve.as_bytes() / 2)
            }
            Kind::Lock => return Ok(()),
        };
        let promised = self.uploads.left() + begin.elsewhere;
        if promised + begin.size + kept <= storage.free {
            Ok(())
        } else {
            Err(Denied::StorageFull)
        }
    }

    /// Tells the others at once of more, and of less when it is worth it.
    pub(super) fn promise(&mut self, acts: &mut Acts<Self>) {
        let left = self.uploads.left();
        let is_news = left > self.promised || self.promised.minus(left) >= NEWS;
        if is_news || (left < self.promised && left == Size::ZERO) {
            self.promised = left;
            acts.start(Effect::Promise(left));
        }
    }
}
