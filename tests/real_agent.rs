//! The tenant's own client and a real node: by the native path, through what happens to datagrams.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use node::{Login, Node, noise, plant, text};

/// Larger than a datagram.
const DATAGRAM_MAX: usize = 65_536;
/// How long a socket is listened at before it is looked whether there is more to do.
const LISTENED: Duration = Duration::from_millis(20);
/// One object of this size is on its way while something happens, in bytes.
const BULK: usize = 12 << 20;

/// A router before a node: what it passes on comes from a socket of its own, and now and then from
/// another one, as when a client gets another address.
struct Router {
    port: u16,
    front: UdpSocket,
    passed: AtomicU64,
    /// So many times it took another socket.
    changed: AtomicU64,
    is_over: AtomicBool,
}

impl Router {
    fn new() -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").unwrap();
        front.set_read_timeout(Some(LISTENED)).unwrap();
        Self {
            port: front.local_addr().unwrap().port(),
            front,
            passed: AtomicU64::new(0),
            changed: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    /// A socket to the node; what comes back there goes to the client.
    fn way<'a>(
        &'a self,
        scope: &'a thread::Scope<'a, '_>,
        node: SocketAddr,
        client: SocketAddr,
    ) -> UdpSocket {
        let back = UdpSocket::bind("127.0.0.1:0").unwrap();
        back.connect(node).unwrap();
        back.set_read_timeout(Some(LISTENED)).unwrap();
        let there = back.try_clone().unwrap();
        scope.spawn(move || {
            let mut buffer = vec![0; DATAGRAM_MAX];
            while !self.is_over.load(Ordering::Relaxed) {
                if let Ok(length) = back.recv(&mut buffer) {
                    self.front.send_to(&buffer[..length], client).unwrap();
                }
            }
        });
        there
    }

    /// Passes datagrams on, each so many bytes by another way.
    fn run<'a>(&'a self, scope: &'a thread::Scope<'a, '_>, node: SocketAddr, every: u64) {
        let mut ways: BTreeMap<SocketAddr, (UdpSocket, u64)> = BTreeMap::new();
        let mut buffer = vec![0; DATAGRAM_MAX];
        while !self.is_over.load(Ordering::Relaxed) {
            let Ok((length, client)) = self.front.recv_from(&mut buffer) else {
                continue;
            };
            let (way, passed) = ways
                .entry(client)
                .or_insert_with(|| (self.way(scope, node, client), 0));
            *passed += length as u64;
            if *passed > every {
                (*way, *passed) = (self.way(scope, node, client), 0);
                self.changed.fetch_add(1, Ordering::Relaxed);
            }
            // A node that is busy loses some, as networks do.
            let _ = way.send(&buffer[..length]);
            self.passed.fetch_add(length as u64, Ordering::Relaxed);
        }
    }
}

fn tenant(node: &Node, quota: &str) -> Login {
    node.tenant("acme", "main", quota);
    node.login("acme", "main")
}

#[test]
fn what_the_agent_sends_by_either_way_restic_reads() {
    let node = Node::new();
    let acme = tenant(&node, "1GiB");
    let tree = acme.base.join("tree");
    for (version, way) in (1..).zip(["quic", "https", "auto"]) {
        plant(&tree, version);
        let words = [
            "backup",
            "--no-cache",
            "--init",
            "--json",
            "--transport",
            way,
        ];
        let said = acme.agent(&[&words[..], &[text(&tree)]].concat()).json();
        acme.restores(said["snapshot"].as_str().unwrap(), &tree, &tree);
    }
    acme.whole();
    let words = ["check", "--no-cache", "--read-data", "--transport", "quic"];
    acme.agent(&words).good();
}

#[test]
fn an_upload_goes_on_while_its_client_gets_other_addresses() {
    let node = Node::new();
    let acme = tenant(&node, "1GiB");
    let tree = acme.base.join("tree");
    plant(&tree, 1);
    fs::write(tree.join("bulk"), noise(3, BULK)).unwrap();
    let router = Router::new();
    let far = Login {
        port: router.port,
        ..acme.clone()
    };
    let at = SocketAddr::from(([127, 0, 0, 1], node.port));
    let said = thread::scope(|scope| {
        scope.spawn(|| router.run(scope, at, BULK as u64 / 5));
        let words = [
            "backup",
            "--no-cache",
            "--init",
            "--json",
            "--transport",
            "quic",
        ];
        let said = far.agent(&[&words[..], &[text(&tree)]].concat());
        router.is_over.store(true, Ordering::Relaxed);
        said
    });
    let said = said.json();
    let changed = router.changed.load(Ordering::Relaxed);
    assert!(changed >= 4, "the address changed {changed} times alone");
    let passed = router.passed.load(Ordering::Relaxed);
    assert!(passed > BULK as u64, "{passed} bytes went by the router");
    // Nothing was begun anew: the connection went on.
    assert_eq!(said["uploads-resumed"], 0, "{said}");
    assert_eq!(said["gateways-changed"], 0, "{said}");
    acme.whole();
    acme.restores(said["snapshot"].as_str().unwrap(), &tree, &tree);
}

#[test]
fn an_agent_is_refused_in_the_same_words_by_either_way() {
    let node = Node::new();
    let acme = tenant(&node, "2MiB");
    let tree = acme.base.join("tree");
    fs::create_dir(&tree).unwrap();
    acme.agent(&["backup", "--no-cache", "--init", text(&tree)])
        .good();
    fs::write(tree.join("bulk"), noise(3, BULK)).unwrap();
    let stranger = Login {
        password: "guessed".to_owned(),
        ..acme.clone()
    };
    let refusals = |what: &str, login: &Login, reason: &str| {
        let said = ["quic", "https"].map(|way| {
            let words = ["backup", "--no-cache", "--transport", way, text(&tree)];
            let said = login.agent(&words).bad();
            // What locks of the first run are charged is not of this test.
            said.replace(|letter: char| letter.is_ascii_digit(), "0")
        });
        assert_eq!(said[0], said[1], "{what}");
        assert!(said[0].contains(reason), "{what}: {}", said[0]);
    };
    refusals("quota", &acme, "the quota of 0MiB");
    refusals("password", &stranger, "password");
    node.json(&["tenant", "set", "acme", "--lease", "2020-01-01"]);
    refusals("lease", &acme, "the lease has ended");
}
