//! What a repository says of itself.

use std::collections::BTreeMap;
use std::fmt;

use super::entry::Place;
use super::state::Figures;
use crate::kernel::{Date, Size, Space, Timestamp};

/// From what a repository was brought back, but for what lay behind it in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// Nothing: the whole log was read.
    #[default]
    Log,
    /// What this node had written to its index.
    Index,
    /// What this node knew, standing by for another.
    Standby,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Log => "log",
            Self::Index => "index",
            Self::Standby => "standby",
        })
    }
}

/// The figures of a repository: what an operator is shown and what is metered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Sums over all spaces.
    pub total: Figures,
    /// Sums of each space that holds anything.
    pub spaces: BTreeMap<Space, Figures>,
    /// The most that may be charged.
    pub quota: Size,
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

impl Report {
    /// Bytes that still fit for whoever uses this space: the tenant hears of all that is charged
    /// and reserved, a subtenant of its own alone, with the slice it has, if it has one.
    pub fn left(&self, space: Space, slice: Option<Size>) -> Size {
        if space == Space::TENANT {
            return self.quota.minus(self.charged + self.reserved);
        }
        let own = self.spaces.get(&space).copied().unwrap_or_default();
        slice.unwrap_or(self.quota).minus(own.live)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtenant_hears_of_its_own_bytes_alone() {
        let member = Space::new(3);
        let own = Figures {
            live: Size::bytes(30),
            ..Figures::default()
        };
        let report = Report {
            quota: Size::bytes(100),
            charged: Size::bytes(90),
            reserved: Size::bytes(5),
            spaces: BTreeMap::from([(member, own)]),
            ..Report::default()
        };
        assert_eq!(report.left(Space::TENANT, None), Size::bytes(5));
        assert_eq!(report.left(member, None), Size::bytes(70));
        assert_eq!(report.left(member, Some(Size::bytes(40))), Size::bytes(10));
        assert_eq!(report.left(member, Some(Size::bytes(20))), Size::ZERO);
        assert_eq!(report.left(Space::new(4), None), Size::bytes(100));
    }
}
