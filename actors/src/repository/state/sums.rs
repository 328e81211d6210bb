//! Whether what is added up entry by entry is what comes of counting.

use super::State;
use crate::kernel::Size;
use crate::object::Kind;
use crate::repository::snapshot::Moment;

impl State {
    /// One byte too many in one space, as a bug would have it.
    #[cfg(test)]
    pub(crate) fn miscount(&mut self, space: crate::kernel::Space) {
        self.figures.entry(space).or_default().live += Size::bytes(1);
    }

    /// Whether the figures are what comes of counting all live objects.
    pub(in crate::repository) fn adds_up(&self) -> bool {
        let kinds = Kind::FOLDERS.into_iter().chain([Kind::Config]);
        let kinds: Vec<_> = kinds.filter(|kind| *kind != Kind::Lock).collect();
        self.spaces().all(|(space, figures)| {
            let (mut live, mut objects) = (Size::ZERO, 0);
            for kind in &kinds {
                for (_, object) in self.snapshot.list(space, *kind, Moment::Now, None) {
                    (live, objects) = (live + object.size, objects + 1);
                }
            }
            (live, objects) == (figures.live, figures.objects)
        })
    }
}
