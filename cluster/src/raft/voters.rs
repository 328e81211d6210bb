//! Who votes: chosen from the node table alone, so that whoever leads comes to the same voters.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_actors::catalog::rows::{Cluster, Node, NodeState};

/// The voters that there should be: 5 of five nodes or more, 3 of three or four, else 1, since an
/// even number bears no more losses than the odd one below it. Those who vote already stay while
/// they are well, so that nothing changes without a reason; nodes that work go before those that
/// are drained, and these before those that are down; then zones that have no voter yet, then lower
/// ids. While no node is known at all, those who vote stay.
pub(super) fn voters(cluster: &Cluster, present: &BTreeSet<u64>) -> BTreeSet<u64> {
    let mut candidates: BTreeMap<u64, &Node> = cluster
        .members()
        .map(|(id, node)| (id.raw(), node))
        .collect();
    let wanted = match candidates.len() {
        0 => return present.clone(),
        1 | 2 => 1,
        3 | 4 => 3,
        _ => 5,
    };
    let mut chosen = BTreeSet::new();
    let mut zones = BTreeSet::new();
    while chosen.len() < wanted {
        let rank = |id: &u64, node: &Node| {
            let doubled = !node.zone.is_empty() && zones.contains(&node.zone);
            (fitness(node.state), doubled, !present.contains(id), *id)
        };
        let best = candidates.iter().map(|(id, node)| rank(id, node)).min();
        let Some((.., id)) = best else {
            break;
        };
        if let Some(node) = candidates.remove(&id) {
            zones.insert(node.zone.clone());
        }
        chosen.insert(id);
    }
    chosen
}

/// How fit a node is to vote; the least is the fittest.
fn fitness(state: NodeState) -> u8 {
    match state {
        NodeState::Active => 0,
        NodeState::Draining => 1,
        NodeState::Down => 2,
        NodeState::Joining | NodeState::Removed => 3,
    }
}

#[cfg(test)]
mod tests {
    use holdfast_actors::kernel::{NodeId, NodeName};

    use super::*;

    /// Nodes as `id:state:zone`, voters now, and who should be.
    #[track_caller]
    fn check(nodes: &str, present: &[u64], expected: &[u64]) {
        let mut cluster = Cluster::default();
        for node in nodes.split_whitespace() {
            let mut parts = node.split(':');
            let id: u64 = parts.next().unwrap().parse().unwrap();
            let state = match parts.next().unwrap() {
                "up" => NodeState::Active,
                "drained" => NodeState::Draining,
                "down" => NodeState::Down,
                "joins" => NodeState::Joining,
                "gone" => NodeState::Removed,
                other => panic!("{other}"),
            };
            let row = Node {
                name: NodeName::parse(&format!("n{id}")).unwrap(),
                addresses: Vec::new(),
                key: [0; 32],
                roles: BTreeSet::new(),
                zone: parts.next().unwrap_or_default().to_owned(),
                state,
                incarnation: 0,
                wall: None,
            };
            cluster.nodes.insert(NodeId::new(id), row);
        }
        let present = present.iter().copied().collect();
        let found = voters(&cluster, &present);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{nodes}");
        // Chosen once, they stay.
        let again = voters(&cluster, &voters(&cluster, &present));
        assert_eq!(again.into_iter().collect::<Vec<_>>(), expected, "{nodes}");
    }

    #[test]
    fn a_cluster_grows_from_one_voter_to_three_to_five() {
        check("", &[1], &[1]);
        check("1:up", &[1], &[1]);
        check("1:up 2:up", &[1], &[1]);
        check("1:up 2:up 3:up", &[1], &[1, 2, 3]);
        check("1:up 2:up 3:up 4:up", &[1, 2, 3], &[1, 2, 3]);
        check(
            "1:up 2:up 3:up 4:up 5:up 6:up",
            &[1, 2, 3],
            &[1, 2, 3, 4, 5],
        );
    }

    #[test]
    fn who_votes_stays_and_who_is_not_well_is_replaced_where_somebody_is() {
        check("1:up 2:up 3:up 4:up", &[2, 3, 4], &[2, 3, 4]);
        check("1:up 2:down 3:up 4:up", &[1, 2, 3], &[1, 3, 4]);
        check("1:up 2:down 3:up", &[1, 2, 3], &[1, 2, 3]);
        check("1:up 2:drained 3:up 4:up", &[1, 2, 3], &[1, 3, 4]);
        check("1:up 2:gone 3:up 4:joins", &[1, 2, 3], &[1]);
    }

    #[test]
    fn voters_are_in_as_many_zones_as_there_are() {
        check("1:up:a 2:up:a 3:up:b 4:up:c", &[1], &[1, 3, 4]);
        check("1:up:a 2:up:a 3:up:a 4:up:b", &[1, 2, 3], &[1, 2, 4]);
        check("1:up:a 2:up:a 3:up:a", &[1], &[1, 2, 3]);
    }
}
