//! Libraries, and where their cartridges are.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Refused;
use super::super::draft::{Draft, within};
use super::super::events::Code;
use super::super::rows::{Cartridge, Device, Head, Library, TapeJob};
use super::{LibraryCommand, Seen, TAPE, TapeRefused};
use crate::kernel::NodeId;
use crate::names::TapeName;
use crate::tape::changer::{Element, Record};
use crate::tape::media::{Content, Kind};
use crate::tape::{Barcode, Medium, MediumId, PoolId};

const LIBRARIES_MAX: usize = 256;
const DRIVES_MAX: u32 = 64;
/// Cartridges that are known at once, in libraries and outside of them.
const MEDIA_MAX: usize = 65_536;
/// MiB of a virtual cartridge.
const MIB_MIN: u32 = 16;
const MIB_MAX: u32 = 1 << 26;

impl Draft<'_> {
    pub(super) fn tape_library(
        &mut self,
        name: &TapeName,
        command: &LibraryCommand,
    ) -> Result<(), Refused> {
        match command {
            LibraryCommand::Add { node, device } => self.add_library(name, *node, device),
            LibraryCommand::Remove => self.remove_library(name),
            LibraryCommand::Noted(record) => self.note_move(name, record),
            LibraryCommand::Inventory(seen) => self.take_inventory(name, seen),
            LibraryCommand::Export(going) => self.export(name, going),
            LibraryCommand::Import => self.import(name),
        }
    }

    pub(super) fn known_library(&self, name: &TapeName) -> Result<&Library, Refused> {
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
        fit_device(device)?;
        let libraries = &mut self.rows.tape.libraries;
        if libraries.contains_key(name) {
            return Err(TapeRefused::Exists("tape library", name.clone()).into());
        }
        let mut others = libraries.iter();
        if let Some((other, _)) = others.find(|(_, row)| shares(&row.device, device)) {
            return Err(TapeRefused::Shared(other.clone()).into());
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
        match self.live_node(node)?.roles.contains(TAPE) {
            true => Ok(()),
            false => Err(TapeRefused::NotTape(node).into()),
        }
    }

    fn remove_library(&mut self, name: &TapeName) -> Result<(), Refused> {
        let row = self.known_library(name)?;
        let is_there = row.node.is_none_or(|node| self.live_node(node).is_ok());
        if row.intent.is_some() && is_there {
            return Err(TapeRefused::Moving(name.clone()).into());
        }
        if let Some(job) = self.writes_in(name) {
            let by = format!("a run of tape job '{job}'; stop it first with 'tape job stop'");
            return Err(super::in_use("tape library", name, by));
        }
        self.rows.tape.libraries.remove(name);
        let gone = self.rows.tape.put_away(|at| at == name);
        let text = format!("tape library {name} forgotten; its cartridges are off line: {gone}");
        self.event(Code::TapeLibraryChanged, None, text, None);
        Ok(())
    }

    /// A job of which a run may write in a library: its pool has cartridges there.
    fn writes_in(&self, library: &TapeName) -> Option<TapeName> {
        let tape = &self.rows.tape;
        let here = |row: &&Cartridge| row.slot.as_ref().is_some_and(|(at, _)| at == library);
        let media = tape.media.values().filter(here);
        let pools: BTreeSet<PoolId> = media.filter_map(|row| row.medium.pool).collect();
        let mut running = tape
            .jobs
            .iter()
            .filter(|(_, job)| job.state.running().is_some());
        let pool = |job: &TapeJob| tape.pools.get(&job.pool).map(|pool| pool.id);
        let found = running.find(|(_, job)| pool(job).is_some_and(|it| pools.contains(&it)));
        found.map(|(name, _)| name.clone())
    }

    /// A node that is gone, or takes no libraries any more, leaves the cartridges of its libraries
    /// off line.
    pub(in crate::catalog) fn leave_tapes(&mut self, node: NodeId) {
        let libraries = self.rows.tape.libraries.iter();
        let own = libraries.filter(|(_, row)| row.node == Some(node));
        let own: BTreeSet<TapeName> = own.map(|(name, _)| name.clone()).collect();
        for name in own {
            if self.rows.tape.put_away(|at| *at == name) > 0 {
                let text = format!("tape library {name} is off line with {node}");
                self.event(Code::TapeLibraryChanged, None, text, None);
            }
        }
    }

    fn note_move(&mut self, name: &TapeName, record: &Record) -> Result<(), Refused> {
        let mut row = self.known_library(name)?.clone();
        row.intent = match record {
            Record::Meant(intent) => Some(intent.clone()),
            Record::Settled => None,
        };
        self.rows.tape.libraries.insert(name.clone(), row);
        Ok(())
    }

    /// A barcode tells which cartridge it probably is, and the cartridge itself says so for sure
    /// before anything is done to it. Of two that have one barcode, or one place, neither is used:
    /// what is known of them counts as off line until they are told apart.
    fn take_inventory(&mut self, name: &TapeName, seen: &[Seen]) -> Result<(), Refused> {
        self.known_library(name)?;
        let twins = twice(seen.iter().filter_map(|one| one.barcode.as_ref()));
        let crowded = twice(seen.iter().map(|one| &one.slot));
        let is_alone = |one: &&Seen| {
            let is_twin = one.barcode.as_ref().is_some_and(|it| twins.contains(it));
            !is_twin && !crowded.contains(&one.slot)
        };
        let known = self.rows.tape.media.clone();
        let (mut by_barcode, mut by_place) = (BTreeMap::new(), BTreeMap::new());
        let mut before = BTreeSet::new();
        for (id, row) in &known {
            let place = row.slot.as_ref().filter(|(at, _)| at == name);
            before.extend(place.map(|_| *id));
            match (&row.medium.barcode, place) {
                (Some(barcode), _) => by_barcode.insert(barcode, *id),
                (None, Some((_, slot))) => by_place.insert(*slot, *id),
                (None, None) => None,
            };
        }
        self.rows.tape.put_away(|at| at == name);
        let (mut there, mut new) = (BTreeSet::new(), 0);
        for one in seen.iter().filter(is_alone) {
            let found = match &one.barcode {
                Some(barcode) => by_barcode.get(barcode).copied(),
                None => by_place.get(&one.slot).copied(),
            };
            new += usize::from(found.is_none());
            let id = found.map_or_else(|| self.discover(one), Ok)?;
            there.insert(id);
            self.leave_vault(id);
            self.alter_medium(id, |row| {
                row.slot = Some((name.clone(), one.slot));
                row.medium.is_online = true;
            });
        }
        self.warn_of_twins(name, &twins, &crowded);
        let gone = before.difference(&there).count();
        let back = there.difference(&before).count() - new;
        if new + back + gone > 0 {
            let count = there.len();
            let text = format!(
                "tape library {name} has {count} cartridges: {new} new, {back} back, {gone} gone"
            );
            self.event(Code::TapeLibraryChanged, None, text, None);
        }
        Ok(())
    }

    fn warn_of_twins(
        &mut self,
        name: &TapeName,
        twins: &BTreeSet<Barcode>,
        crowded: &BTreeSet<Element>,
    ) {
        for twin in twins {
            let text = format!(
                "tape library {name} has two cartridges with the barcode {twin}: neither is used; \
                 relabel one of them, and take an inventory"
            );
            self.event(Code::TapeMediumTrouble, None, text, None);
        }
        for slot in crowded {
            let text = format!(
                "tape library {name} has two cartridges for slot {}: neither is used; take one \
                 out, and take an inventory",
                slot.0
            );
            self.event(Code::TapeMediumTrouble, None, text, None);
        }
    }

    fn discover(&mut self, one: &Seen) -> Result<MediumId, Refused> {
        let media = &mut self.rows.tape.media;
        if media.contains_key(&one.new) {
            return Err(TapeRefused::Drawn(one.new.raw()).into());
        }
        if media.len() >= MEDIA_MAX {
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

fn fit_device(device: &Device) -> Result<(), Refused> {
    let drives = |count| within("the drives of a library", count, 1, DRIVES_MAX);
    match device {
        Device::Virtual {
            drives: count,
            slots,
            capacity,
        } => {
            drives(u32::from(*count))?;
            within("the slots of a library", u32::from(*slots), 1, 4_096)?;
            let mib = u32::try_from(capacity.as_bytes() >> 20).unwrap_or(u32::MAX);
            within("the MiB of a cartridge", mib, MIB_MIN, MIB_MAX)
        }
        Device::Scsi {
            changer,
            drives: serials,
        } => {
            drives(u32::try_from(serials.len()).unwrap_or(u32::MAX))?;
            let all = serials.iter().chain([changer]);
            match twice(all).into_iter().next() {
                Some(serial) => Err(TapeRefused::Twice(serial).into()),
                None => Ok(()),
            }
        }
        Device::Iscsi { .. } => Ok(()),
    }
}

/// Two libraries would give orders to one device.
fn shares(one: &Device, other: &Device) -> bool {
    match (one, other) {
        (
            Device::Scsi { changer, drives },
            Device::Scsi {
                changer: arm,
                drives: others,
            },
        ) => changer == arm || drives.iter().any(|drive| others.contains(drive)),
        (Device::Iscsi { target, .. }, Device::Iscsi { target: same, .. }) => target == same,
        (Device::Virtual { .. } | Device::Scsi { .. } | Device::Iscsi { .. }, _) => false,
    }
}

/// What there is more than once.
fn twice<'a, T: Ord + Clone + 'a>(all: impl Iterator<Item = &'a T>) -> BTreeSet<T> {
    let (mut once, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for one in all {
        if !once.insert(one) {
            twice.insert(one.clone());
        }
    }
    twice
}
