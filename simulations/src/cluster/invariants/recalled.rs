//! What a node shows that hears no majority may be old, so it is shown to those alone who can
//! delete nothing by it; and it says since when it may be. What it shows was there: nothing is made
//! up, and nothing is left out that was acknowledged before it heard a majority for the last time.

use std::collections::BTreeSet;

use holdfast_actors::object::Hash;

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::cluster) const ID: &str = "cluster-recalled";

/// How long before that a node may not have heard yet what a majority agreed on.
const MARGIN: Micros = 1_000_000;

/// All names of a tenant are shown, as they were then.
pub(in crate::cluster) fn complete(
    pages: &mut Pages,
    tenant: usize,
    names: &BTreeSet<Hash>,
    (as_of, now): (Micros, Micros),
) {
    let before = |at: Option<Micros>| at.is_some_and(|at| at + MARGIN < as_of);
    let things = pages.things[tenant].iter();
    let lacking = things.filter(|(hash, thing)| {
        before(thing.stored) && thing.deleting.is_none() && !names.contains(*hash)
    });
    let lacking: Vec<Hash> = lacking.map(|(hash, _)| *hash).collect();
    for hash in lacking {
        let story =
            format_args!("{hash} of {tenant} was stored before {as_of} µs, and is not shown");
        pages.breach(ID, now, story);
    }
}

/// Somebody was shown something that may be old.
pub(in crate::cluster) fn check(
    pages: &mut Pages,
    tenant: usize,
    only_looks: bool,
    names: &BTreeSet<Hash>,
    now: Micros,
) {
    let count = names.len();
    let story = format_args!("tenant {tenant} is shown {count} names that may be old");
    pages.log.say(now, story);
    if !only_looks {
        let story = format_args!("tenant {tenant}, who may delete, is shown what may be old");
        pages.breach(ID, now, story);
    }
    let known = &pages.things[tenant];
    let strange = names.iter().filter(|hash| !known.contains_key(*hash));
    for hash in strange.copied().collect::<Vec<_>>() {
        pages.breach(ID, now, format_args!("{hash} was never sent"));
    }
}
