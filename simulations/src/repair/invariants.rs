//! What must hold of replicas, whatever happens.
//!
//! A replica is not taken away while the catalog counts on it (I7), what is reported as whole is
//! (I6), and a command never takes the last sound copy out of the catalog. In the end each sealed
//! extent lies sound on three nodes, where the catalog says, and nowhere else.

use std::collections::BTreeMap;

use holdfast_actors::catalog::rows::{COPIES, Rows};
use holdfast_actors::kernel::{ExtentId, NodeId};

use super::node::Node;

pub(super) type Nodes = BTreeMap<NodeId, Node>;

/// Whether a node has all of a sealed extent as it was written.
pub(super) fn is_sound(rows: &Rows, nodes: &Nodes, extent: ExtentId, node: NodeId) -> bool {
    let length = rows.extents.get(&extent).and_then(|row| row.sealed);
    let file = nodes.get(&node).and_then(|it| it.files.get(&extent));
    file.is_some_and(|file| !file.rotten && Some(file.length) >= length)
}

/// On how many nodes that the catalog counts on an extent is sound.
pub(super) fn sound(rows: &Rows, nodes: &Nodes, extent: ExtentId) -> usize {
    let replicas = rows.cluster.replicas.get(&extent);
    let whole = replicas.into_iter().flat_map(|it| &it.whole);
    let sound = whole.filter(|node| is_sound(rows, nodes, extent, **node));
    sound.count()
}

/// A node takes a replica away.
pub(super) fn removal(rows: &Rows, extent: ExtentId, node: NodeId) -> Option<String> {
    let replicas = rows.cluster.replicas.get(&extent)?;
    let counts = replicas.whole.contains(&node);
    counts.then(|| format!("{node} takes {extent} away, which it is to have"))
}

/// A node reports a copy as whole, and the catalog believes it.
pub(super) fn report(rows: &Rows, nodes: &Nodes, extent: ExtentId, node: NodeId) -> Option<String> {
    let empty = rows.extents.get(&extent)?.sealed == Some(0);
    let whole = empty || is_sound(rows, nodes, extent, node);
    (!whole).then(|| format!("{node} reported {extent} as whole, and it is not"))
}

/// In the end.
pub(super) fn end(rows: &Rows, nodes: &Nodes) -> Vec<String> {
    let mut violations = Vec::new();
    for (extent, row) in &rows.extents {
        let Some(length) = row.sealed.filter(|length| *length > 0) else {
            continue;
        };
        let replicas = rows
            .cluster
            .replicas
            .get(extent)
            .cloned()
            .unwrap_or_default();
        if replicas.whole.len() != COPIES || !replicas.filling.is_empty() {
            violations.push(format!("{extent} of {length} bytes is on {replicas:?}"));
        }
        for node in &replicas.whole {
            if !is_sound(rows, nodes, *extent, *node) {
                violations.push(format!("{extent} is not sound on {node}"));
            }
        }
    }
    for node in nodes.values().filter(|node| node.up) {
        for extent in node.files.keys() {
            let replicas = rows.cluster.replicas.get(extent);
            let wanted = replicas.is_some_and(|it| it.whole.contains(&node.id));
            // What was made and not noted down before the power went is empty.
            if !wanted && node.store.replica(*extent).is_some() {
                violations.push(format!("{} still has {extent}", node.id));
            }
        }
    }
    let drained = nodes.keys().filter(|node| {
        let row = rows.cluster.nodes.get(*node);
        row.is_some_and(|row| row.state == holdfast_actors::catalog::rows::NodeState::Draining)
    });
    for node in drained.filter(|node| rows.holding(**node) > 0) {
        violations.push(format!("{node} drains and holds {}", rows.holding(*node)));
    }
    violations
}
