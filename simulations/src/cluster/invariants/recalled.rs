//! What a node shows that hears no majority may be old, so it is shown to those alone who can delete
//! nothing by it; and it says since when it may be. What it shows was there: nothing is made up.

use std::collections::BTreeSet;

use holdfast_actors::object::Hash;

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::cluster) const ID: &str = "cluster-recalled";

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
