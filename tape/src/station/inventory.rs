//! What is in a library, as the catalog hears it.

use std::sync::Arc;

use holdfast_actors::catalog::tape::{LibraryCommand, MediumCommand, TapeCommand};
use holdfast_actors::names::TapeName;
use holdfast_actors::tape::MediumId;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::drive::Purpose;
use holdfast_actors::tape::media::{Content, Kind};

use super::identify;
use crate::ports::{Books, Failed, Station};

/// Asks the robot where everything is, then has each cartridge say who it is that nobody has looked
/// at yet. One that cannot be read in a drive stays unrecognized, and the others go on.
///
/// # Errors
/// When the robot does not say, or the catalog does not take it.
pub async fn inventory(
    name: &TapeName,
    station: &Arc<dyn Station>,
    books: &Arc<dyn Books>,
) -> Result<(), Failed> {
    let seen = LibraryCommand::Inventory(station.inventory().await?);
    books
        .submit(TapeCommand::Library(name.clone(), seen))
        .await?;
    for (id, slot) in unrecognized(name, books.as_ref()) {
        let mounted = station.mount(slot, Purpose::Care).await;
        let mut mount = match mounted {
            Ok(mount) => mount,
            Err(failed) => {
                tracing::warn!(cartridge = %id, %failed, "a cartridge cannot be looked at");
                continue;
            }
        };
        let label = identify(mount.as_mut()).await;
        let back = mount.dismount().await;
        match label {
            Ok(label) => {
                let said = MediumCommand::Identified(label);
                books.submit(TapeCommand::Medium(id, said)).await?;
            }
            Err(failed) => {
                tracing::warn!(cartridge = %id, %failed, "a cartridge cannot be read");
            }
        }
        back?;
    }
    Ok(())
}

/// Cartridges of a library that nobody has looked at, and that do not clean drives.
fn unrecognized(name: &TapeName, books: &dyn Books) -> Vec<(MediumId, Element)> {
    let rows = books.rows();
    let media = rows.tape.media.iter();
    let new = media.filter(|(_, row)| {
        row.medium.content == Content::Unrecognized && row.medium.kind != Kind::Cleaning
    });
    let here = new.filter_map(|(id, row)| match &row.slot {
        Some((library, slot)) if library == name => Some((*id, *slot)),
        Some(_) | None => None,
    });
    here.collect()
}
