//! Writers and readers of extents on several nodes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::extent;
use holdfast_actors::kernel::{ExtentId, NodeId};
use holdfast_actors::ports::{IsSound, SILENT};
use holdfast_cluster::extents::Message;

use super::cluster::{Cluster, EXTENT, REPOSITORY, WRITER, frame};

/// More than travels behind one word, and less.
fn frames() -> Vec<Bytes> {
    vec![frame(1, 700_000), frame(2, 10), frame(3, 900_000)]
}

#[tokio::test(start_paused = true)]
async fn what_was_written_and_synced_is_read_from_any_replica() {
    let mut cluster = Cluster::of(3).await;
    let file = cluster.created().await;
    let bytes = frames().concat();
    file.write(0, frames()).await.unwrap();
    file.sync().await.unwrap();
    assert_eq!(file.length().await.unwrap(), bytes.len() as u64);
    for number in 1..=3 {
        if number > 1 {
            cluster.crash(number - 1);
        }
        let read = file.read(5, bytes.len()).await.unwrap();
        assert_eq!(read, bytes[5..], "with {number} nodes and those behind");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_durable_that_one_replica_does_not_have() {
    let mut cluster = Cluster::of(3).await;
    let file = cluster.created().await;
    file.write(0, vec![frame(1, 10)]).await.unwrap();
    cluster.crash(3);
    let failed = file.sync().await.unwrap_err();
    assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
    let failed = file.write(42, vec![frame(2, 10)]).await;
    assert!(failed.is_err());
}

#[tokio::test(start_paused = true)]
async fn who_takes_over_finds_what_was_durable_and_the_writer_finds_a_fence() {
    let mut cluster = Cluster::of(3).await;
    let file = cluster.created().await;
    let bytes = frames().concat();
    file.write(0, frames()).await.unwrap();
    file.sync().await.unwrap();
    let end = bytes.len() as u64;
    file.write(end, vec![frame(4, 100)]).await.unwrap();
    // One loses what was not synced, or a part of it, and is back; another stays away.
    cluster.crash(2);
    cluster.start(2).await;
    cluster.crash(3);
    let nodes = cluster.ids();
    let fenced = cluster
        .extents
        .fence(EXTENT, WRITER.next(), &nodes, &[])
        .await;
    let fenced = fenced.unwrap();
    assert!(fenced.length >= end, "{fenced:?} and {end} were durable");
    assert!(!fenced.nodes.contains(&NodeId::new(3)));
    cluster.start(3).await;
    let refused = file.write(end + 132, vec![frame(5, 1)]).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    let nodes: Vec<NodeId> = fenced.nodes.into_iter().collect();
    let found = cluster.extents.open(EXTENT, end, &nodes);
    assert_eq!(found.read(0, usize::MAX).await.unwrap(), bytes);
    assert!(found.write(end, vec![frame(5, 1)]).await.is_err());
    // Recovery writes again what it found.
    found.write(0, vec![frame(1, 10)]).await.unwrap();
}

/// Flips a bit of a node's replica.
fn rot(cluster: &Cluster, number: u64, at: usize) {
    let path = extent::path(REPOSITORY, EXTENT);
    let disk = &cluster.nodes[&NodeId::new(number)].disk;
    let mut bytes = disk.content(&path).unwrap();
    bytes[at] ^= 4;
    assert!(disk.rot(&path, bytes));
}

#[tokio::test(start_paused = true)]
async fn what_one_disk_has_damaged_is_read_from_another_and_the_replica_is_named() {
    let cluster = Cluster::of(3).await;
    let file = cluster.created().await;
    let bytes: Bytes = frames().concat().into();
    file.write(0, frames()).await.unwrap();
    file.sync().await.unwrap();
    rot(&cluster, 1, 700_050);
    let (all, wanted) = (bytes.len(), bytes.clone());
    let is_sound = Arc::new(move |bytes: &Bytes| *bytes == wanted);
    let open = cluster
        .extents
        .open(EXTENT, all as u64, &[3, 1, 2].map(NodeId::new));
    for file in [file, open] {
        assert_ne!(file.read(0, all).await.unwrap(), bytes);
        let read = file.read_sound(0, all, is_sound.clone()).await;
        assert_eq!(read.unwrap(), bytes);
    }
    let named = cluster.extents.unsound().next().await;
    assert_eq!(named, [(EXTENT, NodeId::new(1))].into());
    // Nobody has what never was there; nobody is blamed for it.
    let open = cluster.extents.open(EXTENT, all as u64, &cluster.ids());
    let read = open.read_sound(0, 9, Arc::new(|_| false)).await.unwrap();
    assert_eq!(read, bytes[..9]);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_a_silent_node_may_have_are_not_said_to_be_gone_or_damaged() {
    let mut cluster = Cluster::of(3).await;
    let file = cluster.created().await;
    file.write(0, frames()).await.unwrap();
    file.sync().await.unwrap();
    rot(&cluster, 3, 700_050);
    let bytes = frames().concat();
    cluster.crash(2);
    let (all, wanted) = (bytes.len(), bytes.clone());
    let is_sound: IsSound = Arc::new(move |bytes: &Bytes| *bytes == wanted);
    let open = |extent, nodes: &[u64]| {
        let nodes: Vec<NodeId> = nodes.iter().copied().map(NodeId::new).collect();
        cluster.extents.open(extent, all as u64, &nodes)
    };
    let unknown = ExtentId::new(99);
    // The silent one is asked first as long as nobody knows that it is.
    let (early, absent) = (open(EXTENT, &[2, 3]), open(unknown, &[2, 3]));
    for (damaged, absent) in [
        (early, absent),
        (open(EXTENT, &[3, 2]), open(unknown, &[3, 2])),
    ] {
        let damaged = damaged.read_sound(0, all, is_sound.clone()).await;
        assert_eq!(damaged.unwrap_err().kind(), SILENT);
        let absent = absent.read(0, all).await;
        assert_eq!(absent.unwrap_err().kind(), SILENT);
    }
    let sound = open(EXTENT, &[3, 2, 1]).read_sound(0, all, is_sound);
    assert_eq!(sound.await.unwrap(), bytes);
    let absent = open(unknown, &[1, 3]).read(0, all).await;
    assert_eq!(absent.unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_rotted_while_it_was_open_shortens_nothing() {
    let mut cluster = Cluster::of(3).await;
    let file = cluster.created().await;
    file.write(0, frames()).await.unwrap();
    file.sync().await.unwrap();
    let end = frames().concat().len() as u64;
    rot(&cluster, 2, 900_000);
    // Its node finds it broken off, at this start and at the next.
    for fence in [WRITER.next(), WRITER.next().next()] {
        cluster.crash(2);
        cluster.start(2).await;
        let nodes = cluster.ids();
        let fenced = cluster.extents.fence(EXTENT, fence, &nodes, &[]).await;
        let fenced = fenced.unwrap();
        assert_eq!(fenced.length, end);
        assert_eq!(fenced.nodes, [1, 3].map(NodeId::new).into());
    }
}

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "virtual time passes")]
async fn replicas_become_what_the_catalog_says() {
    let cluster = Cluster::of(2).await;
    let file = cluster.created().await;
    file.write(0, frames()).await.unwrap();
    file.sync().await.unwrap();
    let length = frames()[0].len() as u64;
    cluster.tell(1, Message::Sealed(EXTENT, length));
    cluster.tell(2, Message::Dropped(EXTENT));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let path = extent::path(REPOSITORY, EXTENT);
    let kept = &cluster.nodes[&NodeId::new(1)].disk;
    let kept = kept.port().open(&path).await.unwrap();
    assert_eq!(kept.length().await.unwrap(), length);
    let gone = &cluster.nodes[&NodeId::new(2)].disk;
    let gone = gone.port().open(&path).await.err().unwrap();
    assert_eq!(gone.kind(), io::ErrorKind::NotFound);
}
