//! The link over real sockets, on loopback.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::{Arrival, Link, conformance};
use holdfast_cluster::quic::{Class, Life, Notice, Pace, VERSION, Version};

use support::{Cluster, Running, Start, heard, soon};

mod support;

const HELLO: Bytes = Bytes::from_static(b"hello");

fn frame(from: &Running, body: &Bytes) -> Arrival {
    Arrival::Frame {
        from: from.node,
        body: body.clone(),
    }
}

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
