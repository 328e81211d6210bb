//! The link over real sockets, on loopback.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::ports::{Arrival, conformance};
use holdfast_cluster::identity::NodeKey;
use holdfast_cluster::quic::{Class, Life, Pace};

use support::{Cluster, HELLO, Start, frame, heard, soon, talk, until_it_arrives};

mod intruders;
mod joining;
mod streams;
mod support;

async fn conforms(class: Class) {
    let cluster = Cluster::found();
    let one = cluster.join(1, Start::default());
    let other = cluster.join(2, Start::default());
    let ends = conformance::Ends {
        one: one.endpoint.link(class),
        other: other.endpoint.link(class),
        kill: Box::new(move || one.endpoint.sever(other.node)),
    };
    soon("end of the suite", conformance::link(ends)).await;
}

#[tokio::test]
async fn control_does_what_the_port_says() {
    conforms(Class::Control).await;
}

#[tokio::test]
async fn calls_do_what_the_port_says() {
    conforms(Class::Calls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_does_what_the_port_says() {
    conforms(Class::Bulk).await;
}

#[tokio::test]
async fn nodes_talk_over_ipv6_and_over_both_from_one_socket() {
    let cluster = Cluster::found();
    let bind = |bind: SocketAddr| Start {
        bind,
        ..Start::default()
    };
    let six = cluster.join(1, bind((Ipv6Addr::LOCALHOST, 0).into()));
    let four = cluster.join(2, Start::default());
    let both = cluster.run(
        3,
        cluster.certificate(3),
        bind((Ipv6Addr::UNSPECIFIED, 0).into()),
    );
    let port = both.endpoint.address().unwrap().port();
    let addresses = vec![
        (Ipv6Addr::LOCALHOST, port).into(),
        ([127, 0, 0, 1], port).into(),
    ];
    cluster.enter(both.node, both.key, addresses);
    talk(&six, &both).await;
    // The first address of `both` is of no use to it.
    talk(&four, &both).await;
    both.endpoint.sever(four.node);
    let link = four.endpoint.link(Class::Calls);
    assert_eq!(heard(&link).await, Arrival::Down(both.node));
    let there = both.endpoint.link(Class::Calls);
    assert_eq!(heard(&there).await, Arrival::Down(four.node));
    there.send(four.node, HELLO).unwrap();
    assert_eq!(heard(&link).await, frame(&both, &HELLO));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_both_dial_at_once_one_connection_wins_and_nothing_is_lost() {
    let cluster = Cluster::found();
    let one = cluster.join(1, Start::default());
    let other = cluster.join(2, Start::default());
    for round in 0..20_u8 {
        let body = Bytes::from(vec![round]);
        let (this, that) = (
            one.endpoint.link(Class::Calls),
            other.endpoint.link(Class::Calls),
        );
        this.send(other.node, body.clone()).unwrap();
        that.send(one.node, body.clone()).unwrap();
        assert_eq!(heard(&this).await, frame(&other, &body));
        assert_eq!(heard(&that).await, frame(&one, &body));
        one.endpoint.sever(other.node);
        assert_eq!(heard(&this).await, Arrival::Down(other.node));
        assert_eq!(heard(&that).await, Arrival::Down(one.node));
    }
}

#[tokio::test]
async fn a_certificate_is_switched_without_a_break() {
    let cluster = Cluster::found();
    let certificate = cluster.certificate(1);
    let key = NodeKey::from_der(&certificate.key().der());
    let one = cluster.run(1, certificate, Start::default());
    cluster.enter(one.node, one.key, vec![one.endpoint.address().unwrap()]);
    let other = cluster.join(2, Start::default());
    talk(&one, &other).await;
    one.endpoint
        .switch(&cluster.certify(1, key.unwrap()))
        .unwrap();
    talk(&one, &other).await;
    one.endpoint.sever(other.node);
    let (this, that) = (
        one.endpoint.link(Class::Calls),
        other.endpoint.link(Class::Calls),
    );
    assert_eq!(heard(&this).await, Arrival::Down(other.node));
    assert_eq!(heard(&that).await, Arrival::Down(one.node));
    that.send(one.node, HELLO).unwrap();
    assert_eq!(heard(&this).await, frame(&other, &HELLO));
}

/// Time limits of production: these tests are about them.
fn brisk() -> Start {
    Start {
        pace: Pace::default(),
        ..Start::default()
    }
}

#[test]
fn a_peer_that_is_killed_is_down_within_about_a_second_and_comes_back() {
    let here = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::found();
    let (one, certificate) = (
        here.block_on(async { cluster.join(1, brisk()) }),
        cluster.certificate(2),
    );
    let key = certificate.key().der();
    let there = tokio::runtime::Runtime::new().unwrap();
    let other = there.block_on(async { cluster.run(2, certificate, brisk()) });
    let (node, address) = (other.node, other.endpoint.address().unwrap());
    cluster.enter(node, other.key, vec![address]);
    let link = one.endpoint.link(Class::Calls);
    here.block_on(async {
        let that = other.endpoint.link(Class::Calls);
        until_it_arrives(&link, node, &that).await;
    });
    // Its tasks stop where they are, and nothing is said to anybody.
    there.shutdown_background();
    here.block_on(async {
        let waited = tokio::time::timeout(Duration::from_millis(1_500), link.receive());
        assert_eq!(waited.await, Ok(Some(Arrival::Down(node))));
    });
    drop(other);
    here.block_on(async {
        let key = NodeKey::from_der(&key).unwrap();
        let again = Start {
            bind: address,
            life: Life { count: 2, salt: 2 },
            ..brisk()
        };
        let again = cluster.run(2, cluster.certify(2, key), again);
        let that = again.endpoint.link(Class::Calls);
        let arrived = until_it_arrives(&link, node, &that).await;
        assert_eq!(arrived, frame(&one, &HELLO));
    });
}
