//! Orders about what is on a cartridge as a whole: reading it back, and erasing it.

use holdfast_actors::catalog::Deed;
use holdfast_actors::catalog::command::Command;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::tape::{MediumCommand, TapeCommand};
use holdfast_actors::tape::MediumId;
use holdfast_tape::ssc;

use super::super::super::{Items, Problem, ProblemClass, answers};
use super::super::speaker::Speaker;
use super::super::{Answer, Office, value};
use super::{confirmed, medium_id, medium_of, refused};
use crate::commands::tape::media::Erase;
use crate::commands::tape::named::MediumRef;

impl Office {
    /// One after the other; what came of each is kept before the next. Damage is a failure.
    pub(super) async fn verify_media(
        &self,
        by: &Speaker,
        media: &[MediumRef],
        items: &Items,
    ) -> Answer {
        let rows = self.books.rows();
        by.may(&rows, Deed::Tape)?;
        let media = media.iter().map(|medium| medium_id(&rows, medium));
        let media: Vec<MediumId> = media.collect::<Result<_, _>>()?;
        let mut damaged = Vec::new();
        for medium in media {
            unused(&self.books.rows(), medium)?;
            let found = self.tapes.verify(medium, items.clone()).await?;
            let verified = MediumCommand::Verified {
                objects: found.objects,
                damaged: found.damaged,
            };
            let verified = TapeCommand::Medium(medium, verified);
            self.submit(by, Command::Tape(verified)).await?;
            items.send(&found).await?;
            if found.damaged > 0 {
                damaged.push(told(&found));
            }
        }
        if damaged.is_empty() {
            return value(&());
        }
        Err(Problem::new(
            ProblemClass::Failed,
            "cartridge-damaged",
            damaged.join("; "),
        ))
    }

    /// One that is in its slot stays there.
    pub(super) async fn eject_medium(&self, by: &Speaker, medium: &MediumRef) -> Answer {
        let medium = medium_id(&self.books.rows(), medium)?;
        self.tapes.unused(medium)?;
        let eject = TapeCommand::Medium(medium, MediumCommand::Eject);
        self.submit(by, Command::Tape(eject)).await?;
        self.tapes.eject(medium).await?;
        value(&medium_of(&self.books.rows(), medium)?)
    }

    /// The catalog decides when the cartridge has said who it is, and before anything is lost.
    pub(super) async fn erase_medium(&self, by: &Speaker, order: &Erase) -> Answer {
        let rows = self.books.rows();
        by.may(&rows, Deed::Tape)?;
        let medium = medium_id(&rows, &order.medium)?;
        confirmed(&rows, &order.medium, order.confirm.as_ref())?;
        unused(&rows, medium)?;
        let (label, mount, held) = self.tapes.hold(medium).await?;
        let erase = TapeCommand::Medium(medium, MediumCommand::Erase(label));
        if let Err(refused) = self.submit(by, Command::Tape(erase)).await {
            mount.dismount().await.map_err(Problem::failed)?;
            return Err(refused);
        }
        let how = if order.long {
            ssc::Erase::Long
        } else {
            ssc::Erase::Short
        };
        self.tapes.erase(medium, mount, how).await?;
        drop(held);
        value(&medium_of(&self.books.rows(), medium)?)
    }
}

/// Refuses what a run writes or a restore reads, before anybody waits for a drive.
fn unused(rows: &Rows, medium: MediumId) -> Result<(), Problem> {
    rows.tape.unused(medium).map_err(refused)
}

fn told(found: &answers::CartridgeFound) -> String {
    let (count, barcode, named) = (found.damaged, &found.barcode, found.told.join(", "));
    format!(
        "{count} objects of cartridge {barcode} are damaged, and it is not written any more: \
         {named}"
    )
}
