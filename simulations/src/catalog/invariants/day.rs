//! No clock revives a lease, and no single one ends it: the catalog's day never goes back, since
//! nobody confirms one here, and is never later than two of the nodes' wall clocks have shown.
//!
//! A cluster takes the day from the middle one of a majority of clocks. Until three nodes are of it
//! one clock is that.

use std::collections::BTreeMap;
use std::time::Duration;

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::kernel::{Date, NodeId, Timestamp};

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::catalog) const ID: &str = "catalog-day";
/// Clocks that must have shown a day before it is the catalog's.
const CLOCKS: usize = 2;
/// Of how many nodes a cluster must be before that counts.
const NODES: usize = 3;
/// How far a clock may be off because it runs fast or slow, over a run.
const SLACK: Duration = Duration::from_secs(10);

/// What the wall clocks of nodes have shown at most, and the latest day that one clock may have
/// told a young cluster.
#[derive(Debug, Default)]
pub(in crate::catalog) struct Clocks {
    /// At the world's time zero, each, if it had run on from there.
    shown: BTreeMap<NodeId, Timestamp>,
    young: Option<Date>,
    /// The catalog's day at a place of the log.
    days: BTreeMap<u64, Date>,
}

impl Clocks {
    /// A node's wall clock is set, or starts: this is what it would have shown when the run began.
    pub(in crate::catalog) fn set(&mut self, node: NodeId, then: Timestamp) {
        let shown = self.shown.entry(node).or_insert(then);
        *shown = (*shown).max(then);
    }

    /// The latest day that so many clocks can have shown.
    fn latest(&self, clocks: usize, now: Micros) -> Option<Date> {
        let mut shown: Vec<Timestamp> = self.shown.values().copied().collect();
        shown.sort_unstable_by(|one, other| other.cmp(one));
        let last = shown.get(clocks.saturating_sub(1)).or(shown.last())?;
        Some(Date::of(*last + Duration::from_micros(now) + SLACK))
    }
}

/// A replica shows these rows.
pub(in crate::catalog) fn check(pages: &mut Pages, node: NodeId, rows: &Rows, now: Micros) {
    let (index, today) = (rows.index.raw(), rows.clock.today);
    let clocks = &mut pages.clocks;
    clocks.days.insert(index, today);
    let before = clocks.days.range(..index).next_back();
    let behind = clocks.days.range(index + 1..).next();
    let back =
        before.is_some_and(|(_, it)| *it > today) || behind.is_some_and(|(_, it)| *it < today);
    if rows.cluster.members().count() < NODES {
        clocks.young = clocks.young.max(clocks.latest(1, now));
    }
    let most = clocks.latest(CLOCKS, now).max(clocks.young);
    if back {
        let story = format_args!("{node} shows {today} at #{index}: the day went back");
        pages.breach(ID, now, story);
    }
    if most.is_some_and(|most| today > most) {
        let story = format_args!("{node} shows {today} at #{index}, which one clock alone says");
        pages.breach(ID, now, story);
    }
}
