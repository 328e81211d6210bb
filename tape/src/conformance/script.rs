//! What is said to a device, line by line, and what it answers.

/// A line and its answer.
pub(super) struct Wanted(pub(super) &'static str, pub(super) &'static str);

/// Every chapter begins where the one before it ended.
pub(super) const SCRIPT: &[(&str, &[Wanted])] = &[
    ("load", LOAD),
    ("read", READ),
    ("fixed", FIXED),
    ("wind", WIND),
    ("overwrite", OVERWRITE),
    ("reserve", RESERVE),
    ("append", APPEND),
    ("full", FULL),
    ("worm", WORM),
    ("cleaning", CLEANING),
];

const LOAD: &[Wanted] = &[
    Wanted("ready", "2/3a/00"),
    Wanted("arm s3 drive", "5/3b/0e"),
    Wanted("arm s0 nowhere", "5/21/01"),
    Wanted("arm s0 s1", "5/3b/0d"),
    Wanted("arm s0 drive", "GOOD"),
    Wanted("ready", "6/28/00"),
    Wanted("ready", "GOOD"),
    Wanted("arm s1 drive", "5/3b/0d"),
    // Whoever gives the tape away is given it back.
    Wanted("arm drive s0", "5/53/02"),
    Wanted("arm s0 drive", "5/3b/0e"),
    Wanted("limits", "limits"),
    Wanted("alerts", "GOOD"),
    Wanted("chip", "GOOD"),
    Wanted("at", "object 0, flags 80"),
    Wanted("place", "object 0, file 0"),
    Wanted("read 64", "8/00/05 info=64"),
    Wanted("fixed 0", "GOOD"),
];

const READ: &[Wanted] = &[
    Wanted("write 100", "GOOD"),
    Wanted("write 50", "GOOD"),
    Wanted("marks 1", "GOOD"),
    Wanted("write 20", "GOOD"),
    Wanted("flush", "GOOD"),
    Wanted("at", "object 4, flags 00"),
    Wanted("place", "object 4, file 1"),
    Wanted("rewind", "GOOD"),
    Wanted("read 100", "GOOD, 100 x 100"),
    Wanted("read 100", "0/00/00 ILI info=50, 50 x 50"),
    Wanted("read 100", "0/00/01 FM info=100"),
    Wanted("read 10", "0/00/00 ILI info=-10, 10 x 20"),
    Wanted("read 10", "8/00/05 info=10"),
    Wanted("rewind", "GOOD"),
    Wanted("silent 200", "GOOD, 100 left, 100 x 100"),
    Wanted("silent 50", "GOOD, 50 x 50"),
    Wanted("silent 50", "0/00/01 FM info=50"),
    Wanted("silent 50", "GOOD, 30 left, 20 x 20"),
    Wanted("silent 50", "8/00/05 info=50"),
];

const FIXED: &[Wanted] = &[
    Wanted("fixed 512", "GOOD"),
    Wanted("rewind", "GOOD"),
    Wanted("put 3", "GOOD"),
    Wanted("marks 1", "GOOD"),
    Wanted("put 1", "GOOD"),
    Wanted("rewind", "GOOD"),
    Wanted("records 2", "GOOD, 1024 x 3"),
    Wanted("records 5", "0/00/01 FM info=4, 512 bytes"),
    Wanted("records 2", "8/00/05 info=1, 512 bytes"),
    Wanted("fixed 0", "GOOD"),
];

const WIND: &[Wanted] = &[
    Wanted("rewind", "GOOD"),
    Wanted("write 1", "GOOD"),
    Wanted("write 2", "GOOD"),
    Wanted("marks 1", "GOOD"),
    Wanted("write 3", "GOOD"),
    Wanted("marks 2", "GOOD"),
    Wanted("write 4", "GOOD"),
    Wanted("flush", "GOOD"),
    Wanted("rewind", "GOOD"),
    Wanted("blocks 5", "0/00/01 FM info=3"),
    Wanted("read 3", "GOOD, 3 x 3"),
    Wanted("blocks -2", "0/00/01 FM info=1"),
    Wanted("at", "object 2, flags 00"),
    Wanted("blocks -5", "0/00/04 EOM info=3"),
    Wanted("files 2", "GOOD"),
    Wanted("at", "object 5, flags 00"),
    Wanted("files 5", "8/00/05 info=4"),
    Wanted("at", "object 7, flags 00"),
    Wanted("files -1", "GOOD"),
    Wanted("at", "object 5, flags 00"),
    Wanted("files 1", "GOOD"),
    Wanted("blocks 9", "8/00/05 info=8"),
    Wanted("files -9", "0/00/04 EOM info=6"),
    Wanted("end", "GOOD"),
    Wanted("at", "object 7, flags 00"),
    Wanted("near 3", "GOOD"),
    Wanted("read 3", "GOOD, 3 x 3"),
    Wanted("far 1", "GOOD"),
    Wanted("read 2", "GOOD, 2 x 2"),
    Wanted("near 99", "8/00/05"),
    Wanted("far 99", "8/00/05"),
    Wanted("at", "object 7, flags 00"),
];

const OVERWRITE: &[Wanted] = &[
    Wanted("near 1", "GOOD"),
    Wanted("write 9", "GOOD"),
    Wanted("read 9", "8/00/05 info=9"),
    Wanted("near 1", "GOOD"),
    Wanted("erase", "GOOD"),
    Wanted("read 9", "8/00/05 info=9"),
    Wanted("rewind", "GOOD"),
    Wanted("read 1", "GOOD, 1 x 1"),
];

const RESERVE: &[Wanted] = &[
    Wanted("keys", "no keys"),
    Wanted("holder", "held by nobody"),
    Wanted("reserve 5", "CONFLICT"),
    Wanted("register 5", "GOOD"),
    Wanted("register 6", "CONFLICT"),
    Wanted("keys", "8 bytes of keys, first 5"),
    Wanted("reserve 5", "GOOD"),
    Wanted("reserve 5", "GOOD"),
    Wanted("holder", "held by 5, kind 3"),
    Wanted("rewind", "GOOD"),
    Wanted("release 6", "CONFLICT"),
    Wanted("release 5", "GOOD"),
    Wanted("holder", "held by nobody"),
    Wanted("reserve 5", "GOOD"),
    Wanted("forget 5", "GOOD"),
    Wanted("holder", "held by nobody"),
    Wanted("keys", "no keys"),
];

const APPEND: &[Wanted] = &[
    Wanted("rewind", "GOOD"),
    Wanted("write 1", "GOOD"),
    Wanted("write 2", "GOOD"),
    Wanted("extension", "append 0, early 0"),
    Wanted("append 1", "GOOD"),
    Wanted("extension", "append 1, early 0"),
    Wanted("write 3", "GOOD"),
    Wanted("rewind", "GOOD"),
    Wanted("write 4", "7/30/0c"),
    Wanted("over 9", "5/24/00"),
    Wanted("over 0", "GOOD"),
    Wanted("write 5", "GOOD"),
    Wanted("rewind", "GOOD"),
    Wanted("write 6", "7/30/0c"),
    Wanted("append 0", "GOOD"),
    Wanted("write 6", "GOOD"),
];

const FULL: &[Wanted] = &[
    Wanted("rewind", "GOOD"),
    Wanted("fill", "0/00/02 EOM, then d/00/02 EOM info=262144"),
    Wanted("marks 1", "0/00/02 EOM"),
    Wanted("flush", "GOOD"),
    Wanted("rewind", "GOOD"),
    Wanted("erase", "GOOD"),
    Wanted("unload", "GOOD"),
    Wanted("ready", "2/04/02"),
    Wanted("load", "GOOD"),
    Wanted("ready", "6/28/00"),
    Wanted("unload", "GOOD"),
    Wanted("arm drive s3", "GOOD"),
    Wanted("ready", "2/3a/00"),
    Wanted("arm s3 s0", "GOOD"),
];

const WORM: &[Wanted] = &[
    Wanted("arm s1 drive", "GOOD"),
    Wanted("ready", "6/28/00"),
    Wanted("write 8", "GOOD"),
    Wanted("marks 1", "GOOD"),
    Wanted("rewind", "GOOD"),
    Wanted("write 8", "7/30/0c"),
    Wanted("erase", "7/30/0c"),
    Wanted("read 8", "GOOD, 8 x 8"),
    Wanted("end", "GOOD"),
    Wanted("write 8", "GOOD"),
    Wanted("unload", "GOOD"),
    Wanted("arm drive s1", "GOOD"),
];

const CLEANING: &[Wanted] = &[
    Wanted("arm s2 drive", "GOOD"),
    Wanted("ready", "6/28/00"),
    Wanted("ready", "2/30/03"),
    Wanted("write 8", "2/30/03"),
    Wanted("arm drive s2", "GOOD"),
];
