//! The agent against Holdfast's own restic face, with a service in memory behind it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use holdfast::rest::{Face, Limits};
use holdfast::tls::{Certificates, Identity};
use holdfast_actors::kernel::Timestamp;
use holdfast_actors::refusal::{Reason, Refusal};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::memory::{Memory, Scope};
use crate::restic::side_by_side;
use crate::{Account, plant, round_trip, text};

/// A node's face on a free port.
struct Node {
    memory: Memory,
    account: Account,
    certificate: PathBuf,
    directory: TempDir,
    _face: Face,
    _runtime: Runtime,
}

fn start(quota: u64) -> Node {
    let now = Timestamp::parse("2026-05-01T12:00:00Z").unwrap();
    let identity = Identity::self_signed("node.example", now).unwrap();
    let certificates = Certificates::new(&identity).unwrap();
    let memory = Memory::new(true);
    for (user, scope) in [
        ("acme", Scope::Full),
        ("acme+append", Scope::Append),
        ("acme+read", Scope::Read),
    ] {
        memory.account(user, "secret", scope);
    }
    memory.repository("acme", "main", quota);
    let directory = tempfile::tempdir().unwrap();
    let certificate = directory.path().join("certificate.pem");
    fs::write(&certificate, identity.certificate_pem()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let service = Arc::new(memory.clone());
    let listen = "127.0.0.1:0".parse().unwrap();
    let face = Face::start(listen, &certificates, service, Limits::default());
    let face = runtime.block_on(face).unwrap();
    let account = Account {
        server: format!("https://{}", face.address()),
        user: "acme".to_owned(),
        password: "secret".to_owned(),
        repository: "main".to_owned(),
        trust: vec!["--cacert".to_owned(), text(&certificate).to_owned()],
    };
    Node {
        memory,
        account,
        certificate,
        directory,
        _face: face,
        _runtime: runtime,
    }
}

#[test]
fn what_was_backed_up_to_a_node_comes_back() {
    let node = start(64 << 20);
    round_trip(&node.account, node.directory.path());
}

#[test]
fn restic_and_the_agent_share_a_repository_at_a_node() {
    let node = start(64 << 20);
    side_by_side(&node.account, &node.certificate, node.directory.path());
}

#[test]
fn a_node_refuses_in_its_own_words() {
    let mut node = start(1 << 20);
    let tree = node.directory.path().join("tree");
    plant(&tree);
    let full = node
        .account
        .agent(&["backup", "--init", text(&tree)])
        .unwrap_err();
    assert_eq!(
        (full.code(), full.reason()),
        (4, "quota-exceeded"),
        "{full}"
    );

    let small = ["backup", "--exclude", "large", text(&tree)];
    node.account.agent(&small).unwrap();
    node.account.user = "acme+read".to_owned();
    let scope = node.account.agent(&["backup", text(&tree)]).unwrap_err();
    assert_eq!((scope.code(), scope.reason()), (4, "scope"), "{scope}");
    node.account.agent(&["check", "--read-data"]).unwrap();
    node.account.user = "acme+append".to_owned();
    node.account.agent(&small).unwrap();

    let ended = Refusal::new(Reason::LeaseExpired, "the lease ended on 2026-04-30");
    node.memory.refuse(Some(ended));
    let refused = node.account.agent(&small).unwrap_err();
    assert_eq!(
        (refused.code(), refused.reason()),
        (4, "lease-expired"),
        "{refused}"
    );

    node.memory.refuse(None);
    node.account.repository = "other".to_owned();
    let missing = node
        .account
        .agent(&["backup", "--init", text(&tree)])
        .unwrap_err();
    assert_eq!(
        (missing.code(), missing.reason()),
        (3, "not-found"),
        "{missing}"
    );
}
