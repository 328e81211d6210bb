//! Cartridges of this node in a drive, whatever is on them, and how they become blank.

use holdfast_actors::catalog::Refused;
use holdfast_actors::catalog::tape::{MediumCommand, TapeCommand, TapeRefused};
use holdfast_actors::tape::MediumId;
use holdfast_actors::tape::drive::Purpose;
use holdfast_tape::ports::Mount;
use holdfast_tape::{care, ssc, station};

use super::{TapeDesk, problem};
use crate::admin::answers::label;
use crate::admin::office::Held;
use crate::admin::{Problem, ProblemClass};

impl TapeDesk {
    /// A cartridge in a drive, whatever is on it.
    pub(super) async fn filled(&self, medium: MediumId) -> Result<Box<dyn Mount>, Problem> {
        let rows = self.rows();
        let row = rows.tape.media.get(&medium);
        let row = row.ok_or_else(|| Refused::from(TapeRefused::NoMedium(medium)))?;
        let Some((library, slot)) = row.slot.clone() else {
            let told = format!("cartridge {} is in no library", label(medium, &rows));
            return Err(Problem::new(
                ProblemClass::Refused,
                "cartridges-offline",
                told,
            ));
        };
        let station = self.station(&library).await?;
        station.mount(slot, Purpose::Care).await.map_err(problem)
    }

    pub(super) async fn hold(self, medium: MediumId) -> Result<Held, Problem> {
        let mut mount = self.filled(medium).await?;
        let said = station::identify(mount.as_mut()).await;
        Ok((said.map_err(problem)?, mount))
    }

    /// What was known of it is forgotten only when it is erased.
    pub(super) async fn erase(
        self,
        medium: MediumId,
        mut mount: Box<dyn Mount>,
        how: ssc::Erase,
    ) -> Result<(), Problem> {
        let erased = care::erase(mount.as_mut(), how).await;
        let said = match &erased {
            Ok(()) => station::identify(mount.as_mut()).await.map(Some),
            Err(_) => Ok(None),
        };
        mount.dismount().await.map_err(problem)?;
        erased.map_err(problem)?;
        self.shelf.clear(medium).await.map_err(problem)?;
        if let Some(label) = said.map_err(problem)? {
            let identified = MediumCommand::Identified(label);
            let told = self.books.submit(TapeCommand::Medium(medium, identified));
            told.await.map_err(problem)?;
        }
        Ok(())
    }
}
