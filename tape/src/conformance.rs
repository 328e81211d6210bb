//! One script for every drive and changer: what a device that keeps to the standards answers.
//!
//! Whoever deviates has each deviation in a table; anything else that differs is a finding. The
//! script writes over the cartridges that it is given.

use crate::exchange::{self, Failure};
use crate::scsi::{Answer, Scsi};
use crate::smc::{Address, Changer, Rows};
use script::{SCRIPT, Wanted};

pub use deviations::{Deviation, TGT, VIRTUAL};
pub use words::{say, tell};

mod deviations;
mod script;
mod words;

/// One line of the script and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Chapter and line, and how often the line was said in the chapter before.
    pub step: String,
    /// What a device that keeps to the standards says.
    pub wanted: &'static str,
    /// What this one said.
    pub seen: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { step, wanted, seen } = self;
        write!(f, "{step}: wanted {wanted}, seen {seen}")
    }
}

/// A drive and the changer that serves it.
#[derive(Debug)]
pub struct Bench<D, C> {
    drive: D,
    changer: Changer<C>,
    rows: Rows,
    at: u16,
}

impl<D: Scsi, C: Scsi> Bench<D, C> {
    /// The changer's drive of this number is the drive, empty. Its slots hold, from the first: an
    /// empty tape of at most 256 MiB, a WORM tape, a cleaning cartridge; then one slot is free.
    ///
    /// # Errors
    /// When the changer does not answer.
    pub fn new(mut drive: D, changer: C, number: u16) -> Result<Self, Failure> {
        let mut changer = Changer::new(changer);
        changer.ready().1?;
        let rows = changer.rows()?;
        // An empty drive is not ready; what it wants attention for is told.
        let _ = exchange::ready(&mut drive);
        Ok(Self {
            drive,
            changer,
            rows,
            at: rows.drives.first.0 + number,
        })
    }

    /// Plays the whole script and gives every step where the device deviated.
    pub fn play(&mut self) -> Vec<Finding> {
        let mut found = Vec::new();
        for (chapter, lines) in SCRIPT {
            let mut said: Vec<&str> = Vec::new();
            for Wanted(line, wanted) in *lines {
                let before = said.iter().filter(|earlier| *earlier == line).count();
                said.push(line);
                let seen = self.line(line);
                if seen != *wanted {
                    let step = format!("{chapter}: {line} #{before}");
                    found.push(Finding { step, wanted, seen });
                }
            }
        }
        found
    }

    fn line(&mut self, line: &str) -> String {
        let Some(rest) = line.strip_prefix("arm ") else {
            return tell(&mut self.drive, line);
        };
        let mut places = rest.split(' ').map(|word| self.place(word));
        let (Some(from), Some(to)) = (places.next(), places.next()) else {
            return "a line without places".into();
        };
        match self.changer.carry(&self.rows, from, to) {
            Ok(()) => say(&Answer::Good { residual: 0 }),
            Err(Failure::Told { sense, .. }) => sense.to_string(),
            Err(other) => other.to_string(),
        }
    }

    /// `s2` is the third slot, `drive` the drive, and `nowhere` no element.
    fn place(&self, word: &str) -> Address {
        let slot = word.strip_prefix('s').and_then(|at| at.parse::<u16>().ok());
        match (word, slot) {
            ("drive", _) => Address(self.at),
            (_, Some(slot)) => Address(self.rows.slots.first.0 + slot),
            _ => Address(u16::MAX),
        }
    }
}

/// The findings that the table does not know, and the entries of the table that were not met.
#[must_use]
pub fn judge(found: &[Finding], known: &[Deviation]) -> Vec<String> {
    let is_known = |finding: &&Finding| {
        known
            .iter()
            .any(|one| one.step == finding.step && one.seen == finding.seen)
    };
    let is_met = |one: &&Deviation| {
        found
            .iter()
            .any(|finding| one.step == finding.step && one.seen == finding.seen)
    };
    let unknown = found.iter().filter(|finding| !is_known(finding));
    let unmet = known.iter().filter(|one| !is_met(one));
    unknown
        .map(ToString::to_string)
        .chain(unmet.map(|one| format!("{}: no longer {}", one.step, one.seen)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_table_says_is_forgiven() {
        let finding = |seen: &str| Finding {
            step: "a: at #0".into(),
            wanted: "GOOD",
            seen: seen.into(),
        };
        let known = [Deviation {
            step: "a: at #0",
            seen: "5/20/00",
        }];
        assert!(judge(&[finding("5/20/00")], &known).is_empty());
        let other = judge(&[finding("5/24/00")], &known);
        assert_eq!(
            other,
            [
                "a: at #0: wanted GOOD, seen 5/24/00",
                "a: at #0: no longer 5/20/00"
            ]
        );
    }
}
