//! Nothing lacks copies in silence: once nothing goes wrong any more, every sealed extent comes to
//! have as many as there are to be, or as there are nodes that stay.

use holdfast_actors::catalog::rows::{NodeState, Rows};

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::cluster) const ID: &str = "cluster-copies";

/// How many copies there are to be.
const COPIES: usize = 3;

/// How many sealed extents have too few copies.
pub(in crate::cluster) fn lacking(rows: &Rows) -> usize {
    let stays = |state| !matches!(state, NodeState::Removed | NodeState::Draining);
    let nodes = &rows.cluster.nodes;
    let lasting = nodes.values().filter(|row| stays(row.state)).count();
    let least = lasting.min(COPIES);
    let sealed = rows.extents.iter().filter(|(_, row)| row.sealed.is_some());
    let whole = |extent| {
        let replicas = rows.cluster.replicas.get(extent);
        let whole = replicas.into_iter().flat_map(|it| &it.whole);
        whole
            .filter(|node| nodes.get(*node).is_some_and(|row| stays(row.state)))
            .count()
    };
    sealed.filter(|(extent, _)| whole(*extent) < least).count()
}

/// It has been calm for long enough.
pub(in crate::cluster) fn check(pages: &mut Pages, now: Micros) {
    let lacking = lacking(&pages.rows);
    if lacking > 0 {
        pages.breach(ID, now, format_args!("{lacking} extents lack copies"));
    }
}
