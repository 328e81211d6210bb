//! The catalog's time never goes back, nor does its day, since nobody confirms one here; and the
//! time never runs ahead of the world's by more than clocks may be wrong. Leases of nodes end by
//! the one, those of tenants by the other: whatever went back would revive some that had ended.

use std::time::Duration;

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::kernel::NodeId;

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::cluster) const ID: &str = "cluster-time";
/// Clocks may be one part in so many too fast.
const DRIFT: u64 = 90;

/// A node shows these rows.
pub(in crate::cluster) fn check(pages: &mut Pages, node: NodeId, rows: &Rows, now: Micros) {
    let shown = (rows.cluster.now, rows.clock.today);
    let (index, (time, today)) = (rows.index.raw(), shown);
    pages.times.insert(index, shown);
    let before = pages.times.range(..index).next_back();
    let behind = pages.times.range(index + 1..).next();
    let is_back = before.is_some_and(|(_, it)| it.0 > time || it.1 > today)
        || behind.is_some_and(|(_, it)| it.0 < time || it.1 < today);
    if is_back {
        let story = format_args!("{node} shows {time:?} of {today} at #{index}: time went back");
        pages.breach(ID, now, story);
    }
    let most = Duration::from_micros(now + now / DRIFT + 1_000);
    if time > most {
        let story = format_args!("{node} shows {time:?}, and only {most:?} can have passed");
        pages.breach(ID, now, story);
    }
}
