//! The tenant's own client against a server in memory, beside Debian's restic, and against a server
//! that nobody here wrote.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod face;
mod interrupt;
#[path = "../support/memory.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod memory;
mod peer;
mod restic;
mod rustic_server;
mod selfservice;

use std::fs;
use std::io;
use std::path::Path;

use clap::Parser;
use holdfast::agent::{AgentCommand, Failure, run};
use hyper::Method;
use serde_json::Value;

use peer::{Fault, Peer};

const REPOSITORY_PASSWORD: &str = "a password of the repository";

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: AgentCommand,
}

/// Where the agent is to go.
#[derive(Clone)]
struct Account {
    server: String,
    user: String,
    password: String,
    repository: String,
    trust: Vec<String>,
}

impl Account {
    fn of(peer: &Peer) -> Self {
        Self {
            server: format!("https://{}", peer.address),
            user: peer::USER.to_owned(),
            password: peer::PASSWORD.to_owned(),
            repository: "main".to_owned(),
            trust: ["--thumbprint", &peer.thumbprint, "--transport", "https"]
                .map(str::to_owned)
                .to_vec(),
        }
    }

    /// Runs the agent on a repository and reads its JSON.
    fn agent(&self, words: &[&str]) -> Result<Value, Failure> {
        self.agent_with_secret(words, REPOSITORY_PASSWORD)
    }

    fn agent_with_secret(&self, words: &[&str], secret: &str) -> Result<Value, Failure> {
        let more = [
            "--repository",
            &self.repository,
            "--no-cache",
            "--patience",
            "2",
        ];
        let files = ["--repository-password-file", "-"];
        self.raw(
            &[words, &more[..], &files[..]].concat(),
            &format!("{secret}\n"),
        )
    }

    fn raw(&self, words: &[&str], input: &str) -> Result<Value, Failure> {
        let mut line = vec!["agent"];
        line.extend(words);
        line.extend([
            "--server",
            &self.server,
            "--user",
            &self.user,
            "--password-file",
            "-",
        ]);
        line.extend(self.trust.iter().map(String::as_str));
        let line = Line::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
        let mut input = io::Cursor::new(format!("{}\n{input}", self.password));
        let mut output = Vec::new();
        let result = run(&line.command, true, &mut input, &mut output);
        result.map(|()| serde_json::from_slice(&output).unwrap())
    }
}

/// A tree with an empty file, a large one, a deep one, a link and a strange name.
fn plant(root: &Path) {
    fs::create_dir_all(root.join("deep/er")).unwrap();
    fs::write(root.join("empty"), b"").unwrap();
    fs::write(root.join("deep/er/note"), b"a note").unwrap();
    fs::write(root.join("sp ace \u{e9}"), b"strange").unwrap();
    let large: Vec<u8> = (0..1_500_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    fs::write(root.join("large"), large).unwrap();
    std::os::unix::fs::symlink("deep/er/note", root.join("link")).unwrap();
}

/// That two trees are the same, byte by byte.
fn compare(left: &Path, right: &Path) {
    let list = |root: &Path| {
        let mut names: Vec<_> = fs::read_dir(root)
            .unwrap()
            .map(|it| it.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        list(left),
        list(right),
        "{} {}",
        left.display(),
        right.display()
    );
    for name in list(left) {
        let (left, right) = (left.join(&name), right.join(&name));
        let kind = left.symlink_metadata().unwrap().file_type();
        assert_eq!(
            kind,
            right.symlink_metadata().unwrap().file_type(),
            "{name:?}"
        );
        if kind.is_dir() {
            compare(&left, &right);
        } else if kind.is_symlink() {
            assert_eq!(fs::read_link(left).unwrap(), fs::read_link(right).unwrap());
        } else {
            assert!(
                fs::read(left).unwrap() == fs::read(right).unwrap(),
                "{name:?}"
            );
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Backs up, changes, backs up again, lists, checks, restores, compares.
fn round_trip(account: &Account, directory: &Path) {
    let [tree, back, part] = ["tree", "back", "part"].map(|name| directory.join(name));
    plant(&tree);
    let first = account.agent(&["backup", "--init", text(&tree)]).unwrap();
    assert_eq!(
        (&first["files"], &first["files-new"]),
        (&5.into(), &5.into()),
        "{first}"
    );
    assert!(first["bytes-added"].as_u64() > Some(5_900_000), "{first}");
    fs::write(tree.join("later"), b"later").unwrap();
    let second = account
        .agent(&["backup", "--tag", "two", text(&tree)])
        .unwrap();
    assert_eq!(
        (&second["files"], &second["files-new"]),
        (&6.into(), &1.into()),
        "{second}"
    );
    assert!(second["bytes-added"].as_u64() < Some(10_000), "{second}");

    let listed = account.agent(&["snapshots"]).unwrap();
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed}");
    let tagged = account.agent(&["snapshots", "--tag", "two"]).unwrap();
    assert_eq!(tagged[0]["snapshot"], second["snapshot"]);

    let checked = account.agent(&["check", "--read-data"]).unwrap();
    assert_eq!(
        (&checked["errors"], &checked["warnings"]),
        (&Value::Array(vec![]), &Value::Array(vec![]))
    );

    let of = |path: &str| format!("latest:{}{path}", text(&tree));
    let restored = account
        .agent(&["restore", &of(""), "--to", text(&back)])
        .unwrap();
    assert_eq!(
        (&restored["files"], &restored["snapshot"]),
        (&5.into(), &second["snapshot"])
    );
    compare(&tree, &back);
    account
        .agent(&["restore", &of("/deep/er/note"), "--to", text(&part)])
        .unwrap();
    assert_eq!(fs::read(part.join("note")).unwrap(), b"a note");
}

#[test]
fn what_was_backed_up_comes_back() {
    let peer = Peer::start();
    round_trip(&Account::of(&peer), peer.directory());
    assert!(peer.stored("locks/").is_empty(), "a lock was left behind");
    assert!(peer.served("POST /main/locks/") >= 4);
}

#[test]
fn a_server_is_trusted_by_its_certificate_and_no_other() {
    let peer = Peer::start();
    let mut account = Account::of(&peer);
    account.trust = vec!["--cacert".into(), text(&peer.certificate).into()];
    assert_eq!(account.agent(&["snapshots"]).unwrap_err().code(), 3);
    account.trust = vec!["--thumbprint".into(), "00".repeat(32)];
    let pinned = account.agent(&["snapshots"]).unwrap_err();
    assert_eq!((pinned.code(), pinned.reason()), (4, "untrusted"));
    assert!(pinned.to_string().contains(&peer.thumbprint), "{pinned}");
    let other = Peer::start();
    account.trust = vec!["--cacert".into(), text(&other.certificate).into()];
    assert_eq!(
        account.agent(&["snapshots"]).unwrap_err().reason(),
        "untrusted"
    );
    assert_eq!(peer.served("HEAD /main/config"), 1);
}

#[test]
fn a_wrong_password_is_told_from_a_wrong_repository_password() {
    let peer = Peer::start();
    let mut account = Account::of(&peer);
    let tree = peer.directory().join("tree");
    fs::create_dir(&tree).unwrap();
    account.agent(&["backup", "--init", text(&tree)]).unwrap();
    let wrong = account
        .agent_with_secret(&["snapshots"], "another")
        .unwrap_err();
    assert_eq!((wrong.code(), wrong.reason()), (1, "repository-password"));
    account.password = "another".into();
    let wrong = account.agent(&["snapshots"]).unwrap_err();
    assert_eq!((wrong.code(), wrong.reason()), (4, "unauthenticated"));
}

#[test]
fn what_fails_once_is_tried_again() {
    let peer = Peer::start();
    peer.refuse_what_is_there();
    let busy = Fault::Refuse(503, "busy", "too much is under way");
    peer.fault(Method::HEAD, "/main/config", [busy.clone(), busy]);
    peer.fault(Method::POST, "/main/data/", [Fault::LoseTheAnswer]);
    peer.fault(Method::POST, "/main/snapshots/", [Fault::LoseTheAnswer]);
    let account = Account::of(&peer);
    let tree = peer.directory().join("tree");
    plant(&tree);
    account.agent(&["backup", "--init", text(&tree)]).unwrap();
    assert_eq!(
        account.agent(&["check", "--read-data"]).unwrap()["errors"],
        Value::Array(vec![])
    );
    assert_eq!(peer.served("POST /main/snapshots/"), 2);
}

#[test]
fn a_refusal_is_the_providers_own_sentence_and_leaves_no_snapshot() {
    let peer = Peer::start();
    let account = Account::of(&peer);
    let tree = peer.directory().join("tree");
    plant(&tree);
    account
        .agent(&["backup", "--init", "--exclude", "large", text(&tree)])
        .unwrap();
    let full = Fault::Refuse(507, "quota-exceeded", "repository main has no room left");
    peer.fault(Method::POST, "/main/data/", vec![full; 100]);
    let refused = account.agent(&["backup", text(&tree)]).unwrap_err();
    assert_eq!((refused.code(), refused.reason()), (4, "quota-exceeded"));
    assert_eq!(refused.to_string(), "repository main has no room left");
    assert_eq!(
        account
            .agent(&["snapshots"])
            .unwrap()
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert!(peer.stored("locks/").is_empty(), "a lock was left behind");

    let before = peer.served("HEAD /main/config");
    peer.fault(
        Method::HEAD,
        "/main/config",
        [Fault::Refuse(403, "lease-expired", "")],
    );
    let refused = account.agent(&["backup", text(&tree)]).unwrap_err();
    assert_eq!((refused.code(), refused.reason()), (4, "lease-expired"));
    assert_eq!(
        refused.to_string(),
        "the provider refuses: the lease has ended"
    );
    assert_eq!(
        peer.served("HEAD /main/config"),
        before + 1,
        "a refusal is not tried again"
    );
}

#[test]
fn a_server_that_is_not_there_is_no_answer() {
    let peer = Peer::start();
    let mut account = Account::of(&peer);
    drop(peer);
    let gone = account.agent(&["snapshots"]).unwrap_err();
    assert_eq!((gone.code(), gone.reason()), (6, "no-answer"), "{gone}");
    account.server = "http://127.0.0.1:1".into();
    assert_eq!(account.agent(&["snapshots"]).unwrap_err().code(), 2);
}

#[test]
fn damage_at_the_server_is_found() {
    let peer = Peer::start();
    let account = Account::of(&peer);
    let tree = peer.directory().join("tree");
    plant(&tree);
    account.agent(&["backup", "--init", text(&tree)]).unwrap();
    let pack = peer.largest("data/");
    peer.flip(&pack, 100);
    account.agent(&["check"]).unwrap();
    let damaged = account.agent(&["check", "--read-data"]).unwrap_err();
    assert_eq!(
        (damaged.code(), damaged.reason()),
        (1, "repository"),
        "{damaged}"
    );
}

#[test]
fn a_file_that_cannot_be_read_makes_the_backup_incomplete() {
    let peer = Peer::start();
    let account = Account::of(&peer);
    let missing = account
        .agent(&["backup", "--init", "/no/such/path"])
        .unwrap_err();
    assert_eq!((missing.code(), missing.reason()), (3, "not-found"));
    // Reading a process's memory at its start fails, whoever asks.
    let unread = account
        .agent(&["backup", "--init", "/proc/self/mem"])
        .unwrap_err();
    assert_eq!(
        (unread.code(), unread.reason()),
        (1, "incomplete"),
        "{unread}"
    );
    let missing = account
        .agent(&["restore", "0123abcd", "--to", "/no/such/path"])
        .unwrap_err();
    assert_eq!(missing.code(), 3, "{missing}");
}
