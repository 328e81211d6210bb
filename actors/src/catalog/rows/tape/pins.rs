//! What archives and restores that are under way ask of repositories.

use super::super::restore::Destination;
use super::Tape;
use crate::kernel::{RepositoryId, Timestamp};
use crate::names::TapeName;

impl Tape {
    /// From which instant on everything that a repository showed must stay, for tape.
    pub fn pinned(&self, id: RepositoryId) -> Option<Timestamp> {
        self.pins.get(&id)?.values().min().copied()
    }

    /// Whether a restore that is under way may pass the quota of this repository (`R10.35`).
    pub fn is_past_quota(&self, id: RepositoryId) -> bool {
        let running = self.restores.values();
        let mut running = running
            .filter(|row| row.past_quota && row.begun.is_some() && row.end.is_none())
            .flat_map(|row| &row.parts);
        running.any(|part| match &part.to {
            Destination::Repository(to) => *to == id,
            Destination::Original => {
                let set = self.sets.get(&part.set);
                let runs = set.into_iter().flat_map(|set| &set.runs);
                let mut named = runs.filter(|run| run.name == part.run);
                named.any(|run| run.repository == id)
            }
            Destination::Folder(_) => false,
        })
    }

    /// A job reads a repository as of this instant.
    pub(in crate::catalog) fn pin(&mut self, id: RepositoryId, job: &TapeName, at: Timestamp) {
        let mut pins = self.pins.get(&id).cloned().unwrap_or_default();
        pins.insert(job.clone(), at);
        self.pins.insert(id, pins);
    }

    /// A job reads these repositories no more.
    pub(in crate::catalog) fn unpin(&mut self, job: &TapeName, of: impl Fn(RepositoryId) -> bool) {
        let pinned = self.pins.iter();
        let mine = pinned.filter(|(id, pins)| of(**id) && pins.contains_key(job));
        for id in mine.map(|(id, _)| *id).collect::<Vec<_>>() {
            let mut pins = self.pins.remove(&id).unwrap_or_default();
            pins.remove(job);
            if !pins.is_empty() {
                self.pins.insert(id, pins);
            }
        }
    }
}
