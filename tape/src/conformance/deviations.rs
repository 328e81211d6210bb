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
