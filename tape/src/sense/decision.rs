//! The one table from what a device told to what follows.

use std::fmt;

use super::Sense;

/// What the command was about; the same sense means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Blocks, filemarks, flush, erase.
    Write,
    /// Blocks.
    Read,
    /// Space, locate, rewind, load.
    Wind,
    /// Everything else.
    Other,
}

/// Why a device wants attention before it does anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// Another medium may be in the drive, or doors were opened.
    MediumChanged,
    /// Power was lost or somebody reset the device.
    Reset,
    /// Anything else: parameters, reservations, microcode.
    Other,
}

/// What follows from a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Obeyed, nothing is wrong.
    Done,
    /// Obeyed, after the device helped itself.
    Recovered,
    /// Obeyed; the end of the tape is near.
    NearEnd,
    /// The head met a filemark and stands beyond it.
    Filemark,
    /// Nothing was ever written here.
    EndOfData,
    /// The head is at the beginning and cannot go further back.
    Beginning,
    /// The block has another length: asked minus its own, in bytes.
    Length,
    /// Nothing of this order was written: the tape is full.
    Overflow,
    /// An order that was answered as good has failed: all since the last flush is suspect.
    JournalSuspect,
    /// Nothing was done, and where the head stands must be asked anew.
    PositionLost(Attention),
    /// Nothing was done; ask again soon.
    BecomingReady,
    /// A cartridge is there but not threaded.
    NeedsLoad,
    /// No cartridge.
    Empty,
    /// Not ready, and waiting does not help: a human must look.
    NotReady,
    /// The cartridge cannot be used in this drive, or cleans it.
    Unsuitable,
    /// This tape, or this drive with it, cannot write.
    WriteFault,
    /// This block cannot be read here.
    ReadFault,
    /// The tape could not be threaded or freed.
    LoadFault,
    /// The device is broken.
    DriveFault,
    /// The tab of the cartridge forbids writing.
    WriteProtected,
    /// What was written on this tape may not be written over.
    WormOverwrite,
    /// The key for what is written here is missing or wrong.
    KeyMissing,
    /// Stopped in the middle: ask where the head stands.
    Aborted,
    /// The device knows no such command, field or page.
    Unsupported,
    /// There is nothing to take at this element.
    SourceEmpty,
    /// Something is already at that element.
    DestinationFull,
    /// The cartridge is held and cannot be taken.
    Held,
    /// No such element.
    NoElement,
    /// A condition without a meaning here; taken as a failure.
    Unknown,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One line of the table. What is `None` matches anything.
struct Row {
    key: u8,
    bit: Option<Bit>,
    order: Option<Order>,
    asc: Option<u8>,
    ascq: Option<u8>,
    then: Decision,
}

#[derive(Clone, Copy)]
enum Bit {
    Filemark,
    End,
    Length,
}

const fn row(key: u8, asc: u8, ascq: u8, then: Decision) -> Row {
    Row {
        asc: Some(asc),
        ascq: Some(ascq),
        ..any(key, then)
    }
}

const fn family(key: u8, asc: u8, then: Decision) -> Row {
    Row {
        asc: Some(asc),
        ..any(key, then)
    }
}

const fn any(key: u8, then: Decision) -> Row {
    Row {
        key,
        bit: None,
        order: None,
        asc: None,
        ascq: None,
        then,
    }
}

const fn on(order: Order, row: Row) -> Row {
    Row {
        order: Some(order),
        ..row
    }
}

const fn bit(key: u8, bit: Bit, then: Decision) -> Row {
    Row {
        bit: Some(bit),
        ..any(key, then)
    }
}

/// The first line that matches decides.
const TABLE: &[Row] = &[
    // 0, nothing wrong, and 1, the device helped itself. Filemark before length before end.
    bit(0, Bit::Filemark, Decision::Filemark),
    bit(0, Bit::Length, Decision::Length),
    on(Order::Write, bit(0, Bit::End, Decision::NearEnd)),
    row(0, 0x00, 0x01, Decision::Filemark),
    row(0, 0x00, 0x02, Decision::NearEnd),
    row(0, 0x00, 0x07, Decision::NearEnd),
    row(0, 0x00, 0x04, Decision::Beginning),
    row(0, 0x00, 0x05, Decision::EndOfData),
    on(Order::Wind, bit(0, Bit::End, Decision::Beginning)),
    any(0, Decision::Done),
    on(Order::Write, bit(1, Bit::End, Decision::NearEnd)),
    any(1, Decision::Recovered),
    // 2, not ready.
    row(2, 0x04, 0x00, Decision::BecomingReady),
    row(2, 0x04, 0x01, Decision::BecomingReady),
    row(2, 0x04, 0x02, Decision::NeedsLoad),
    family(2, 0x04, Decision::NotReady),
    family(2, 0x30, Decision::Unsuitable),
    family(2, 0x3a, Decision::Empty),
    any(2, Decision::NotReady),
    // 3, the medium. 3/31 in the middle of nothing is how one emulator says end of data.
    row(3, 0x00, 0x02, Decision::Overflow),
    family(3, 0x0c, Decision::WriteFault),
    family(3, 0x11, Decision::ReadFault),
    family(3, 0x30, Decision::Unsuitable),
    family(3, 0x53, Decision::LoadFault),
    on(Order::Write, any(3, Decision::WriteFault)),
    any(3, Decision::ReadFault),
    // 4, the machine.
    family(4, 0x15, Decision::LoadFault),
    family(4, 0x53, Decision::LoadFault),
    any(4, Decision::DriveFault),
    // 5, the order itself.
    family(5, 0x21, Decision::NoElement),
    row(5, 0x3b, 0x0d, Decision::DestinationFull),
    row(5, 0x3b, 0x0e, Decision::SourceEmpty),
    family(5, 0x53, Decision::Held),
    any(5, Decision::Unsupported),
    // 6, attention.
    family(6, 0x28, Decision::PositionLost(Attention::MediumChanged)),
    family(6, 0x29, Decision::PositionLost(Attention::Reset)),
    any(6, Decision::PositionLost(Attention::Other)),
    // 7, protection.
    family(7, 0x27, Decision::WriteProtected),
    row(7, 0x30, 0x0c, Decision::WormOverwrite),
    family(7, 0x30, Decision::Unsuitable),
    family(7, 0x74, Decision::KeyMissing),
    on(Order::Write, any(7, Decision::WriteProtected)),
    any(7, Decision::KeyMissing),
    // 8, blank.
    any(8, Decision::EndOfData),
    any(0xb, Decision::Aborted),
    any(0xd, Decision::Overflow),
];

impl Row {
    fn matches(&self, sense: &Sense, order: Order) -> bool {
        let bit = match self.bit {
            None => true,
            Some(Bit::Filemark) => sense.filemark,
            Some(Bit::End) => sense.end,
            Some(Bit::Length) => sense.length,
        };
        bit && self.key == sense.key
            && self.order.is_none_or(|own| own == order)
            && self.asc.is_none_or(|own| own == sense.asc)
            && self.ascq.is_none_or(|own| own == sense.ascq)
    }
}

impl Decision {
    /// What follows from `sense` after a command of this kind.
    #[must_use]
    pub fn of(sense: &Sense, order: Order) -> Self {
        if sense.deferred && sense.key > 1 {
            return Self::JournalSuspect;
        }
        TABLE
            .iter()
            .find(|row| row.matches(sense, order))
            .map_or(Self::Unknown, |row| row.then)
    }

    /// Whether the command did all that it was asked to do.
    #[must_use]
    pub fn is_done(self) -> bool {
        matches!(self, Self::Done | Self::Recovered | Self::NearEnd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(order: Order, told: &[(u8, u8, u8, &str)], expected: &Expect) {
        let mut said = String::new();
        for (key, asc, ascq, bits) in told {
            let sense = Sense {
                filemark: bits.contains('f'),
                end: bits.contains('e'),
                length: bits.contains('i'),
                deferred: bits.contains('d'),
                ..Sense::of(*key, *asc, *ascq)
            };
            said += &format!("{sense}: {}\n", Decision::of(&sense, order));
        }
        expected.assert_eq(&said);
    }

    #[test]
    fn writing_tells_near_end_from_full_and_faults() {
        let told = [
            (0, 0, 2, "e"),
            (0, 0, 0, "e"),
            (1, 0x17, 1, "e"),
            (0xd, 0, 2, "e"),
            (3, 0x0c, 0, ""),
            (3, 0x0c, 0, "d"),
            (3, 0x31, 0, ""),
            (7, 0x27, 0, ""),
            (7, 0x30, 0x0c, ""),
            (4, 0x44, 0, ""),
            (0xb, 0x4b, 0, ""),
            (0xe, 0, 0, ""),
        ];
        check(
            Order::Write,
            &told,
            &expect![[r#"
                0/00/02 EOM: NearEnd
                0/00/00 EOM: NearEnd
                1/17/01 EOM: NearEnd
                d/00/02 EOM: Overflow
                3/0c/00: WriteFault
                3/0c/00 deferred: JournalSuspect
                3/31/00: WriteFault
                7/27/00: WriteProtected
                7/30/0c: WormOverwrite
                4/44/00: DriveFault
                b/4b/00: Aborted
                e/00/00: Unknown
            "#]],
        );
    }

    #[test]
    fn reading_tells_marks_and_ends_from_faults() {
        let told = [
            (0, 0, 1, "f"),
            (0, 0, 0, "i"),
            (8, 0, 5, ""),
            (8, 0, 0, "e"),
            (0, 0, 5, ""),
            (3, 0x11, 0, ""),
            (3, 0x31, 0, ""),
            (7, 0x74, 2, ""),
        ];
        check(
            Order::Read,
            &told,
            &expect![[r#"
                0/00/01 FM: Filemark
                0/00/00 ILI: Length
                8/00/05: EndOfData
                8/00/00 EOM: EndOfData
                0/00/05: EndOfData
                3/11/00: ReadFault
                3/31/00: ReadFault
                7/74/02: KeyMissing
            "#]],
        );
    }

    #[test]
    fn a_device_that_is_not_ready_says_how() {
        let told = [
            (2, 4, 1, ""),
            (2, 4, 2, ""),
            (2, 4, 3, ""),
            (2, 0x3a, 0, ""),
            (2, 0x30, 3, ""),
            (6, 0x28, 0, ""),
            (6, 0x29, 1, ""),
            (6, 0x2a, 0, ""),
            (5, 0x20, 0, ""),
            (5, 0x3b, 0x0d, ""),
            (5, 0x3b, 0x0e, ""),
            (5, 0x53, 2, ""),
            (5, 0x21, 1, ""),
            (4, 0x15, 1, ""),
            (4, 0x53, 0, ""),
        ];
        check(
            Order::Other,
            &told,
            &expect![[r#"
                2/04/01: BecomingReady
                2/04/02: NeedsLoad
                2/04/03: NotReady
                2/3a/00: Empty
                2/30/03: Unsuitable
                6/28/00: PositionLost(MediumChanged)
                6/29/01: PositionLost(Reset)
                6/2a/00: PositionLost(Other)
                5/20/00: Unsupported
                5/3b/0d: DestinationFull
                5/3b/0e: SourceEmpty
                5/53/02: Held
                5/21/01: NoElement
                4/15/01: LoadFault
                4/53/00: LoadFault
            "#]],
        );
    }
}
