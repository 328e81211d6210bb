//! What is true of the library at any command that reaches it, seen from beside its cables.
//!
//! `tape-moves`: each move was noted in the catalog before, and is made once. `tape-positions`:
//! nothing is written where nobody knows where the tape stands. `tape-kept`: what the catalog
//! counts is never cut off a tape, unless the catalog let the cartridge be begun anew.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_actors::tape::changer::Element;
use holdfast_tape::library::Unit;
use holdfast_tape::scsi::Answer;

use crate::ledger::Ledger;

pub(super) const MOVES: &str = "tape-moves";
pub(super) const POSITIONS: &str = "tape-positions";
pub(super) const KEPT: &str = "tape-kept";

/// Who looks on. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    ledger: Ledger,
    facts: Arc<Mutex<Facts>>,
}

#[derive(Debug, Default)]
struct Facts {
    /// The move that was noted last, and whether the robot was told of it.
    meant: Option<(Way, bool)>,
    /// Drives of which nobody knows where the tape stands.
    unsure: BTreeMap<Unit, bool>,
    /// How many objects of each cartridge hold what the catalog counts.
    floors: BTreeMap<String, u64>,
}

type Way = (Element, Element);

fn element(cdb: &[u8], at: usize) -> Element {
    let byte = |at: usize| cdb.get(at).copied().unwrap_or_default();
    Element(u16::from_be_bytes([byte(at), byte(at + 1)]))
}

impl Watch {
    pub(super) fn new(ledger: Ledger) -> Self {
        let facts = Arc::default();
        Self { ledger, facts }
    }

    /// Adds a line to the trace.
    pub(super) fn say(&self, what: std::fmt::Arguments<'_>) {
        self.ledger.say(what);
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A move is noted for good. One that was noted before a crash stays the same.
    pub(super) fn meant(&self, way: Way) {
        self.facts().meant = Some((way, false));
    }

    /// What a node finds noted when it starts.
    pub(super) fn found(&self, way: Option<Way>) {
        let mut facts = self.facts();
        let known = facts.meant.filter(|(known, _)| Some(*known) == way);
        facts.meant = known.or(way.map(|way| (way, false)));
    }

    /// The catalog counts so many objects of this cartridge from now on; none when it was begun.
    pub(super) fn floor(&self, barcode: &str, objects: u64) {
        self.facts().floors.insert(barcode.to_owned(), objects);
    }

    /// What is behind so many objects goes off a cartridge for good.
    pub(super) fn cut(&self, barcode: &str, kept: u64) {
        let floor = self.facts().floors.get(barcode).copied();
        if let Some(floor) = floor.filter(|floor| kept < *floor) {
            let story = format_args!("{barcode} is cut behind object {kept}, of {floor} in use");
            self.ledger.breach(KEPT, story);
        }
    }

    /// A command is about to reach a device.
    pub(super) fn ahead(&self, unit: Unit, cdb: &[u8]) {
        match (unit, cdb[0]) {
            (Unit::Changer, 0xa5) => self.moves((element(cdb, 4), element(cdb, 6))),
            (Unit::Drive(number), 0x0a | 0x10 | 0x80 | 0x19) => {
                if self.facts().unsure.get(&unit) == Some(&true) {
                    let story = format_args!("drive {number} writes, and nobody knows where");
                    self.ledger.breach(POSITIONS, story);
                }
            }
            (Unit::Changer | Unit::Drive(_), _) => {}
        }
    }

    fn moves(&self, way: Way) {
        let noted = {
            let mut facts = self.facts();
            let noted = facts.meant;
            facts.meant = Some((way, true));
            noted
        };
        let (from, to) = (way.0.0, way.1.0);
        self.ledger.say(format_args!("robot: {from} to {to}"));
        if noted != Some((way, false)) {
            let story = format_args!("{from} to {to}: noted was {noted:?}");
            self.ledger.breach(MOVES, story);
        }
    }

    /// A device answered.
    pub(super) fn behind(&self, unit: Unit, cdb: &[u8], answer: &Answer) {
        let is_told = matches!(cdb[0], 0x01 | 0x1b | 0x2b | 0x34 | 0x92);
        match answer {
            Answer::Good { .. } if is_told => {
                self.facts().unsure.insert(unit, false);
            }
            Answer::Lost { why } => {
                self.ledger
                    .say(format_args!("{unit:?} {:02x}: {why}", cdb[0]));
                self.facts().unsure.insert(unit, true);
            }
            Answer::Good { .. } | Answer::Check { .. } | Answer::Conflict | Answer::Busy => {}
        }
    }
}
