//! What operators ordered comes to its end: once nothing goes wrong any more, a node that was
//! drained holds nothing, one that was removed is not of the cluster, and one that was let in
//! works.

use holdfast_actors::catalog::rows::NodeState;
use holdfast_actors::kernel::NodeId;

use super::super::book::Pages;
use super::super::office::{Standing, holds};
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::cluster) const ID: &str = "cluster-drained";

/// How long that may take once all tenants get on, in microseconds: a node counts as down after
/// twelve seconds, and its extents are copied after that.
pub(in crate::cluster) const PATIENCE: Micros = 30_000_000;

/// Whether all that was ordered is done, and has come to its end.
pub(in crate::cluster) fn is_over(pages: &Pages) -> bool {
    pages.orders.is_empty() && open(pages).next().is_none()
}

/// It has been calm for long enough.
pub(in crate::cluster) fn check(pages: &mut Pages, now: Micros) {
    let mut stories: Vec<String> = open(pages).collect();
    let orders = pages.orders.iter();
    stories.extend(orders.map(|it| format!("{:?} of {} is never done", it.order, it.node)));
    for story in stories {
        pages.breach(ID, now, format_args!("{story}"));
    }
}

fn open(pages: &Pages) -> impl Iterator<Item = String> {
    let state = |node: &NodeId| pages.rows.cluster.nodes.get(node).map(|row| row.state);
    pages.standings.iter().filter_map(move |(node, standing)| {
        let (state, held) = (state(node), holds(&pages.rows, *node));
        match standing {
            Standing::Joined if state == Some(NodeState::Active) => None,
            Standing::Drained if held == 0 => None,
            Standing::Removed(_) if state == Some(NodeState::Removed) => None,
            Standing::Joined | Standing::Drained | Standing::Removed(_) => {
                let story = "and holds so many replicas, or is not given up";
                Some(format!(
                    "{node} was {standing:?}, is {state:?}, {story}: {held}"
                ))
            }
        }
    })
}
