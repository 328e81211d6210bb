//! A tenant's lease that ended lives nowhere: nothing is written, at any node, that begins later
//! after its last day than a node may still believe what it knew before. The day is the catalog's;
//! the last day is what operators were told that it is.

use holdfast_actors::kernel::NodeId;

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::cluster) const ID: &str = "cluster-lease";

/// How long a node goes on by what it knew: its lease, and what clocks may be wrong.
const LEASE: Micros = 2_500_000;

/// The day has changed, or what operators were told.
pub(in crate::cluster) fn see(pages: &mut Pages, now: Micros) {
    let today = pages.rows.clock.today;
    for tenant in 0..pages.things.len() {
        let last = pages.lasts.get(&tenant).copied().flatten();
        match last.filter(|last| *last < today) {
            Some(_) => drop(pages.ended.entry(tenant).or_insert(now)),
            None => drop(pages.ended.remove(&tenant)),
        }
    }
}

/// Something that a tenant began then at a node is acknowledged now.
pub(in crate::cluster) fn check(
    pages: &mut Pages,
    (node, tenant): (NodeId, usize),
    began: Micros,
    now: Micros,
) {
    let Some(since) = pages.ended.get(&tenant).copied() else {
        return;
    };
    if began > since + LEASE {
        let story = format_args!(
            "the lease of tenant {tenant} ended at {since} µs, and {node} took what began at \
             {began} µs"
        );
        pages.breach(ID, now, story);
    }
}
