//! A virtual tape drive: stricter than the devices it stands for.
//!
//! Positions count blocks and filemarks from 0. It does nothing before it has told what needs
//! attention, and it never guesses what the host may have meant.

use std::collections::VecDeque;
use std::time::Duration;

use super::cartridge::Cartridge;
use super::plan::Plan;
use super::reply::{Identity, Outcome, Told, give, told, unknown_command};
use super::store::Kind;
use super::time::{self, Profile, Work};
use crate::scsi::Data;
use crate::sense::Sense;
use modes::Modes;

mod modes;
mod motion;
mod pages;
mod stream;

/// Bits of the tape alerts, by their number.
pub(super) const ALERT_CLEAN_NOW: u32 = 0x14;
pub(super) const ALERT_CLEANING_EXPIRED: u32 = 0x16;
pub(super) const ALERT_CLEAN_SOON: u32 = 0x15;
pub(super) const ALERT_LOAD: u32 = 0x37;
pub(super) const ALERT_EJECT: u32 = 0x0a;
pub(super) const ALERT_SNAPPED: u32 = 0x0e;
pub(super) const ALERT_CHIP: u32 = 0x0f;
pub(super) const ALERT_WRITE: u32 = 0x06;
pub(super) const ALERT_READ: u32 = 0x05;

/// The longest block, in bytes.
pub(super) const BLOCK_MAX: u32 = 8 << 20;

/// One drive with what is in it.
#[derive(Debug)]
pub(super) struct Drive {
    number: usize,
    serial: String,
    profile: Profile,
    cartridge: Option<Cartridge>,
    /// Ready for orders; else the cartridge waits to be taken.
    threaded: bool,
    /// The object before which the head stands.
    at: u64,
    /// Bytes of a fixed block; 0 for blocks of any length.
    block: u32,
    held: bool,
    modes: Modes,
    /// The tape in it is torn.
    snapped: bool,
    alerts: u64,
    attention: VecDeque<(u8, u8)>,
    deferred: Option<Sense>,
    hung: bool,
    spent: Duration,
}

/// One command on its way.
pub(super) struct Command<'a, 'b> {
    pub(super) cdb: &'a [u8],
    pub(super) data: Data<'b>,
    pub(super) plan: &'a mut Plan,
}

impl Drive {
    pub(super) fn new(number: usize, profile: Profile) -> Self {
        Self {
            number,
            serial: format!("HFD{number:05}"),
            profile,
            cartridge: None,
            threaded: false,
            at: 0,
            block: 0,
            held: false,
            modes: Modes::default(),
            snapped: false,
            alerts: 0,
            attention: VecDeque::from([(0x29, 0x00)]),
            deferred: None,
            hung: false,
            spent: Duration::ZERO,
        }
    }

    pub(super) fn identity(&self) -> Identity<'_> {
        Identity {
            kind: 1,
            product: "VIRTUAL-TAPE",
            serial: &self.serial,
        }
    }

    pub(super) fn cartridge(&self) -> Option<&Cartridge> {
        self.cartridge.as_ref()
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

    /// A reset from outside: the buffer lives, the position does not.
    pub(super) fn reset(&mut self) {
        self.hung = false;
        self.held = false;
        self.block = 0;
        self.modes = Modes::default();
        self.attention.push_back((0x29, 0x02));
        self.at = 0;
    }

    /// Power came back: what was not flushed is gone.
    pub(super) fn power_cycle(&mut self) {
        if let Some(cartridge) = &mut self.cartridge {
            cartridge.lose_buffer();
        }
        self.reset();
        self.deferred = None;
        self.attention = VecDeque::from([(0x29, 0x00)]);
    }

    /// What it has to tell before it follows orders.
    pub(super) fn attention(&mut self) -> Option<Told> {
        let next = self.attention.pop_front();
        next.map(|(asc, ascq)| told(6, asc, ascq))
    }

    /// Whether the arm can take what is here.
    pub(super) fn can_be_taken(&self) -> bool {
        !self.threaded
    }

    /// The arm takes the cartridge.
    pub(super) fn take(&mut self) -> Option<Cartridge> {
        self.attention.clear();
        self.snapped = false;
        self.cartridge.take()
    }

    /// The arm brings a cartridge; it is threaded at once.
    pub(super) fn accept(&mut self, cartridge: Cartridge) {
        self.cartridge = Some(cartridge);
        self.deferred = None;
        self.thread();
    }

    pub(super) fn refuse_load(&mut self) {
        self.raise(ALERT_LOAD);
    }

    /// It took so much longer.
    pub(super) fn delay(&mut self, more: Duration) {
        self.spent += more;
    }

    /// Asks for a cleaning cartridge.
    pub(super) fn soil(&mut self) {
        self.raise(ALERT_CLEAN_NOW);
    }

    fn thread(&mut self) {
        let Some(cartridge) = &mut self.cartridge else {
            return;
        };
        self.at = 0;
        self.attention.push_back((0x28, 0x00));
        cartridge.memory.loads += 1;
        self.threaded = true;
        if let Kind::Cleaning { uses } = &mut cartridge.memory.kind {
            self.threaded = false;
            if *uses == 0 {
                self.raise(ALERT_CLEANING_EXPIRED);
            } else {
                *uses -= 1;
                self.alerts &= !(1 << (ALERT_CLEAN_NOW - 1) | 1 << (ALERT_CLEAN_SOON - 1));
            }
        }
        self.work(Work::Load);
    }

    fn raise(&mut self, alert: u32) {
        self.alerts |= 1 << (alert - 1);
    }

    fn work(&mut self, work: Work) {
        let capacity = self
            .cartridge
            .as_ref()
            .map_or(0, |found| found.memory.capacity);
        self.spent += time::cost(&self.profile, capacity, work);
    }

    /// Bytes of tape before the head.
    fn place(&self) -> u64 {
        self.cartridge
            .as_ref()
            .map_or(0, |found| found.used(self.at))
    }

    /// The cartridge, if it is ready for orders.
    fn ready(&mut self) -> Result<&mut Cartridge, Told> {
        let Some(found) = &mut self.cartridge else {
            return Err(told(2, 0x3a, 0x00));
        };
        match found.memory.kind {
            _ if self.snapped => Err(told(3, 0x3b, 0x00)),
            _ if self.threaded => Ok(found),
            Kind::Cleaning { .. } => Err(told(2, 0x30, 0x03)),
            Kind::Data | Kind::Worm => Err(told(2, 0x04, 0x02)),
        }
    }

    /// Executes one command.
    pub(super) fn execute(&mut self, command: &mut Command<'_, '_>) -> Outcome {
        let cdb = command.cdb;
        if let Some(soon) = command.plan.needs_cleaning(self.number) {
            self.raise(if soon {
                ALERT_CLEAN_SOON
            } else {
                ALERT_CLEAN_NOW
            });
        }
        match cdb[0] {
            0x12 => return self.identity().inquiry(cdb, &mut command.data),
            0x03 => {
                let next = self.attention.pop_front();
                let sense = next.map_or(Sense::default(), |(asc, ascq)| Sense::of(6, asc, ascq));
                return give(&mut command.data, u64::from(cdb[4]), &sense.fixed());
            }
            _ => {}
        }
        if let Some(told) = self.attention() {
            return Err(told);
        }
        if let Some(sense) = self.deferred.take() {
            return Err(sense.into());
        }
        match cdb[0] {
            0x00 => self.ready().map(|_| 0),
            0x01 => self.rewind(),
            0x05 => self.limits(command),
            0x08 => self.read(command),
            0x0a => self.write(command),
            0x10 => self.filemarks(command),
            0x11 | 0x91 => self.space(cdb),
            0x15 | 0x55 => self.select(command),
            0x16 | 0x17 => Ok(0),
            0x19 => self.erase(cdb),
            0x1a | 0x5a => self.modes(command),
            0x1b => self.load(command),
            0x1e => {
                self.held = cdb[4] & 1 != 0;
                Ok(0)
            }
            0x2b | 0x92 => self.locate(cdb),
            0x34 => self.position(command),
            0x82 => self.allow(cdb),
            0x4d => self.log(command),
            0x8c => self.attributes(command),
            0x8d => self.remember(command),
            _ => Err(unknown_command()),
        }
    }
}
