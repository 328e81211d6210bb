//! Replicas agree: at the same place of the log all of them have the same rows.

use holdfast_actors::catalog;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::kernel::NodeId;
use sha2::{Digest, Sha256};

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::catalog) const ID: &str = "catalog-equal";
/// Every so many places are compared: reading all rows is dear.
const EACH: u64 = 8;

/// A replica shows these rows.
pub(in crate::catalog) fn check(pages: &mut Pages, node: NodeId, rows: &Rows, now: Micros) {
    let index = rows.index.raw();
    if !index.is_multiple_of(EACH) {
        return;
    }
    let digest = Sha256::digest(catalog::snapshot(rows));
    let mut short = [0; 8];
    short.copy_from_slice(&digest[..8]);
    let state = u64::from_le_bytes(short);
    let (first, known) = *pages.states.entry(index).or_insert((node, state));
    if known != state {
        let story = format_args!("{first} and {node} differ behind #{index}");
        pages.breach(ID, now, story);
    }
}
