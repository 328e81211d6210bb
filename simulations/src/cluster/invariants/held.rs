//! What is held of an upload that was cut is what its sender sent: so many of the object's first
//! bytes, to the byte, whichever node is asked and whatever became of extents meanwhile. So what is
//! gone on with and acknowledged is whole; that it reads back so is `cluster-kept`.

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::object::{Hash, Hashing};
use sha2::{Digest, Sha256};

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::cluster) const ID: &str = "cluster-held";

/// A node says that it holds so many bytes of an object, and what they hash to.
pub(in crate::cluster) fn check(
    pages: &mut Pages,
    node: NodeId,
    object: &Bytes,
    (held, hashed): (usize, &Hashing),
    now: Micros,
) {
    let first = object.get(..held).map(Sha256::digest);
    let wanted = first.map(|digest| Hash::new(digest.into()));
    if wanted != Some(hashed.clone().finish()) {
        let length = object.len();
        let story =
            format_args!("{node} holds {held} of {length} bytes, and others than were sent");
        pages.breach(ID, now, story);
    }
}
