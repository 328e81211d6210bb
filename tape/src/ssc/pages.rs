//! Pages of a drive: modes, alerts, and the chip of the cartridge.

use std::collections::{BTreeMap, BTreeSet};

use super::{Alerts, Drive, log};
use crate::exchange::Failure;
use crate::scsi::{Data, Patience, Scsi, number};
use crate::sense::Order;

/// What the drive says of the mounted cartridge and of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modes {
    /// The tab forbids writing.
    pub protected: bool,
    /// The cartridge is written once; `None` when the drive does not tell.
    pub worm: Option<bool>,
    /// Bytes of a fixed block; 0 for blocks of any length.
    pub block: u32,
    /// What kind of tape; 0 when the drive does not tell.
    pub density: u8,
}

/// Asks for the values, or with `action` 1 for the numbers, of the chip from `first` on.
pub(super) fn read_attributes(action: u8, first: u16, length: u32) -> [u8; 16] {
    let [a, b] = first.to_be_bytes();
    let [c, d, e, f] = length.to_be_bytes();
    [0x8c, action, 0, 0, 0, 0, 0, 0, a, b, c, d, e, f, 0, 0]
}

impl<S: Scsi> Drive<S> {
    /// Modes of drive and cartridge.
    ///
    /// # Errors
    /// When the drive does not say.
    pub fn modes(&mut self) -> Result<Modes, Failure> {
        let mut bytes = [0; 64];
        let done = self.question(&[0x1a, 0, 0, 0, 64, 0], Data::In(&mut bytes))?;
        if done.moved < 4 {
            return Err(Failure::Nonsense("MODE SENSE"));
        }
        let described = bytes[3] >= 8 && done.moved >= 12;
        let mut page = [0; 64];
        let medium = self.ask(&[0x1a, 0x08, 0x1d, 0, 64, 0], &mut page)?;
        let is_medium = page[4] & 0x3f == 0x1d;
        let worm = medium.filter(|moved| *moved >= 7 && is_medium);
        Ok(Modes {
            protected: bytes[2] & 0x80 != 0,
            worm: worm.map(|_| page[6] & 1 != 0),
            block: u32::try_from(number(&bytes, 9, 3))
                .ok()
                .filter(|_| described)
                .unwrap_or(0),
            density: if described { bytes[4] } else { 0 },
        })
    }

    /// Sets buffered writing of blocks of any length.
    ///
    /// # Errors
    /// When the drive refuses.
    pub fn any_length(&mut self) -> Result<(), Failure> {
        let list = [0, 0, 0x10, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        let cdb = [0x15, 0x10, 0, 0, 12, 0];
        self.question(&cdb, Data::Out(&list)).map(|_| ())
    }

    /// The alerts that are raised, 1 to 64. Some drives forget what they told: only the owner of
    /// the drive asks.
    ///
    /// # Errors
    /// When the drive does not say.
    pub fn alerts(&mut self) -> Result<BTreeSet<u8>, Failure> {
        let mut bytes = [0; 512];
        match self.abilities.alerts {
            Alerts::Never => Ok(BTreeSet::new()),
            Alerts::Kept => {
                let done = self.question(&log(0x12, 512), Data::In(&mut bytes))?;
                if done.moved < 16 {
                    return Err(Failure::Nonsense("LOG SENSE"));
                }
                // The first alert is the highest bit of the first byte.
                let flags = number(&bytes, 8, 8);
                Ok((1..=64)
                    .filter(|alert| flags >> (64 - alert) & 1 == 1)
                    .collect())
            }
            Alerts::Once => {
                let done = self.question(&log(0x2e, 512), Data::In(&mut bytes))?;
                let listed = bytes[..done.moved].get(4..).unwrap_or_default();
                let raised = listed.chunks_exact(5).filter(|one| one[4] & 1 == 1);
                Ok(raised.map(|one| one[1]).collect())
            }
        }
    }

    /// What the cartridge's chip holds: number to value. Numbers from 0800h are the host's.
    ///
    /// # Errors
    /// When the drive does not say; a chip that cannot be read is a fault of reading.
    pub fn attributes(&mut self) -> Result<BTreeMap<u16, Vec<u8>>, Failure> {
        let mut bytes = vec![0; 16_384];
        let cdb = read_attributes(0, 0, 16_384);
        let done = self.question(&cdb, Data::In(&mut bytes))?;
        let told = usize::try_from(number(&bytes, 0, 4)).unwrap_or(0);
        let end = done.moved.min(told.saturating_add(4));
        Ok(parsed(bytes.get(4..end).unwrap_or_default()))
    }

    /// Writes texts into the host's part of the chip; an empty one removes it.
    ///
    /// # Errors
    /// When the drive refuses.
    pub fn remember(&mut self, texts: &BTreeMap<u16, String>) -> Result<(), Failure> {
        let mut list = vec![0; 4];
        for (id, text) in texts {
            let length = u16::try_from(text.len());
            let length = length.map_err(|_| Failure::Nonsense("a long attribute"))?;
            list.extend(id.to_be_bytes());
            list.push(0x01);
            list.extend(length.to_be_bytes());
            list.extend(text.as_bytes());
        }
        let length = u32::try_from(list.len()).unwrap_or(u32::MAX);
        list[..4].copy_from_slice(&(length - 4).to_be_bytes());
        let mut cdb = read_attributes(0, 0, length);
        cdb[0] = 0x8d;
        let data = Data::Out(&list);
        self.send(&cdb, data, Patience::Flush, Order::Other)
            .map(|_| ())
    }
}

/// Attributes one behind the other; a cut last one is left out.
fn parsed(bytes: &[u8]) -> BTreeMap<u16, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut rest = bytes;
    while let [a, b, _, c, d, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        let Some((value, after)) = tail.split_at_checked(length) else {
            break;
        };
        found.insert(u16::from_be_bytes([*a, *b]), value.to_vec());
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_chip_is_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let held: usize = parsed(&bytes).values().map(Vec::len).sum();
            prop_assert!(held <= bytes.len());
        }
    }
}
