//! The operator's manual, run: every `console` block of `docs/manual.md`, in order, in one shell
//! with a real node.
//!
//! Words that hold a digit count as equal: times, sizes, names of objects. A line `…` stands for
//! any number of lines. A block `console root` runs for root alone.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

const MANUAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/manual.md");
/// What ends the output of one command.
const END: &str = "\u{1e}";

/// A command of the manual with the output that it shows.
#[derive(Debug, PartialEq)]
struct Step {
    line: usize,
    command: String,
    output: Vec<String>,
}

fn steps(text: &str, root: bool) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console" || (root && line == "```console root");
        } else if !inside {
        } else if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                line: at + 1,
                command: command.to_owned(),
                output: Vec::new(),
            });
        } else {
            steps.last_mut().unwrap().output.push(line.to_owned());
        }
    }
    steps
}

/// A line as it is compared.
fn masked(line: &str) -> Vec<&str> {
    let mask = |word| {
        if str::contains(word, |c: char| c.is_ascii_digit()) {
            "#"
        } else {
            word
        }
    };
    line.split_whitespace().map(mask).collect()
}

/// Whether lines are as they were promised.
fn agree(promised: &[&str], found: &[&str]) -> bool {
    match promised {
        [] => found.is_empty(),
        ["…", rest @ ..] => (0..=found.len()).any(|skipped| agree(rest, &found[skipped..])),
        [first, rest @ ..] => match found {
            [line, others @ ..] => masked(first) == masked(line) && agree(rest, others),
            [] => false,
        },
    }
}

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

    let mut script = "exec 2>&1\ntrap 'kill $(jobs -p) 2>/dev/null' EXIT\n".to_owned();
    for step in &steps {
        script += &format!("{}\necho '{END}'\n", step.command);
    }
    fs::write(place.path().join("script"), script).unwrap();
    let run = Command::new("timeout")
        .args(["--kill-after=5", "240", "bash", "script"])
        .current_dir(place.path())
        .env_clear()
        .env(
            "PATH",
            format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()),
        )
        .env("HOME", place.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&run.stdout).into_owned();
    let end = format!("{END}\n");
    let mut outputs = printed.split(&end);
    let mut wrong = String::new();
    for step in &steps {
        let found: Vec<&str> = outputs
            .next()
            .unwrap_or("(it did not end)")
            .lines()
            .collect();
        let promised: Vec<&str> = step.output.iter().map(String::as_str).collect();
        if !agree(&promised, &found) {
            let (line, command, found) = (step.line, &step.command, found.join("\n"));
            wrong += &format!("docs/manual.md:{line}: $ {command}\n{found}\n\n");
        }
    }
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
