//! Winding: space, locate, rewind, load, unload, and where the head stands.

use super::super::reply::{Outcome, Told, bad_field, give, told};
use super::super::time::Work;
use super::{ALERT_EJECT, Command, Drive};
use crate::scsi::number;
use crate::sense::Sense;

impl Drive {
    pub(super) fn rewind(&mut self) -> Outcome {
        self.ready()?.flush()?;
        let from = self.place();
        self.work(Work::Rewind { from });
        self.modes.forget();
        self.at = 0;
        Ok(0)
    }

    pub(super) fn load(&mut self, command: &mut Command<'_, '_>) -> Outcome {
        let load = command.cdb[4] & 1 != 0;
        if self.cartridge.is_none() {
            return Err(told(2, 0x3a, 0x00));
        }
        match (load, self.threaded) {
            (true, true) => self.rewind(),
            (true, false) => {
                self.thread();
                Ok(0)
            }
            (false, false) => Ok(0),
            (false, true) if self.held => Err(told(5, 0x53, 0x02)),
            (false, true) if self.snapped => Err(told(4, 0x53, 0x00)),
            (false, true) if command.plan.unload_sticks(self.number) => {
                self.raise(ALERT_EJECT);
                Err(told(4, 0x53, 0x00))
            }
            (false, true) => {
                self.rewind()?;
                self.ready()?.remember()?;
                self.work(Work::Unload);
                self.threaded = false;
                Ok(0)
            }
        }
    }

    /// Moves the head and charges the way.
    fn go(&mut self, to: u64) {
        let from = self.place();
        self.modes.forget();
        self.at = to;
        let to = self.place();
        self.work(Work::Locate { from, to });
    }

    pub(super) fn space(&mut self, cdb: &[u8]) -> Outcome {
        let count = if cdb[0] == 0x91 {
            i64::from_be_bytes(number(cdb, 4, 8).to_be_bytes())
        } else {
            let count = u32::try_from(number(cdb, 2, 3) << 8).unwrap_or(0);
            i64::from(count.cast_signed() >> 8)
        };
        let end = self.ready()?.end();
        match (cdb[1] & 0x0f, count) {
            (3, _) => {
                self.go(end);
                Ok(0)
            }
            (0 | 1, 0) => Ok(0),
            (0, 1..) => self.blocks_forward(count.unsigned_abs()),
            (0, _) => self.blocks_back(count.unsigned_abs()),
            (1, 1..) => self.marks_forward(count.unsigned_abs()),
            (1, _) => self.marks_back(count.unsigned_abs()),
            _ => Err(bad_field()),
        }
    }

    fn blocks_forward(&mut self, count: u64) -> Outcome {
        let at = self.at;
        let cartridge = self.ready()?;
        let end = cartridge.end();
        let mark = cartridge.mark(cartridge.marks_before(at)).unwrap_or(end);
        let wanted = at.saturating_add(count);
        if wanted <= mark {
            self.go(wanted);
            return Ok(0);
        }
        let left = wanted - mark;
        if mark == end {
            self.go(end);
            return Err(left_over(Sense::of(8, 0x00, 0x05), left));
        }
        self.go(mark + 1);
        Err(left_over(filemark(), left))
    }

    fn blocks_back(&mut self, count: u64) -> Outcome {
        let at = self.at;
        let cartridge = self.ready()?;
        let before = cartridge.marks_before(at);
        let mark = before.checked_sub(1).and_then(|last| cartridge.mark(last));
        let least = mark.map_or(0, |mark| mark + 1);
        if at - least >= count {
            self.go(at - count);
            return Ok(0);
        }
        let left = count - (at - least);
        self.go(mark.unwrap_or(0));
        Err(left_over(mark.map_or_else(beginning, |_| filemark()), left))
    }

    fn marks_forward(&mut self, count: u64) -> Outcome {
        let at = self.at;
        let cartridge = self.ready()?;
        let before = cartridge.marks_before(at);
        let (all, end) = (cartridge.marks_before(cartridge.end()), cartridge.end());
        match cartridge.mark(before.saturating_add(count - 1)) {
            Some(mark) => {
                self.go(mark + 1);
                Ok(0)
            }
            None => {
                self.go(end);
                Err(left_over(Sense::of(8, 0x00, 0x05), count - (all - before)))
            }
        }
    }

    fn marks_back(&mut self, count: u64) -> Outcome {
        let at = self.at;
        let cartridge = self.ready()?;
        let before = cartridge.marks_before(at);
        match before
            .checked_sub(count)
            .and_then(|mark| cartridge.mark(mark))
        {
            Some(mark) => {
                self.go(mark);
                Ok(0)
            }
            None => {
                self.go(0);
                Err(left_over(beginning(), count - before))
            }
        }
    }

    pub(super) fn locate(&mut self, cdb: &[u8]) -> Outcome {
        let (kind, wanted) = if cdb[0] == 0x2b {
            (0, number(cdb, 3, 4))
        } else {
            (cdb[1] >> 3 & 0x03, number(cdb, 4, 8))
        };
        if cdb[1] & 0x02 != 0 {
            return Err(bad_field());
        }
        let cartridge = self.ready()?;
        let end = cartridge.end();
        let to = match (kind, wanted) {
            (0, _) => Some(wanted).filter(|to| *to <= end),
            (1, 0) => Some(0),
            (1, _) => cartridge.mark(wanted - 1).map(|mark| mark + 1),
            (3, _) => Some(end),
            _ => return Err(bad_field()),
        };
        self.go(to.unwrap_or(end));
        to.map(|_| 0).ok_or_else(|| told(8, 0x00, 0x05))
    }

    pub(super) fn position(&mut self, command: &mut Command<'_, '_>) -> Outcome {
        let at = self.at;
        let cartridge = self.ready()?;
        let marks = cartridge.marks_before(at);
        let near = cartridge.is_near_end(at);
        let flags = u8::from(at == 0) << 7 | u8::from(near) << 6 | u8::from(self.is_early(at));
        let bytes = match command.cdb[1] & 0x1f {
            0 => {
                let mut bytes = vec![0; 20];
                bytes[0] = flags;
                let at = u32::try_from(at).unwrap_or(u32::MAX).to_be_bytes();
                bytes[4..8].copy_from_slice(&at);
                bytes[8..12].copy_from_slice(&at);
                bytes
            }
            6 => {
                let mut bytes = vec![0; 32];
                bytes[0] = flags;
                bytes[8..16].copy_from_slice(&at.to_be_bytes());
                bytes[16..24].copy_from_slice(&marks.to_be_bytes());
                bytes
            }
            _ => return Err(bad_field()),
        };
        give(&mut command.data, 32, &bytes)
    }
}

fn filemark() -> Sense {
    Sense {
        filemark: true,
        ..Sense::of(0, 0x00, 0x01)
    }
}

fn beginning() -> Sense {
    Sense {
        end: true,
        ..Sense::of(0, 0x00, 0x04)
    }
}

fn left_over(sense: Sense, left: u64) -> Told {
    let information = i64::try_from(left).ok();
    Told::from(Sense {
        information,
        ..sense
    })
}
