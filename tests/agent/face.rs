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

/// By which way the agent is to go.
const WAYS: [&str; 2] = ["quic", "https"];

fn start(quota: u64, way: &str) -> Node {
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
        trust: ["--cacert", text(&certificate), "--transport", way]
            .map(str::to_owned)
            .to_vec(),
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
    for way in WAYS {
        let node = start(64 << 20, way);
        round_trip(&node.account, node.directory.path());
    }
}

#[test]
fn restic_and_the_agent_share_a_repository_at_a_node() {
    for way in WAYS {
        let node = start(64 << 20, way);
        side_by_side(&node.account, &node.certificate, node.directory.path());
    }
}

#[test]
fn a_node_refuses_in_its_own_words_and_in_the_same_by_either_way() {
    let [quic, https] = WAYS.map(|way| refusals(&start(1 << 20, way)));
    assert_eq!(quic, https);
}

/// All that is refused to an agent, as it says it.
fn refusals(node: &Node) -> Vec<String> {
    let tree = node.directory.path().join("tree");
    plant(&tree);
    let small = ["backup", "--exclude", "large", text(&tree)];
    let refused = |account: &Account, words: &[&str], code, reason| {
        let failure = account.agent(words).unwrap_err();
        let said = (failure.code(), failure.reason());
        assert_eq!(said, (code, reason), "{failure}");
        failure.to_string()
    };
    let with = |change: fn(&mut Account)| {
        let mut account = node.account.clone();
        change(&mut account);
        account
    };
    let mut said = Vec::new();
    let init = ["backup", "--init", text(&tree)];
    said.push(refused(&node.account, &init, 4, "quota-exceeded"));
    node.account.agent(&small).unwrap();

    let reader = with(|account| account.user = "acme+read".to_owned());
    said.push(refused(&reader, &["backup", text(&tree)], 4, "scope"));
    reader.agent(&["check", "--read-data"]).unwrap();
    let appender = with(|account| account.user = "acme+append".to_owned());
    appender.agent(&small).unwrap();

    let stranger = with(|account| account.password = "guessed".to_owned());
    said.push(refused(&stranger, &small, 4, "unauthenticated"));
    let elsewhere = with(|account| account.repository = "other".to_owned());
    said.push(refused(&elsewhere, &init, 3, "not-found"));

    let ended = Refusal::new(Reason::LeaseExpired, "the lease ended on 2026-04-30");
    node.memory.refuse(Some(ended));
    said.push(refused(&node.account, &small, 4, "lease-expired"));
    node.memory.refuse(None);
    said
}
