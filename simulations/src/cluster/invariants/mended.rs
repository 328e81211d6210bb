//! What rots is mended: while the disk of one node alone rots, once nothing goes wrong any more all
//! replicas of sealed extents are equal again within [`PATIENCE`], without anybody asking for it.
//!
//! This is the promise about rot. Of what is stored in several copies one node's may be damaged,
//! all at once and at any time: nobody is given what is damaged, nobody is refused what another
//! node has sound, and nothing is sealed shorter than it was acknowledged (`cluster-kept`); and the
//! copies come to be as many as before. Where two nodes rot, or one rots while another goes for
//! good, nothing is promised for what had no third copy.

use std::collections::BTreeMap;

use holdfast_actors::kernel::NodeId;

use super::super::book::Pages;
use super::equal::differing;
use crate::disk::Disk;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::cluster) const ID: &str = "cluster-mended";

/// How long that may take, in microseconds: replicas are read back a minute after a node starts,
/// and are copied after that.
pub(in crate::cluster) const PATIENCE: Micros = 120_000_000;

/// Whether nothing rotted, or all of it is mended.
pub(in crate::cluster) fn is_over(pages: &Pages, disks: &BTreeMap<NodeId, Disk>) -> bool {
    pages.figures.rotten == 0 || differing(&pages.rows, disks).1.is_empty()
}

/// It has been calm for long enough.
pub(in crate::cluster) fn check(pages: &mut Pages, disks: &BTreeMap<NodeId, Disk>, now: Micros) {
    if pages.figures.rotten == 0 {
        return;
    }
    for story in differing(&pages.rows, disks).1 {
        pages.breach(ID, now, format_args!("{story}, after something rotted"));
    }
}
