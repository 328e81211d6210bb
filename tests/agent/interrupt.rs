//! An agent that is told to end in the middle of an upload.

use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use hyper::Method;
use rustix::process::{Pid, Signal, kill_process};

use crate::peer::{Fault, Peer};
use crate::{Account, plant, text};

const SERVER: &str = "HOLDFAST_TEST_SERVER";
const THUMBPRINT: &str = "HOLDFAST_TEST_THUMBPRINT";
const TREE: &str = "HOLDFAST_TEST_TREE";

/// In the process that this test starts: the agent that will be interrupted.
fn agent(server: String) {
    let account = Account {
        server,
        user: crate::peer::USER.to_owned(),
        password: crate::peer::PASSWORD.to_owned(),
        repository: "main".to_owned(),
        trust: vec![
            "--thumbprint".to_owned(),
            std::env::var(THUMBPRINT).unwrap(),
        ],
    };
    let tree = std::env::var(TREE).unwrap();
    account.agent(&["backup", "--init", &tree]).unwrap();
}

#[test]
fn an_interrupted_backup_leaves_no_lock() {
    if let Ok(server) = std::env::var(SERVER) {
        return agent(server);
    }
    let peer = Peer::start();
    let tree = peer.directory().join("tree");
    plant(&tree);
    let (hanging, reached) = channel();
    peer.fault(Method::POST, "/main/data/", vec![Fault::Hang(hanging); 100]);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "interrupt::an_interrupted_backup_leaves_no_lock"])
        .env(SERVER, format!("https://{}", peer.address))
        .env(THUMBPRINT, &peer.thumbprint)
        .env(TREE, text(&tree))
        .spawn()
        .unwrap();
    reached.recv_timeout(Duration::from_secs(300)).unwrap();
    assert_eq!(peer.stored("locks/").len(), 1);
    let id = i32::try_from(child.id()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(peer.stored("locks/").is_empty());
    assert!(peer.stored("snapshots/").is_empty());
}
