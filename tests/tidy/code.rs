//! Rules that look at code: what a file may not do, and what it may not call itself.

use super::complaint::Complaint;
use super::source::{code, is_within, lines_with, numbered, paths, production, words};

/// The files that may be `unsafe`, and how often each says the word: the call that gives the kernel
/// a command for a tape drive takes pointers.
pub(crate) const UNSAFE: &[(&str, usize)] = &[("tape/src/sg/call.rs", 1)];

/// A test that does not run is no test.
pub(crate) fn ignored_tests(path: &str, text: &str) -> Vec<Complaint> {
    let advice = "a test is never ignored: assert what is true today, or remove it";
    marked(path, &code(text), &["#[ignore"], advice)
}

/// A machine that meets bad input refuses; it does not end the process.
pub(crate) fn unwraps(path: &str, text: &str) -> Vec<Complaint> {
    let advice = "no `.unwrap()` outside tests: return the error, or `expect` what always holds";
    marked(path, &production(path, &code(text)), &[".unwrap()"], advice)
}

/// An exception from a lint has a reason and ends when it is no longer needed.
pub(crate) fn silenced_lints(path: &str, text: &str) -> Vec<Complaint> {
    let advice = "write `expect(lint, reason = \"…\")` instead of `allow`";
    marked(path, &code(text), &["#[allow(", "#![allow("], advice)
}

/// The domain and the cluster tell what happened through `tracing` and the recorder alone.
pub(crate) fn printing(path: &str, text: &str) -> Vec<Complaint> {
    if !path.starts_with("actors/") && !path.starts_with("cluster/") {
        return Vec::new();
    }
    let advice = "only the binary prints: log fields with `tracing`, or return the text";
    marked(
        path,
        &code(text),
        &["println!", "eprintln!", "print!", "eprint!"],
        advice,
    )
}

/// `unsafe` is counted, so that each new one is a decision.
pub(crate) fn unsafe_code(path: &str, text: &str) -> Vec<Complaint> {
    let code = code(text);
    let lines: Vec<usize> = words(&code)
        .filter(|(_, word)| *word == "unsafe")
        .map(|(line, _)| line)
        .collect();
    let granted = UNSAFE
        .iter()
        .find(|(file, _)| *file == path)
        .map_or(0, |(_, count)| *count);
    if lines.len() == granted {
        return Vec::new();
    }
    let found = lines.len();
    let advice = format!(
        "`unsafe` {found} times and granted {granted} times: \
         use a safe crate, or change the list in tests/tidy/code.rs and say why"
    );
    vec![Complaint::new(
        path,
        lines.first().copied().unwrap_or(1),
        advice,
    )]
}

/// A name says what a thing is in the trade.
pub(crate) fn names(path: &str, text: &str) -> Vec<Complaint> {
    let code = code(text);
    let listed: Vec<(usize, &str)> = words(&code).collect();
    let mut complaints = Vec::new();
    for pair in listed.windows(2) {
        let [(_, kind), (line, name)] = pair else {
            continue;
        };
        let vague = match *kind {
            "struct" | "enum" | "trait" | "type" | "union" => {
                ["Manager", "Helper", "Helpers", "Util", "Utils"]
                    .iter()
                    .any(|e| name.ends_with(e))
            }
            "mod" => matches!(*name, "util" | "utils" | "helper" | "helpers" | "manager"),
            _ => false,
        };
        if vague {
            let advice = format!("`{name}` says nothing: name it by what it is in the trade");
            complaints.push(Complaint::new(path, *line, advice));
        }
    }
    complaints.extend(getters(path, &code));
    complaints
}

/// The methods of a foreign trait keep their names: they carry no `pub`.
fn getters(path: &str, code: &str) -> Vec<Complaint> {
    let is_ours = |line: &str| line.trim_start().starts_with("pub") || !line.starts_with(' ');
    numbered(code)
        .filter(|(_, content)| content.contains("fn get_") && is_ours(content))
        .map(|(line, _)| Complaint::new(path, line, "drop `get_`: name the answer, not the asking"))
        .collect()
}

/// A machine decides and does nothing else; its file shows that by what it names.
pub(crate) fn machines(path: &str, text: &str) -> Vec<Complaint> {
    let code = production(path, &code(text));
    if !path.starts_with("actors/") || !code.contains("impl Machine for") {
        return Vec::new();
    }
    let banned = [
        "async", "await", "Arc", "Mutex", "RwLock", "tracing", "tokio", "ractor",
    ];
    words(&code)
        .filter(|(_, word)| banned.contains(word))
        .map(|(line, word)| {
            let advice = format!("a machine knows no `{word}`: push an effect, let hands do it");
            Complaint::new(path, line, advice)
        })
        .collect()
}

/// Errors have types, so that a caller can branch on them; only `main` merely prints.
pub(crate) fn erased_errors(path: &str, text: &str) -> Vec<Complaint> {
    if path == "src/main.rs" {
        return Vec::new();
    }
    paths(&code(text))
        .iter()
        .filter(|(_, named)| is_within(named, "anyhow"))
        .map(|(line, _)| {
            let advice = "`anyhow` belongs in src/main.rs alone: give the error a type";
            Complaint::new(path, *line, advice)
        })
        .collect()
}

fn marked(path: &str, code: &str, needles: &[&str], advice: &str) -> Vec<Complaint> {
    lines_with(code, needles)
        .map(|(line, _)| Complaint::new(path, line, advice))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::complaint::check;
    use super::*;
    use expect_test::expect;

    #[test]
    fn an_ignored_test_is_found() {
        let text = "#[test]\n#[ignore = \"slow\"]\nfn a() {}\n// #[ignore]\n";
        check(
            ignored_tests,
            "tests/a.rs",
            text,
            &expect![
                "tests/a.rs:2: a test is never ignored: assert what is true today, or remove it"
            ],
        );
    }

    #[test]
    fn an_unwrap_is_found_outside_tests() {
        let text = "fn a() { b.unwrap() }\n#[cfg(test)]\nmod tests {\n fn c() { d.unwrap() }\n}\n";
        check(
            unwraps,
            "src/a.rs",
            text,
            &expect![
                "src/a.rs:1: no `.unwrap()` outside tests: return the error, or `expect` what always holds"
            ],
        );
        check(unwraps, "simulations/tests/a.rs", text, &expect![""]);
        check(unwraps, "benches/a.rs", text, &expect![""]);
        check(
            unwraps,
            "src/a.rs",
            "/// `x.unwrap()`\nfn a() { \".unwrap()\" }\n",
            &expect![""],
        );
    }

    #[test]
    fn a_silenced_lint_is_found() {
        let text = "#![allow(dead_code)]\n#[expect(dead_code, reason = \"x\")]\n#[allow(y)]\n";
        check(
            silenced_lints,
            "src/a.rs",
            text,
            &expect![[r#"
            src/a.rs:1: write `expect(lint, reason = "…")` instead of `allow`
            src/a.rs:3: write `expect(lint, reason = "…")` instead of `allow`"#]],
        );
    }

    #[test]
    fn printing_is_found_in_the_libraries() {
        let text = "fn a() { println!(\"x\"); }\nfn b() { eprintln!(\"x\"); }\n";
        check(
            printing,
            "actors/src/a.rs",
            text,
            &expect![[r#"
            actors/src/a.rs:1: only the binary prints: log fields with `tracing`, or return the text
            actors/src/a.rs:2: only the binary prints: log fields with `tracing`, or return the text"#]],
        );
        check(
            printing,
            "cluster/src/a.rs",
            "fn a() { eprint!(\"x\") }",
            &expect![
                "cluster/src/a.rs:1: only the binary prints: log fields with `tracing`, or return the text"
            ],
        );
        check(printing, "src/cli.rs", text, &expect![""]);
    }

    #[test]
    fn unsafe_that_is_not_granted_is_found() {
        let text =
            "// unsafe\n#![deny(unsafe_code)]\nunsafe fn a() {}\nfn b() { unsafe { a() } }\n";
        check(
            unsafe_code,
            "src/a.rs",
            text,
            &expect![
                "src/a.rs:3: `unsafe` 2 times and granted 0 times: use a safe crate, or change the list in tests/tidy/code.rs and say why"
            ],
        );
    }

    #[test]
    fn vague_names_are_found() {
        let text = "\
pub struct TenantManager;
enum DriveHelper {}
trait StringUtils {}
mod utils;
struct ManagerId;
impl A {
    pub fn get_name() {}
    fn get_log_state() {}
}
fn get_all() {}
";
        check(
            names,
            "src/a.rs",
            text,
            &expect![[r#"
            src/a.rs:1: `TenantManager` says nothing: name it by what it is in the trade
            src/a.rs:2: `DriveHelper` says nothing: name it by what it is in the trade
            src/a.rs:3: `StringUtils` says nothing: name it by what it is in the trade
            src/a.rs:4: `utils` says nothing: name it by what it is in the trade
            src/a.rs:7: drop `get_`: name the answer, not the asking
            src/a.rs:10: drop `get_`: name the answer, not the asking"#]],
        );
    }

    #[test]
    fn a_machine_that_acts_is_found() {
        let text = "\
use std::sync::Arc;
impl Machine for Drive {
    fn step(&mut self) { tracing::info!(\"x\"); }
}
#[cfg(test)]
mod tests {
    use tokio::test;
}
";
        check(
            machines,
            "actors/src/drive.rs",
            text,
            &expect![[r#"
            actors/src/drive.rs:1: a machine knows no `Arc`: push an effect, let hands do it
            actors/src/drive.rs:3: a machine knows no `tracing`: push an effect, let hands do it"#]],
        );
        check(
            machines,
            "actors/src/hands.rs",
            "use std::sync::Arc;\n",
            &expect![""],
        );
    }

    #[test]
    fn an_erased_error_is_found() {
        check(
            erased_errors,
            "src/node.rs",
            "use anyhow::Context;\n",
            &expect!["src/node.rs:1: `anyhow` belongs in src/main.rs alone: give the error a type"],
        );
        check(
            erased_errors,
            "src/main.rs",
            "use anyhow::Context;\n",
            &expect![""],
        );
    }
}
