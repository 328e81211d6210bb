//! Nothing acknowledged is lost, and nothing is done twice: when all is calm, the events on every
//! node tell of each write that was acknowledged, and of none more than once.

use std::collections::BTreeMap;

use super::super::Value;
use super::super::book::Pages;
use super::super::client::value;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::catalog) const ID: &str = "catalog-kept";

/// All that was acknowledged before the calm began, on all nodes that have settled.
pub(in crate::catalog) fn check(pages: &mut Pages, since: Micros, now: Micros) {
    let acknowledged = pages.requests.iter().filter_map(|request| {
        let (at, _) = request.told?;
        request.writes.filter(|_| at <= since)
    });
    let acknowledged: Vec<Value> = acknowledged.collect();
    let mut stories = Vec::new();
    for (node, rows) in &pages.settled {
        let mut times: BTreeMap<Value, u32> = BTreeMap::new();
        for (_, event) in &rows.events {
            *times.entry(value(event.reason.as_deref())).or_default() += 1;
        }
        for (done, times) in times
            .iter()
            .filter(|(done, times)| **done > 0 && **times > 1)
        {
            stories.push(format!(
                "{done} was written {times} times, as {node} has it"
            ));
        }
        let lost = acknowledged.iter().find(|done| !times.contains_key(done));
        if let Some(lost) = lost {
            stories.push(format!(
                "{lost} was acknowledged, and {node} has no trace of it"
            ));
        }
    }
    for story in stories {
        pages.breach(ID, now, format_args!("{story}"));
    }
}
