//! Cartridges that go out by the door of a library, and come in.
//!
//! Invariant: what a restore reads or a run writes stays in its library, and nothing is written any
//! more on what was let go.

use std::collections::BTreeSet;

use super::super::Refused;
use super::super::draft::{Draft, within};
use super::super::events::Code;
use super::super::rows::{Cartridge, Tape};
use super::TapeRefused;
use crate::names::TapeName;
use crate::tape::{MediumId, SetId};

/// Cartridges that are let go at once.
const GOING_MAX: u32 = 4_096;

impl Draft<'_> {
    /// From here on they count as off line, so that nobody chooses them: the inventory that follows
    /// says which of them the robot did not carry. The sets that they are open in are closed (10.8,
    /// `R10.20`).
    pub(super) fn export(
        &mut self,
        name: &TapeName,
        going: &BTreeSet<MediumId>,
    ) -> Result<(), Refused> {
        self.known_library(name)?;
        let count = u32::try_from(going.len()).unwrap_or(u32::MAX);
        within("the cartridges to carry out", count, 1, GOING_MAX)?;
        for id in going {
            let row = self.known_medium(*id)?.clone();
            let label = row.label(*id);
            if row.slot.as_ref().is_none_or(|(at, _)| at != name) {
                return Err(TapeRefused::Elsewhere(label, name.clone()).into());
            }
            self.unused(*id)?;
            self.close_of(&row);
            self.alter_medium(*id, Cartridge::put_away);
            let vault = self.vault_for(*id, &row);
            let into = vault.map_or_else(String::new, |vault| format!(", into vault {vault}"));
            let text =
                format!("cartridge {label} goes out by the door of tape library {name}{into}");
            self.event(Code::TapeMediumChanged, None, text, None);
        }
        Ok(())
    }

    pub(super) fn import(&mut self, name: &TapeName) -> Result<(), Refused> {
        self.known_library(name)?;
        let text = format!("what stands behind the door of tape library {name} is taken in");
        self.event(Code::TapeLibraryChanged, None, text, None);
        Ok(())
    }

    /// It stays on line, and a run goes on with it when it is its turn.
    pub(super) fn eject(&mut self, id: MediumId, row: &Cartridge) -> Result<(), Refused> {
        self.unused(id)?;
        let text = format!("cartridge {} goes back to its slot", row.label(id));
        self.event(Code::TapeMediumChanged, None, text, None);
        Ok(())
    }

    /// See [`Tape::unused`].
    pub(super) fn unused(&self, id: MediumId) -> Result<(), Refused> {
        Ok(self.rows.tape.unused(id)?)
    }
}

impl Tape {
    /// Refuses what a restore that is under way reads, or a run writes, or will when it is its
    /// turn.
    ///
    /// # Errors
    /// Who uses it.
    pub fn unused(&self, id: MediumId) -> Result<(), TapeRefused> {
        let row = self.media.get(&id);
        let Some((row, (set, _))) = row.and_then(|row| Some((row, row.of?))) else {
            return Ok(());
        };
        if self.is_restoring(set) {
            return Err(TapeRefused::Restoring(row.label(id)));
        }
        let open = self.sets.get(&set).filter(|set| set.closed.is_none());
        let writer = open.and_then(|set| {
            let (pool, _) = self.pool(set.pool)?;
            let mut jobs = self.jobs.iter().filter(|(_, job)| job.pool == *pool);
            jobs.find(|(_, job)| job.state.running().is_some_and(|(of, _)| of == set.set))
        });
        match writer {
            Some((job, _)) => Err(TapeRefused::Writing(row.label(id), job.clone())),
            None => Ok(()),
        }
    }

    /// Whether a restore that is under way reads this set.
    pub(super) fn is_restoring(&self, set: SetId) -> bool {
        let mut running = self.restores.values();
        running.any(|row| row.end.is_none() && row.parts.iter().any(|part| part.set == set))
    }
}
