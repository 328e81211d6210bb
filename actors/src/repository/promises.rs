//! What the uploads under way may still write, over all repositories of a node.
//!
//! Each repository says what its own uploads may, and hears of those of the others, so that
//! together they are not taken into space that is not there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::kernel::Size;

/// What all repositories of a node have promised. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Promises(Arc<AtomicU64>);

/// The share of one repository; gone when this is dropped.
#[derive(Debug)]
pub(super) struct Promise {
    all: Promises,
    own: u64,
}

impl Promises {
    /// A repository begins, and has promised nothing.
    pub(super) fn share(&self) -> Promise {
        let all = self.clone();
        Promise { all, own: 0 }
    }
}

impl Promise {
    /// This repository's uploads may still write so much.
    pub(super) fn set(&mut self, size: Size) {
        let new = size.as_bytes();
        self.all.0.fetch_add(new, Ordering::Relaxed);
        self.all.0.fetch_sub(self.own, Ordering::Relaxed);
        self.own = new;
    }

    /// What those of the others may.
    pub(super) fn others(&self) -> Size {
        let all = self.all.0.load(Ordering::Relaxed);
        Size::bytes(all.saturating_sub(self.own))
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.set(Size::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_hears_of_all_promises_but_its_own_and_takes_its_own_along() {
        let promises = Promises::default();
        let (mut first, mut second) = (promises.share(), promises.share());
        first.set(Size::bytes(10));
        second.set(Size::bytes(5));
        first.set(Size::bytes(7));
        let heard = (first.others(), second.others());
        assert_eq!(heard, (Size::bytes(5), Size::bytes(7)));
        drop(first);
        assert_eq!(second.others(), Size::ZERO);
    }
}
