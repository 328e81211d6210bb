//! The virtual arm: elements, what stands in them, and moves.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::cartridge::Cartridge;
use super::drive::{Command, Drive};
use super::plan::Meets;
use super::reply::{Identity, Outcome, Told, bad_field, give, text, told, unknown_command};
use super::time::{self, Profile, Work};
use super::{FIRST_DOOR, FIRST_DRIVE, FIRST_SLOT, PICKER};
use crate::scsi::{number, three};
use crate::sense::Sense;

/// A place for a cartridge that is no drive.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) cartridge: Option<Cartridge>,
    pub(super) source: Option<u16>,
}

#[derive(Debug)]
pub(super) struct Changer {
    profile: Profile,
    pub(super) elements: BTreeMap<u16, Element>,
    /// Where the cartridge of a drive came from.
    sources: BTreeMap<u16, u16>,
    slots: u16,
    doors: u16,
    held: bool,
    attention: VecDeque<(u8, u8)>,
    was_open: bool,
    hung: bool,
    spent: Duration,
}

/// Kinds of elements, in the numbers of the protocol.
const KIND_PICKER: u8 = 1;
const KIND_SLOT: u8 = 2;
const KIND_DOOR: u8 = 3;
const KIND_DRIVE: u8 = 4;

impl Changer {
    pub(super) fn new(slots: u16, doors: u16, profile: Profile) -> Self {
        let places = std::iter::once(PICKER)
            .chain((0..doors).map(|at| FIRST_DOOR + at))
            .chain((0..slots).map(|at| FIRST_SLOT + at));
        Self {
            profile,
            elements: places.map(|at| (at, Element::default())).collect(),
            sources: BTreeMap::new(),
            slots,
            doors,
            held: false,
            attention: VecDeque::from([(0x29, 0x00)]),
            was_open: false,
            hung: false,
            spent: Duration::ZERO,
        }
    }

    fn identity() -> Identity<'static> {
        Identity {
            kind: 8,
            product: "VIRTUAL-CHANGER",
            serial: "HFC00000",
        }
    }

    pub(super) fn spent(&self) -> Duration {
        self.spent
    }

    pub(super) fn is_hung(&self) -> bool {
        self.hung
    }

    pub(super) fn hang(&mut self) {
        self.hung = true;
    }

    pub(super) fn reset(&mut self) {
        self.hung = false;
        self.held = false;
        self.attention = VecDeque::from([(0x29, 0x00)]);
    }

    /// What it has to tell before it follows orders.
    pub(super) fn attention(&mut self) -> Option<Told> {
        let next = self.attention.pop_front();
        next.map(|(asc, ascq)| told(6, asc, ascq))
    }

    /// It tells of many changes once.
    fn wants(&mut self, attention: (u8, u8)) {
        if !self.attention.contains(&attention) {
            self.attention.push_back(attention);
        }
    }

    /// Somebody put something behind the door, or took it.
    pub(super) fn disturb(&mut self) {
        self.wants((0x28, 0x01));
    }

    /// The door stands open: every order but questions of identity is refused.
    pub(super) fn open_door(&mut self) {
        self.was_open = true;
    }

    /// It took so much longer.
    pub(super) fn delay(&mut self, more: Duration) {
        self.spent += more;
    }

    fn work(&mut self, work: Work) {
        self.spent += time::cost(&self.profile, 0, work);
    }

    pub(super) fn execute(
        &mut self,
        command: &mut Command<'_, '_>,
        drives: &mut [Drive],
        met: Meets,
    ) -> Outcome {
        let cdb = command.cdb;
        match cdb[0] {
            0x12 => return Self::identity().inquiry(cdb, &mut command.data),
            0x03 => {
                let next = self.attention.pop_front();
                let sense = next.map_or(Sense::default(), |(asc, ascq)| Sense::of(6, asc, ascq));
                return give(&mut command.data, u64::from(cdb[4]), &sense.fixed());
            }
            _ if met == Meets::Door => {
                self.open_door();
                return Err(told(2, 0x04, 0x03));
            }
            _ if met == Meets::Busy => return Err(told(2, 0x04, 0x01)),
            _ => {}
        }
        if std::mem::take(&mut self.was_open) {
            self.wants((0x28, 0x00));
        }
        if let Some(told) = self.attention() {
            return Err(told);
        }
        match cdb[0] {
            0x00 => Ok(0),
            0x07 | 0x37 => {
                let elements = self.elements.len() as u64;
                command.plan.looked();
                self.work(Work::Inventory { elements });
                Ok(0)
            }
            0x1a | 0x5a => self.modes(command, drives),
            0x1e => {
                self.held = cdb[4] & 1 != 0;
                Ok(0)
            }
            0xa5 => self.carry(command, drives),
            0xb8 => self.status(command, drives),
            _ => Err(unknown_command()),
        }
    }

    fn modes(&self, command: &mut Command<'_, '_>, drives: &[Drive]) -> Outcome {
        let cdb = command.cdb;
        if !matches!(cdb[2] & 0x3f, 0x1d | 0x3f) {
            return Err(bad_field());
        }
        let drives = u16::try_from(drives.len()).unwrap_or(u16::MAX);
        let mut page = vec![0x1d, 0x12];
        for (first, count) in [
            (PICKER, 1),
            (FIRST_SLOT, self.slots),
            (FIRST_DOOR, self.doors),
            (FIRST_DRIVE, drives),
        ] {
            page.extend(first.to_be_bytes());
            page.extend(count.to_be_bytes());
        }
        page.extend([0, 0]);
        let length = u8::try_from(page.len()).unwrap_or(u8::MAX);
        if cdb[0] == 0x1a {
            let bytes = [vec![length + 3, 0, 0, 0], page].concat();
            return give(&mut command.data, u64::from(cdb[4]), &bytes);
        }
        let bytes = [vec![0, length + 6, 0, 0, 0, 0, 0, 0], page].concat();
        give(&mut command.data, number(cdb, 7, 2), &bytes)
    }

    fn carry(&mut self, command: &mut Command<'_, '_>, drives: &mut [Drive]) -> Outcome {
        let cdb = command.cdb;
        let place = |at| u16::try_from(number(cdb, at, 2)).unwrap_or(0);
        let (arm, from, to) = (place(2), place(4), place(6));
        let exists = |at: u16| self.elements.contains_key(&at) || drive(drives, at).is_some();
        if !matches!(arm, 0 | PICKER) || !exists(from) || !exists(to) {
            return Err(told(5, 0x21, 0x01));
        }
        if command.plan.is_broken(from) || command.plan.is_broken(to) {
            return Err(told(5, 0x3b, 0x11));
        }
        // It believes its map, where that says empty or full.
        let seems = |at| self.holds(drives, at).is_some() != command.plan.map_is_wrong(at);
        let (true, Some(found)) = (seems(from), self.holds(drives, from)) else {
            return Err(told(5, 0x3b, 0x0e));
        };
        let barcode = found.barcode.clone();
        if from != to && (seems(to) || self.holds(drives, to).is_some()) {
            return Err(told(5, 0x3b, 0x0d));
        }
        if from != PICKER && self.holds(drives, PICKER).is_some() {
            return Err(told(5, 0x3b, 0x0d));
        }
        let is_door = |at: u16| (FIRST_DOOR..FIRST_DOOR + self.doors).contains(&at);
        if self.held && is_door(to) {
            return Err(told(5, 0x53, 0x02));
        }
        if drive(drives, from).is_some_and(|at| !drives[at].can_be_taken()) {
            return Err(told(5, 0x53, 0x02));
        }
        if from == to {
            return Ok(0);
        }
        self.work(Work::Move {
            elements: u64::from(from.abs_diff(to)),
        });
        if let Some(at) = drive(drives, to)
            && command.plan.load_fails(&barcode)
        {
            drives[at].refuse_load();
            return Err(told(4, 0x15, 0x01));
        }
        if from != PICKER && command.plan.stays_in_arm(&barcode) {
            self.transfer(drives, from, PICKER);
            return Err(told(4, 0x15, 0x01));
        }
        self.transfer(drives, from, to);
        Ok(0)
    }

    fn transfer(&mut self, drives: &mut [Drive], from: u16, to: u16) {
        let taken = match drive(drives, from) {
            Some(at) => drives[at].take(),
            None => self
                .elements
                .get_mut(&from)
                .and_then(|place| place.cartridge.take()),
        };
        let Some(cartridge) = taken else {
            return;
        };
        match drive(drives, to) {
            Some(at) => {
                drives[at].accept(cartridge);
                self.sources.insert(to, from);
            }
            None => {
                let cartridge = Some(cartridge);
                let source = Some(from);
                self.elements.insert(to, Element { cartridge, source });
            }
        }
    }

    fn holds<'a>(&'a self, drives: &'a [Drive], at: u16) -> Option<&'a Cartridge> {
        match drive(drives, at) {
            Some(index) => drives[index].cartridge(),
            None => self.elements.get(&at)?.cartridge.as_ref(),
        }
    }

    fn status(&self, command: &mut Command<'_, '_>, drives: &[Drive]) -> Outcome {
        let cdb = command.cdb;
        let wanted = cdb[1] & 0x0f;
        if wanted > KIND_DRIVE {
            return Err(bad_field());
        }
        let (labels, devices) = (cdb[1] & 0x10 != 0, cdb[6] & 1 != 0);
        let first = u16::try_from(number(cdb, 2, 2)).unwrap_or(0);
        let mut left = usize::try_from(number(cdb, 4, 2)).unwrap_or(0);
        let (mut pages, mut count) = (Vec::new(), 0_u16);
        let mut least = 0;
        for (kind, start, places) in [
            (KIND_PICKER, PICKER, 1),
            (KIND_DRIVE, FIRST_DRIVE, drives.len()),
            (KIND_DOOR, FIRST_DOOR, usize::from(self.doors)),
            (KIND_SLOT, FIRST_SLOT, usize::from(self.slots)),
        ] {
            let places = u16::try_from(places).unwrap_or(0);
            let reported: Vec<u16> = (start..start + places)
                .filter(|at| *at >= first && matches!(wanted, 0) | (wanted == kind))
                .take(left)
                .collect();
            let Some(lowest) = reported.first() else {
                continue;
            };
            if count == 0 {
                least = *lowest;
            }
            left -= reported.len();
            count += u16::try_from(reported.len()).unwrap_or(0);
            let described: Vec<Vec<u8>> = reported
                .iter()
                .map(|at| self.described(command, drives, *at, labels, devices))
                .collect();
            pages.extend(page(kind, labels, &described));
        }
        let mut bytes = least.to_be_bytes().to_vec();
        bytes.extend(count.to_be_bytes());
        bytes.push(0);
        bytes.extend(three(u32::try_from(pages.len()).unwrap_or(0)));
        bytes.extend(pages);
        give(&mut command.data, number(cdb, 7, 3), &bytes)
    }

    fn described(
        &self,
        command: &Command<'_, '_>,
        drives: &[Drive],
        at: u16,
        labels: bool,
        devices: bool,
    ) -> Vec<u8> {
        let mut bytes = vec![0; 12];
        bytes[..2].copy_from_slice(&at.to_be_bytes());
        let device = drive(drives, at);
        let reachable = device.is_none_or(|index| drives[index].can_be_taken());
        bytes[2] = u8::from(reachable) << 3;
        let mut label = String::new();
        let is_wrong = command.plan.map_is_wrong(at);
        if command.plan.is_broken(at) {
            bytes[2] = 4;
            bytes[4..6].copy_from_slice(&[0x3b, 0x11]);
        } else if let Some(found) = self.holds(drives, at).filter(|_| !is_wrong) {
            bytes[2] |= 1;
            match command.plan.label(&found.barcode) {
                Some(read) => label = read,
                None => {
                    bytes[2] |= 4;
                    bytes[4..6].copy_from_slice(&[0x30, 0x00]);
                }
            }
            let source = match device {
                Some(_) => self.sources.get(&at).copied(),
                None => self.elements.get(&at).and_then(|place| place.source),
            };
            if let Some(source) = source {
                bytes[9] = 0x80;
                bytes[10..12].copy_from_slice(&source.to_be_bytes());
            }
        } else if is_wrong && self.holds(drives, at).is_none() {
            bytes[2] |= 1;
        }
        if labels {
            bytes.extend(text(&label, 32));
            bytes.extend([0; 4]);
        }
        match device.filter(|_| devices) {
            Some(index) => {
                let taken_for = drives.get(command.plan.taken_for(index));
                let named = taken_for.unwrap_or(&drives[index]);
                bytes.extend(named.identity().designator());
            }
            None => bytes.extend([0; 4]),
        }
        bytes
    }
}

/// The drive that stands at this address.
fn drive(drives: &[Drive], at: u16) -> Option<usize> {
    let index = usize::from(at.checked_sub(FIRST_DRIVE)?);
    (index < drives.len()).then_some(index)
}

fn page(kind: u8, labels: bool, described: &[Vec<u8>]) -> Vec<u8> {
    let width = described.iter().map(Vec::len).max().unwrap_or(0);
    let mut bytes = vec![kind, u8::from(labels) << 7];
    bytes.extend(u16::try_from(width).unwrap_or(0).to_be_bytes());
    bytes.push(0);
    bytes.extend(three(u32::try_from(width * described.len()).unwrap_or(0)));
    for one in described {
        bytes.extend(one);
        bytes.extend(std::iter::repeat_n(0, width - one.len()));
    }
    bytes
}
