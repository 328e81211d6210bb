//! The catalog's time never goes back, and never runs ahead of the world's by more than clocks may
//! be wrong.

use std::time::Duration;

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::kernel::NodeId;

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::catalog) const ID: &str = "catalog-time";
/// Clocks may be one part in so many too fast.
const DRIFT: u64 = 90;

/// A replica shows these rows.
pub(in crate::catalog) fn check(pages: &mut Pages, node: NodeId, rows: &Rows, now: Micros) {
    let (index, time) = (rows.index.raw(), rows.cluster.now);
    pages.times.insert(index, time);
    let before = pages.times.range(..index).next_back();
    let behind = pages.times.range(index + 1..).next();
    let back = before.is_some_and(|(_, it)| *it > time) || behind.is_some_and(|(_, it)| *it < time);
    if back {
        let story = format_args!("{node} shows {time:?} at #{index}: time went back");
        pages.breach(ID, now, story);
    }
    let most = Duration::from_micros(now + now / DRIFT + 1_000);
    if time > most {
        let story = format_args!("{node} shows {time:?}, and only {most:?} can have passed");
        pages.breach(ID, now, story);
    }
}
