//! A page of `docs/`, run: its `console` blocks, in order, in one shell.
//!
//! Words that hold a digit count as equal: times, sizes, names of objects. A line `…` stands for
//! any number of lines, and at the end of a line for the rest of it. A block `console root` runs
//! for root alone.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// What ends the output of one command.
const END: &str = "\u{1e}";

/// A command of the manual with the output that it shows.
#[derive(Debug, PartialEq)]
pub(crate) struct Step {
    line: usize,
    pub(crate) command: String,
    output: Vec<String>,
}

pub(crate) fn steps(text: &str, root: bool) -> Vec<Step> {
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

/// Whether a line is as it was promised.
fn is_like(promised: &str, found: &str) -> bool {
    let (promised, found) = (masked(promised), masked(found));
    match promised.split_last() {
        Some((&"…", first)) => found.starts_with(first),
        _ => promised == found,
    }
}

/// Whether lines are as they were promised.
pub(crate) fn agree(promised: &[&str], found: &[&str]) -> bool {
    match promised {
        [] => found.is_empty(),
        ["…", rest @ ..] => (0..=found.len()).any(|skipped| agree(rest, &found[skipped..])),
        [first, rest @ ..] => match found {
            [line, others @ ..] => is_like(first, line) && agree(rest, others),
            [] => false,
        },
    }
}

/// Runs the steps of a page in a folder in which `bin` holds the program; tells what came
/// otherwise.
pub(crate) fn run(page: &str, steps: &[Step], place: &Path) -> String {
    let bin = place.join("bin");
    let mut script = "exec 2>&1\ntrap 'kill $(jobs -p) 2>/dev/null' EXIT\n".to_owned();
    for step in steps {
        script += &format!("{}\necho '{END}'\n", step.command);
    }
    fs::write(place.join("script"), script).unwrap();
    let run = Command::new("timeout")
        .args(["--kill-after=5", "240", "bash", "script"])
        .current_dir(place)
        .env_clear()
        .env(
            "PATH",
            format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()),
        )
        .env("HOME", place)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&run.stdout).into_owned();
    let end = format!("{END}\n");
    let mut outputs = printed.split(&end);
    let mut wrong = String::new();
    for step in steps {
        let found: Vec<&str> = outputs
            .next()
            .unwrap_or("(it did not end)")
            .lines()
            .collect();
        let promised: Vec<&str> = step.output.iter().map(String::as_str).collect();
        if !agree(&promised, &found) {
            let (line, command, found) = (step.line, &step.command, found.join("\n"));
            wrong += &format!("{page}:{line}: $ {command}\n{found}\n\n");
        }
    }
    wrong
}
