//! Who deviates, and where.

/// A step at which a device is known to answer otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// Chapter, line and repetition, as in [`Finding`](super::Finding).
    pub step: &'static str,
    /// What it says.
    pub seen: &'static str,
}

/// The virtual library deviates nowhere.
pub const VIRTUAL: &[Deviation] = &[];

const fn at(step: &'static str, seen: &'static str) -> Deviation {
    Deviation { step, seen }
}

/// The emulator `tgt` 1.0.85, as Debian 12 has it: it knows no positions, logs, chips and
/// reservations by key, cannot be told only to add to a tape, runs over filemarks when it spaces
/// over blocks, counts data where there is none, does not unload, and treats WORM and cleaning
/// cartridges as any other; its mode pages say of every tape that it can be written once.
pub const TGT: &[Deviation] = &[
    at("load: arm s0 nowhere #0", "5/24/00"),
    at("load: ready #1", "GOOD"),
    at("load: arm drive s0 #0", "GOOD"),
    at("load: arm s0 drive #1", "GOOD"),
    at("load: alerts #0", "5/20/00"),
    at("load: chip #0", "5/20/00"),
    at("load: at #0", "object 0, flags 14"),
    at("load: read 64 #0", "8/00/00 EOM, 64 bytes"),
    at("read: at #0", "object 0, flags 14"),
    at("read: place #0", "object 0, file 0"),
    at("read: read 100 #2", "0/00/01 FM info=100, 100 bytes"),
    at("read: read 10 #0", "0/00/00 ILI info=-10"),
    at("read: read 10 #1", "8/00/00 EOM, 10 bytes"),
    at("read: silent 200 #0", "0/00/00 ILI info=100, 100 x 100"),
    at("read: silent 50 #1", "0/00/01 FM info=50, 50 bytes"),
    at("read: silent 50 #2", "0/00/00 ILI info=30, 30 mixed"),
    at("read: silent 50 #3", "8/00/00 EOM, 50 bytes"),
    at("fixed: records 5 #0", "0/00/01 FM info=4, 2560 bytes"),
    at("fixed: records 2 #1", "3/31/00, 1024 bytes"),
    at("wind: blocks 5 #0", "GOOD"),
    at("wind: read 3 #0", "0/00/01 FM info=3, 3 bytes"),
    at("wind: blocks -2 #0", "GOOD"),
    at("wind: at #0", "object 0, flags 14"),
    at("wind: blocks -5 #0", "GOOD"),
    at("wind: at #1", "object 0, flags 14"),
    at("wind: files 5 #0", "0/00/05"),
    at("wind: at #2", "object 0, flags 14"),
    at("wind: at #3", "object 0, flags 14"),
    at("wind: blocks 9 #0", "0/00/05"),
    at("wind: files -9 #0", "0/00/04"),
    at("wind: at #4", "object 0, flags 14"),
    at("wind: near 3 #0", "5/20/00"),
    at("wind: read 3 #1", "8/00/00 EOM, 3 bytes"),
    at("wind: far 1 #0", "5/20/00"),
    at("wind: read 2 #0", "8/00/00 EOM, 2 bytes"),
    at("wind: near 99 #0", "5/20/00"),
    at("wind: far 99 #0", "5/20/00"),
    at("wind: at #5", "object 0, flags 14"),
    at("overwrite: near 1 #0", "5/20/00"),
    at("overwrite: read 9 #0", "8/00/00 EOM, 9 bytes"),
    at("overwrite: near 1 #1", "5/20/00"),
    at("overwrite: erase #0", "5/20/00"),
    at("overwrite: read 9 #1", "8/00/00 EOM, 9 bytes"),
    at("reserve: keys #0", "5/20/00"),
    at("reserve: holder #0", "5/20/00"),
    at("reserve: reserve 5 #0", "5/20/00"),
    at("reserve: register 5 #0", "5/20/00"),
    at("reserve: register 6 #0", "5/20/00"),
    at("reserve: keys #1", "5/20/00"),
    at("reserve: reserve 5 #1", "5/20/00"),
    at("reserve: reserve 5 #2", "5/20/00"),
    at("reserve: holder #1", "5/20/00"),
    at("reserve: release 6 #0", "5/20/00"),
    at("reserve: release 5 #0", "5/20/00"),
    at("reserve: holder #2", "5/20/00"),
    at("reserve: reserve 5 #3", "5/20/00"),
    at("reserve: forget 5 #0", "5/20/00"),
    at("reserve: holder #3", "5/20/00"),
    at("reserve: keys #2", "5/20/00"),
    at("append: extension #0", "5/24/00"),
    at("append: append 1 #0", "5/20/00"),
    at("append: extension #1", "5/24/00"),
    at("append: write 4 #0", "GOOD"),
    at("append: over 9 #0", "5/20/00"),
    at("append: over 0 #0", "5/20/00"),
    at("append: write 6 #0", "GOOD"),
    at("append: append 0 #0", "5/20/00"),
    at("full: fill #0", "0/00/00 EOM, then no end"),
    at("full: marks 1 #0", "GOOD"),
    at("full: erase #0", "5/20/00"),
    at("full: ready #0", "GOOD"),
    at("full: ready #1", "GOOD"),
    at("worm: ready #0", "GOOD"),
    at("worm: write 8 #1", "GOOD"),
    at("worm: erase #0", "5/20/00"),
    at("worm: read 8 #0", "8/00/00 EOM, 8 bytes"),
    at("cleaning: ready #0", "GOOD"),
    at("cleaning: ready #1", "GOOD"),
    at("cleaning: write 8 #0", "GOOD"),
];
