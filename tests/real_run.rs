//! The runner of all checks, started as a process, with a cargo that only says what it is told.
//!
//! The real cargo is never called from here, and nothing is installed.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use expect_test::{Expect, expect};

const RUNNER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/run");

/// Runs `tests/run` with `cargo` replaced by a script, and compares its last lines and exit code.
fn check(arguments: &[&str], cargo: &str, lines: usize, expected: &Expect) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in [("cargo", cargo), ("apt-get", "exit 1")] {
        let script = folder.path().join(name);
        std::fs::write(&script, format!("#!/bin/bash\n{text}\n")).expect("it is written");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&script, mode).expect("the script is made to run");
    }
    let output = run(arguments, folder.path());
    let said = String::from_utf8(output.stdout).expect("the runner speaks UTF-8");
    let all: Vec<&str> = said.lines().collect();
    let last = all[all.len().saturating_sub(lines)..].join("\n");
    let code = output.status.code().expect("the runner ends by itself");
    expected.assert_eq(&format!("{last}\nexit {code}"));
}

fn run(arguments: &[&str], folder: &Path) -> Output {
    let path = std::env::var("PATH").expect("there is a PATH");
    Command::new(RUNNER)
        .args(arguments)
        .env("PATH", format!("{}:{path}", folder.display()))
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("RUSTFLAGS", "--cfg nobody_wants_this")
        .env_remove("HOLDFAST_LONG")
        .output()
        .expect("the runner starts")
}

#[test]
fn a_stage_that_passes_counts_as_one() {
    check(
        &["--only", "fmt"],
        "exit 0",
        1,
        &expect![[r#"
        1 passed, 0 failed, 0 skipped
        exit 0"#]],
    );
}

#[test]
fn a_stage_that_fails_counts_as_one_and_fails_the_run() {
    check(
        &["--only", "fmt"],
        "exit 1",
        1,
        &expect![[r#"
        0 passed, 1 failed, 0 skipped
        exit 1"#]],
    );
}

#[test]
fn the_tests_of_each_binary_are_added_up() {
    let cargo = "
echo 'test result: ok. 3 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out'
echo 'test result: FAILED. 10 passed; 1 failed; 0 ignored; 0 measured; 4 filtered out'
exit 101";
    check(
        &["--only", "doctests"],
        cargo,
        1,
        &expect![[r#"
        13 passed, 2 failed, 2 skipped
        exit 1"#]],
    );
}

#[test]
fn every_way_to_fail_in_nextest_counts() {
    let cargo = "
echo '     Summary [   1.5s] 20/20 tests run: 14 passed (2 slow), 3 failed, 1 exec failed, \
         2 timed out, 5 skipped'
exit 100";
    check(
        &["--only", "doctests"],
        cargo,
        1,
        &expect![[r#"
        14 passed, 7 failed, 5 skipped
        exit 1"#]],
    );
}

#[test]
fn a_test_that_skips_itself_is_taken_from_the_passed_and_named() {
    let cargo = "
echo 'SKIPPED: a_full_disk: no loop device' >>$HOLDFAST_SKIPS
echo 'SKIPPED: a_full_disk: no loop device' >>$HOLDFAST_SKIPS
echo 'SKIPPED: a_cut_network: no network namespace' >>$HOLDFAST_SKIPS
echo 'test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out'";
    check(
        &["--only", "doctests"],
        cargo,
        3,
        &expect![[r#"
        SKIPPED: a_cut_network: no network namespace
        SKIPPED: a_full_disk: no loop device
        4 passed, 0 failed, 2 skipped
        exit 0"#]],
    );
}

#[test]
fn a_longer_run_tells_the_tests() {
    check(
        &["--long", "--only", "fmt"],
        "[[ $HOLDFAST_LONG == 1 ]]",
        1,
        &expect![[r#"
            1 passed, 0 failed, 0 skipped
            exit 0"#]],
    );
}

#[test]
fn flags_that_would_replace_ours_do_not_reach_cargo() {
    check(
        &["--only", "fmt"],
        "[[ -z ${RUSTFLAGS+x} ]]",
        1,
        &expect![[r#"
            1 passed, 0 failed, 0 skipped
            exit 0"#]],
    );
}

#[test]
fn an_unknown_stage_is_wrong_usage() {
    check(
        &["--only", "nothing"],
        "exit 0",
        0,
        &expect![[r#"

        exit 2"#]],
    );
    check(
        &["--only"],
        "exit 0",
        0,
        &expect![[r#"

        exit 2"#]],
    );
    check(
        &["--fast"],
        "exit 0",
        0,
        &expect![[r#"

        exit 2"#]],
    );
}
