//! Replicas of a sealed extent are equal, byte by byte: whoever the catalog says has all of it has
//! the same file, however long it has been away.

use std::collections::BTreeMap;

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::extent;
use holdfast_actors::kernel::NodeId;

use super::super::book::Pages;
use crate::disk::Disk;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::cluster) const ID: &str = "cluster-equal";

/// No node is up, and none was about to copy anything.
pub(in crate::cluster) fn check(pages: &mut Pages, disks: &BTreeMap<NodeId, Disk>, now: Micros) {
    let (compared, stories) = differing(&pages.rows, disks);
    for story in stories {
        pages.breach(ID, now, format_args!("{story}"));
    }
    pages.figures.views += compared;
}

/// How many replicas of sealed extents were compared, and what is wrong with which.
pub(super) fn differing(rows: &Rows, disks: &BTreeMap<NodeId, Disk>) -> (u64, Vec<String>) {
    let (mut compared, mut stories) = (0, Vec::new());
    for (id, row) in &rows.extents {
        // One that was sealed empty may be nowhere.
        let sealed = row.sealed.filter(|length| *length > 0);
        let (Some(length), Some(replicas)) = (sealed, rows.cluster.replicas.get(id)) else {
            continue;
        };
        let path = extent::path(row.repository, *id);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let mut first: Option<(NodeId, Vec<u8>)> = None;
        for node in &replicas.whole {
            let content = disks.get(node).and_then(|disk| disk.content(&path));
            let Some(mut content) = content.filter(|it| it.len() >= length) else {
                stories.push(format!("{node} has not all of {id}, {length} bytes"));
                continue;
            };
            content.truncate(length);
            compared += 1;
            match &first {
                None => first = Some((*node, content)),
                Some((other, known)) if *known != content => {
                    stories.push(format!("{node} and {other} differ in {id}"));
                }
                Some(_) => {}
            }
        }
    }
    (compared, stories)
}
