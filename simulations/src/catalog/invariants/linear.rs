//! The catalog is linearizable: there is one order of all requests in which each read tells what
//! was written last, and no request stands before one that was answered before it began. Found by
//! the algorithm of Wing, Gong and Lowe.
//!
//! A write without an answer may stand anywhere behind its beginning. If nobody ever read what it
//! wrote, it may as well stand at the very end, and is left out.

use std::collections::BTreeSet;

use todc_utils::linearizability::WGLChecker;
use todc_utils::linearizability::history::{Action, History};
use todc_utils::specifications::register::{RegisterOperation, RegisterSpecification};

use super::super::Value;
use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::catalog) const ID: &str = "catalog-linear";

type Operation = RegisterOperation<Value>;

/// All requests so far.
pub(in crate::catalog) fn check(pages: &mut Pages, now: Micros) {
    let reads = pages.requests.iter().filter(|it| it.writes.is_none());
    let read: BTreeSet<Value> = reads.filter_map(|it| Some(it.told?.1)).collect();
    // Of what happens at one time beginnings come first, so that requests may stand in any order.
    let mut actions: Vec<(Micros, u8, usize, Operation)> = Vec::new();
    for (number, request) in pages.requests.iter().enumerate() {
        let operation = match (request.writes, request.told) {
            (Some(value), Some(_)) => Operation::Write(value),
            (Some(value), None) if read.contains(&value) => Operation::Write(value),
            (None, Some((_, value))) => Operation::Read(Some(value)),
            (Some(_) | None, None) => continue,
        };
        let end = request.told.map_or(Micros::MAX, |(at, _)| at);
        actions.push((request.began, 0, number, operation));
        actions.push((end, 1, number, operation));
    }
    if actions.is_empty() {
        return;
    }
    actions.sort_by_key(|(at, kind, number, _)| (*at, *kind, *number));
    let actions = actions.into_iter().map(|(_, kind, number, operation)| {
        let action = if kind == 0 {
            Action::Call(operation)
        } else {
            Action::Response(operation)
        };
        (number, action)
    });
    let count = pages.requests.len();
    let history = History::from_actions(actions.collect());
    if !WGLChecker::<RegisterSpecification<Value>>::is_linearizable(history) {
        let story = format_args!("no order of {count} requests explains what was told");
        pages.breach(ID, now, story);
    }
}
