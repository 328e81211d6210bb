//! The embedded virtual library: drives, an arm, slots and cartridges, all one pure machine.
//!
//! It answers raw commands with data and raw sense, and is stricter than the devices it stands
//! for: what it accepts, they accept. It knows no clock: [`Library::spent`] says how long real
//! devices would have taken. What goes wrong stands in a [`Plan`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use cartridge::Cartridge;
pub use fault::Fault;
pub use files::InFiles;
pub use plan::Plan;
pub use reserve::Host;
pub use store::{InMemory, Kind, Memory, Object, Store};

use crate::scsi::{Answer, Data, Patience, Scsi};
use changer::Changer;
use drive::{Command, Drive};
use plan::Meets;
use reserve::Reservations;
use std::collections::BTreeMap;

mod cartridge;
mod changer;
mod drive;
mod fault;
mod files;
mod plan;
mod reply;
mod reserve;
mod store;
pub mod time;

/// The address of the arm.
pub const PICKER: u16 = 1;
/// The address of the first drive.
pub const FIRST_DRIVE: u16 = 256;
/// The address of the first element of the import and export door.
pub const FIRST_DOOR: u16 = 768;
/// The address of the first slot.
pub const FIRST_SLOT: u16 = 1000;

/// One device of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// The arm.
    Changer,
    /// A drive, from 0.
    Drive(usize),
}

/// How big a library is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Drives, at most 64.
    pub drives: usize,
    /// Slots, at most 4,096.
    pub slots: u16,
    /// Elements behind the door, at most 64.
    pub doors: u16,
}

/// All devices and cartridges of one library.
#[derive(Debug)]
pub struct Library {
    drives: Vec<Drive>,
    changer: Changer,
    reservations: BTreeMap<Unit, Reservations>,
    plan: Plan,
}

impl Library {
    /// A library without cartridges.
    #[must_use]
    pub fn new(size: Size, plan: Plan) -> Self {
        let profile = time::LTO_9;
        let drives = 0..size.drives.min(64);
        Self {
            drives: drives.map(|number| Drive::new(number, profile)).collect(),
            changer: Changer::new(size.slots.min(4_096), size.doors.min(64), profile),
            reservations: BTreeMap::new(),
            plan,
        }
    }

    /// A human puts a cartridge into a slot or behind the door; gives it back when there is no
    /// such element or it is full.
    pub fn insert(&mut self, element: u16, cartridge: Cartridge) -> Option<Cartridge> {
        match self.changer.elements.get_mut(&element) {
            Some(place) if place.cartridge.is_none() => {
                place.cartridge = Some(cartridge);
                place.source = None;
                self.changer.disturb();
                None
            }
            _ => Some(cartridge),
        }
    }

    /// A human takes a cartridge out of a slot or the door.
    pub fn remove(&mut self, element: u16) -> Option<Cartridge> {
        let taken = self.changer.elements.get_mut(&element)?.cartridge.take()?;
        self.changer.disturb();
        Some(taken)
    }

    /// Where all cartridges are, as a human sees them: their labels by element.
    #[must_use]
    pub fn places(&self) -> BTreeMap<u16, String> {
        let elements = self.changer.elements.iter();
        let held = elements.filter_map(|(at, place)| Some((*at, place.cartridge.as_ref()?)));
        let drives = (FIRST_DRIVE..).zip(&self.drives);
        let threaded = drives.filter_map(|(at, drive)| Some((at, drive.cartridge()?)));
        let all = held.chain(threaded);
        all.map(|(at, cartridge)| (at, cartridge.barcode.clone()))
            .collect()
    }

    /// A human puts another cartridge into a drive, and takes out what was in it.
    pub fn swap(&mut self, drive: usize, cartridge: Cartridge) -> Option<Cartridge> {
        match self.drives.get_mut(drive) {
            Some(drive) => {
                let taken = drive.take();
                drive.accept(cartridge);
                taken
            }
            None => Some(cartridge),
        }
    }

    /// A technician takes a drive apart and its cartridge out, whatever state that is in.
    pub fn repair(&mut self, drive: usize) -> Option<Cartridge> {
        self.drives.get_mut(drive)?.take()
    }

    /// What goes wrong from now on.
    pub fn plan(&mut self) -> &mut Plan {
        &mut self.plan
    }

    /// How many commands this device has been sent; faults count from the first.
    #[must_use]
    pub fn commands(&self, unit: Unit) -> u64 {
        self.plan.count(unit)
    }

    /// Makes a drive ask for cleaning.
    pub fn soil(&mut self, drive: usize) {
        if let Some(drive) = self.drives.get_mut(drive) {
            drive.soil();
        }
    }

    /// Resets one device, which also ends a hang.
    pub fn reset(&mut self, unit: Unit) {
        match unit {
            Unit::Changer => self.changer.reset(),
            Unit::Drive(number) => {
                if let Some(drive) = self.drives.get_mut(number) {
                    drive.reset();
                }
            }
        }
    }

    /// Power fails and comes back: buffers and reservations are gone.
    pub fn power_cycle(&mut self) {
        for reservations in self.reservations.values_mut() {
            reservations.forget();
        }
        self.changer.reset();
        for drive in &mut self.drives {
            drive.power_cycle();
        }
    }

    /// How long a real device would have worked until now.
    #[must_use]
    pub fn spent(&self, unit: Unit) -> Duration {
        match unit {
            Unit::Changer => self.changer.spent(),
            Unit::Drive(number) => self.drives.get(number).map_or(Duration::ZERO, Drive::spent),
        }
    }

    /// Executes one command of one device, for nobody in particular.
    pub fn execute(&mut self, unit: Unit, cdb: &[u8], data: Data<'_>) -> Answer {
        self.serve(0, unit, cdb, data)
    }

    /// Executes one command of one device for this host.
    pub fn serve(&mut self, host: Host, unit: Unit, cdb: &[u8], data: Data<'_>) -> Answer {
        let lost = |why: &str| Answer::Lost { why: why.into() };
        // A command that is too short is read as if zeros followed.
        let mut whole = [0; 16];
        for (place, byte) in whole.iter_mut().zip(cdb) {
            *place = *byte;
        }
        if self.is_hung(unit) {
            return lost("the device does not answer");
        }
        match self.plan.meets(unit) {
            met @ (Meets::Nothing | Meets::Door | Meets::Busy) => {
                self.admit(host, unit, &whole, data, met)
            }
            Meets::Reserved => Answer::Conflict,
            Meets::Hang => {
                self.hang(unit);
                lost("the device does not answer")
            }
            Meets::Lost { executed } => {
                if executed {
                    self.admit(host, unit, &whole, data, Meets::Nothing);
                }
                lost("the answer was lost")
            }
            Meets::PowerLoss => {
                self.power_cycle();
                lost("power failed")
            }
        }
    }

    /// Obeys a host that may give orders.
    fn admit(&mut self, host: Host, unit: Unit, cdb: &[u8], data: Data<'_>, met: Meets) -> Answer {
        let asked = data.len();
        let reservations = self.reservations.entry(unit).or_default();
        if !reservations.allow(host, cdb) {
            return Answer::Conflict;
        }
        if !matches!(cdb[0], 0x03 | 0x12 | 0xa0)
            && let Some(told) = reservations.attention(host)
        {
            return reply::answer(Err(told), asked);
        }
        if !matches!(cdb[0], 0x5e | 0x5f) {
            return self.obey(unit, cdb, data, met);
        }
        let attention = match unit {
            Unit::Changer => self.changer.attention(),
            Unit::Drive(number) => self.drives.get_mut(number).and_then(Drive::attention),
        };
        let mut data = data;
        match attention {
            Some(told) => reply::answer(Err(told), asked),
            None if cdb[0] == 0x5e => reply::answer(reservations.show(cdb, &mut data), asked),
            None => reservations.order(host, cdb, &data),
        }
    }

    fn obey(&mut self, unit: Unit, cdb: &[u8], data: Data<'_>, met: Meets) -> Answer {
        let (asked, before) = (data.len(), self.spent(unit));
        let plan = &mut self.plan;
        let mut command = Command { cdb, data, plan };
        let outcome = match unit {
            Unit::Changer => self.changer.execute(&mut command, &mut self.drives, met),
            Unit::Drive(number) => match self.drives.get_mut(number) {
                Some(drive) => drive.execute(&mut command),
                None => Err(reply::told(5, 0x25, 0x00)),
            },
        };
        let more = (self.spent(unit) - before) * (self.plan.slowness(unit) - 1);
        match unit {
            Unit::Changer => self.changer.delay(more),
            Unit::Drive(number) => {
                if let Some(drive) = self.drives.get_mut(number) {
                    drive.delay(more);
                }
            }
        }
        reply::answer(outcome, asked)
    }

    /// Whether a device answers nothing any more, until it is reset.
    #[must_use]
    pub fn is_hung(&self, unit: Unit) -> bool {
        match unit {
            Unit::Changer => self.changer.is_hung(),
            Unit::Drive(number) => self.drives.get(number).is_some_and(Drive::is_hung),
        }
    }

    fn hang(&mut self, unit: Unit) {
        match unit {
            Unit::Changer => self.changer.hang(),
            Unit::Drive(number) => {
                if let Some(drive) = self.drives.get_mut(number) {
                    drive.hang();
                }
            }
        }
    }
}

/// A library in use by several hosts at once, each with a way to one device.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Library>>);

impl Shared {
    /// Takes the library.
    #[must_use]
    pub fn new(library: Library) -> Self {
        Self(Arc::new(Mutex::new(library)))
    }

    /// A way to one of its devices, for nobody in particular.
    #[must_use]
    pub fn port(&self, unit: Unit) -> Port {
        self.port_of(0, unit)
    }

    /// A way of this host to one of its devices.
    #[must_use]
    pub fn port_of(&self, host: Host, unit: Unit) -> Port {
        Port {
            library: self.clone(),
            host,
            unit,
        }
    }

    /// Does something to the library from outside, as a human would.
    pub fn with<R>(&self, act: impl FnOnce(&mut Library) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A way to one device of a virtual library.
#[derive(Clone, Debug)]
pub struct Port {
    library: Shared,
    host: Host,
    unit: Unit,
}

impl Scsi for Port {
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, _: Patience) -> Answer {
        let Self {
            library,
            host,
            unit,
        } = self;
        library.with(|library| library.serve(*host, *unit, cdb, data))
    }
}
