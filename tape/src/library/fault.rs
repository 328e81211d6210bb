//! What can go wrong: faults that are data, so that every run repeats.

use super::Unit;
use super::plan::Meets;

/// One thing that goes wrong. Places are objects from the beginning, filemarks counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This cartridge cannot be threaded, so often.
    LoadFails {
        /// Which.
        barcode: String,
        /// How often.
        times: u32,
    },
    /// Writing at this place fails.
    WriteFails {
        /// Which cartridge.
        barcode: String,
        /// Where.
        at: u64,
        /// The write is answered as good; the next command tells.
        deferred: bool,
    },
    /// Reading at this place fails, so often or for ever.
    ReadFails {
        /// Which cartridge.
        barcode: String,
        /// Where.
        at: u64,
        /// How often; `None` for ever.
        times: Option<u32>,
    },
    /// One bit of this block is read wrong, and nobody notices.
    BitFlips {
        /// Which cartridge.
        barcode: String,
        /// Where.
        at: u64,
    },
    /// The tab turns to forbid writing when this place is to be written.
    ProtectFlips {
        /// Which cartridge.
        barcode: String,
        /// Where.
        at: u64,
    },
    /// A drive does not let go of its tape.
    UnloadSticks {
        /// Which drive, from 0.
        drive: usize,
    },
    /// From this command on nothing is answered until a reset.
    Hangs {
        /// Which device.
        unit: Unit,
        /// Commands before.
        after: u64,
    },
    /// The answer to one command is lost.
    AnswerLost {
        /// Which device.
        unit: Unit,
        /// Commands before.
        after: u64,
        /// Whether the device obeyed.
        executed: bool,
    },
    /// Power fails before this command: buffers are gone, and the command is lost.
    PowerFails {
        /// Which device counts.
        unit: Unit,
        /// Commands before.
        after: u64,
    },
    /// The changer cannot read this label.
    LabelUnreadable {
        /// Which.
        barcode: String,
    },
    /// The changer reads this label as another.
    LabelReads {
        /// Which.
        barcode: String,
        /// As what.
        other: String,
    },
    /// The door of the library stands open for so many commands to the changer.
    DoorOpens {
        /// Commands before.
        after: u64,
        /// For so many commands.
        commands: u64,
    },
    /// Another host holds the device for so many commands.
    Reserved {
        /// Which device.
        unit: Unit,
        /// Commands before.
        after: u64,
        /// For so many commands.
        commands: u64,
    },
    /// A block is read at the second try; the drive says so.
    Recovered {
        /// Which cartridge.
        barcode: String,
        /// Where.
        at: u64,
    },
    /// This block is on tape twice, one after the other, once it is written.
    BlockDoubled {
        /// Which cartridge.
        barcode: String,
        /// Where.
        at: u64,
    },
    /// This block is read as the next one, and the next one as this, and nobody notices.
    BlocksSwapped {
        /// Which cartridge.
        barcode: String,
        /// The first of the two.
        at: u64,
    },
    /// What is on this cartridge was written with a key that the drive does not have.
    KeyWrong {
        /// Which cartridge.
        barcode: String,
    },
    /// The tape snaps when this place is read or written; it stays in the drive.
    TapeSnaps {
        /// Which cartridge.
        barcode: String,
        /// Where.
        at: u64,
    },
    /// The chip of this cartridge can be neither read nor written.
    ChipUnreadable {
        /// Which cartridge.
        barcode: String,
    },
    /// A drive asks to be cleaned after so many commands.
    NeedsCleaning {
        /// Which drive, from 0.
        drive: usize,
        /// Commands before.
        after: u64,
        /// When it suits, not now.
        soon: bool,
    },
    /// A device takes so many times as long for everything.
    Slow {
        /// Which device.
        unit: Unit,
        /// How many times.
        factor: u32,
    },
    /// The arm does other things for so many commands to the changer.
    ArmBusy {
        /// Commands before.
        after: u64,
        /// For so many commands.
        commands: u64,
    },
    /// The arm takes this cartridge and does not put it down, so often.
    StaysInArm {
        /// Which.
        barcode: String,
        /// How often.
        times: u32,
    },
    /// An element can neither be looked at nor reached.
    ElementBroken {
        /// Its address.
        element: u16,
    },
    /// The changer takes a full element for empty and an empty one for full, until it looks anew.
    MapWrong {
        /// Its address.
        element: u16,
    },
    /// The changer takes two drives for each other.
    SerialsSwapped {
        /// One, from 0.
        one: usize,
        /// The other.
        other: usize,
    },
}

impl Fault {
    /// What it does to the command of this number to this device.
    pub(super) fn meets(&self, to: Unit, now: u64) -> Option<Meets> {
        let (unit, after, commands, meets) = match *self {
            Self::Hangs { unit, after } => (unit, after, 1, Meets::Hang),
            Self::AnswerLost {
                unit,
                after,
                executed,
            } => (unit, after, 1, Meets::Lost { executed }),
            Self::PowerFails { unit, after } => (unit, after, 1, Meets::PowerLoss),
            Self::DoorOpens { after, commands } => (Unit::Changer, after, commands, Meets::Door),
            Self::ArmBusy { after, commands } => (Unit::Changer, after, commands, Meets::Busy),
            Self::Reserved {
                unit,
                after,
                commands,
            } => (unit, after, commands, Meets::Reserved),
            Self::LoadFails { .. }
            | Self::WriteFails { .. }
            | Self::ReadFails { .. }
            | Self::BitFlips { .. }
            | Self::ProtectFlips { .. }
            | Self::UnloadSticks { .. }
            | Self::LabelUnreadable { .. }
            | Self::LabelReads { .. }
            | Self::Recovered { .. }
            | Self::BlockDoubled { .. }
            | Self::BlocksSwapped { .. }
            | Self::KeyWrong { .. }
            | Self::TapeSnaps { .. }
            | Self::ChipUnreadable { .. }
            | Self::NeedsCleaning { .. }
            | Self::Slow { .. }
            | Self::StaysInArm { .. }
            | Self::ElementBroken { .. }
            | Self::MapWrong { .. }
            | Self::SerialsSwapped { .. } => return None,
        };
        let is_met = unit == to && (after..after.saturating_add(commands)).contains(&now);
        is_met.then_some(meets)
    }
}

/// One of the kinds of faults that are drawn.
pub(super) fn drawn(kind: u64, barcode: String, drive: usize, at: u64, after: u64) -> Fault {
    let unit = Unit::Drive(drive);
    match kind {
        0 => Fault::LoadFails { barcode, times: 1 },
        1 | 2 => Fault::WriteFails {
            barcode,
            at,
            deferred: kind == 2,
        },
        3 => Fault::ReadFails {
            barcode,
            at,
            times: Some(1),
        },
        4 => Fault::BitFlips { barcode, at },
        5 => Fault::ProtectFlips { barcode, at },
        6 => Fault::UnloadSticks { drive },
        7 => Fault::Hangs { unit, after },
        8 | 9 => Fault::AnswerLost {
            unit,
            after,
            executed: kind == 9,
        },
        10 => Fault::PowerFails { unit, after },
        11 => Fault::LabelUnreadable { barcode },
        12 => Fault::Recovered { barcode, at },
        13 => Fault::BlockDoubled { barcode, at },
        14 => Fault::BlocksSwapped { barcode, at },
        15 => Fault::ChipUnreadable { barcode },
        16 => Fault::NeedsCleaning {
            drive,
            after,
            soon: at.is_multiple_of(2),
        },
        17 => Fault::Slow { unit, factor: 10 },
        18 => Fault::ArmBusy { after, commands: 5 },
        19 => Fault::StaysInArm { barcode, times: 1 },
        _ => Fault::TapeSnaps { barcode, at },
    }
}
