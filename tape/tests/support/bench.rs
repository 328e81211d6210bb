//! A virtual library to whose devices one speaks in words.

use expect_test::Expect;
use holdfast_tape::conformance::{say, tell};
use holdfast_tape::library::{Cartridge, FIRST_SLOT, Fault, Kind, Library, Plan, Size, Unit};
use holdfast_tape::scsi::{Answer, Data, Patience, Scsi};

const SIZE: Size = Size {
    drives: 2,
    slots: 4,
    doors: 1,
};

/// A library whose first attentions are already told.
pub(crate) fn library(cartridges: Vec<Cartridge>, faults: Vec<Fault>) -> Library {
    let mut library = Library::new(SIZE, Plan::default());
    for (slot, cartridge) in (FIRST_SLOT..).zip(cartridges) {
        assert!(library.insert(slot, cartridge).is_none());
    }
    for unit in [Unit::Changer, Unit::Drive(0), Unit::Drive(1)] {
        while say(&library.execute(unit, &[0; 6], Data::None)).starts_with("6/") {}
    }
    for fault in faults {
        library.plan().add(fault);
    }
    library
}

/// The way to one device.
struct Way<'a>(&'a mut Library, Unit);

impl Scsi for Way<'_> {
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, _: Patience) -> Answer {
        self.0.execute(self.1, cdb, data)
    }
}

/// A word of the script, or one of these.
fn command(library: &mut Library, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let place = |at: usize| words[at].parse::<u16>().expect("an address").to_be_bytes();
    match words[0] {
        "power" => library.power_cycle(),
        "reset" => library.reset(Unit::Drive(0)),
        "arm" => return tell(&mut Way(library, Unit::Changer), "ready"),
        "move" => {
            let ([a, b], [c, d]) = (place(1), place(2));
            let cdb = [0xa5, 0, 0, 1, a, b, c, d, 0, 0, 0, 0];
            return say(&library.execute(Unit::Changer, &cdb, Data::None));
        }
        _ => return tell(&mut Way(library, Unit::Drive(0)), line),
    }
    "-".into()
}

pub(crate) fn check(library: &mut Library, script: &str, expected: &Expect) {
    let mut said = String::new();
    for line in script
        .split(['\n', ';'])
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        said += &format!("{line}: {}\n", command(library, line));
    }
    expected.assert_eq(&said);
}

pub(crate) fn data(barcode: &str) -> Cartridge {
    Cartridge::empty(barcode, Kind::Data, 100_000)
}

pub(crate) const LOADED: &str = "move 1000 256
    ready";
