//! Cartridges of this node in a drive, whatever is on them, and how they become blank.

use std::sync::Arc;

use holdfast_actors::catalog::Refused;
use holdfast_actors::catalog::tape::{MediumCommand, TapeCommand, TapeRefused};
use holdfast_actors::tape::MediumId;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::drive::Purpose;
use holdfast_tape::ports::{Mount, Station};
use holdfast_tape::{care, ssc, station};

use super::using::Use;
use super::{TapeDesk, problem};
use crate::admin::answers::label;
use crate::admin::office::Held;
use crate::admin::{Problem, ProblemClass};

impl TapeDesk {
    /// Has a cartridge for an order; refused while another one has it.
    pub(super) fn takes(&self, medium: MediumId, doing: &'static str) -> Result<Use, Problem> {
        let label = label(medium, &self.rows());
        self.using.take(medium, &label, doing)
    }

    /// A cartridge in a drive, whatever is on it.
    pub(super) async fn filled(&self, medium: MediumId) -> Result<Box<dyn Mount>, Problem> {
        let (station, slot) = self.home(medium).await?;
        station.mount(slot, Purpose::Care).await.map_err(problem)
    }

    /// Has a cartridge carried home that was left in a drive.
    pub(super) async fn eject(self, medium: MediumId) -> Result<(), Problem> {
        let _held = self.takes(medium, "ejected")?;
        let (station, slot) = self.home(medium).await?;
        let was_in = station::eject(&station, slot).await.map_err(problem)?;
        tracing::info!(%medium, was_in, "a cartridge was to be ejected");
        Ok(())
    }

    /// The library that a cartridge is in, and its slot there.
    async fn home(&self, medium: MediumId) -> Result<(Arc<dyn Station>, Element), Problem> {
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
        Ok((self.station(&library).await?, slot))
    }

    pub(super) async fn hold(self, medium: MediumId) -> Result<Held, Problem> {
        let held = self.takes(medium, "erased")?;
        let mut mount = self.filled(medium).await?;
        let said = station::identify(mount.as_mut()).await;
        Ok((said.map_err(problem)?, mount, Box::new(held)))
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
