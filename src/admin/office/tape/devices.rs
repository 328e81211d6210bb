//! Orders about the devices of libraries: drives, doors, and what a library is made of.

use std::collections::BTreeSet;

use holdfast_actors::catalog::Deed;
use holdfast_actors::catalog::command::Command;
use holdfast_actors::catalog::rows::{Device, Rows};
use holdfast_actors::catalog::tape::{LibraryCommand, TapeCommand};
use holdfast_actors::kernel::Size;
use holdfast_actors::names::TapeName;
use holdfast_actors::shell::Listing;
use holdfast_actors::tape::MediumId;
use holdfast_actors::tape::device::Account;
use holdfast_tape::station::Wanted;
use serde_json::Value;

use super::super::super::{Items, Problem, ProblemClass, answers};
use super::super::cluster::found;
use super::super::speaker::Speaker;
use super::super::{Answer, Office, value};
use super::medium_id;
use crate::commands::shell::Place;
use crate::commands::tape::Drive;
use crate::commands::tape::library;
use crate::commands::tape::scan::Scan;

/// What a virtual library has unless somebody says otherwise.
const DRIVES: u16 = 2;
const SLOTS: u16 = 8;
const CAPACITY: Size = Size::gib(100);
/// Below it stand the libraries of a node, and below each of them its drives.
const TAPE: &str = "node/tape/libraries/";
/// How the name of a drive begins.
const DRIVE: &str = "drive-";

impl Office {
    pub(super) async fn list_door(&self, name: &TapeName, items: &Items) -> Answer {
        for place in self.tapes.door(name).await? {
            let shown = answers::TapePlace {
                place: place.element.0,
                cartridge: place.is_full,
                barcode: place.barcode.map(|barcode| barcode.to_string()),
            };
            items.send(&shown).await?;
        }
        value(&())
    }

    /// The catalog lets them go before the robot is asked.
    pub(super) async fn export(
        &self,
        by: &Speaker,
        export: &library::Export,
        items: &Items,
    ) -> Answer {
        let rows = self.books.rows();
        let going = export.media.iter().map(|medium| medium_id(&rows, medium));
        let going: BTreeSet<MediumId> = going.collect::<Result<_, _>>()?;
        for medium in &going {
            self.tapes.unused(*medium)?;
        }
        let slots = slots(&rows, &going);
        let name = &export.name;
        self.devices(by, name, LibraryCommand::Export(going))
            .await?;
        self.tapes.export(name, slots).await?;
        self.list_door(name, items).await
    }

    pub(super) async fn import(&self, by: &Speaker, name: &TapeName, items: &Items) -> Answer {
        self.devices(by, name, LibraryCommand::Import).await?;
        self.tapes.import(name).await?;
        self.list_media(&self.books.rows(), None, Some(name), items)
            .await
    }

    async fn devices(
        &self,
        by: &Speaker,
        name: &TapeName,
        command: LibraryCommand,
    ) -> Result<(), Problem> {
        let command = TapeCommand::Library(name.clone(), command);
        self.submit(by, Command::Tape(command)).await.map(|_| ())
    }

    /// Devices that this node reaches. Whoever looks may ask a portal as the node, so it is for
    /// those who handle tapes.
    pub(super) async fn scan(&self, by: &Speaker, scan: Scan, items: &Items) -> Answer {
        let rows = self.books.rows();
        by.may(&rows, Deed::Tape)?;
        if let Some(node) = &scan.node {
            found(&rows.cluster, node)?;
        }
        for device in self.tapes.scan(scan).await? {
            items.send(&device).await?;
        }
        value(&())
    }

    pub(super) async fn tape_drive(&self, by: &Speaker, order: Drive, items: &Items) -> Answer {
        if !matches!(order, Drive::List | Drive::Show(_)) {
            by.may(&self.books.rows(), Deed::Tape)?;
        }
        let (at, done) = match order {
            Drive::List => {
                for drive in self.drives().await? {
                    items.send(&drive).await?;
                }
                return value(&());
            }
            Drive::Show(at) => (at, None),
            Drive::Unload(at) => {
                let done = self.tapes.unload_drive(&at.library, at.drive);
                (at, Some(done))
            }
            Drive::Enable(at) => {
                let done = self.tapes.serve_drive(&at.library, at.drive, true);
                (at, Some(done))
            }
            Drive::Disable(at) => {
                let done = self.tapes.serve_drive(&at.library, at.drive, false);
                (at, Some(done))
            }
        };
        if let Some(done) = done {
            done.await?;
        }
        let (library, drive) = (at.library.as_str(), at.drive.to_string());
        let all = self.drives().await?;
        let mut mine = all.iter().filter(|it| it.library == library);
        let found = mine.find(|it| it.drive == drive).ok_or_else(|| {
            let told = format!("library '{library}' of this node has no drive {drive}");
            Problem::new(ProblemClass::NotFound, "no-drive", told)
        });
        value(found?)
    }

    /// The drives of this node, from the tree of its actors.
    async fn drives(&self) -> Result<Vec<answers::TapeDrive>, Problem> {
        let mut drives = Vec::new();
        for listing in self.directory.tree() {
            let Some((library, drive)) = drive_of(&listing) else {
                continue;
            };
            let place = Place::parse(listing.path.as_str()).map_err(Problem::failed)?;
            let holds = match self.inspect(&place).await {
                Ok(inspection) => inspection.state,
                Err(_) => Value::Null,
            };
            let state = serde_json::to_value(listing.standing).map_err(Problem::failed)?;
            let shown = answers::TapeDrive {
                library: library.to_owned(),
                drive: drive.to_owned(),
                state: state.as_str().unwrap_or_default().to_owned(),
                holds,
            };
            drives.push(shown);
        }
        Ok(drives)
    }
}

/// The library and the number of the drive that stands at a place.
fn drive_of(listing: &Listing) -> Option<(&str, &str)> {
    let below = listing.path.as_str().strip_prefix(TAPE)?;
    let (library, drive) = below.split_once('/')?;
    Some((library, drive.strip_prefix(DRIVE)?))
}

pub(super) fn new_library(rows: &Rows, add: library::Add) -> Result<LibraryCommand, Problem> {
    let node = add.node.as_ref();
    let node = node.map(|node| found(&rows.cluster, node)).transpose()?;
    let device = device(add)?;
    Ok(LibraryCommand::Add { node, device })
}

/// What a library is made of; it is one thing only.
fn device(add: library::Add) -> Result<Device, Problem> {
    let account = match (add.user, add.secret_file) {
        (Some(user), Some(secret)) => Some(Account { user, secret }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(one_kind()),
    };
    let sizes = add.drives.is_some() || add.slots.is_some() || add.capacity.is_some();
    match (add.is_virtual, add.changer, (add.portal, add.target)) {
        (true, None, (None, None)) if add.serials.is_empty() && account.is_none() => {
            Ok(Device::Virtual {
                drives: add.drives.unwrap_or(DRIVES),
                slots: add.slots.unwrap_or(SLOTS),
                capacity: add.capacity.unwrap_or(CAPACITY),
            })
        }
        (false, Some(changer), (None, None)) if !sizes && account.is_none() => Ok(Device::Scsi {
            changer,
            drives: add.serials.into_iter().collect(),
        }),
        (false, None, (Some(portal), Some(target))) if !sizes && add.serials.is_empty() => {
            Ok(Device::Iscsi {
                portal,
                target,
                account,
            })
        }
        (_, _, _) => Err(one_kind()),
    }
}

fn one_kind() -> Problem {
    let told = "a library is --virtual, or has --changer and --drive, or --portal and --target, \
                there perhaps with --user and --secret-file";
    Problem::new(ProblemClass::Usage, "usage", told)
}

/// Where cartridges stand that are to go out, and what their labels say.
fn slots(rows: &Rows, going: &BTreeSet<MediumId>) -> Vec<Wanted> {
    let media = going.iter().filter_map(|id| rows.tape.media.get(id));
    let slots = media.filter_map(|row| {
        let (_, slot) = row.slot.as_ref()?;
        Some((*slot, row.medium.barcode.clone()))
    });
    slots.collect()
}
