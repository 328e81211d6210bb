//! The operator's manual, run: every `console` block of `docs/manual.md`, in order, in one shell
//! with a real node.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;

#[path = "support/console.rs"]
mod console;

use console::{agree, steps};

const MANUAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/manual.md");
/// The manual's places and ports are not ours.
fn ours(text: &str, place: &Path, ports: &[u16; 2]) -> String {
    let place = place.to_str().unwrap();
    text.replace("/srv/holdfast", &format!("{place}/srv"))
        .replace("/home/ops", place)
        .replace("8443", &ports[0].to_string())
        .replace("9443", &ports[1].to_string())
}

fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

#[test]
fn the_manual_says_what_happens() {
    let place = tempfile::tempdir().unwrap();
    let bin = place.path().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_holdfast"), bin.join("holdfast")).unwrap();
    let text = ours(
        &fs::read_to_string(MANUAL).unwrap(),
        place.path(),
        &free_ports(),
    );
    let steps = steps(&text, rustix::process::geteuid().is_root());
    assert!(steps.len() > 50);

    let wrong = console::run("docs/manual.md", &steps, place.path());
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_varies_counts_as_equal_and_what_does_not_does_not() {
    assert!(agree(
        &["used  1.5MiB", "…", "end"],
        &["used 20KiB", "a", "b", "end"]
    ));
    assert!(agree(&["…"], &[]));
    assert!(!agree(&["state enabled"], &["state expired"]));
    assert!(!agree(&["one"], &["one", "two"]));
}

#[test]
fn blocks_for_root_are_for_root() {
    let text = "```console\n$ a\nb\n```\n```sh\n$ c\n```\n```console root\n$ d\n```\n";
    let commands = |root| -> Vec<String> {
        steps(text, root)
            .into_iter()
            .map(|step| step.command)
            .collect()
    };
    assert_eq!(commands(false), ["a"]);
    assert_eq!(commands(true), ["a", "d"]);
}

#[test]
fn every_reason_that_a_tenant_can_meet_is_explained() {
    let errors = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md");
    let text = fs::read_to_string(errors).unwrap();
    for reason in holdfast_actors::refusal::Reason::ALL {
        assert!(
            text.contains(&format!("| `{reason}` |")),
            "{reason} is not in docs/errors.md"
        );
    }
}
