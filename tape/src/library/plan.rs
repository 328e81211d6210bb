//! What goes wrong, and when: a plan that is data, so that every run repeats.

use std::collections::BTreeMap;

use super::Unit;
use super::fault::{self, Fault};

/// Kinds of faults that are drawn.
const KINDS: u64 = 21;

/// What meets a command before it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meets {
    Nothing,
    Hang,
    Lost { executed: bool },
    PowerLoss,
    Door,
    Busy,
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
            let (at, after, kind) = (draw(64), draw(64), draw(KINDS));
            faults.push(fault::drawn(kind, barcode, drive, at, after));
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

    fn any(&self, wanted: impl Fn(&Fault) -> bool) -> bool {
        self.faults.iter().any(wanted)
    }

    /// Whether the block was read only at the second try.
    pub(super) fn recovers(&self, cartridge: &str, place: u64) -> bool {
        self.any(|fault| {
            matches!(fault, Fault::Recovered { barcode, at }
                if barcode == cartridge && *at == place)
        })
    }

    /// Whether the block goes to tape twice. Happens once.
    pub(super) fn doubles(&mut self, cartridge: &str, place: u64) -> bool {
        let before = self.faults.len();
        self.faults.retain(|fault| {
            !matches!(fault, Fault::BlockDoubled { barcode, at }
                if barcode == cartridge && *at == place)
        });
        self.faults.len() < before
    }

    /// The block that is read instead of the one at this place.
    pub(super) fn read_instead(&self, cartridge: &str, place: u64) -> u64 {
        let swapped = |first: u64| {
            self.any(|fault| {
                matches!(fault, Fault::BlocksSwapped { barcode, at }
                    if barcode == cartridge && *at == first)
            })
        };
        match place.checked_sub(1) {
            _ if swapped(place) => place + 1,
            Some(before) if swapped(before) => before,
            _ => place,
        }
    }

    pub(super) fn key_is_wrong(&self, cartridge: &str) -> bool {
        self.any(|fault| matches!(fault, Fault::KeyWrong { barcode } if barcode == cartridge))
    }

    pub(super) fn snaps(&self, cartridge: &str, place: u64) -> bool {
        self.any(|fault| {
            matches!(fault, Fault::TapeSnaps { barcode, at }
                if barcode == cartridge && *at == place)
        })
    }

    pub(super) fn chip_is_unreadable(&self, cartridge: &str) -> bool {
        self.any(|fault| matches!(fault, Fault::ChipUnreadable { barcode } if barcode == cartridge))
    }

    /// Whether this drive begins to ask for cleaning, and if so whether soon will do. Happens once.
    pub(super) fn needs_cleaning(&mut self, number: usize) -> Option<bool> {
        let now = self.count(Unit::Drive(number));
        let found = self.faults.iter().position(|fault| {
            matches!(fault, Fault::NeedsCleaning { drive, after, .. }
                if *drive == number && now > *after)
        })?;
        let Fault::NeedsCleaning { soon, .. } = self.faults.remove(found) else {
            return None;
        };
        Some(soon)
    }

    /// How many times as long a device takes.
    pub(super) fn slowness(&self, of: Unit) -> u32 {
        let mut slowest = 1;
        for fault in &self.faults {
            if let Fault::Slow { unit, factor } = fault
                && *unit == of
            {
                slowest = slowest.max(*factor);
            }
        }
        slowest
    }

    pub(super) fn stays_in_arm(&mut self, cartridge: &str) -> bool {
        self.faults.iter_mut().any(|fault| {
            let Fault::StaysInArm { barcode, times } = fault else {
                return false;
            };
            let stays = barcode == cartridge && *times > 0;
            *times -= u32::from(stays);
            stays
        })
    }

    pub(super) fn is_broken(&self, place: u16) -> bool {
        self.any(|fault| matches!(fault, Fault::ElementBroken { element } if *element == place))
    }

    pub(super) fn map_is_wrong(&self, place: u16) -> bool {
        self.any(|fault| matches!(fault, Fault::MapWrong { element } if *element == place))
    }

    /// The changer looked at every element.
    pub(super) fn looked(&mut self) {
        self.faults
            .retain(|fault| !matches!(fault, Fault::MapWrong { .. }));
    }

    /// The drive for which the changer takes this one.
    pub(super) fn taken_for(&self, number: usize) -> usize {
        for fault in &self.faults {
            if let Fault::SerialsSwapped { one, other } = fault {
                match number {
                    _ if number == *one => return *other,
                    _ if number == *other => return *one,
                    _ => {}
                }
            }
        }
        number
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
