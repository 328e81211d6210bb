//! What cartridges tell of themselves, for a node that lost what it knew of them.

use std::sync::Arc;

use holdfast_actors::catalog::rows::{Cartridge, Rows};
use holdfast_actors::catalog::tape::{MediumCommand, SetCommand, TapeCommand};
use holdfast_actors::names::TapeName;
use holdfast_actors::tape::MediumId;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::drive::Purpose;
use holdfast_actors::tape::media::{Content, Label};
use holdfast_tape::archive::House;
use holdfast_tape::format::recovery::Level;
use holdfast_tape::ports::{Books, Failed, Shelf, Station};
use holdfast_tape::recover::{self, Found};
use holdfast_tape::station as at;

use super::problem;
use crate::admin::answers::{CartridgeRecovered, label};
use crate::admin::{Items, Problem};

/// What it takes to read cartridges.
pub(super) struct Reader<'a> {
    /// The library that they are in.
    pub(super) station: Arc<dyn Station>,
    /// What is known of them.
    pub(super) books: &'a Arc<dyn Books>,
    /// What is known of what is on them.
    pub(super) shelf: &'a dyn Shelf,
    /// In whose name they were written that may come back.
    pub(super) house: &'a House,
}

impl Reader<'_> {
    /// Reads all cartridges of the library that something of ours is on, or may be. One that tells
    /// nothing is shown with why, and the others go on.
    pub(super) async fn all(&self, library: &TapeName, items: &Items) -> Result<(), Problem> {
        let rows = self.books.rows();
        let here = rows.tape.media.iter().filter_map(|(id, row)| {
            let (at, slot) = row.slot.as_ref()?;
            (at == library && (is_unknown(row) || row.head.objects > 0)).then_some((*id, *slot))
        });
        for (id, slot) in here.collect::<Vec<_>>() {
            let barcode = label(id, &rows);
            let found = self.one(&rows, (id, slot)).await;
            items.send(&shown(barcode, found)).await?;
        }
        Ok(())
    }

    async fn one(&self, rows: &Rows, (id, slot): (MediumId, Element)) -> Result<Found, Failed> {
        rows.tape
            .unused(id)
            .map_err(|used| Failed::Other(used.to_string()))?;
        let mut mount = self.station.mount(slot, Purpose::Care).await?;
        let said = at::identify(mount.as_mut()).await;
        let found = match &said {
            Ok(said) if said.medium.is_some() => Some(recover::read(mount.as_mut()).await),
            Ok(_) | Err(_) => None,
        };
        mount.dismount().await?;
        let said = said?;
        let was_unknown = rows.tape.media.get(&id).is_some_and(is_unknown);
        if was_unknown {
            self.identified(id, said).await?;
        }
        let found = found.ok_or_else(|| Failed::Other(nothing(said)))??;
        let begun = rows.tape.media.get(&id).map(|row| row.generation);
        let of = found.set.as_ref();
        let is_elder = of.is_some_and(|set| Some(set.generation) != begun);
        // It may be one that is known, which was put in another one's place.
        let now = self.books.rows();
        let row = now.tape.media.get(&found.medium);
        let is_known = row.is_some_and(|row| matches!(row.medium.content, Content::Written(_)));
        match (was_unknown, is_known) {
            (true, false) => self.comes_back(id, &found).await?,
            (false, _) if found.medium != id || is_elder => {
                let told = "it is not the cartridge that the catalog has there; take an inventory";
                return Err(Failed::Other(told.to_owned()));
            }
            (true, true) | (false, _) => {}
        }
        recover::keep(self.shelf, &found).await?;
        Ok(found)
    }

    async fn identified(&self, id: MediumId, said: Label) -> Result<(), Failed> {
        let identified = MediumCommand::Identified(said);
        let told = self.books.submit(TapeCommand::Medium(id, identified));
        told.await
    }

    /// What this house wrote, and the catalog lost. What another one wrote stays foreign.
    async fn comes_back(&self, id: MediumId, found: &Found) -> Result<(), Failed> {
        let other = |told: &str| Err(Failed::Other(told.to_owned()));
        let written = (&found.label.cluster, found.label.signer);
        if written != (&self.house.cluster, self.house.signer) {
            return other("another cluster wrote it: it stays foreign");
        }
        let Some((set, told)) = found.told(id) else {
            return other("what it says of its media set is lost");
        };
        let found = SetCommand::Found(Box::new(told));
        self.books.submit(TapeCommand::Set(set, found)).await
    }
}

/// Nobody looked at it, or it bears what the catalog does not know.
fn is_unknown(row: &Cartridge) -> bool {
    match row.medium.content {
        Content::Unrecognized | Content::Foreign(Some(_)) => true,
        Content::Foreign(None) | Content::Empty | Content::Written(_) | Content::GivenUp(_) => {
            false
        }
    }
}

fn nothing(said: Label) -> String {
    let told = match said.is_foreign {
        true => "what is on it is not ours, or cannot be read",
        false => "it is blank",
    };
    told.to_owned()
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
