//! The cartridges of an embedded library, in files.

use std::io;
use std::path::Path;

use holdfast_actors::kernel::Size;
use holdfast_actors::names::TapeName;

use crate::library::{self, Cartridge, FIRST_SLOT, InFiles, Kind, Library, Memory, Plan, Shared};

/// Places behind the door.
const DOORS: u16 = 2;
/// The end of a tape is near when so much of it is left: a part of all of it.
const WARNING_PART: u64 = 16;
/// At least so much is left then: an index, a seal, and the rest of an object.
const WARNING_MIN: u64 = 4 << 20;

/// Opens an embedded library below a folder, and makes what is not there yet: a cartridge for each
/// slot.
pub(super) fn open(
    name: &TapeName,
    (drives, slots): (u16, u16),
    capacity: Size,
    folder: &Path,
) -> io::Result<Shared> {
    let size = library::Size {
        drives: usize::from(drives),
        slots,
        doors: DOORS,
    };
    let mut library = Library::new(size, Plan::default());
    for number in 1..=slots {
        let barcode = barcode(name, number);
        let files = InFiles::open(&folder.join(name.as_str()).join(&barcode))?;
        let capacity = capacity.as_bytes();
        let new = Memory {
            kind: Kind::Data,
            capacity,
            warning: (capacity / WARNING_PART).max(WARNING_MIN),
            protected: false,
            loads: 0,
            attributes: std::collections::BTreeMap::new(),
        };
        let memory = files.memory()?.unwrap_or(new);
        let cartridge = Cartridge::open(&barcode, memory, Box::new(files))?;
        library.insert(FIRST_SLOT + number - 1, cartridge);
    }
    Ok(Shared::new(library))
}

/// Two letters from the library's name, so that two libraries seldom share a barcode, then the
/// number of the slot.
fn barcode(name: &TapeName, number: u16) -> String {
    let sum = crc32c::crc32c(name.as_str().as_bytes());
    let letter = |part: u32| char::from(b'A' + u8::try_from(part % 26).unwrap_or_default());
    let (one, other) = (letter(sum), letter(sum / 26));
    format!("{one}{other}{number:04}L9")
}

#[cfg(test)]
mod tests {
    use holdfast_actors::tape::Barcode;

    use super::*;

    #[test]
    fn barcodes_are_well_formed_and_differ_between_libraries() {
        let name = |text| TapeName::parse(text).unwrap();
        let first = barcode(&name("attic"), 1);
        assert!(Barcode::parse(&first).is_ok(), "{first}");
        assert!(Barcode::parse(&barcode(&name("x"), 4_096)).is_ok());
        assert_ne!(first, barcode(&name("cellar"), 1));
    }
}
