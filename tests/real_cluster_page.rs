//! The operator's page about clusters, run: every `console` block of `docs/cluster.md`, in order,
//! in one shell with real nodes.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::symlink;

#[path = "support/console.rs"]
mod console;

use console::steps;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cluster.md");
/// The ports of the page: of datagrams, and of connections.
const DATAGRAMS: [&str; 4] = ["7441", "7442", "7443", "7444"];
const CONNECTIONS: [&str; 5] = ["8441", "8442", "8443", "8444", "9441"];

/// The page with ports that are free.
fn ours(text: &str) -> String {
    let sockets = DATAGRAMS.map(|port| (port, UdpSocket::bind("127.0.0.1:0").unwrap()));
    let listeners = CONNECTIONS.map(|port| (port, TcpListener::bind("127.0.0.1:0").unwrap()));
    let free = sockets
        .iter()
        .map(|(port, socket)| (*port, socket.local_addr().unwrap().port()));
    let more = listeners
        .iter()
        .map(|(port, listener)| (*port, listener.local_addr().unwrap().port()));
    free.chain(more)
        .fold(text.to_owned(), |text, (port, free)| {
            text.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{free}"))
        })
}

#[test]
fn the_page_about_clusters_says_what_happens() {
    let place = tempfile::tempdir().unwrap();
    let bin = place.path().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_holdfast"), bin.join("holdfast")).unwrap();
    let text = ours(&fs::read_to_string(PAGE).unwrap());
    let steps = steps(&text, rustix::process::geteuid().is_root());
    assert!(steps.len() > 40, "{}", steps.len());
    let wrong = console::run("docs/cluster.md", &steps, place.path());
    assert!(wrong.is_empty(), "{wrong}");
}
