//! The register is linearizable: there is one order of all requests, which is that of their tags,
//! and no request stands in it before one that was answered before it began.
//!
//! So a read has no lower tag, and a write has a higher one, than every request that was answered
//! before it began; and what a read tells was written by a request that had begun when it was told,
//! or is what the register held from the start.

use super::super::history::{Pages, Request};
use super::super::{Kept, Tag};
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::register) const ID: &str = "register-linear";

/// All requests so far.
pub(super) fn check(pages: &mut Pages, now: Micros) {
    let mut answered: Vec<(Micros, Kept, Request)> = Vec::new();
    for request in &pages.requests {
        if let Some((at, kept)) = request.told {
            answered.push((at, kept, *request));
        }
    }
    answered.sort_by_key(|(at, ..)| *at);
    // The highest tag that anybody was told up to each answer.
    let mut highest: Vec<(Micros, Tag)> = Vec::new();
    for (at, kept, _) in &answered {
        let before = highest.last().map_or(Tag::default(), |(_, tag)| *tag);
        highest.push((*at, before.max(kept.tag)));
    }
    let mut stories = Vec::new();
    for (at, kept, request) in &answered {
        let earlier = highest.partition_point(|(then, _)| *then < request.began);
        let before = earlier.checked_sub(1).map(|last| highest[last].1);
        let is_late = before.is_some_and(|tag| match request.value {
            Some(_) => kept.tag <= tag,
            None => kept.tag < tag,
        });
        if is_late {
            stories.push(format!(
                "{} was told {kept:?} for {:?}, begun at {} µs, when {before:?} was known",
                request.client, request.value, request.began
            ));
        }
        let wrote = |other: &Request| other.value == Some(kept.value) && other.began <= *at;
        if kept.value != 0 && !pages.requests.iter().any(wrote) {
            stories.push(format!("{} was told what nobody wrote", request.client));
        }
        if request.value.is_some_and(|value| value != kept.value) {
            stories.push(format!("{} was told of another's write", request.client));
        }
    }
    for story in stories {
        pages.breach(ID, now, format_args!("{story}"));
    }
}
