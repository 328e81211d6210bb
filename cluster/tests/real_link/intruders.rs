//! Whoever does not belong here, or does not behave, and what he gets.

use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::Arrival;
use holdfast_cluster::identity::NodeKey;
use holdfast_cluster::quic::hello::Hello;
use holdfast_cluster::quic::{ALPN, Class, Life, Notice, VERSION, Version};

use crate::support::{
    self, Cluster, HELLO, Start, frame, heard, raw, soon, talk, until_it_arrives,
};

#[tokio::test]
async fn a_certificate_of_another_cluster_is_refused_with_one_event() {
    let (ours, theirs) = (Cluster::found(), Cluster::found());
    let here = ours.join(1, Start::default());
    let there = theirs.join(2, Start::default());
    // Each believes that the other is one of its own.
    theirs.enter(here.node, here.key, vec![here.endpoint.address().unwrap()]);
    ours.enter(
        there.node,
        there.key,
        vec![there.endpoint.address().unwrap()],
    );
    let link = there.endpoint.link(Class::Control);
    for _ in 0..3 {
        link.send(here.node, HELLO).unwrap();
        assert_eq!(heard(&link).await, Arrival::Down(here.node));
    }
    let told = there.refusal().await;
    assert_eq!(told, "its certificate is of another cluster");
    assert_eq!(there.refusals(), 1);
}

#[tokio::test]
async fn two_clusters_on_one_address_do_not_mix() {
    let (ours, theirs) = (Cluster::found(), Cluster::found());
    let one = ours.join(1, Start::default());
    let theirs_there = theirs.join(2, Start::default());
    let address = theirs_there.endpoint.address().unwrap();
    // Our node 2 is said to be where theirs is.
    let ghost = ours.certificate(2);
    ours.enter(NodeId::new(2), ghost.hash(), vec![address]);
    let link = one.endpoint.link(Class::Calls);
    link.send(NodeId::new(2), HELLO).unwrap();
    assert_eq!(heard(&link).await, Arrival::Down(NodeId::new(2)));
    assert_eq!(one.refusal().await, "its certificate is of another cluster");
    // A node of theirs is not disturbed.
    let peer = theirs.join(1, Start::default());
    talk(&peer, &theirs_there).await;
}

#[tokio::test]
async fn who_is_not_known_yet_to_a_node_that_starts_is_no_stranger() {
    let cluster = Cluster::found();
    let inside = cluster.join(1, Start::default());
    let late = cluster.run(2, cluster.certificate(2), Start::default());
    cluster.begins();
    let link = late.endpoint.link(Class::Control);
    link.send(inside.node, HELLO).unwrap();
    assert_eq!(heard(&link).await, Arrival::Down(inside.node));
    let down = |notice: &Notice| matches!(notice, Notice::Down { .. });
    let told = late.told(down).await.to_string();
    assert!(told.contains("starts, and does not know all yet"), "{told}");
    let address = late.endpoint.address().unwrap();
    cluster.enter(late.node, late.key, vec![address]);
    until_it_arrives(&link, inside.node, &inside.endpoint.link(Class::Control)).await;
    assert_eq!((inside.refusals(), late.refusals()), (0, 0));
}

#[tokio::test]
async fn a_node_that_is_not_in_the_table_is_refused_with_one_event() {
    let cluster = Cluster::found();
    let inside = cluster.join(1, Start::default());
    let outside = cluster.run(2, cluster.certificate(2), Start::default());
    let link = outside.endpoint.link(Class::Calls);
    for _ in 0..3 {
        link.send(inside.node, HELLO).unwrap();
        assert_eq!(heard(&link).await, Arrival::Down(inside.node));
    }
    let told = inside.refusal().await;
    assert!(told.contains("not in the node table"), "{told}");
    assert_eq!(inside.refusals(), 1);
    assert_eq!(outside.refusals(), 1);
}

#[tokio::test]
async fn a_removed_node_is_cut_off_at_once_and_stays_outside() {
    let cluster = Cluster::found();
    let one = cluster.join(1, Start::default());
    let other = cluster.join(2, Start::default());
    talk(&one, &other).await;
    cluster.remove(other.node);
    for class in Class::ALL {
        let link = one.endpoint.link(class);
        assert_eq!(heard(&link).await, Arrival::Down(other.node));
    }
    assert!(one.refusal().await.contains("removed from the cluster"));
    let told = |notice: &Notice| matches!(notice, Notice::Dismissed { .. });
    let by = Notice::Dismissed { by: one.node };
    assert_eq!(other.told(told).await, by);
    let link = one.endpoint.link(Class::Calls);
    link.send(other.node, HELLO).unwrap();
    assert_eq!(heard(&link).await, Arrival::Down(other.node));
    // It returns with its old key, and with the certificate of the cluster.
    let back = other.endpoint.link(Class::Calls);
    assert_eq!(heard(&back).await, Arrival::Down(one.node));
    back.send(one.node, HELLO).unwrap();
    assert_eq!(heard(&back).await, Arrival::Down(one.node));
}

#[tokio::test]
async fn a_node_whose_certificate_names_another_is_refused() {
    let cluster = Cluster::found();
    let one = cluster.join(1, Start::default());
    // The table gives the key of node 2 to node 3.
    let certificate = cluster.certificate(2);
    let two = cluster.run(2, certificate, Start::default());
    let address = two.endpoint.address().unwrap();
    cluster.enter(NodeId::new(3), two.key, vec![address]);
    let link = one.endpoint.link(Class::Calls);
    link.send(NodeId::new(3), HELLO).unwrap();
    assert_eq!(heard(&link).await, Arrival::Down(NodeId::new(3)));
    let told = one.refusal().await;
    assert!(told.contains("not that of node-3"), "{told}");
}

#[tokio::test]
async fn a_certificate_that_has_ended_is_refused_until_it_is_renewed() {
    let cluster = Cluster::found();
    let late = Start {
        clock: support::today() + Duration::from_secs(86_400 * 91),
        ..Start::default()
    };
    let one = cluster.join(1, late);
    let other = cluster.join(2, Start::default());
    let link = one.endpoint.link(Class::Calls);
    link.send(other.node, HELLO).unwrap();
    assert_eq!(heard(&link).await, Arrival::Down(other.node));
    assert!(one.refusal().await.contains("expired"));
}

#[tokio::test]
async fn an_older_minor_version_is_spoken_and_a_newer_major_refused_politely() {
    let cluster = Cluster::found();
    let speaks = |major, minor| Start {
        version: Version { major, minor },
        ..Start::default()
    };
    let one = cluster.join(1, Start::default());
    let newer = cluster.join(2, speaks(1, 7));
    talk(&newer, &one).await;
    for node in [&one, &newer] {
        let up = node
            .told(|notice| matches!(notice, Notice::Up { .. }))
            .await;
        assert!(
            matches!(
                up,
                Notice::Up {
                    version: VERSION,
                    ..
                }
            ),
            "{up}"
        );
    }
    let tomorrow = cluster.join(3, speaks(2, 0));
    let link = tomorrow.endpoint.link(Class::Calls);
    link.send(one.node, HELLO).unwrap();
    assert_eq!(heard(&link).await, Arrival::Down(one.node));
    let why = "it speaks version 2.0 between nodes and this node 1.1: upgrade the older first";
    assert_eq!(one.refusal().await, why);
    assert_eq!(tomorrow.refusal().await, format!("the peer refuses: {why}"));
    talk(&newer, &one).await;
}

#[tokio::test]
async fn a_copied_data_directory_is_told_from_a_restart() {
    let cluster = Cluster::found();
    let one = cluster.join(1, Start::default());
    let lives = |count, salt| Start {
        life: Life { count, salt },
        ..Start::default()
    };
    let certificate = cluster.certificate(2);
    let key = certificate.key().der();
    let same = || {
        let key = NodeKey::from_der(&key).unwrap();
        cluster.certify(2, key)
    };
    let first = cluster.run(2, same(), lives(5, 1));
    cluster.enter(
        first.node,
        first.key,
        vec![first.endpoint.address().unwrap()],
    );
    talk(&first, &one).await;
    let copy = cluster.run(2, same(), lives(5, 2));
    let link = copy.endpoint.link(Class::Calls);
    link.send(one.node, HELLO).unwrap();
    assert_eq!(heard(&link).await, Arrival::Down(one.node));
    let told = one.refusal().await;
    assert_eq!(
        told,
        "node-2 runs twice: one of the two data directories is a copy"
    );
    talk(&first, &one).await;
    // A later run waits for the end of this one, and ends nothing.
    let again = cluster.run(2, same(), lives(6, 3));
    let there = one.endpoint.link(Class::Calls);
    let calls = again.endpoint.link(Class::Calls);
    calls.send(one.node, HELLO).unwrap();
    assert_eq!(heard(&calls).await, Arrival::Down(one.node));
    talk(&first, &one).await;
    // It is taken as soon as that has ended.
    first.endpoint.close().await;
    assert_eq!(heard(&there).await, Arrival::Down(again.node));
    calls.send(one.node, HELLO).unwrap();
    assert_eq!(heard(&there).await, frame(&again, &HELLO));
}

#[tokio::test]
async fn another_protocol_is_refused() {
    let cluster = Cluster::found();
    let one = cluster.join(1, Start::default());
    let certificate = cluster.certificate(2);
    cluster.enter(NodeId::new(2), certificate.hash(), vec![]);
    let address = one.endpoint.address().unwrap();
    let refused = raw::connect(&certificate, b"holdfast/2", one.node, address).await;
    assert!(refused.is_err());
    assert_eq!(one.refusal().await, "it speaks another protocol");
    // And the other way: a node that meets something else.
    let other = raw::listen(&certificate, b"holdfast/2");
    cluster.enter(
        NodeId::new(2),
        certificate.hash(),
        vec![other.local_addr().unwrap()],
    );
    let accepting = async {
        while let Some(incoming) = other.accept().await {
            assert!(incoming.await.is_err());
        }
    };
    let link = one.endpoint.link(Class::Calls);
    link.send(NodeId::new(2), HELLO).unwrap();
    tokio::select! {
        arrival = heard(&link) => assert_eq!(arrival, Arrival::Down(NodeId::new(2))),
        () = accepting => {}
    }
}

/// A greeting of node 2 as it should be.
fn hello(class: Class, attempt: u64) -> Vec<u8> {
    let hello = Hello {
        version: VERSION,
        purpose: class.into(),
        node: NodeId::new(2),
        life: Life { count: 1, salt: 1 },
        attempt,
    };
    hello.encode()
}

/// Greets as node 2, writes these bytes, and says what the node says of it.
async fn answer_to(bytes: &[u8]) -> String {
    let cluster = Cluster::found();
    let one = cluster.join(1, Start::default());
    let certificate = cluster.certificate(2);
    cluster.enter(NodeId::new(2), certificate.hash(), vec![]);
    let address = one.endpoint.address().unwrap();
    let (connection, _send) = raw::greet(&certificate, one.node, address, bytes).await;
    let closed = soon("end of the connection", connection.closed()).await;
    let told = one.refusal().await;
    assert!(
        closed.to_string().contains(&told),
        "{closed} instead of {told}"
    );
    told
}

#[tokio::test]
async fn what_no_healthy_peer_says_is_refused_with_a_reason() {
    let after = |bytes: &[u8]| [hello(Class::Calls, 1), bytes.to_vec()].concat();
    let large = 1_048_577_u32.to_le_bytes();
    let cases = [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "no greeting of a node"),
        (
            [&hello(Class::Calls, 1)[..8], &[9; 33]].concat(),
            "an unknown class of connection, 9",
        ),
        (
            Hello::encode(&Hello {
                node: NodeId::new(1),
                version: VERSION,
                purpose: Class::Bulk.into(),
                life: Life::default(),
                attempt: 1,
            }),
            "it calls itself node-1 and is node-2",
        ),
        (
            after(&large),
            "it breaks the protocol: a frame of 1048577 bytes is announced",
        ),
        (
            after(&[0, 0, 0, 0x40]),
            "it breaks the protocol: an item of an unknown kind",
        ),
        (
            after(&[1, 0, 0, 0x80]),
            "it breaks the protocol: it says that it took frames which were never sent",
        ),
        (
            after(&[0; 4 * 1_100]),
            "it breaks the protocol: it sends more frames than it has permits",
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(answer_to(&bytes).await, expected);
    }
}

#[tokio::test]
async fn a_peer_that_opens_a_thousand_streams_gets_one() {
    let cluster = Cluster::found();
    let one = cluster.join(1, Start::default());
    let certificate = cluster.certificate(2);
    cluster.enter(NodeId::new(2), certificate.hash(), vec![]);
    let address = one.endpoint.address().unwrap();
    let greeting = hello(Class::Calls, 1);
    let (connection, _send) = raw::greet(&certificate, one.node, address, &greeting).await;
    let mut opened = 0;
    let brief = Duration::from_millis(200);
    while tokio::time::timeout(brief, connection.open_uni())
        .await
        .is_ok()
    {
        opened += 1;
    }
    assert_eq!(opened, 0, "its one stream is open already");
    assert!(
        tokio::time::timeout(brief, connection.open_bi())
            .await
            .is_err()
    );
    // It reads nothing either: the node stops sending to it, and holds no more than permits allow.
    let link = one.endpoint.link(Class::Calls);
    let large = Bytes::from(vec![0; 1 << 20]);
    let sent = (0..1_000).take_while(|_| link.send(NodeId::new(2), large.clone()).is_ok());
    assert_eq!(sent.count(), 64);
    let other = cluster.join(3, Start::default());
    talk(&other, &one).await;
}

#[tokio::test]
async fn a_crowd_of_strangers_keeps_no_node_out() {
    let (cluster, strangers) = (Cluster::found(), Cluster::found());
    let one = cluster.join(1, Start::default());
    let (address, node) = (one.endpoint.address().unwrap(), one.node);
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let certificate = strangers.certificate(2);
        crowd.spawn(async move {
            raw::connect(&certificate, ALPN, node, address)
                .await
                .is_err()
        });
    }
    let other = cluster.join(2, Start::default());
    let link = other.endpoint.link(Class::Calls);
    until_it_arrives(&link, one.node, &one.endpoint.link(Class::Calls)).await;
    while let Some(refused) = soon("end of the crowd", crowd.join_next()).await {
        assert!(refused.unwrap());
    }
    assert!(one.refusals() <= 2, "{:?}", one.notices.lock().unwrap());
}
