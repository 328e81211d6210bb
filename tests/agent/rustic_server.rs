//! The agent against `rustic_server`, which nobody here wrote. It is used where it is installed.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::restic::side_by_side;
use crate::{Account, round_trip, text};

/// A running server, ended when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A server with one account, or nothing where it is not installed.
fn start(directory: &Path) -> Option<(Server, Account)> {
    let file = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let login = [
        "auth",
        "add",
        "-f",
        &file("htpasswd"),
        "-u",
        "acme",
        "-p",
        "secret",
    ];
    let Ok(made) = Command::new("rustic-server").args(login).output() else {
        println!("skipped: rustic-server is not installed");
        return None;
    };
    assert!(made.status.success(), "{made:?}");
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = rcgen::generate_simple_self_signed(names).unwrap();
    fs::write(file("certificate.pem"), certificate.cert.pem()).unwrap();
    fs::write(file("key.pem"), certificate.signing_key.serialize_pem()).unwrap();
    fs::write(file("acl.toml"), "[acme]\nacme = \"Modify\"\n").unwrap();
    fs::create_dir(file("data")).unwrap();
    // It takes no port 0 to tell us: it gets one that was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let child = Command::new("rustic-server")
        .args([
            "serve",
            "--listen",
            &free.to_string(),
            "--path",
            &file("data"),
        ])
        .args([
            "--htpasswd-file",
            &file("htpasswd"),
            "--private-repos",
            "--tls",
        ])
        .args([
            "--acl-path",
            &file("acl.toml"),
            "--tls-cert",
            &file("certificate.pem"),
        ])
        .args(["--tls-key", &file("key.pem")])
        .stdout(Stdio::piped())
        .stderr(File::create(file("errors")).unwrap())
        .spawn()
        .unwrap();
    let mut server = Server(child);
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap().contains("Listening on")),
        "it did not start"
    );
    let account = Account {
        server: format!("https://{free}"),
        user: "acme".to_owned(),
        password: "secret".to_owned(),
        repository: "acme".to_owned(),
        trust: vec!["--cacert".to_owned(), file("certificate.pem")],
    };
    Some((server, account))
}

#[test]
fn what_was_backed_up_to_another_server_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    if let Some((_server, account)) = start(directory.path()) {
        round_trip(&account, directory.path());
    }
}

#[test]
fn restic_and_the_agent_share_a_repository_at_another_server() {
    let directory = tempfile::tempdir().unwrap();
    if let Some((_server, account)) = start(directory.path()) {
        let certificate = directory.path().join("certificate.pem");
        assert!(!text(&certificate).is_empty());
        side_by_side(&account, &certificate, directory.path());
    }
}
