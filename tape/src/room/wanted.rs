//! What of the catalog a node has to do with.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_actors::catalog::rows::{Cartridge, Rows};
use holdfast_actors::kernel::{NodeId, RestoreId};
use holdfast_actors::names::TapeName;
use holdfast_actors::tape::MediumId;
use holdfast_actors::tape::media::Content;

use super::Part;

/// What is to run on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The libraries that hang on it.
    pub(super) libraries: BTreeSet<TapeName>,
    /// Jobs, and whether they write when they are due.
    pub(super) jobs: BTreeMap<TapeName, bool>,
    /// Restores without an end, and whether they are to end.
    pub(super) restores: BTreeMap<RestoreId, bool>,
    /// Cartridges that stand in its libraries, and whether nothing is on them.
    pub(super) tapes: BTreeSet<(MediumId, bool)>,
}

impl Wanted {
    /// What follows from the rows for this node, or for one that stands alone. Jobs and restores
    /// are for the node that the first of all libraries hangs on.
    #[must_use]
    pub fn of(rows: &Rows, here: Option<NodeId>) -> Self {
        let all = &rows.tape.libraries;
        let own = all.iter().filter(|(_, row)| row.node == here);
        let libraries: BTreeSet<TapeName> = own.map(|(name, _)| name.clone()).collect();
        let stands = |row: &Cartridge| {
            let slot = row.slot.as_ref();
            slot.is_some_and(|(library, _)| libraries.contains(library))
        };
        let tapes = rows.tape.media.iter().filter(|(_, row)| stands(row));
        let tapes = tapes
            .map(|(id, row)| (*id, row.medium.content == Content::Empty))
            .collect();
        if all.iter().next().is_none_or(|(_, row)| row.node != here) {
            return Self {
                libraries,
                tapes,
                ..Self::default()
            };
        }
        let jobs = rows.tape.jobs.iter();
        let restores = rows.tape.restores.iter();
        let open = restores.filter(|(_, row)| row.end.is_none());
        Self {
            libraries,
            tapes,
            jobs: jobs
                .map(|(name, row)| (name.clone(), row.is_enabled))
                .collect(),
            restores: open.map(|(id, row)| (*id, row.is_stopping)).collect(),
        }
    }

    pub(super) fn has(&self, part: &Part) -> bool {
        match part {
            Part::Library(name) => self.libraries.contains(name),
            Part::Job(name) => self.jobs.contains_key(name),
            Part::Restore(id) => self.restores.contains_key(id),
        }
    }

    /// All parts, libraries first.
    pub(super) fn parts(&self) -> Vec<Part> {
        let libraries = self.libraries.iter().cloned().map(Part::Library);
        let jobs = self.jobs.keys().cloned().map(Part::Job);
        let restores = self.restores.keys().copied().map(Part::Restore);
        libraries.chain(jobs).chain(restores).collect()
    }
}
