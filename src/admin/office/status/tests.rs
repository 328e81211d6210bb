//! What three nodes say of themselves, and what one makes of it.

use holdfast_actors::catalog::rows::{Extent, Replicas};
use holdfast_actors::kernel::{Epoch, ExtentId, RepositoryId};

use super::super::route::tests::rows;
use super::*;

fn share(leader: u64, term: u64) -> Result<answers::Share, Problem> {
    Ok(answers::Share {
        leader: Some(leader),
        term,
        ..answers::Share::default()
    })
}

fn silent(node: u64) -> Result<answers::Share, Problem> {
    Err(Problem::failed(format!("node-{node} is silent")))
}

fn seen(said: [Result<answers::Share, Problem>; 3]) -> (answers::ClusterStatus, Vec<String>) {
    seen_in(&rows(), said)
}

fn seen_in(
    rows: &Rows,
    said: [Result<answers::Share, Problem>; 3],
) -> (answers::ClusterStatus, Vec<String>) {
    let standing = raft::Standing {
        leader: Some(NodeId::new(1)),
        term: 3,
        voters: [1, 2, 3].map(NodeId::new).into(),
    };
    let said: Said = (1..).map(NodeId::new).zip(said).collect();
    let cluster = cluster(rows, NodeId::new(1), &standing, &said);
    let trouble = trouble(rows, &cluster, &said);
    (cluster, trouble)
}

#[test]
fn a_cluster_that_is_well_has_a_leader_a_majority_and_no_trouble() {
    let (cluster, trouble) = seen([share(2, 4), share(2, 4), share(2, 4)]);
    assert_eq!(cluster.leader.as_deref(), Some("node-2"));
    assert_eq!((cluster.term, cluster.quorum), (4, true));
    assert_eq!(trouble, [""; 0]);
    let first = &cluster.nodes[0];
    assert_eq!((first.owns, first.lease, first.answers), (1, Some(3), true));
}

#[test]
fn of_two_who_say_that_they_lead_the_later_does() {
    let (cluster, _) = seen([share(1, 3), share(2, 4), share(2, 4)]);
    assert_eq!(cluster.leader.as_deref(), Some("node-2"));
}

#[test]
fn a_leader_of_whom_others_only_speak_is_none() {
    let (cluster, trouble) = seen([share(3, 3), share(3, 3), silent(3)]);
    assert_eq!(cluster.leader, None);
    assert!(!cluster.quorum);
    assert!(trouble[0].contains("nobody leads"), "{trouble:?}");
    assert!(trouble[1].contains("node-3 is silent"), "{trouble:?}");
}

#[test]
fn without_a_majority_nothing_can_be_written() {
    let (cluster, trouble) = seen([share(1, 3), silent(2), silent(3)]);
    assert_eq!((cluster.quorum, cluster.reachable_voters), (false, 1));
    assert!(
        trouble[0].starts_with("1 of 3 voters answer"),
        "{trouble:?}"
    );
    let missing = cluster.nodes[1].missing.as_deref();
    assert_eq!(missing, Some("node-2 is silent"));
}

#[test]
fn too_few_copies_are_trouble_however_few_nodes_there_are() {
    let mut rows = rows();
    let extent = ExtentId::new(9);
    let row = Extent {
        repository: RepositoryId::new(1),
        epoch: Epoch::new(1),
        sealed: Some(100),
    };
    rows.extents.insert(extent, row);
    let replicas = Replicas {
        whole: [NodeId::new(1)].into(),
        filling: Default::default(),
    };
    rows.cluster.replicas.insert(extent, replicas);
    let well = || [share(2, 4), share(2, 4), share(2, 4)];
    let (_, trouble) = seen_in(&rows, well());
    assert_eq!(
        trouble,
        ["1 extents have too few copies; 200B are to be copied"]
    );
    let third = rows.cluster.nodes.get_mut(&NodeId::new(3));
    third.unwrap().state = NodeState::Removed;
    let (_, trouble) = seen_in(&rows, well());
    let more = "once there are nodes for 3 copies: 2 store; let more in";
    assert!(trouble[0].contains(more), "{trouble:?}");
}
