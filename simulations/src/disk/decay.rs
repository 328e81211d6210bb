//! What a disk loses or mixes up by itself, at rest or at work, and where it says so.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Disk;
use crate::dice::Dice;
use crate::plan::Rot;

/// What a drive writes at once.
const SECTOR: u64 = 512;

/// Where a disk is not what it was: ranges of bytes by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotten(BTreeMap<String, Vec<Range<u64>>>);

impl Rotten {
    /// Whether nothing rotted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether anything rotted in a folder.
    pub fn is_in(&self, folder: &str) -> bool {
        self.0
            .keys()
            .any(|path| path.rsplit_once('/').map(|(of, _)| of) == Some(folder))
    }

    /// Whether anything rotted in a range of a file.
    pub fn touches(&self, path: &str, range: &Range<u64>) -> bool {
        let ranges = self.0.get(path).into_iter().flatten();
        let mut touching = ranges.filter(|it| it.start < range.end && range.start < it.end);
        touching.next().is_some()
    }

    fn add(&mut self, path: &str, range: Range<u64>) {
        self.0.entry(path.to_owned()).or_default().push(range);
    }
}

impl Disk {
    /// Both of what follows.
    pub fn decay(&self, below: &str, rot: Rot, dice: &mut Dice, rotten: &mut Rotten) {
        self.flip(below, rot.bits, dice, rotten);
        self.misdirect(below, rot.sectors, dice, rotten);
    }

    /// Flips so many bits in files below a folder, each file as likely as another.
    pub fn flip(&self, below: &str, bits: u32, dice: &mut Dice, rotten: &mut Rotten) {
        for _ in 0..bits {
            let Some((path, bytes)) = self.pick(below, dice) else {
                return;
            };
            let at = dice.below(bytes.len() as u64);
            let flipped = bytes[at as usize] ^ (1 << dice.below(8));
            self.state().files.decay(&path, at, &[flipped]);
            rotten.add(&path, at..at + 1);
        }
    }

    /// Lets so many sectors below a folder hold what belongs to another, as if a write had gone to
    /// the wrong place.
    pub fn misdirect(&self, below: &str, sectors: u32, dice: &mut Dice, rotten: &mut Rotten) {
        for _ in 0..sectors {
            let (Some((path, bytes)), Some((_, other))) =
                (self.pick(below, dice), self.pick(below, dice))
            else {
                return;
            };
            let sector = |bytes: &[u8], dice: &mut Dice| {
                let start = dice.below(bytes.len() as u64) / SECTOR * SECTOR;
                start..(start + SECTOR).min(bytes.len() as u64)
            };
            let (to, from) = (sector(&bytes, dice), sector(&other, dice));
            let length = (to.end - to.start).min(from.end - from.start);
            let source = from.start as usize;
            let written = &other[source..source + length as usize];
            self.state().files.decay(&path, to.start, written);
            rotten.add(&path, to.start..to.start + length);
        }
    }

    /// A file that is not empty.
    fn pick(&self, below: &str, dice: &mut Dice) -> Option<(String, Vec<u8>)> {
        let prefix = format!("{below}/");
        let mut paths = self.paths();
        paths.retain(|path| path.starts_with(&prefix));
        let path = paths.get(dice.below(paths.len() as u64) as usize)?.clone();
        let bytes = self.content(&path).filter(|bytes| !bytes.is_empty())?;
        Some((path, bytes))
    }
}
