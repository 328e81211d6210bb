//! The operator's page about tape, run: every `console` block of `docs/tape.md`, in order, in one
//! shell with a real node.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;

#[path = "support/console.rs"]
mod console;

use console::steps;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tape.md");

#[test]
fn the_page_about_tape_says_what_happens() {
    let place = tempfile::tempdir().unwrap();
    let bin = place.path().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_holdfast"), bin.join("holdfast")).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let text = fs::read_to_string(PAGE).unwrap();
    let text = text.replace("8443", &free.unwrap().port().to_string());
    let steps = steps(&text, rustix::process::geteuid().is_root());
    assert!(steps.len() > 25, "{}", steps.len());
    let wrong = console::run("docs/tape.md", &steps, place.path());
    assert!(wrong.is_empty(), "{wrong}");
}
