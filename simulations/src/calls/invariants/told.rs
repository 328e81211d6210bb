//! Whoever watches is told of the end, once: of one that there was since, and of no other; and
//! nobody waits for ever when all is healed.

use holdfast_cluster::calls::Passing;

use super::super::history::{Pages, Watching};
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::calls) const ID: &str = "calls-told";

/// A watcher hears.
pub(in crate::calls) fn check(
    pages: &mut Pages,
    watching: Watching,
    passing: Passing,
    now: Micros,
) {
    let Watching {
        watcher,
        node,
        since,
    } = watching;
    let deaths = || pages.deaths.iter().filter(|death| death.node == node);
    let is_true = match passing {
        Passing::Stopped => deaths().any(|death| death.at >= since && !death.failed),
        Passing::Failed => deaths().any(|death| death.at >= since && death.failed),
        // One may not have come yet.
        Passing::Absent => true,
        Passing::NoConnection => watcher != node,
        Passing::Refused => false,
    };
    if !is_true {
        let story =
            format_args!("{watcher} watches {node} since {since} µs: {passing:?} is not so");
        pages.breach(ID, now, story);
    }
}

/// All has been healed for long, and every actor has ended since: old watches are over.
pub(in crate::calls) fn finish(pages: &mut Pages, healed: Micros, now: Micros) {
    let old = pages.watches.values().filter(|it| it.since < healed);
    let old: Vec<Watching> = old.copied().collect();
    for it in old {
        let story = format_args!("{} was never told of {}", it.watcher, it.node);
        pages.breach(ID, now, story);
    }
}
