//! What a node shows is how things are: whatever was known to be stored before somebody asked is in
//! his list, whatever was known to be deleted is not, whichever node was asked and whoever owned
//! the repository meanwhile. A list by an owner that was deposed would let a prune run beside a
//! backup.

use std::collections::BTreeSet;

use holdfast_actors::object::Hash;

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::cluster) const ID: &str = "cluster-current";

/// A tenant asked then for all names, and is told them now.
pub(in crate::cluster) fn check(
    pages: &mut Pages,
    tenant: usize,
    asked: Micros,
    names: &BTreeSet<Hash>,
    now: Micros,
) {
    let before = |at: Option<Micros>| at.is_some_and(|at| at < asked);
    let mut wrong = Vec::new();
    for (hash, thing) in &pages.things[tenant] {
        let is_listed = names.contains(hash);
        if before(thing.stored) && thing.deleting.is_none() && !is_listed {
            wrong.push(format!("{hash} was stored and is not shown"));
        }
        if before(thing.deleted) && is_listed {
            wrong.push(format!("{hash} was deleted and is shown"));
        }
    }
    let known = &pages.things[tenant];
    let strange = names.iter().filter(|hash| !known.contains_key(*hash));
    wrong.extend(strange.map(|hash| format!("{hash} was never sent")));
    for story in wrong {
        pages.breach(ID, now, format_args!("tenant {tenant}: {story}"));
    }
}
