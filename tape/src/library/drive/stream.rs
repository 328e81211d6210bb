//! Blocks and filemarks: write, read, erase.

use super::super::reply::{Outcome, Told, bad_field, told};
use super::super::store::Kind;
use super::super::time::Work;
use super::{ALERT_READ, ALERT_SNAPPED, ALERT_WRITE, BLOCK_MAX, Command, Drive};
use crate::scsi::{Data, number};
use crate::sense::Sense;

impl Drive {
    pub(super) fn write(&mut self, command: &mut Command<'_, '_>) -> Outcome {
        let cdb = command.cdb;
        let asked = u32::try_from(number(cdb, 2, 3)).unwrap_or(0);
        let (length, count) = self.shape(cdb[1] & 1 != 0, asked)?;
        let Data::Out(bytes) = command.data else {
            return if asked == 0 { Ok(0) } else { Err(bad_field()) };
        };
        if bytes.len() as u64 != u64::from(length) * u64::from(count) {
            return Err(bad_field());
        }
        if asked == 0 {
            return Ok(0);
        }
        self.writable(command)?;
        let before = self.at;
        let mut left = if cdb[1] & 1 != 0 { count } else { length };
        for block in bytes.chunks(length as usize) {
            self.put(Some(block), command, left)?;
            self.work(Work::Stream {
                bytes: u64::from(length),
            });
            left -= if cdb[1] & 1 != 0 { 1 } else { length };
        }
        self.warn(bytes.len(), before)
    }

    pub(super) fn filemarks(&mut self, command: &mut Command<'_, '_>) -> Outcome {
        let cdb = command.cdb;
        if cdb[1] & 0x02 != 0 {
            return Err(bad_field());
        }
        let count = u32::try_from(number(cdb, 2, 3)).unwrap_or(0);
        let before = self.at;
        if count > 0 {
            self.writable(command)?;
        }
        for left in (1..=count).rev() {
            self.put(None, command, left)?;
        }
        if cdb[1] & 1 == 0 {
            if let Some(sense) = self.deferred.take() {
                return Err(sense.into());
            }
            self.ready()?.flush()?;
        }
        if count == 0 {
            return Ok(0);
        }
        self.warn(0, before)
    }

    pub(super) fn erase(&mut self, cdb: &[u8]) -> Outcome {
        let (at, allows) = (self.at, self.modes.allows(self.at));
        let cartridge = self.ready()?;
        if cartridge.memory.protected {
            return Err(told(7, 0x27, 0x00));
        }
        let is_kept = cartridge.memory.kind == Kind::Worm || !allows;
        if is_kept && at < cartridge.end() {
            return Err(told(7, 0x30, 0x0c));
        }
        cartridge.cut(at)?;
        cartridge.flush()?;
        if cdb[1] & 1 != 0 {
            cartridge.wipe()?;
            let bytes = cartridge.memory.capacity - cartridge.used(at);
            self.work(Work::Stream { bytes });
        }
        Ok(0)
    }

    /// Bytes of one block, and how many blocks.
    fn shape(&self, fixed: bool, asked: u32) -> Result<(u32, u32), Told> {
        match (fixed, self.block) {
            (true, 0) => Err(bad_field()),
            (true, block) => Ok((block, asked)),
            (false, _) if asked > BLOCK_MAX => Err(bad_field()),
            (false, _) => Ok((asked, 1)),
        }
    }

    /// Whether writing is allowed here. What is behind the head is forgotten.
    fn writable(&mut self, command: &mut Command<'_, '_>) -> Result<(), Told> {
        let (at, allows) = (self.at, self.modes.allows(self.at));
        self.hold_together(command)?;
        let cartridge = self.ready()?;
        if command.plan.protect_flips(&cartridge.barcode, at) {
            cartridge.memory.protected = true;
        }
        if cartridge.memory.protected {
            return Err(told(7, 0x27, 0x00));
        }
        if at < cartridge.end() {
            if cartridge.memory.kind == Kind::Worm || !allows {
                return Err(told(7, 0x30, 0x0c));
            }
            cartridge.cut(at)?;
        }
        self.modes.forget();
        Ok(())
    }

    /// Whether the tape holds together here.
    fn hold_together(&mut self, command: &Command<'_, '_>) -> Result<(), Told> {
        let at = self.at;
        let cartridge = self.ready()?;
        if command.plan.snaps(&cartridge.barcode, at) {
            self.raise(ALERT_SNAPPED);
            self.snapped = true;
        }
        self.ready().map(|_| ())
    }

    /// One block or filemark; `left` is what stays undone when it does not fit.
    fn put(
        &mut self,
        block: Option<&[u8]>,
        command: &mut Command<'_, '_>,
        left: u32,
    ) -> Result<(), Told> {
        let at = self.at;
        let length = block.and_then(|bytes| u32::try_from(bytes.len()).ok());
        if self.deferred.is_some() {
            return Ok(());
        }
        let cartridge = self.ready()?;
        if !cartridge.fits(at, length) {
            return Err(Told::from(Sense {
                end: true,
                information: Some(i64::from(left)),
                ..Sense::of(0xd, 0x00, 0x02)
            }));
        }
        match command.plan.write_fails(&cartridge.barcode, at) {
            None => {
                cartridge.append(block)?;
                if block.is_some() && command.plan.doubles(&cartridge.barcode, at) {
                    cartridge.append(block)?;
                    self.at += 1;
                }
            }
            Some(deferred) => {
                let sense = Sense {
                    deferred,
                    ..Sense::of(3, 0x0c, 0x00)
                };
                self.raise(ALERT_WRITE);
                if !deferred {
                    return Err(sense.into());
                }
                // The head never gets beyond what is on tape.
                self.deferred = Some(sense);
                return Ok(());
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Whether the head is where the host wanted to be warned, or behind that.
    pub(super) fn is_early(&self, at: u64) -> bool {
        let Some((cartridge, early)) = self.cartridge.as_ref().zip(self.modes.early()) else {
            return false;
        };
        cartridge.used(at) + cartridge.memory.warning + early >= cartridge.memory.capacity
    }

    /// Tells that the end is near, after a write that began at this place.
    fn warn(&mut self, moved: usize, before: u64) -> Outcome {
        let at = self.at;
        let (was_early, is_early) = (self.is_early(before), self.is_early(at));
        if self.ready()?.is_near_end(at) {
            let sense = Sense {
                end: true,
                ..Sense::of(0, 0x00, 0x02)
            };
            return Err(Told { sense, moved });
        }
        if is_early && !was_early {
            let sense = Sense::of(0, 0x00, 0x07);
            return Err(Told { sense, moved });
        }
        Ok(moved)
    }

    pub(super) fn read(&mut self, command: &mut Command<'_, '_>) -> Outcome {
        let cdb = command.cdb;
        let (fixed, silent) = (cdb[1] & 1 != 0, cdb[1] & 2 != 0);
        if fixed && silent {
            return Err(bad_field());
        }
        let asked = u32::try_from(number(cdb, 2, 3)).unwrap_or(0);
        let (length, count) = self.shape(fixed, asked)?;
        self.ready()?;
        if asked == 0 {
            return Ok(0);
        }
        let (mut moved, mut recovered) = (0, false);
        for done in 0..count {
            let left = if fixed { asked - done } else { asked };
            recovered |= self.recovers(command);
            let bytes = self.next(command, left).map_err(|told| Told {
                sense: told.sense,
                moved,
            })?;
            let fits = bytes.len().min(length as usize);
            if let Data::In(buffer) = &mut command.data
                && let Some(place) = buffer.get_mut(moved..moved + fits)
            {
                place.copy_from_slice(&bytes[..fits]);
            }
            moved += fits;
            let over = i64::from(length) - i64::try_from(bytes.len()).unwrap_or(0);
            if over != 0 && !silent {
                let sense = Sense {
                    length: true,
                    information: Some(if fixed { i64::from(left) } else { over }),
                    ..Sense::default()
                };
                return Err(Told { sense, moved });
            }
        }
        if recovered {
            let sense = Sense::of(1, 0x17, 0x01);
            return Err(Told { sense, moved });
        }
        Ok(moved)
    }

    /// Whether the block under the head is read at the second try.
    fn recovers(&self, command: &Command<'_, '_>) -> bool {
        let cartridge = self.cartridge.as_ref();
        cartridge.is_some_and(|found| command.plan.recovers(&found.barcode, self.at))
    }

    /// The block under the head; the head moves over it.
    fn next(&mut self, command: &mut Command<'_, '_>, left: u32) -> Result<Vec<u8>, Told> {
        let at = self.at;
        let information = Some(i64::from(left));
        self.hold_together(command)?;
        let cartridge = self.ready()?;
        let Some(object) = cartridge.object(at) else {
            return Err(Told::from(Sense {
                information,
                ..Sense::of(8, 0x00, 0x05)
            }));
        };
        let Some(length) = object.length else {
            self.at += 1;
            return Err(Told::from(Sense {
                filemark: true,
                information,
                ..Sense::of(0, 0x00, 0x01)
            }));
        };
        if command.plan.read_fails(&cartridge.barcode, at) {
            self.raise(ALERT_READ);
            return Err(told(3, 0x11, 0x00));
        }
        if command.plan.key_is_wrong(&cartridge.barcode) {
            return Err(told(7, 0x74, 0x03));
        }
        let instead = cartridge.object(command.plan.read_instead(&cartridge.barcode, at));
        let object = instead
            .filter(|other| other.length.is_some())
            .unwrap_or(object);
        let mut bytes = cartridge.read(object)?;
        if command.plan.bit_flips(&cartridge.barcode, at)
            && let half = bytes.len() / 2
            && let Some(byte) = bytes.get_mut(half)
        {
            *byte ^= 0x10;
        }
        self.at += 1;
        self.work(Work::Stream {
            bytes: u64::from(length),
        });
        Ok(bytes)
    }
}
