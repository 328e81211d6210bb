//! Replicas of several nodes, kept in line with a catalog: what is lost, damaged, too many or on a
//! node that goes.

mod office;

use std::collections::BTreeSet;

use bytes::Bytes;
use holdfast_actors::catalog::Code;
use holdfast_actors::catalog::command::NodeCommand;
use holdfast_actors::extent;
use holdfast_actors::kernel::{ExtentId, NodeId};

use super::cluster::{REPOSITORY, frame};
use office::Office;

/// More than one piece.
fn content(number: u64) -> Bytes {
    let frames = [
        frame(number, 700_000),
        frame(number + 1, 10),
        frame(number + 2, 300_000),
    ];
    frames.concat().into()
}

/// Which nodes that are up have a file of an extent, each with its bytes.
fn files(office: &Office, extent: ExtentId) -> Vec<(u64, Vec<u8>)> {
    let path = extent::path(REPOSITORY, extent);
    let nodes = office.cluster.nodes.iter();
    let nodes = nodes.filter(|(_, node)| node.actor.is_some());
    let found = nodes.filter_map(|(id, node)| Some((id.raw(), node.disk.content(&path)?)));
    found.collect()
}

/// Each of these lies whole on three nodes that are up, where the catalog says, and nowhere else.
fn assert_whole(office: &Office, extents: &[(ExtentId, Bytes)]) {
    let rows = office.catalog.rows();
    assert_eq!(rows.lacking().extents, 0);
    for (extent, bytes) in extents {
        let found = files(office, *extent);
        let nodes: BTreeSet<NodeId> = found.iter().map(|(id, _)| NodeId::new(*id)).collect();
        let replicas = &rows.cluster.replicas[extent];
        assert_eq!(replicas.whole, nodes, "{extent}");
        assert_eq!(replicas.filling.len() + nodes.len(), 3, "{extent}");
        for (node, found) in found {
            assert!(found == bytes[..], "{extent} on node {node} is another");
        }
    }
    for (id, node) in &office.cluster.nodes {
        let left = node.disk.paths();
        let left = left.iter().filter(|path| path.ends_with(".copy"));
        assert_eq!(left.count(), 0, "{id} still copies");
    }
}

#[tokio::test(start_paused = true)]
async fn the_replicas_of_a_node_that_stays_away_are_made_again_elsewhere() {
    let mut office = Office::of(5).await;
    let extents = office.write(6, content).await;
    assert_whole(&office, &extents);
    office.crash(2);
    office.pass(14 * 60).await;
    assert_eq!(office.catalog.rows().lacking().extents, 0);
    office.pass(3 * 60).await;
    assert_whole(&office, &extents);
    assert_eq!(office.catalog.rows().holding(NodeId::new(2)), 0);
    // It is back, and takes away what others have now.
    office.start(2).await;
    office.pass(60).await;
    assert_whole(&office, &extents);
}

#[tokio::test(start_paused = true)]
async fn what_rots_in_one_replica_is_found_told_and_copied_again() {
    let office = Office::of(4).await;
    let extents = office.write(3, content).await;
    let (extent, bytes) = &extents[1];
    let rows = office.catalog.rows();
    let node = *rows.cluster.replicas[extent].whole.first().unwrap();
    let mut rotten = bytes.to_vec();
    rotten[500_000] ^= 1;
    let path = extent::path(REPOSITORY, *extent);
    assert!(office.cluster.nodes[&node].disk.rot(&path, rotten));
    office.pass(10 * 60).await;
    assert_whole(&office, &extents);
    let rows = office.catalog.rows();
    let told = rows
        .events
        .values()
        .filter(|it| it.code == Code::ReplicaLost.number());
    let told: Vec<&str> = told.map(|it| it.text.as_str()).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(&format!("{node} ")) && told[0].contains(&extent.to_string()));
}

#[tokio::test(start_paused = true)]
async fn files_that_are_gone_or_too_short_after_a_start_are_copied_again() {
    let mut office = Office::of(3).await;
    let extents = office.write(3, content).await;
    office.crash(3);
    let disk = office.cluster.nodes[&NodeId::new(3)].disk.clone();
    assert!(disk.lose(&extent::path(REPOSITORY, extents[0].0)));
    let short = extents[1].1[..700_000].to_vec();
    assert!(disk.rot(&extent::path(REPOSITORY, extents[1].0), short));
    office.start(3).await;
    office.pass(60).await;
    assert_whole(&office, &extents);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_was_away_when_its_extent_was_sealed_is_made_whole() {
    let mut office = Office::of(3).await;
    let extent = office.open().await;
    let bytes = content(1);
    office.fill(extent, &bytes[..700_032]).await;
    office.crash(3);
    office
        .append(extent, 700_032, &bytes[700_032..], &[1, 2])
        .await;
    office.seal(extent, bytes.len() as u64).await;
    office.start(3).await;
    office.pass(60).await;
    assert_whole(&office, &[(extent, bytes)]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_drains_ends_empty_and_one_that_is_new_gets_its_share() {
    let mut office = Office::of(4).await;
    let mut extents = office.write(12, content).await;
    office.node(4, NodeCommand::Drain).await;
    office.pass(3 * 60).await;
    assert_whole(&office, &extents);
    let drained = NodeId::new(4);
    assert_eq!(office.catalog.rows().holding(drained), 0);
    let left = office.cluster.nodes[&drained].disk.paths();
    assert_eq!(left, [""; 0]);
    office.join(5).await;
    office.pass(3 * 60).await;
    assert_whole(&office, &extents);
    let share = office.catalog.rows().holding(NodeId::new(5));
    assert!((5..=11).contains(&share), "{share} of 36");
    extents.extend(office.write(1, content).await);
    office.pass(60).await;
    assert_whole(&office, &extents);
}

#[tokio::test(start_paused = true)]
async fn a_node_with_old_rows_takes_nothing_away_that_was_made_after_them() {
    let mut office = Office::of(3).await;
    let before = office.write(1, content).await;
    office.pass(60).await;
    // It hears nothing of the catalog any more, and has replicas made by others.
    office.cut_off(3);
    let mut extents = office.write(2, content).await;
    office.restart_reconcile(3).await;
    office.pass(10 * 60).await;
    for (extent, _) in &extents {
        assert_eq!(files(&office, *extent).len(), 3, "{extent}");
    }
    office.heal(3);
    office.pass(60).await;
    extents.extend(before);
    assert_whole(&office, &extents);
}

#[tokio::test(start_paused = true)]
async fn an_extent_that_the_catalog_forgot_goes_from_all_nodes() {
    let mut office = Office::of(3).await;
    let extents = office.write(2, content).await;
    office.crash(3);
    office.forget(extents[0].0).await;
    office.pass(60).await;
    office.start(3).await;
    office.pass(60).await;
    assert_eq!(files(&office, extents[0].0), []);
    assert_whole(&office, &extents[1..]);
    let gone = extent::path(REPOSITORY, extents[0].0);
    assert!(
        office.cluster.nodes[&NodeId::new(1)]
            .disk
            .port()
            .open(&gone)
            .await
            .is_err()
    );
}
