//! What a repository says of itself.

use std::collections::BTreeMap;

use super::entry::Place;
use super::state::Figures;
use crate::kernel::{Date, Size, Space, Timestamp};

/// The figures of a repository: what an operator is shown and what is metered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Sums over all spaces.
    pub total: Figures,
    /// Sums of each space that holds anything.
    pub spaces: BTreeMap<Space, Figures>,
    /// Bytes charged against the quota.
    pub charged: Size,
    /// Bytes held back for uploads under way.
    pub reserved: Size,
    /// Byte-seconds of live objects by month, named by its first day.
    pub usage: BTreeMap<Date, u128>,
    /// Where the next frame goes, if an extent is open.
    pub end: Option<Place>,
    /// When something in the bin is due to be purged, if anything is in it.
    pub purge: Option<Timestamp>,
    /// About how many bytes of sealed extents are of no use any more.
    pub dead: Size,
}
