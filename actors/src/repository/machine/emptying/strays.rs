//! What cannot be read when its extent is emptied strands: it is said again behind, and stays.

use std::collections::{BTreeMap, BTreeSet};

use super::{Job, LIVES_MAX, Stage};
use crate::kernel::{Acts, ExtentId, Now};
use crate::repository::Repository;
use crate::repository::audit::{Holding, holdings};
use crate::repository::entry::{Entry, Moved, Place, Stored};
use crate::repository::state::stranded::STRANDED_MAX;

/// Objects that cannot be read, and where they stay.
#[derive(Debug, Default)]
pub(super) struct Strays {
    /// Entries of those that could not be read in this life.
    tried: BTreeSet<Place>,
    /// Whether those of an earlier life are to be tried again.
    pub(super) again: bool,
    /// Extents in which an object stranded, and nobody was told yet.
    fresh: BTreeSet<ExtentId>,
    /// Extents that stay, with their lengths.
    kept: BTreeMap<ExtentId, u64>,
}

impl Strays {
    /// Whether an object is left alone while the extents up to `until` are emptied: it could not be
    /// read, and its entry lies behind them.
    pub(super) fn stays(&self, place: Place, until: ExtentId) -> bool {
        place.extent > until && self.tried.contains(&place)
    }

    /// What is waited for, as a sentence.
    pub(super) fn waits(&self) -> Option<String> {
        let first = self.kept.keys().next()?;
        Some(format!("{first} is kept: an object in it cannot be read"))
    }
}

impl Repository {
    /// The objects that an earlier life could not read are tried once more in this one.
    pub(super) fn retrieve(&mut self) -> Option<Job> {
        let again = std::mem::take(&mut self.emptying.strays.again);
        if !again || self.state.stranded() == 0 {
            return None;
        }
        let until = self.state.emptied();
        let left = holdings(self.state.held(), until).into();
        let stage = Stage::Clearing(left);
        Some(Job { until, stage })
    }

    /// An object could not be read: it strands, if it has not yet behind what is being emptied.
    pub(super) fn stray(
        &mut self,
        now: Now,
        holding: Holding,
        stored: Stored,
        job: Job,
        acts: &mut Acts<Self>,
    ) {
        let Holding { first, place, key } = holding;
        let lives = self.state.spans(&key, place);
        let is_known = self.state.stranded_at(place).is_some();
        if is_known && place.extent > job.until {
            self.emptying.strays.tried.insert(place);
        } else if lives.len() > LIVES_MAX {
            self.emptying.stuck = Some((first, "an object in it was restored too often"));
            return;
        } else if !is_known && self.state.stranded() >= STRANDED_MAX {
            self.emptying.stuck = Some((first, "too many objects cannot be read"));
            return;
        } else if !lives.is_empty() {
            let at = self.time(now);
            let moved = Moved {
                stored,
                from: place,
                lives,
                at,
            };
            self.log(Entry::Stranded(moved), acts);
            let place = self.state.end();
            let strays = &mut self.emptying.strays;
            strays.tried.insert(place);
            if let Some(extents) = self.state.stranded_at(place).filter(|_| !is_known) {
                strays.fresh.extend(extents);
            }
        }
        self.emptying.job = Some(job);
        self.clear(now, acts);
    }

    /// Which of the extents that are emptied stay, and whether that is news.
    pub(super) fn keep(&mut self, until: ExtentId) -> BTreeMap<ExtentId, bool> {
        let kept = self.state.kept();
        let emptying = &mut self.emptying;
        let known = std::mem::take(&mut emptying.strays.kept);
        let length = |extent: &ExtentId| {
            let listed = emptying.extents.get(extent).copied().flatten();
            listed.or_else(|| known.get(extent).copied())
        };
        let kept = kept.range(..=until);
        // Of one whose length nobody knows, nothing is read, and it stays all the same.
        let lengths = kept.map(|extent| (*extent, length(extent).unwrap_or_default()));
        emptying.strays.kept = lengths.collect();
        let strays = &mut emptying.strays;
        let kept = strays.kept.keys().copied();
        kept.map(|extent| (extent, strays.fresh.remove(&extent)))
            .collect()
    }

    /// Whether a file stays for nothing any more.
    pub(super) fn has_freed(&self) -> bool {
        let kept = self.state.kept();
        let files = self.emptying.strays.kept.keys();
        files.into_iter().any(|extent| !kept.contains(extent))
    }

    /// All extents that may hold bytes of anything, with their lengths.
    pub(super) fn audited_extents(&self) -> BTreeMap<ExtentId, u64> {
        let mut extents = self.emptying.sealed_extents();
        extents.extend(&self.emptying.strays.kept);
        extents
    }
}
