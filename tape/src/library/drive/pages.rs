//! Pages: limits, logs, and the chip of the cartridge.

use super::super::reply::{Outcome, Told, bad_field, give, text, told};
use super::super::store::{Kind, Memory};
use super::{ALERT_CHIP, BLOCK_MAX, Command, Drive};
use crate::scsi::{Data, number, three};

impl Drive {
    pub(super) fn limits(&mut self, command: &mut Command<'_, '_>) -> Outcome {
        let [a, b, c] = three(BLOCK_MAX);
        give(&mut command.data, 6, &[0, a, b, c, 0, 1])
    }

    pub(super) fn log(&mut self, command: &mut Command<'_, '_>) -> Outcome {
        let page = command.cdb[2] & 0x3f;
        let body = match page {
            0x00 => vec![0x00, 0x12, 0x2e],
            // As they stand; asking does not clear them.
            0x12 => {
                let mut body = vec![0, 0, 0x03, 8];
                body.extend(self.alerts.reverse_bits().to_be_bytes());
                body
            }
            0x2e => {
                let flags = (0..64_u16).map(|bit| (bit + 1, self.alerts >> bit & 1));
                let body = flags.flat_map(|(code, raised)| {
                    let [high, low] = code.to_be_bytes();
                    [high, low, 0x40, 1, u8::from(raised == 1)]
                });
                body.collect()
            }
            _ => return Err(bad_field()),
        };
        if page == 0x2e {
            self.alerts = 0;
        }
        let mut bytes = vec![page, 0];
        bytes.extend(u16::try_from(body.len()).unwrap_or(0).to_be_bytes());
        bytes.extend(body);
        give(&mut command.data, number(command.cdb, 7, 2), &bytes)
    }

    pub(super) fn attributes(&mut self, command: &mut Command<'_, '_>) -> Outcome {
        let cdb = command.cdb;
        let at = self.at;
        self.chip(command)?;
        let cartridge = self.ready()?;
        let left = cartridge.memory.capacity - cartridge.used(at);
        let first = u16::try_from(number(cdb, 8, 2)).unwrap_or(0);
        let all = listed(&cartridge.memory, &cartridge.barcode, left);
        let mut body = Vec::new();
        for (id, format, value) in all.iter().filter(|(id, ..)| *id >= first) {
            body.extend(id.to_be_bytes());
            if cdb[1] & 0x1f == 0 {
                body.push(*format);
                body.extend(u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
                body.extend(value);
            }
        }
        if body.is_empty() {
            return Err(bad_field());
        }
        let mut bytes = u32::try_from(body.len())
            .unwrap_or(0)
            .to_be_bytes()
            .to_vec();
        bytes.extend(body);
        give(&mut command.data, number(cdb, 10, 4), &bytes)
    }

    /// Whether the chip can be reached.
    fn chip(&mut self, command: &Command<'_, '_>) -> Result<(), Told> {
        let cartridge = self.ready()?;
        if command.plan.chip_is_unreadable(&cartridge.barcode) {
            self.raise(ALERT_CHIP);
            return Err(told(3, 0x11, 0x12));
        }
        Ok(())
    }

    pub(super) fn remember(&mut self, command: &mut Command<'_, '_>) -> Outcome {
        self.chip(command)?;
        let cartridge = self.ready()?;
        let Data::Out(bytes) = command.data else {
            return Ok(0);
        };
        if cartridge.memory.protected {
            return Err(told(7, 0x27, 0x00));
        }
        let mut wanted = cartridge.memory.attributes.clone();
        let mut rest = bytes.get(4..).unwrap_or_default();
        while let [a, b, format, c, d, tail @ ..] = rest {
            let id = u16::from_be_bytes([*a, *b]);
            let length = usize::from(u16::from_be_bytes([*c, *d]));
            // What the host may keep there; the rest belongs to the medium and the drive.
            let (0x0800..=0x0bff, Some(value)) = (id, tail.get(..length)) else {
                return Err(told(5, 0x26, 0x00));
            };
            if value.is_empty() {
                wanted.remove(&id);
            } else {
                wanted.insert(id, (*format, value.to_vec()));
            }
            rest = &tail[length..];
        }
        cartridge.memory.attributes = wanted;
        cartridge.remember()?;
        Ok(bytes.len())
    }
}

const MEGABYTE: u64 = 1 << 20;

/// What the chip tells, by number: of the drive, of the medium, of hosts.
fn listed(memory: &Memory, barcode: &str, left: u64) -> Vec<(u16, u8, Vec<u8>)> {
    let number = |value: u64| value.to_be_bytes().to_vec();
    let kind = match memory.kind {
        Kind::Data => 0x00,
        Kind::Cleaning { .. } => 0x01,
        Kind::Worm => 0x80,
    };
    let mut all = vec![
        (0x0000, 0x80, number(left / MEGABYTE)),
        (0x0001, 0x80, number(memory.capacity / MEGABYTE)),
        (0x0003, 0x80, number(memory.loads)),
        (0x0401, 0x81, text(&format!("HFM-{barcode}"), 32)),
        (0x0408, 0x80, vec![kind]),
    ];
    let hosts = memory.attributes.iter();
    all.extend(hosts.map(|(id, (format, value))| (*id, *format, value.clone())));
    all
}
