//! A node of another version of what nodes say to each other, beside real ones: it has the
//! identity of one of them, and this test speaks for it.

use std::net::UdpSocket;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use holdfast::clock::SystemClock;
use holdfast::entropy::SystemEntropy;
use holdfast::home::{CLUSTER, Membership};
use holdfast_actors::kernel::NodeId;
use holdfast_cluster::identity::Folder;
use holdfast_cluster::quic::{Class, Config, Endpoint, Ground, Notice, Pace, VERSION, Version};
use tokio::sync::watch;

use crate::nodes::Cluster;
use crate::work::Work;

/// How long a greeting may take on a busy machine.
const LONG: Duration = Duration::from_secs(30);

/// What a node hears that speaks this version, from the first one of the cluster.
fn heard(cluster: &Cluster, at: usize, major: u16, minor: u16) -> Notice {
    let place = cluster.nodes[at].data.join(CLUSTER);
    let folder = Folder::open(&place).unwrap();
    let certificate = folder.node().unwrap().expect("the node has an identity");
    let membership = Membership::read(&place).unwrap();
    let table = Arc::new(membership.table(&certificate.hash()));
    let (_keeps, nodes) = watch::channel(table);
    let (tell, told) = mpsc::channel();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let config = Config {
            node: membership.node,
            life: folder.begin_life(&SystemEntropy).unwrap(),
            certificate,
            nodes,
            version: Version { major, minor },
            pace: Pace::default(),
            clock: Arc::new(SystemClock::new()),
            joins: None,
            notices: Arc::new(move |notice| drop(tell.send(notice))),
        };
        let socket = UdpSocket::bind(membership.bind).unwrap();
        let endpoint = Endpoint::open(config, Ground::Socket(socket)).unwrap();
        let link = endpoint.link(Class::Calls);
        link.send(NodeId::new(1), Bytes::from_static(b"hello"))
            .unwrap();
        let first = loop {
            let notice = told.recv_timeout(LONG).unwrap();
            // An attempt that came too late is followed by another.
            if !matches!(notice, Notice::Down { .. }) {
                break notice;
            }
        };
        endpoint.close().await;
        first
    })
}

#[test]
fn nodes_of_two_minor_versions_talk_and_one_of_a_newer_major_is_refused_and_told_why() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    work.back_up(&acme);
    assert_eq!(cluster.nodes[2].terminate().code(), Some(0));
    let minor = heard(&cluster, 2, VERSION.major, VERSION.minor + 7);
    let Notice::Up { version, .. } = minor else {
        panic!("{minor}");
    };
    assert_eq!(version, VERSION, "both speak as the older does");
    let major = heard(&cluster, 2, VERSION.major + 1, 0);
    let Notice::Refused { reason, .. } = &major else {
        panic!("{major}");
    };
    let why = "between nodes and this node";
    assert!(
        reason.contains(why) && reason.ends_with("upgrade the older first"),
        "{reason}"
    );
    let told = |cluster: &Cluster| {
        cluster.nodes[0]
            .logged()
            .contains("upgrade the older first")
    };
    cluster.until("the other logs it", told);
    // The cluster goes on without it, and with it again once it speaks as the others do.
    work.back_up(&cluster.login("acme", 1));
    cluster.start(2);
    cluster.settle();
    work.back_up(&cluster.login("acme", 2));
    work.holds(&cluster, "acme");
    assert_eq!(cluster.trouble(), [""; 0]);
}
