//! What must hold of extents on several nodes, whatever happens.
//!
//! A sealed length is decided once, and holds all that was acknowledged (I4); an acknowledged
//! append lies where it was put on every replica that is as long as its extent (I2, I6), of which
//! there is one at least; and once all nodes are back and nobody disturbs, everything is sealed.

use std::collections::BTreeMap;

use holdfast_actors::kernel::{ExtentId, NodeId};
use holdfast_cluster::extents::Stage;

use super::catalog::Catalog;
use super::node::{Node, WORD};

/// Appends that were acknowledged, by their extents: where each lies.
pub(super) type Acknowledged = BTreeMap<ExtentId, Vec<(u64, u64)>>;

/// At any instant: nothing acknowledged is behind the end of a sealed extent.
pub(super) fn lengths(
    catalog: &Catalog,
    acknowledged: &Acknowledged,
    extent: ExtentId,
) -> Option<String> {
    let sealed = catalog.extents.get(&extent)?.sealed?;
    let ends = acknowledged.get(&extent)?.iter().map(|(_, end)| *end);
    let end = ends.max()?;
    (end > sealed).then(|| format!("{extent} was sealed at {sealed}, and {end} acknowledged"))
}

/// In the end: what was acknowledged is there, and the same wherever it is.
pub(super) fn contents(
    catalog: &Catalog,
    acknowledged: &Acknowledged,
    nodes: &BTreeMap<NodeId, Node>,
) -> Vec<String> {
    let mut violations = Vec::new();
    for (extent, row) in &catalog.extents {
        let Some(sealed) = row.sealed else {
            violations.push(format!("{extent} was never sealed"));
            continue;
        };
        let mut whole = 0;
        for (id, node) in nodes {
            let mut replicas = node.store.replicas();
            let replica = replicas.find(|(found, _)| found == extent);
            let is_whole =
                replica.is_some_and(|(_, row)| row.stage == Stage::Sealed { length: sealed });
            let Some(file) = node.files.get(extent).filter(|_| is_whole) else {
                continue;
            };
            whole += 1;
            if file.bytes.len() as u64 != sealed {
                violations.push(format!("{extent} on {id} is not as long as it says"));
            }
            let words = acknowledged.get(extent).into_iter().flatten();
            for (from, to) in words {
                let found = file.bytes.get(*from as usize..*to as usize);
                let word = ((extent.raw() << 32) | from).to_le_bytes();
                if found != Some(&word[..WORD as usize]) {
                    violations.push(format!("{extent} on {id} lost what lay at {from}"));
                }
            }
        }
        if sealed > 0 && whole == 0 {
            violations.push(format!("{extent} is whole on no node"));
        }
    }
    violations
}
