//! What was acknowledged is kept: it reads back byte by byte, whatever became of nodes, disks and
//! owners since.

use holdfast_actors::object::Hash;

use super::super::book::Pages;
use super::super::client::content;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::cluster) const ID: &str = "cluster-kept";

/// A thing that was there when it was asked for was read, or was said not to be there.
pub(in crate::cluster) fn check(
    pages: &mut Pages,
    tenant: usize,
    hash: Hash,
    found: Option<&[u8]>,
    now: Micros,
) {
    let Some(thing) = pages.things[tenant].get(&hash) else {
        return;
    };
    let deleting = thing.deleting.is_some();
    let wanted = content(tenant, thing.number, thing.length);
    match found {
        Some(bytes) if bytes == wanted.as_ref() => {}
        Some(_) => pages.breach(ID, now, format_args!("{hash} of {tenant} has other bytes")),
        None if deleting => {}
        None => pages.breach(ID, now, format_args!("{hash} of {tenant} is gone")),
    }
}
