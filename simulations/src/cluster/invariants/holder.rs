//! A node's lease that ended somewhere lives nowhere: while a life of a node believes that it holds
//! the node's lease, no node shows that it has ended, or that another life has it. Those that are
//! behind others show what was, and do not count: a lease that had ended may be kept since.

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::kernel::{Epoch, NodeId};

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::cluster) const ID: &str = "cluster-holder";

/// What a life of a node believes: its lease, and until when, by the world's time.
#[derive(Clone, Copy, Debug)]
pub(in crate::cluster) struct Belief {
    pub(in crate::cluster) epoch: Epoch,
    pub(in crate::cluster) until: Micros,
}

/// A node shows these rows, and nobody has shown newer ones.
pub(in crate::cluster) fn check(pages: &mut Pages, node: NodeId, rows: &Rows, now: Micros) {
    let mut stories = Vec::new();
    for (holder, belief) in pages.beliefs.iter().filter(|(_, it)| now < it.until) {
        let Some(lease) = rows.cluster.leases.get(holder) else {
            continue;
        };
        let is_anothers = lease.epoch > belief.epoch;
        let is_over = lease.epoch == belief.epoch && lease.until <= rows.cluster.now;
        if is_anothers || is_over {
            stories.push(format!(
                "{holder} holds its lease under {} until {} µs, and {node} shows that {}",
                belief.epoch,
                belief.until,
                if is_over {
                    "it ended"
                } else {
                    "another life has it"
                },
            ));
        }
    }
    for story in stories {
        pages.breach(ID, now, format_args!("{story}"));
    }
}
