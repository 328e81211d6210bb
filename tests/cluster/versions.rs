//! Nodes of several versions of what nodes say to each other: one that this test speaks for, with
//! the identity of a real one, and real ones that are upgraded one by one.

use std::net::UdpSocket;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use holdfast::clock::SystemClock;
use holdfast::entropy::SystemEntropy;
use holdfast::home::{CLUSTER, Membership};
use holdfast_actors::kernel::NodeId;
use holdfast_cluster::identity::Folder;
use holdfast_cluster::quic::{Class, Config, Endpoint, Ground, Notice, Pace, VERSION, Version};
use serde_json::Value;
use tokio::sync::watch;

use crate::node::{Login, Said, plant, text};
use crate::nodes::{Cluster, loopback};
use crate::pulse::Ending;
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

/// What each node says that it speaks, and what the cluster does, as the first node that runs has
/// it.
fn spoken(cluster: &Cluster) -> (Vec<String>, String) {
    let rows = cluster.any().try_json(&["node", "list"]);
    let rows = rows.unwrap_or_default();
    let word = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let rows = rows.as_array().cloned().unwrap_or_default();
    let all = rows.iter().map(|row| word(row, "speaks")).collect();
    let common = rows.first().map(|row| word(row, "cluster-speaks"));
    (all, common.unwrap_or_default())
}

/// Gives an order that needs version 1.1.
fn rename(cluster: &Cluster, at: usize) -> Said {
    let words = ["--json", "node", "rename", "n3", "--to", "third"];
    cluster.nodes[at].plain(&words)
}

/// Backs a tree up with the agent again and again, through one gateway after the other, and counts.
fn agents(gateways: &[Login], tree: &Path, done: &AtomicUsize, ended: &AtomicBool) {
    for gateway in gateways.iter().cycle() {
        if ended.load(Ordering::Relaxed) {
            break;
        }
        let said = gateway.agent(&["backup", "--no-cache", text(tree)]);
        match said.code {
            0 => drop(done.fetch_add(1, Ordering::Relaxed)),
            // The first word to a gateway that does not run is for nobody.
            _ => eprintln!("NOT BEGUN: a run of the agent: {}", said.err),
        }
    }
}

#[test]
fn a_rolling_upgrade_holds_new_commands_back_until_the_last_node_can_read_them() {
    let mut cluster = Cluster::empty(Box::new(loopback));
    cluster.arguments = ["--wire-version", "1.0"].map(str::to_owned).to_vec();
    cluster.make(3);
    let acme = cluster.tenant("acme", 0);
    let beta = cluster.tenant("beta", 0);
    let work = Work::begin(&cluster, &acme, 0);
    let tree = cluster.path("tree of the agent");
    plant(&tree, 1);
    beta.agent(&["backup", "--no-cache", "--init", text(&tree)])
        .good();
    let gateways = [0, 1, 2].map(|at| cluster.login("acme", at));
    let others = [0, 1, 2].map(|at| cluster.login("beta", at));
    let (done, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let (ending, also) = (work.ending(), Ending(&ended));
        let backups = scope.spawn(|| work.back_up_always(&gateways));
        let agent = scope.spawn(|| agents(&others, &tree, &done, &ended));
        for at in 0..3 {
            let (before, count) = (work.count(), || done.load(Ordering::Relaxed));
            let agents_before = count();
            cluster.until("a backup of each client is done", |_| {
                work.count() > before && count() > agents_before
            });
            assert_eq!(spoken(&cluster).1, "1.0");
            // Whoever is asked, and whoever leads.
            for asked in 0..3 {
                let said = rename(&cluster, asked);
                assert_eq!(said.code, 4, "{} {}", said.out, said.err);
                let told = format!("{}{}", said.out, said.err);
                assert!(told.contains("version-held"), "{told}");
                assert!(told.contains("needs version 1.1"), "{told}");
                assert!(
                    told.contains(&format!("'n{}' speaks 1.0", at + 1)),
                    "{told}"
                );
            }
            assert_eq!(cluster.nodes[at].terminate().code(), Some(0));
            cluster.nodes[at].arguments.clear();
            cluster.start(at);
            cluster.settle();
        }
        cluster.until("all speak the newer version", |cluster| {
            let (all, common) = spoken(cluster);
            all == ["1.1"; 3] && common == "1.1"
        });
        let status = cluster.any().json(&["status"]);
        assert_eq!(status["cluster"]["speaks"], "1.1", "{status}");
        cluster.until("it is taken", |cluster| rename(cluster, 1).code == 0);
        drop((ending, also));
        backups.join().unwrap();
        agent.join().unwrap();
    });
    cluster.nodes[2].name = "third".to_owned();
    cluster.settle();
    let done = done.into_inner();
    eprintln!("{} backups of restic and {done} of the agent", work.count());
    assert_eq!(cluster.told(30084, "version 1.1"), 1);
    older_is_refused(&mut cluster);
    work.holds(&cluster, "acme");
    beta.whole();
    assert_eq!(cluster.trouble(), [""; 0]);
}

/// Back from an upgrade that all nodes have made there is no way. The node may know that by itself
/// and end before any other hears of it.
fn older_is_refused(cluster: &mut Cluster) {
    assert_eq!(cluster.nodes[1].terminate().code(), Some(0));
    let arguments = ["--wire-version", "1.0"].map(str::to_owned).to_vec();
    cluster.nodes[1].arguments = arguments;
    let said = cluster.nodes[1].tries(30);
    assert_eq!(said.code, 4, "{} {}", said.out, said.err);
    let told = "does not speak what its cluster does";
    let is_told = said.err.contains(told) && said.err.contains("upgrade it");
    assert!(is_told, "{}", said.err);
    cluster.nodes[1].arguments.clear();
    cluster.start(1);
    cluster.settle();
}
