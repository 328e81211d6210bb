//! A changer: where its elements are, what stands in them, and moves.
//!
//! It carries out one move at a time and remembers none: after any failure ask for the elements.

use crate::exchange::{self, Failure, Identity};
use crate::scsi::{Data, Patience, Scsi, number};
use crate::sense::Order;

pub use element::{Element, parse};

mod element;

/// The address of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(pub u16);

/// What an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The arm.
    Picker,
    /// A slot.
    Slot,
    /// A place behind the door, for import and export.
    Door,
    /// A drive.
    Drive,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Picker, Self::Slot, Self::Door, Self::Drive];

    fn code(self) -> u8 {
        match self {
            Self::Picker => 1,
            Self::Slot => 2,
            Self::Door => 3,
            Self::Drive => 4,
        }
    }

    fn of(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Neighbouring elements of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The first.
    pub first: Address,
    /// How many.
    pub count: u16,
}

/// Where the elements of a changer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Arms.
    pub pickers: Row,
    /// Slots.
    pub slots: Row,
    /// Places behind the door.
    pub doors: Row,
    /// Drives.
    pub drives: Row,
}

impl Rows {
    /// The elements of one kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Row {
        match kind {
            Kind::Picker => self.pickers,
            Kind::Slot => self.slots,
            Kind::Door => self.doors,
            Kind::Drive => self.drives,
        }
    }
}

/// What is asked of elements beyond whether they are full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    /// Labels.
    Labels,
    /// Which drive it is; some changers refuse to tell both at once.
    Devices,
}

/// Most elements asked for at once.
const ELEMENTS_MAX: u16 = 1_000;

/// A changer on its way.
#[derive(Debug)]
pub struct Changer<S> {
    scsi: S,
}

impl<S: Scsi> Changer<S> {
    /// A changer.
    #[must_use]
    pub fn new(scsi: S) -> Self {
        Self { scsi }
    }

    /// The way to the changer.
    pub fn scsi(&mut self) -> &mut S {
        &mut self.scsi
    }

    /// Who it is.
    ///
    /// # Errors
    /// When it does not say.
    pub fn identity(&mut self) -> Result<Identity, Failure> {
        exchange::identity(&mut self.scsi)
    }

    /// Whether it is ready. Says first whether it wanted attention: then elements must be asked
    /// for anew.
    pub fn ready(&mut self) -> (bool, Result<(), Failure>) {
        exchange::ready(&mut self.scsi)
    }

    /// Where its elements are.
    ///
    /// # Errors
    /// When it does not say.
    pub fn rows(&mut self) -> Result<Rows, Failure> {
        let mut bytes = [0; 64];
        let cdb = [0x1a, 0x08, 0x1d, 0, 64, 0];
        let moved = self.question(&cdb, &mut bytes)?;
        // A block descriptor was not asked for; who sends one says how long it is.
        let page = 4 + usize::from(bytes[3]);
        let body = bytes.get(page..moved.min(64)).unwrap_or_default();
        if body.len() < 18 || body[0] & 0x3f != 0x1d {
            return Err(Failure::Nonsense("MODE SENSE"));
        }
        let word = |at| u16::try_from(number(body, at, 2)).unwrap_or(0);
        let row = |at| Row {
            first: Address(word(at)),
            count: word(at + 2),
        };
        Ok(Rows {
            pickers: row(2),
            slots: row(6),
            doors: row(10),
            drives: row(14),
        })
    }

    /// Every element of one kind with its label; drives with who they are, where the changer
    /// tells.
    ///
    /// # Errors
    /// When it does not say.
    pub fn elements(&mut self, rows: &Rows, kind: Kind) -> Result<Vec<Element>, Failure> {
        let mut found = self.read(rows.of(kind), kind, Detail::Labels)?;
        if kind == Kind::Drive {
            let devices = match self.read(rows.of(kind), kind, Detail::Devices) {
                Ok(devices) => devices,
                Err(failure) if failure.is_unsupported() => Vec::new(),
                Err(failure) => return Err(failure),
            };
            for element in &mut found {
                let same = devices.iter().find(|one| one.address == element.address);
                element.device = same.and_then(|one| one.device.clone());
            }
        }
        Ok(found)
    }

    fn read(&mut self, row: Row, kind: Kind, detail: Detail) -> Result<Vec<Element>, Failure> {
        let mut found: Vec<Element> = Vec::new();
        let (mut first, mut left) = (row.first.0, row.count);
        while left > 0 {
            let count = left.min(ELEMENTS_MAX);
            let mut bytes = vec![0; 16 + usize::from(count) * 128];
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let [_, a, b, c] = length.to_be_bytes();
            let [d, e] = first.to_be_bytes();
            let [f, g] = count.to_be_bytes();
            let labels = u8::from(detail == Detail::Labels) << 4;
            let devices = u8::from(detail == Detail::Devices);
            let cdb = [
                0xb8,
                kind.code() | labels,
                d,
                e,
                f,
                g,
                devices,
                a,
                b,
                c,
                0,
                0,
            ];
            let moved = self.question(&cdb, &mut bytes)?;
            bytes.truncate(moved);
            // Some changers tell of more elements than they were asked for.
            let wanted = first..=first.saturating_add(count - 1);
            let told = parse(&bytes).into_iter();
            found.extend(told.filter(|one| wanted.contains(&one.address.0) && one.kind == kind));
            left -= count;
            first = first.saturating_add(count);
        }
        Ok(found)
    }

    /// Carries a cartridge.
    ///
    /// # Errors
    /// After any, and most of all after [`Failure::Lost`], the cartridge may be at either end or
    /// in the arm: ask for the elements.
    pub fn carry(&mut self, rows: &Rows, from: Address, to: Address) -> Result<(), Failure> {
        let [a, b] = rows.pickers.first.0.to_be_bytes();
        let [c, d] = from.0.to_be_bytes();
        let [e, f] = to.0.to_be_bytes();
        let cdb = [0xa5, 0, a, b, c, d, e, f, 0, 0, 0, 0];
        self.order(&cdb, Patience::Move)
    }

    /// Looks into every element again.
    ///
    /// # Errors
    /// When it cannot.
    pub fn inventory(&mut self) -> Result<(), Failure> {
        self.order(&[0x07, 0, 0, 0, 0, 0], Patience::Inventory)
    }

    fn order(&mut self, cdb: &[u8], patience: Patience) -> Result<(), Failure> {
        exchange::send(&mut self.scsi, cdb, Data::None, patience, Order::Other).map(|_| ())
    }

    fn question(&mut self, cdb: &[u8], bytes: &mut [u8]) -> Result<usize, Failure> {
        let data = Data::In(bytes);
        let done = exchange::send(&mut self.scsi, cdb, data, Patience::Question, Order::Other)?;
        Ok(done.moved)
    }
}
