//! A tape drive: the commands of a stream device, and what this one is able to do.
//!
//! Positions are learned from the drive. A drive that cannot tell them is counted along from the
//! beginning, and once a command fails the count is dropped: positions are never guessed.

use crate::exchange::{self, Done, Failure, Identity};
use crate::scsi::{Data, Patience, Scsi, number};
use crate::sense::{Decision, Order};

pub use pages::Modes;
pub use position::{Place, Position};
pub use stream::{Erase, Marks, Read, Written};

mod pages;
mod position;
mod stream;

/// How a drive tells where its head stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    /// The long form, of 64 bits.
    Long,
    /// The short form, of 32 bits.
    Short,
    /// Not at all.
    Nothing,
}

/// How a drive goes to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locates {
    /// By a command of 16 bytes.
    Far,
    /// By a command of 10 bytes, up to 2³² objects.
    Near,
    /// Not at all: it rewinds and spaces.
    Never,
}

/// From where the alerts of a drive are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alerts {
    /// Page 12h, which may be read by anybody.
    Kept,
    /// Page 2Eh, which forgets what it told.
    Once,
    /// There are none.
    Never,
}

/// What a drive is able to do, learned by asking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// How it tells positions.
    pub tells: Tells,
    /// How it goes to them.
    pub locates: Locates,
    /// Its alerts.
    pub alerts: Alerts,
    /// Whether cartridges have a chip that it reads.
    pub attributes: bool,
    /// Shortest and longest block, in bytes.
    pub blocks: (u32, u32),
}

/// A drive on its way.
#[derive(Debug)]
pub struct Drive<S> {
    scsi: S,
    /// What it can do; modest until [`learn`](Self::learn).
    abilities: Abilities,
    counted: Option<Place>,
}

impl<S: Scsi> Drive<S> {
    /// A drive of which nothing is known yet.
    #[must_use]
    pub fn new(scsi: S) -> Self {
        Self {
            scsi,
            abilities: Abilities {
                tells: Tells::Nothing,
                locates: Locates::Never,
                alerts: Alerts::Never,
                attributes: false,
                blocks: (1, 1 << 18),
            },
            counted: None,
        }
    }

    /// The way to the drive.
    pub fn scsi(&mut self) -> &mut S {
        &mut self.scsi
    }

    /// What is known of the drive.
    #[must_use]
    pub fn abilities(&self) -> Abilities {
        self.abilities
    }

    /// Who it is.
    ///
    /// # Errors
    /// When it does not say.
    pub fn identity(&mut self) -> Result<Identity, Failure> {
        exchange::identity(&mut self.scsi)
    }

    /// Whether it is ready for orders. What it wants attention for is taken, at most eight in a
    /// row; any drops the position.
    ///
    /// # Errors
    /// The decision says what to do: wait, load, or give up.
    pub fn ready(&mut self) -> Result<(), Failure> {
        let (disturbed, outcome) = exchange::ready(&mut self.scsi);
        if disturbed {
            self.counted = None;
        }
        outcome
    }

    /// Rewinds the loaded tape and asks for everything the drive can do.
    ///
    /// # Errors
    /// When it is not ready or no answer comes.
    pub fn learn(&mut self) -> Result<Abilities, Failure> {
        self.ready()?;
        self.rewind()?;
        let mut bytes = [0; 6];
        let limits = self.ask(&[0x05, 0, 0, 0, 0, 0], &mut bytes)?;
        if let Some(6) = limits {
            let far = |at, width| u32::try_from(number(&bytes, at, width)).unwrap_or(0);
            // Both ends zero: the drive has no limit it could name.
            let (least, most) = (far(4, 2), far(1, 3));
            self.abilities.blocks = (least.max(1), if most == 0 { 1 << 18 } else { most });
        }
        self.abilities.tells = self.learn_telling()?;
        self.abilities.locates = self.learn_locating()?;
        self.abilities.alerts = Alerts::Never;
        let mut page = [0; 64];
        if self.ask(&log(0x00, 64), &mut page)?.is_some() {
            let end = page.len().min(4 + usize::from(page[3]));
            let listed = &page[4..end];
            if listed.contains(&0x12) {
                self.abilities.alerts = Alerts::Kept;
            } else if listed.contains(&0x2e) {
                self.abilities.alerts = Alerts::Once;
            }
        }
        let listed = self.ask(&pages::read_attributes(1, 0, 64), &mut page)?;
        self.abilities.attributes = listed.is_some();
        Ok(self.abilities)
    }

    fn learn_telling(&mut self) -> Result<Tells, Failure> {
        for (form, tells) in [(6, Tells::Long), (0, Tells::Short)] {
            let mut bytes = [0; 32];
            let cdb = [0x34, form, 0, 0, 0, 0, 0, 0, 0, 0];
            let moved = self.ask(&cdb, &mut bytes)?;
            // Only a drive that knows where it is says so; the head is at the beginning.
            let is_known = bytes[0] & position::UNKNOWN == 0 && bytes[0] & 0x80 != 0;
            let least = if form == 6 { 24 } else { 12 };
            if moved.is_some_and(|moved| moved >= least) && is_known {
                return Ok(tells);
            }
        }
        Ok(Tells::Nothing)
    }

    fn learn_locating(&mut self) -> Result<Locates, Failure> {
        if self.abilities.tells == Tells::Nothing {
            return Ok(Locates::Never);
        }
        let Position::Address(here) = self.position()? else {
            return Ok(Locates::Never);
        };
        for locates in [Locates::Far, Locates::Near] {
            match self.wind(&position::locate(locates, here)) {
                Ok(_) => return Ok(locates),
                Err(failure) if failure.is_unsupported() => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(Locates::Never)
    }

    /// Asks a question; `None` when the device does not know it.
    fn ask(&mut self, cdb: &[u8], bytes: &mut [u8]) -> Result<Option<usize>, Failure> {
        match self.question(cdb, Data::In(bytes)) {
            Ok(done) => Ok(Some(done.moved)),
            Err(failure) if failure.is_unsupported() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn question(&mut self, cdb: &[u8], data: Data<'_>) -> Result<Done, Failure> {
        self.send(cdb, data, Patience::Question, Order::Other)
    }

    fn wind(&mut self, cdb: &[u8]) -> Result<Done, Failure> {
        self.send(cdb, Data::None, Patience::Wind, Order::Wind)
    }

    fn send(
        &mut self,
        cdb: &[u8],
        data: Data<'_>,
        patience: Patience,
        order: Order,
    ) -> Result<Done, Failure> {
        let outcome = exchange::send(&mut self.scsi, cdb, data, patience, order);
        if let Err(failure) = &outcome
            && !leaves_the_head(failure)
        {
            self.counted = None;
        }
        outcome
    }

    /// Threads what is in the drive and rewinds it.
    ///
    /// # Errors
    /// When it cannot.
    pub fn load(&mut self, patience: Patience) -> Result<(), Failure> {
        self.counted = None;
        let cdb = [0x1b, 0, 0, 0, 1, 0];
        self.send(&cdb, Data::None, patience, Order::Wind)
            .map(|_| ())
    }

    /// Rewinds and lets go of the tape; the arm can take it then.
    ///
    /// # Errors
    /// When it cannot.
    pub fn unload(&mut self) -> Result<(), Failure> {
        self.counted = None;
        let cdb = [0x1b, 0, 0, 0, 0, 0];
        self.send(&cdb, Data::None, Patience::Load, Order::Wind)
            .map(|_| ())
    }

    /// Keeps hands and arm from the cartridge.
    ///
    /// # Errors
    /// When the drive cannot.
    pub fn hold(&mut self) -> Result<(), Failure> {
        self.question(&[0x1e, 0, 0, 0, 1, 0], Data::None)
            .map(|_| ())
    }

    /// Lets hands and arm have the cartridge.
    ///
    /// # Errors
    /// When the drive cannot.
    pub fn release(&mut self) -> Result<(), Failure> {
        self.question(&[0x1e, 0, 0, 0, 0, 0], Data::None)
            .map(|_| ())
    }
}

fn log(page: u8, length: u16) -> [u8; 10] {
    let [high, low] = length.to_be_bytes();
    // Current values are asked for.
    [0x4d, 0, 0x40 | page, 0, 0, 0, 0, high, low, 0]
}

/// Whether the head stands where it would without this failure, or where the sense says.
fn leaves_the_head(failure: &Failure) -> bool {
    let Some(decision) = failure.decision() else {
        return matches!(failure, Failure::Busy | Failure::Conflict | Failure::Silent);
    };
    matches!(
        decision,
        Decision::Filemark
            | Decision::EndOfData
            | Decision::Length
            | Decision::Unsupported
            | Decision::WriteProtected
            | Decision::WormOverwrite
            | Decision::BecomingReady
    )
}
