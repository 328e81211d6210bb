//! What cartridges tell of themselves, for a node that lost what it knew of them.

use std::sync::Arc;

use holdfast_actors::names::TapeName;
use holdfast_actors::tape::MediumId;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::drive::Purpose;
use holdfast_tape::format::SetLabel;
use holdfast_tape::format::recovery::Level;
use holdfast_tape::ports::{Books, Failed, Shelf, Station};
use holdfast_tape::recover::{self, Found};

use super::problem;
use crate::admin::answers::{CartridgeRecovered, label};
use crate::admin::{Items, Problem};

/// Reads all cartridges of a library that something was written on. One that tells nothing is
/// shown with why, and the others go on.
pub(super) async fn all(
    library: &TapeName,
    station: &Arc<dyn Station>,
    (books, shelf): (&Arc<dyn Books>, &dyn Shelf),
    items: &Items,
) -> Result<(), Problem> {
    let rows = books.rows();
    let written = rows
        .tape
        .media
        .iter()
        .filter(|(_, row)| row.head.objects > 0);
    let here = written.filter_map(|(id, row)| match &row.slot {
        Some((at, slot)) if at == library => Some((*id, row.generation, *slot)),
        Some(_) | None => None,
    });
    for (id, begun, slot) in here.collect::<Vec<_>>() {
        let found = one(station, (id, begun, slot), shelf).await;
        let barcode = label(id, &rows);
        items.send(&shown(barcode, found)).await?;
    }
    Ok(())
}

async fn one(
    station: &Arc<dyn Station>,
    (id, begun, slot): (MediumId, u64, Element),
    shelf: &dyn Shelf,
) -> Result<Found, Failed> {
    let mut mount = station.mount(slot, Purpose::Care).await?;
    let found = recover::read(mount.as_mut()).await;
    mount.dismount().await?;
    let found = found?;
    let is_elder = |set: &SetLabel| set.generation != begun;
    if found.medium != id || found.set.as_ref().is_some_and(is_elder) {
        let told = "it is not the cartridge that the catalog has there; take an inventory";
        return Err(Failed::Other(told.to_owned()));
    }
    recover::keep(shelf, &found).await?;
    Ok(found)
}

fn shown(barcode: String, found: Result<Found, Failed>) -> CartridgeRecovered {
    match found {
        Ok(found) => CartridgeRecovered {
            barcode,
            objects: found.rows.len() as u64,
            runs: found.runs.len() as u64,
            read: Some(match found.level {
                Level::Index => "index",
                Level::Archives => "archives",
                Level::Headers => "headers",
            }),
            told: None,
        },
        Err(failed) => CartridgeRecovered {
            barcode,
            objects: 0,
            runs: 0,
            read: None,
            told: Some(problem(failed).message),
        },
    }
}
