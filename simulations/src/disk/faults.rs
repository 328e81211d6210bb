//! What goes wrong with a disk, beside what a crash does to it.

/// What is wrong with a disk.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// The space for all files together, in bytes.
    pub capacity: Option<u64>,
    /// How many of the next syncs fail; the writes they should have made durable are forgotten.
    pub failing_syncs: u32,
    /// How many of the next writes fail.
    pub failing_writes: u32,
    /// A planted bug: syncs of files report success and do nothing.
    pub lying_syncs: bool,
    /// A planted bug: the disk says that all of it is free.
    pub boasts: bool,
    /// A planted bug: extents whose names are taken away keep them.
    pub kept_extents: bool,
    /// A planted bug: with the name of an extent, that of the next one goes.
    pub greedy_removals: bool,
}
