//! Libraries, and where their cartridges are.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Refused;
use super::super::draft::{Draft, within};
use super::super::events::Code;
use super::super::rows::{Cartridge, Device, Head, Library, NodeState};
use super::{LibraryCommand, Seen, TAPE, TapeRefused};
use crate::kernel::{NodeId, Size};
use crate::names::TapeName;
use crate::tape::changer::Record;
use crate::tape::media::{Content, Kind};
use crate::tape::{Barcode, Medium, MediumId};

const LIBRARIES_MAX: usize = 256;
/// Cartridges that are known at once, in libraries and outside of them.
const MEDIA_MAX: usize = 65_536;
const CAPACITY_MIN: Size = Size::mib(16);
const CAPACITY_MAX: Size = Size::gib(65_536);

impl Draft<'_> {
    pub(super) fn library(
        &mut self,
        name: &TapeName,
        command: &LibraryCommand,
    ) -> Result<(), Refused> {
        match command {
            LibraryCommand::Add { node, device } => self.add_library(name, *node, device),
            LibraryCommand::Remove => self.remove_library(name),
            LibraryCommand::Noted(record) => self.note_move(name, record),
            LibraryCommand::Inventory(seen) => self.take_inventory(name, seen),
        }
    }

    fn known_library(&self, name: &TapeName) -> Result<&Library, Refused> {
        let row = self.rows.tape.libraries.get(name);
        row.ok_or_else(|| TapeRefused::NoLibrary(name.clone()).into())
    }

    fn add_library(
        &mut self,
        name: &TapeName,
        node: Option<NodeId>,
        device: &Device,
    ) -> Result<(), Refused> {
        self.fit_node(node)?;
        let Device::Virtual {
            drives,
            slots,
            capacity,
        } = device;
        within("the drives of a library", u32::from(*drives), 1, 64)?;
        within("the slots of a library", u32::from(*slots), 1, 4_096)?;
        let mib = u32::try_from(capacity.as_bytes() >> 20).unwrap_or(u32::MAX);
        let (least, most) = (CAPACITY_MIN.as_bytes() >> 20, CAPACITY_MAX.as_bytes() >> 20);
        let bounds = (u32::try_from(least), u32::try_from(most));
        let bounds = (bounds.0.unwrap_or(u32::MAX), bounds.1.unwrap_or(u32::MAX));
        within("the MiB of a cartridge", mib, bounds.0, bounds.1)?;
        let libraries = &mut self.rows.tape.libraries;
        if libraries.contains_key(name) {
            return Err(TapeRefused::Exists("tape library", name.clone()).into());
        }
        if libraries.len() >= LIBRARIES_MAX {
            let (what, most) = ("tape libraries", LIBRARIES_MAX);
            return Err(Refused::TooMany { what, most });
        }
        let library = Library {
            node,
            device: device.clone(),
            made: self.at,
            intent: None,
        };
        libraries.insert(name.clone(), library);
        let text = format!("tape library {name} made known");
        self.event(Code::TapeLibraryChanged, None, text, None);
        Ok(())
    }

    fn fit_node(&self, node: Option<NodeId>) -> Result<(), Refused> {
        let Some(node) = node else {
            let alone = self.rows.cluster.nodes.is_empty();
            return alone.then_some(()).ok_or(TapeRefused::Node.into());
        };
        if self.rows.cluster.nodes.is_empty() {
            return Err(TapeRefused::Node.into());
        }
        let row = self.rows.cluster.nodes.get(&node);
        let row = row.filter(|row| row.state != NodeState::Removed);
        let row = row.ok_or(Refused::NoNode(node))?;
        match row.roles.contains(TAPE) {
            true => Ok(()),
            false => Err(TapeRefused::NotTape(node).into()),
        }
    }

    fn remove_library(&mut self, name: &TapeName) -> Result<(), Refused> {
        if matches!(self.known_library(name)?.intent, Some(Record::Meant(_))) {
            return Err(TapeRefused::Moving(name.clone()).into());
        }
        self.rows.tape.libraries.remove(name);
        self.put_away(name, &BTreeSet::new());
        let text = format!("tape library {name} forgotten; its cartridges are off line");
        self.event(Code::TapeLibraryChanged, None, text, None);
        Ok(())
    }

    fn note_move(&mut self, name: &TapeName, record: &Record) -> Result<(), Refused> {
        let mut row = self.known_library(name)?.clone();
        row.intent = match record {
            Record::Meant(_) => Some(record.clone()),
            Record::Settled => None,
        };
        self.rows.tape.libraries.insert(name.clone(), row);
        Ok(())
    }

    /// Takes all cartridges of a library off line but those.
    fn put_away(&mut self, name: &TapeName, but: &BTreeSet<MediumId>) -> usize {
        let media = self.rows.tape.media.iter();
        let here = |row: &Cartridge| row.slot.as_ref().is_some_and(|slot| slot.0 == *name);
        let gone = media.filter(|(id, row)| here(row) && !but.contains(id));
        let gone: Vec<MediumId> = gone.map(|(id, _)| *id).collect();
        for id in &gone {
            self.alter_medium(*id, |row| {
                row.slot = None;
                row.medium.is_online = false;
            });
        }
        gone.len()
    }

    /// A barcode tells which cartridge it probably is, and the cartridge itself says so for sure
    /// before anything is done to it. Of two that have one barcode neither is used.
    fn take_inventory(&mut self, name: &TapeName, seen: &[Seen]) -> Result<(), Refused> {
        self.known_library(name)?;
        let twins = twins(seen);
        let known: BTreeMap<Barcode, MediumId> = {
            let media = self.rows.tape.media.iter();
            media
                .filter_map(|(id, row)| Some((row.medium.barcode.clone()?, *id)))
                .collect()
        };
        let mut there = BTreeSet::new();
        let mut new = 0;
        for one in seen {
            if one.barcode.as_ref().is_some_and(|it| twins.contains(it)) {
                continue;
            }
            let id = match &one.barcode {
                Some(barcode) => known.get(barcode).copied(),
                None => self.unlabelled(name, one),
            };
            let id = match id {
                Some(id) => id,
                None => {
                    new += 1;
                    self.discover(one)?
                }
            };
            there.insert(id);
            self.alter_medium(id, |row| {
                row.slot = Some((name.clone(), one.slot));
                row.medium.is_online = true;
            });
        }
        let gone = self.put_away(name, &there);
        for twin in &twins {
            let text = format!(
                "library {name} has two cartridges with the barcode {twin}: neither is used; \
                 relabel one of them"
            );
            self.event(Code::TapeMediumTrouble, None, text, None);
        }
        if new + gone > 0 {
            let count = there.len();
            let text = format!("library {name} has {count} cartridges: {new} new, {gone} gone");
            self.event(Code::TapeLibraryChanged, None, text, None);
        }
        Ok(())
    }

    /// One without a barcode is known by its place alone.
    fn unlabelled(&self, name: &TapeName, one: &Seen) -> Option<MediumId> {
        let slot = Some((name.clone(), one.slot));
        let mut media = self.rows.tape.media.iter();
        let found = media.find(|(_, row)| row.slot == slot && row.medium.barcode.is_none());
        found.map(|(id, _)| *id)
    }

    fn discover(&mut self, one: &Seen) -> Result<MediumId, Refused> {
        let media = &mut self.rows.tape.media;
        if media.len() >= MEDIA_MAX || media.contains_key(&one.new) {
            let (what, most) = ("cartridges", MEDIA_MAX);
            return Err(Refused::TooMany { what, most });
        }
        let kind = one.barcode.as_ref().map_or(Kind::Standard, Barcode::kind);
        let medium = Medium {
            barcode: one.barcode.clone(),
            kind,
            content: Content::Unrecognized,
            pool: None,
            set: None,
            is_online: true,
            is_protected: false,
            is_write_protected: false,
            is_retired: false,
            write_errors: 0,
        };
        let cartridge = Cartridge {
            medium,
            slot: None,
            of: None,
            generation: 0,
            head: Head::default(),
        };
        media.insert(one.new, cartridge);
        Ok(one.new)
    }
}

/// Barcodes that more than one cartridge has.
fn twins(seen: &[Seen]) -> BTreeSet<Barcode> {
    let (mut once, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for barcode in seen.iter().filter_map(|one| one.barcode.as_ref()) {
        if !once.insert(barcode) {
            twice.insert(barcode.clone());
        }
    }
    twice
}
