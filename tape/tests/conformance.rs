//! The script, played on every device there is.

use holdfast_tape::conformance::{Bench, VIRTUAL, judge};
use holdfast_tape::library::{Cartridge, FIRST_SLOT, InFiles, Kind, Library, Plan, Shared};
use holdfast_tape::library::{Memory, Size, Unit};

const SIZE: Size = Size {
    drives: 2,
    slots: 4,
    doors: 1,
};

fn played(tape: Cartridge) -> Vec<String> {
    let mut library = Library::new(SIZE, Plan::default());
    let worm = Cartridge::empty("WRM001LW", Kind::Worm, 4 << 20);
    let cleaner = Cartridge::empty("CLN001CU", Kind::Cleaning { uses: 9 }, 0);
    for (at, cartridge) in (FIRST_SLOT..).zip([tape, worm, cleaner]) {
        assert!(library.insert(at, cartridge).is_none());
    }
    let shared = Shared::new(library);
    let (drive, changer) = (shared.port(Unit::Drive(1)), shared.port(Unit::Changer));
    let found = Bench::new(drive, changer, 1).expect("a bench").play();
    judge(&found, VIRTUAL)
}

#[test]
fn the_virtual_library_in_memory_keeps_to_the_standards() {
    let tape = Cartridge::empty("AA0001L9", Kind::Data, (4 << 20) + 8_192);
    assert_eq!(played(tape), [""; 0]);
}

#[test]
fn the_virtual_library_in_files_keeps_to_the_standards() {
    let folder = tempfile::tempdir().expect("a folder");
    let memory = Memory {
        kind: Kind::Data,
        capacity: (4 << 20) + 8_192,
        warning: 1 << 20,
        protected: false,
        loads: 0,
        attributes: [].into(),
    };
    let store = Box::new(InFiles::open(folder.path()).expect("files"));
    let tape = Cartridge::open("AA0001L9", memory, store).expect("a tape");
    assert_eq!(played(tape), [""; 0]);
}
