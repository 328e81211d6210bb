//! What goes wrong, and when: a plan that is data, so that every run repeats.

use std::collections::BTreeMap;

use super::Unit;

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
}

/// What meets a command before it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meets {
    Nothing,
    Hang,
    Lost { executed: bool },
    PowerLoss,
    Door,
    Reserved,
}

/// All that goes wrong.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    faults: Vec<Fault>,
    counts: BTreeMap<Unit, u64>,
}

impl Plan {
    /// A plan of these faults.
    #[must_use]
    pub fn of(faults: Vec<Fault>) -> Self {
        let counts = BTreeMap::new();
        Self { faults, counts }
    }

    /// A plan of `count` faults among these cartridges and drives, the same for the same seed.
    #[must_use]
    pub fn drawn(seed: u64, count: usize, barcodes: &[String], drives: usize) -> Self {
        let mut state = seed;
        let mut draw = |below: u64| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ mixed >> 31) % below.max(1)
        };
        let mut faults = Vec::new();
        for _ in 0..count {
            let index = usize::try_from(draw(barcodes.len() as u64)).unwrap_or(0);
            let barcode = barcodes.get(index).cloned().unwrap_or_default();
            let drive = usize::try_from(draw(drives as u64)).unwrap_or(0);
            let (at, after, kind) = (draw(64), draw(64), draw(12));
            faults.push(drawn(kind, barcode, drive, at, after));
        }
        Self::of(faults)
    }

    /// Adds one more.
    pub fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    pub(super) fn count(&self, unit: Unit) -> u64 {
        self.counts.get(&unit).copied().unwrap_or(0)
    }

    /// Counts a command and says what meets it.
    pub(super) fn meets(&mut self, unit: Unit) -> Meets {
        let count = self.counts.entry(unit).or_default();
        let now = *count;
        *count += 1;
        let met = self.faults.iter().find_map(|fault| fault.meets(unit, now));
        met.unwrap_or(Meets::Nothing)
    }

    pub(super) fn load_fails(&mut self, cartridge: &str) -> bool {
        self.faults.iter_mut().any(|fault| {
            let Fault::LoadFails { barcode, times } = fault else {
                return false;
            };
            let fails = barcode == cartridge && *times > 0;
            *times -= u32::from(fails);
            fails
        })
    }

    /// Whether the write fails, and if so whether it is told late. Happens once.
    pub(super) fn write_fails(&mut self, cartridge: &str, place: u64) -> Option<bool> {
        let found = self.faults.iter().position(|fault| {
            matches!(fault, Fault::WriteFails { barcode, at, .. }
                if barcode == cartridge && *at == place)
        })?;
        let Fault::WriteFails { deferred, .. } = self.faults.remove(found) else {
            return None;
        };
        Some(deferred)
    }

    pub(super) fn read_fails(&mut self, cartridge: &str, place: u64) -> bool {
        self.faults.iter_mut().any(|fault| {
            let Fault::ReadFails { barcode, at, times } = fault else {
                return false;
            };
            if barcode != cartridge || *at != place || *times == Some(0) {
                return false;
            }
            *times = times.map(|left| left - 1);
            true
        })
    }

    pub(super) fn bit_flips(&self, cartridge: &str, place: u64) -> bool {
        self.faults.iter().any(|fault| {
            matches!(fault, Fault::BitFlips { barcode, at }
                if barcode == cartridge && *at == place)
        })
    }

    pub(super) fn protect_flips(&self, cartridge: &str, place: u64) -> bool {
        self.faults.iter().any(|fault| {
            matches!(fault, Fault::ProtectFlips { barcode, at }
                if barcode == cartridge && *at == place)
        })
    }

    pub(super) fn unload_sticks(&self, number: usize) -> bool {
        self.faults
            .iter()
            .any(|fault| matches!(fault, Fault::UnloadSticks { drive } if *drive == number))
    }

    /// What the changer reads; `None` when it cannot.
    pub(super) fn label(&self, cartridge: &str) -> Option<String> {
        for fault in &self.faults {
            if matches!(fault, Fault::LabelUnreadable { barcode } if barcode == cartridge) {
                return None;
            }
            if let Fault::LabelReads { barcode, other } = fault
                && barcode == cartridge
            {
                return Some(other.clone());
            }
        }
        Some(cartridge.to_owned())
    }
}

impl Fault {
    /// What it does to the command of this number to this device.
    fn meets(&self, to: Unit, now: u64) -> Option<Meets> {
        let (unit, after, commands, meets) = match *self {
            Self::Hangs { unit, after } => (unit, after, 1, Meets::Hang),
            Self::AnswerLost {
                unit,
                after,
                executed,
            } => (unit, after, 1, Meets::Lost { executed }),
            Self::PowerFails { unit, after } => (unit, after, 1, Meets::PowerLoss),
            Self::DoorOpens { after, commands } => (Unit::Changer, after, commands, Meets::Door),
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
            | Self::LabelReads { .. } => return None,
        };
        let is_met = unit == to && (after..after.saturating_add(commands)).contains(&now);
        is_met.then_some(meets)
    }
}

fn drawn(kind: u64, barcode: String, drive: usize, at: u64, after: u64) -> Fault {
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
        _ => Fault::LabelUnreadable { barcode },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_faults() {
        let barcodes = ["A".to_owned(), "B".to_owned()];
        let drawn = |seed| Plan::drawn(seed, 8, &barcodes, 2).faults;
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
    }

    #[test]
    fn a_block_is_read_after_its_faults_are_used_up() {
        let mut plan = Plan::of(vec![Fault::ReadFails {
            barcode: "A".into(),
            at: 3,
            times: Some(2),
        }]);
        let met: Vec<bool> = (0..3).map(|_| plan.read_fails("A", 3)).collect();
        assert_eq!(met, [true, true, false]);
        assert!(!plan.read_fails("A", 4));
    }
}
