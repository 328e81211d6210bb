//! A lease that ended somewhere lives nowhere: while a life of a node believes that it holds the
//! node's lease, no replica shows that it has ended or that another life has it. Those that are
//! behind others show what was, and do not count: a lease that had ended may be kept since.

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::kernel::NodeId;

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::catalog) const ID: &str = "catalog-lease";

/// A replica shows these rows.
pub(in crate::catalog) fn check(pages: &mut Pages, node: NodeId, rows: &Rows, now: Micros) {
    let newest = pages.times.keys().next_back();
    if newest.is_some_and(|newest| rows.index.raw() < *newest) {
        return;
    }
    let mut stories = Vec::new();
    for (holder, belief) in pages.beliefs.iter().filter(|(_, it)| now < it.until) {
        let Some(lease) = rows.cluster.leases.get(holder) else {
            continue;
        };
        let until = belief.until;
        if lease.epoch > belief.epoch {
            stories.push(format!(
                "{holder} holds its lease under {} until {until} µs, and {node} shows that {} is \
                 another's",
                belief.epoch, lease.epoch
            ));
        } else if lease.epoch == belief.epoch && lease.until <= rows.cluster.now {
            stories.push(format!(
                "{holder} holds its lease under {} until {until} µs, and {node} shows that it \
                 ended",
                belief.epoch
            ));
        }
    }
    for story in stories {
        pages.breach(ID, now, format_args!("{story}"));
    }
}
