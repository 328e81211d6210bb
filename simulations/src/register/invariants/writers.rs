//! At most one writer is effective under a tag: whatever clients were told and disks hold under one
//! tag is one value, and one value stands under one tag.

use std::collections::BTreeMap;

use super::super::history::Pages;
use super::super::{Kept, Tag, Value};
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::register) const ID: &str = "register-writers";

/// All that clients were told.
pub(super) fn check(pages: &mut Pages, now: Micros) {
    let told = pages.requests.iter().filter_map(|request| request.told);
    let told: Vec<Kept> = told.map(|(_, kept)| kept).collect();
    compare(pages, &told, now);
}

/// All that was seen anywhere.
pub(in crate::register) fn compare(pages: &mut Pages, seen: &[Kept], now: Micros) {
    let mut values: BTreeMap<Tag, Value> = BTreeMap::new();
    let mut tags: BTreeMap<Value, Tag> = BTreeMap::new();
    for kept in seen {
        let value = *values.entry(kept.tag).or_insert(kept.value);
        let tag = *tags.entry(kept.value).or_insert(kept.tag);
        if value != kept.value {
            let story = format_args!("{:?} stands for {value} and {}", kept.tag, kept.value);
            pages.breach(ID, now, story);
        }
        if tag != kept.tag {
            let story = format_args!("{} stands under {tag:?} and {:?}", kept.value, kept.tag);
            pages.breach(ID, now, story);
        }
    }
}
